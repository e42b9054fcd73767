#include "wire/command/uuid.h"

namespace parley::wire::command {

// The last `count` digits of a number.
static void put_hex(char* at, std::uint64_t number, int count) {
  for (int i = count; i-- > 0; number >>= 4) at[i] = "0123456789abcdef"[number & 15];
}

std::string uuid_of(std::uint64_t high, std::uint64_t low) {
  constexpr std::uint64_t version_mask = 0xf000, version = 0x4000;
  constexpr std::uint64_t variant_shift = 62;
  high = (high & ~version_mask) | version;
  low = (low & ~(std::uint64_t{3} << variant_shift)) | (std::uint64_t{2} << variant_shift);
  std::string text(36, '-');
  put_hex(&text[0], high >> 32, 8);
  put_hex(&text[9], high >> 16, 4);
  put_hex(&text[14], high, 4);
  put_hex(&text[19], low >> 48, 4);
  put_hex(&text[24], low, 12);
  return text;
}

}  // namespace parley::wire::command
