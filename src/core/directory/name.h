#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"

// Names in the directory: [A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}.
namespace parley::core {

inline constexpr std::size_t name_bytes_max = 128;

bool is_name(std::string_view name);
// Whether it may stand in a name behind the first letter; also nothing may.
bool is_name_part(std::string_view part);
// Errors: invalid, which says what a name is made of.
Result<void> check_name(std::string_view name);
// Names that begin with "parley." are built in.
bool is_built_in(std::string_view name);
// Names that begin with "_" are private: registries tell nobody of such commands and events.
constexpr bool is_private(std::string_view name) { return name.starts_with('_'); }

}  // namespace parley::core
