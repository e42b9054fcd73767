#pragma once

#include <cstdint>
#include <string>

namespace parley::wire::command {

// A random UUID (version 4) of these bits, lower-case and hyphenated: some peers read no other ids.
std::string uuid_of(std::uint64_t high, std::uint64_t low);

}  // namespace parley::wire::command
