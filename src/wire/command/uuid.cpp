#include "wire/command/uuid.h"

namespace parley::wire::command {

std::string uuid_of(std::uint64_t high, std::uint64_t low) {
  constexpr std::uint64_t version_mask = 0xf000, version = 0x4000;
  constexpr std::uint64_t variant_shift = 62;
  high = (high & ~version_mask) | version;
  low = (low & ~(std::uint64_t{3} << variant_shift)) | (std::uint64_t{2} << variant_shift);
  constexpr char digits[] = "0123456789abcdef";
  std::string text(36, '-');
  std::size_t at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    if (nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20) ++at;
    const std::uint64_t half = nibble < 16 ? high : low;
    text[at++] = digits[(half >> (60 - 4 * (nibble % 16))) & 15];
  }
  return text;
}

}  // namespace parley::wire::command
