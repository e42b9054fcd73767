#pragma once

#include <cstdint>

namespace parley::core {

// Numbers of 32 bits that wrap: one is newer than another if it is less than 2^31 steps ahead of it.
constexpr bool is_newer(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) > 0; }

}  // namespace parley::core
