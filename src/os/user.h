#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace parley::os {

// As whom this process runs, and which one it is.
std::uint32_t user_id();
std::int64_t process_id();

// A directory that only its owner may enter, made if it is missing (its parent is not). Errors: permission (somebody
// else's, or open to others), address (the parent is missing), in_use (something else is there).
Result<void> make_private_directory(const std::string& path);

}  // namespace parley::os
