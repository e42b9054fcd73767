#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::io {

// Where something listens or is reached, as users write it:
//
//   unix:/run/app.sock      tcp:127.0.0.1:4711  tcp:[::1]:4711  tcp:example.org:4711
//   tls:example.org:4711    ws:127.0.0.1:80/roam  wss:example.org:443/roam  (TCP with TLS, with WebSocket, with both)
//   stdio:                  fd:3                mem:name
struct Uri {
  enum class Kind : std::uint8_t { unix_socket, tcp, tls, websocket, websocket_tls, stdio, descriptor, memory };

  Kind kind = Kind::stdio;
  std::string name;        // unix: the path; of a kind with a port: the host, without brackets; mem: the name
  std::uint16_t port = 0;  // 0 when listening: the system chooses
  std::string path = {};   // of WebSocket kinds: from the slash on; what is not said is /roam
  int descriptor = -1;     // fd

  bool has_port() const {
    return kind == Kind::tcp || kind == Kind::tls || kind == Kind::websocket || kind == Kind::websocket_tls;
  }
  friend bool operator==(const Uri&, const Uri&) = default;
};

// At this path, in addresses, a WebSocket carries text lines; see WebSocketUse.
inline constexpr std::string_view text_lines_path = "/cmd";

// Code::uri; the note names the part at fault and shows the right form.
Result<Uri> parse_uri(std::string_view text);

// The one form that parse_uri() reads back as the same.
std::string to_string(const Uri& uri);
// "127.0.0.1:4711", "[::1]:4711": of a kind that has_port().
std::string host_and_port(const Uri& uri);

}  // namespace parley::io
