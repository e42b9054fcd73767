#pragma once

#include <cstddef>
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

// What is in a file that nobody but its owner may read: a secret. The owner is this user, or root. Errors: not_found
// (it is not there), permission (somebody else's, open to others, or it cannot be read), too_large (above bytes_max),
// invalid (a directory).
Result<std::string> read_private_file(const std::string& path, std::size_t bytes_max);

}  // namespace parley::os
