#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace parley::wire::bus {

// Numbers as they lie in a frame.
template <std::unsigned_integral T>
constexpr T get_big_endian(const std::uint8_t* cursor) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | cursor[i];
  return static_cast<T>(value);
}
template <std::unsigned_integral T>
constexpr std::uint8_t* put_big_endian(std::uint8_t* cursor, T value) {
  for (std::size_t i = sizeof(T); i-- > 0;) *cursor++ = static_cast<std::uint8_t>(value >> (8 * i));
  return cursor;
}

// Before bytes, texts and lists.
inline constexpr std::size_t length_bytes = sizeof(std::uint32_t);

}  // namespace parley::wire::bus
