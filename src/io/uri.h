#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::io {

// Where something listens or is reached, as users write it:
//
//   unix:/run/app.sock      tcp:127.0.0.1:4711  tcp:[::1]:4711  tcp:example.org:4711
//   stdio:                  fd:3                mem:name
struct Uri {
  enum class Kind : std::uint8_t { unix_socket, tcp, stdio, descriptor, memory };

  Kind kind = Kind::stdio;
  std::string name;        // unix: the path; tcp: the host, without brackets; mem: the name
  std::uint16_t port = 0;  // tcp; 0 when listening: the system chooses
  int descriptor = -1;     // fd

  friend bool operator==(const Uri&, const Uri&) = default;
};

// Code::uri; the note names the part at fault and shows the right form.
Result<Uri> parse_uri(std::string_view text);

// The one form that parse_uri() reads back as the same.
std::string to_string(const Uri& uri);

}  // namespace parley::io
