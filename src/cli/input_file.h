#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "base/error.h"

namespace parley::cli {

// All that is in a file, or, where that is "-", on standard input. Errors: not_found, which says why; too_large.
Result<std::string> read_input(const std::string& path,
                               std::size_t bytes_max = std::numeric_limits<std::size_t>::max());

}  // namespace parley::cli
