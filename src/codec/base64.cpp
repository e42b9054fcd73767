#include "codec/base64.h"

#include <array>
#include <cstddef>

namespace parley::codec {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;
constexpr std::array<std::uint8_t, 256> digits = [] {
  std::array<std::uint8_t, 256> found{};
  found.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    found[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return found;
}();

}  // namespace

void put_base64(std::string& out, ByteView bytes) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = bytes.size() - at < 3 ? bytes.size() - at : 3;
    std::uint32_t bits = static_cast<std::uint32_t>(bytes[at]) << 16;
    if (count > 1) bits |= static_cast<std::uint32_t>(bytes[at + 1]) << 8;
    if (count > 2) bits |= bytes[at + 2];
    out += alphabet[bits >> 18];
    out += alphabet[bits >> 12 & 63];
    out += count > 1 ? alphabet[bits >> 6 & 63] : '=';
    out += count > 2 ? alphabet[bits & 63] : '=';
  }
}

bool get_base64(std::string_view text, std::vector<std::uint8_t>& bytes) {
  bytes.clear();
  if (text.size() % 4 != 0) return false;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t digit = digits[static_cast<std::uint8_t>(text[i])];
    if (digit == no_digit) return false;
    bits = bits << 6 | digit;
    if (i % 4 == 3) {
      bytes.push_back(static_cast<std::uint8_t>(bits >> 16));
      bytes.push_back(static_cast<std::uint8_t>(bits >> 8));
      bytes.push_back(static_cast<std::uint8_t>(bits));
      bits = 0;
    }
  }
  if (padding == 1) {  // three digits are left: two bytes and two bits that must be zero
    if ((bits & 3) != 0) return false;
    bytes.push_back(static_cast<std::uint8_t>(bits >> 10));
    bytes.push_back(static_cast<std::uint8_t>(bits >> 2));
  } else if (padding == 2) {  // two digits: one byte and four bits
    if ((bits & 15) != 0) return false;
    bytes.push_back(static_cast<std::uint8_t>(bits >> 4));
  }
  return true;
}

}  // namespace parley::codec
