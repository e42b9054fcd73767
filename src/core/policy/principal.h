#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::core {

// As whom somebody comes, and how that is known. As text: the kind, a colon and the name.
struct Principal {
  enum class Kind : std::uint8_t {
    uid,      // uid:1000, a user of this system, for whom it vouches on Unix sockets
    token,    // token:ci, who knows the secret of that name
    process,  // process:self, who is in the hub's own process, at a mem: address
  };
  Kind kind = Kind::process;
  std::string name = "self";

  static Principal of_user(std::uint32_t uid) { return {Kind::uid, std::to_string(uid)}; }
  static Principal of_token(std::string name) { return {Kind::token, std::move(name)}; }
  static Principal of_own_process() { return {}; }
  // Errors: invalid, which says how principals look.
  static Result<Principal> parse(std::string_view text);

  friend bool operator==(const Principal&, const Principal&) = default;
};

std::string to_string(const Principal& principal);

}  // namespace parley::core
