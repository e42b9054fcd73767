#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace parley::codec {

// Unsigned LEB128, at most ten bytes; the source of the format is section 2.0 of the wire reference.
inline constexpr std::size_t varint_bytes_max = 10;

namespace detail {

// Eight bytes of seven bits each, side by side.
constexpr std::uint64_t pack_septets(std::uint64_t word) {
  word &= 0x7f7f7f7f7f7f7f7fu;
  word = (word & 0x007f007f007f007fu) | (word & 0x7f007f007f007f00u) >> 1;
  word = (word & 0x00003fff00003fffu) | (word & 0x3fff00003fff0000u) >> 2;
  return (word & 0x000000000fffffffu) | (word & 0x0fffffff00000000u) >> 4;
}

}  // namespace detail

constexpr std::uint8_t* put_varint(std::uint8_t* cursor, std::uint64_t value) {
  while (value >= 0x80) {
    *cursor++ = static_cast<std::uint8_t>(value) | 0x80;
    value >>= 7;
  }
  *cursor++ = static_cast<std::uint8_t>(value);
  return cursor;
}

// A number as it was read, in two registers: its value, and the position behind it, or null when it is cut off or does
// not fit 64 bits. Longer forms of a small number are accepted: peers may pad, and nothing depends on the shortest
// form.
struct VarintRead {
  const std::uint8_t* next;
  std::uint64_t value;
};

[[gnu::noinline]] inline VarintRead read_varint_slow(const std::uint8_t* cursor, const std::uint8_t* end) {
  if (end - cursor >= 8) [[likely]] {
    std::uint64_t word = 0;
    std::memcpy(&word, cursor, sizeof word);
    const std::uint64_t stop = ~word & 0x8080808080808080u;  // the top bit of the last byte, lowest
    if (stop != 0) [[likely]] {
      const std::uint8_t* const next = cursor + (static_cast<unsigned>(std::countr_zero(stop)) >> 3) + 1;
      return {next, detail::pack_septets(word & (stop ^ (stop - 1)))};
    }
  }
  // The last numbers of a message: nothing lies behind them that could be read along.
  if (cursor < end && cursor[0] < 0x80) return {cursor + 1, cursor[0]};
  if (end - cursor >= 2 && cursor[1] < 0x80) {
    return {cursor + 2, (cursor[0] & 0x7fu) | static_cast<std::uint64_t>(cursor[1]) << 7};
  }
  if (end - cursor >= 3 && cursor[2] < 0x80) {
    const unsigned low = (cursor[0] & 0x7fu) | (cursor[1] & 0x7fu) << 7;
    return {cursor + 3, low | static_cast<std::uint64_t>(cursor[2]) << 14};
  }
  std::uint64_t sum = 0;
  for (unsigned shift = 0; shift < 70 && cursor < end; shift += 7) {
    const std::uint8_t byte = *cursor++;
    if (shift == 63 && byte > 1) break;
    sum |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return {cursor, sum};
  }
  return {nullptr, 0};
}

// Up to four bytes without a branch on how many they are: ids and most numbers of two or more bytes are so.
[[gnu::always_inline]] inline VarintRead read_varint(const std::uint8_t* cursor, const std::uint8_t* end) {
  if (end - cursor >= 4) [[likely]] {
    std::uint32_t word = 0;
    std::memcpy(&word, cursor, sizeof word);
    const std::uint32_t stop = ~word & 0x80808080u;
    if (stop != 0) [[likely]] {
      word &= (stop ^ (stop - 1)) & 0x7f7f7f7fu;
      word = (word & 0x007f007fu) | (word & 0x7f007f00u) >> 1;
      word = (word & 0x00003fffu) | (word & 0x3fff0000u) >> 2;
      // It is not zero, for which std::countr_zero would look.
      return {cursor + (static_cast<unsigned>(__builtin_ctz(stop)) >> 3) + 1, word};
    }
  }
  return read_varint_slow(cursor, end);
}

// The same for numbers that are below 128 nearly always.
inline const std::uint8_t* get_varint(const std::uint8_t* cursor, const std::uint8_t* end, std::uint64_t& value) {
  if (cursor < end && *cursor < 0x80) [[likely]] {
    value = *cursor;
    return cursor + 1;
  }
  const VarintRead read = read_varint_slow(cursor, end);
  if (read.next) [[likely]]
    value = read.value;
  return read.next;
}

// For numbers that are almost always nine or ten bytes long, as method ids are: eight bytes at once.
inline const std::uint8_t* get_long_varint(const std::uint8_t* cursor, const std::uint8_t* end, std::uint64_t& value) {
  if (end - cursor < static_cast<std::ptrdiff_t>(varint_bytes_max)) return get_varint(cursor, end, value);
  std::uint64_t word = 0;
  std::memcpy(&word, cursor, sizeof word);
  if ((~word & 0x8080808080808080u) != 0) return get_varint(cursor, end, value);
  word = detail::pack_septets(word);
  if (cursor[8] < 0x80) {
    value = word | static_cast<std::uint64_t>(cursor[8]) << 56;
    return cursor + 9;
  }
  if (cursor[9] > 1) return nullptr;
  value = word | static_cast<std::uint64_t>(cursor[8] & 0x7f) << 56 | static_cast<std::uint64_t>(cursor[9]) << 63;
  return cursor + 10;
}

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// A number encoded at compile time. Copied as sixteen bytes, of which size() count: one store instead of a loop.
class VarintConstant {
 public:
  explicit consteval VarintConstant(std::uint64_t value) {
    size_ = static_cast<std::size_t>(put_varint(bytes_.data(), value) - bytes_.data());
  }
  static constexpr std::size_t room = 16;
  std::uint8_t* put(std::uint8_t* cursor) const {
    std::memcpy(cursor, bytes_.data(), room);
    return cursor + size_;
  }

 private:
  std::array<std::uint8_t, room> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace parley::codec
