#pragma once

#include <cstdint>

namespace parley::codec {

// What a value of JSON may be.
enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

}  // namespace parley::codec
