#include "codec/utf8.h"

namespace parley::codec {

bool is_utf8_slow(const std::uint8_t* cursor, const std::uint8_t* end) {
  while (cursor < end) {
    if (end - cursor >= 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, cursor, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        cursor += 8;
        continue;
      }
    }
    char32_t scalar = 0;
    cursor = get_scalar(cursor, end, scalar);
    if (!cursor) return false;
  }
  return true;
}

std::string to_utf8(std::string_view text, std::size_t bytes_max) {
  std::string fit;
  const ByteView bytes = as_bytes(text);
  const std::uint8_t* cursor = bytes.data();
  const std::uint8_t* const end = cursor + bytes.size();
  while (cursor != end) {
    char32_t scalar = 0;
    const std::uint8_t* next = get_scalar(cursor, end, scalar);
    if (!next) {
      scalar = 0xfffd;
      next = cursor + 1;
    }
    std::uint8_t encoded[scalar_bytes_max];
    const auto size = static_cast<std::size_t>(put_scalar(encoded, scalar) - encoded);
    if (fit.size() + size > bytes_max) break;
    fit += as_text({encoded, size});
    cursor = next;
  }
  return fit;
}

std::string to_line(std::string_view text, std::size_t bytes_max) {
  std::string line = to_utf8(text, bytes_max);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if (byte < ' ' || byte == 0x7f) line[i] = ' ';
    // U+0080 to U+009F: terminals take them for the beginning of commands, too.
    if (byte == 0xc2 && static_cast<unsigned char>(line[i + 1]) < 0xa0) line[i] = line[i + 1] = ' ';
  }
  return text.size() > bytes_max ? line + "..." : line;
}

}  // namespace parley::codec
