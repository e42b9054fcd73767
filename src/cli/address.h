#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::cli {

// Where the hub is: what --hub says, else PARLEY_HUB, else a socket in $XDG_RUNTIME_DIR/parley, else in
// /tmp/parley-<uid>.
std::string hub_address(const std::optional<std::string>& said);
// Which of these it was, for people.
std::string hub_address_source(const std::optional<std::string>& said);
inline constexpr std::string_view addresses_look_like =
    "addresses look like unix:/run/user/1000/parley/hub.sock, or tcp:, tls:, ws: or wss: and HOST:PORT";
bool is_default_address(const std::string& address);

// Makes the directory of that address where it is the default one. Errors: those of os::make_private_directory().
Result<void> prepare_place_of(const std::string& address);

}  // namespace parley::cli
