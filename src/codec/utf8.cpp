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

}  // namespace parley::codec
