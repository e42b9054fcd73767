#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace parley::cli {

// Where the hub is: what --hub says, else PARLEY_HUB, else a socket in $XDG_RUNTIME_DIR/parley, else in
// /tmp/parley-<uid>.
std::string hub_address(const std::optional<std::string>& said);

bool is_default_address(const std::string& address);

// Makes the directory of that address where it is the default one. Errors: those of os::make_private_directory().
Result<void> prepare_place_of(const std::string& address);

}  // namespace parley::cli
