#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace parley::codec {

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF. Null where the sequence at cursor is not one
// scalar.
constexpr const std::uint8_t* get_scalar(const std::uint8_t* cursor, const std::uint8_t* end, char32_t& scalar) {
  if (cursor == end) return nullptr;
  const std::uint8_t lead = *cursor++;
  if (lead < 0x80) {
    scalar = lead;
    return cursor;
  }
  if (lead < 0xc2 || lead > 0xf4) return nullptr;
  const int more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  if (end - cursor < more) return nullptr;
  char32_t sum = lead & (0x3fu >> more);
  for (int i = 0; i < more; ++i) {
    const std::uint8_t next = *cursor++;
    if ((next & 0xc0) != 0x80) return nullptr;
    sum = sum << 6 | (next & 0x3fu);
  }
  if ((more == 2 && sum < 0x800) || (more == 3 && sum < 0x10000) || sum > 0x10ffff) return nullptr;
  if (sum >= 0xd800 && sum <= 0xdfff) return nullptr;
  scalar = sum;
  return cursor;
}

constexpr bool is_scalar(char32_t scalar) { return scalar <= 0x10ffff && !(scalar >= 0xd800 && scalar <= 0xdfff); }

inline constexpr std::size_t scalar_bytes_max = 4;
constexpr std::uint8_t* put_scalar(std::uint8_t* cursor, char32_t scalar) {
  if (scalar < 0x80) {
    *cursor++ = static_cast<std::uint8_t>(scalar);
    return cursor;
  }
  const int more = scalar < 0x800 ? 1 : scalar < 0x10000 ? 2 : 3;
  *cursor++ = static_cast<std::uint8_t>((0xffu << (7 - more) & 0xffu) | scalar >> (6 * more));
  for (int i = more - 1; i >= 0; --i) *cursor++ = static_cast<std::uint8_t>(0x80u | (scalar >> (6 * i) & 0x3fu));
  return cursor;
}

// For text that is not all ASCII.
bool is_utf8_slow(const std::uint8_t* cursor, const std::uint8_t* end);

inline bool is_utf8(ByteView bytes) {
  const std::uint8_t* cursor = bytes.data();
  const std::uint8_t* const end = cursor + bytes.size();
  for (; end - cursor >= 32; cursor += 32) {
    std::uint64_t words[4];
    std::memcpy(words, cursor, sizeof words);
    if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u) != 0) return is_utf8_slow(cursor, end);
  }
  for (; end - cursor >= 8; cursor += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, cursor, sizeof word);
    if ((word & 0x8080808080808080u) != 0) return is_utf8_slow(cursor, end);
  }
  std::uint8_t sum = 0;
  for (const std::uint8_t* rest = cursor; rest < end; ++rest) sum |= *rest;
  return sum < 0x80 || is_utf8_slow(cursor, end);
}

// Text from anywhere made fit for the wire: what is no UTF-8 becomes U+FFFD, and beyond bytes_max it is cut.
std::string to_utf8(std::string_view text, std::size_t bytes_max);
// The same for a person to read: on one line, and with "..." where it was cut.
std::string to_line(std::string_view text, std::size_t bytes_max);

}  // namespace parley::codec
