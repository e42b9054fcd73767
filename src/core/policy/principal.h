#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::core {

// As whom somebody comes, and how that is known. As text: the kind, a colon and the name.
struct Principal {
  enum class Kind : std::uint8_t {
    uid,          // uid:1000, a user of this system, for whom it vouches on Unix sockets
    token,        // token:ci, who knows the secret of that name
    process,      // process:self, who is in the hub's own process, at a mem: address
    certificate,  // certificate:worker-7, who proved over TLS to own one with that common name
  };
  Kind kind = Kind::process;
  std::string name = "self";

  static Principal of_user(std::uint32_t uid) { return {Kind::uid, std::to_string(uid)}; }
  static Principal of_token(std::string name) { return {Kind::token, std::move(name)}; }
  static Principal of_own_process() { return {}; }
  // By the subject of a certificate as io::Peer has it (RFC 2253). The common name, because a principal has one name:
  // alternative names are lists, of hosts. Nothing where there are none or several, and where it is none that a rule
  // could say.
  static std::optional<Principal> of_certificate(std::string_view subject);
  // Errors: invalid, which says how principals look.
  static Result<Principal> parse(std::string_view text);

  friend bool operator==(const Principal&, const Principal&) = default;
};

std::string to_string(const Principal& principal);

}  // namespace parley::core
