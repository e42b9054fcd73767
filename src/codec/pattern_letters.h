#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

// The letters that a pattern (codec/pattern.h) has words for. Private to it.
namespace parley::codec {

using LetterRange = std::pair<char32_t, char32_t>;  // from, to

inline constexpr char32_t last_scalar = 0x10ffff;

// Each in order.
inline constexpr std::array<LetterRange, 1> digits = {{{U'0', U'9'}}};
inline constexpr std::array<LetterRange, 4> word_letters = {{
    {U'0', U'9'},
    {U'A', U'Z'},
    {U'_', U'_'},
    {U'a', U'z'},
}};
inline constexpr std::array<LetterRange, 10> spaces = {{
    {9, 13},
    {U' ', U' '},
    {0xa0, 0xa0},
    {0x1680, 0x1680},
    {0x2000, 0x200a},
    {0x2028, 0x2029},
    {0x202f, 0x202f},
    {0x205f, 0x205f},
    {0x3000, 0x3000},
    {0xfeff, 0xfeff},
}};
inline constexpr std::array<LetterRange, 3> line_ends = {{{U'\n', U'\n'}, {U'\r', U'\r'}, {0x2028, 0x2029}}};

inline bool covers(std::span<const LetterRange> ranges, char32_t letter) {
  const auto behind = std::ranges::upper_bound(ranges, letter, {}, &LetterRange::first);
  return behind != ranges.begin() && letter <= std::prev(behind)->second;
}

}  // namespace parley::codec
