#include "net/websocket_frames.h"

#include <bit>
#include <cstring>

namespace parley::net {

namespace {

constexpr std::uint8_t last_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t size_bits = 0x7f;
constexpr std::uint8_t size_of_two = 126;
constexpr std::uint8_t size_of_eight = 127;

WebSocketHeadRead wrong(const char* what) { return {.status = WebSocketHeadRead::Status::wrong, .wrong = what}; }

bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

bool websocket_close::may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
         (code >= 3000 && code <= 4999);
}

// What is wrong is said as early as it can be seen.
WebSocketHeadRead read_websocket_head(ByteView bytes) {
  if (bytes.empty()) return {};
  WebSocketHeadRead read;
  const std::uint8_t opcode = bytes[0] & opcode_bits;
  if (bytes[0] & reserved_bits) return wrong("a reserved bit is set, and no extension was agreed on");
  if (!is_known(opcode)) return wrong("the opcode is none of the standard's");
  read.head.opcode = static_cast<WebSocketOpcode>(opcode);
  read.head.is_last = (bytes[0] & last_bit) != 0;
  if (read.head.is_control() && !read.head.is_last) return wrong("a control frame is fragmented");
  if (bytes.size() < 2) return read;

  read.head.is_masked = (bytes[1] & mask_bit) != 0;
  const std::uint8_t size = bytes[1] & size_bits;
  if (read.head.is_control() && size > websocket_control_bytes_max) return wrong("a control frame is too long");
  const std::size_t size_bytes = size == size_of_two ? 2 : size == size_of_eight ? 8 : 0;
  const std::size_t head_bytes = 2 + size_bytes + (read.head.is_masked ? read.head.mask.size() : 0);
  if (bytes.size() < head_bytes) return read;
  read.head.size = size;
  if (size_bytes != 0) {
    read.head.size = 0;
    for (std::size_t at = 0; at < size_bytes; ++at) read.head.size = read.head.size << 8 | bytes[2 + at];
    const std::uint64_t shortest = size_bytes == 2 ? size_of_two : 0x10000;
    if (read.head.size < shortest) return wrong("a length is written longer than it need be");
    if (read.head.size >> 63) return wrong("a length has its highest bit set");
  }
  if (read.head.is_masked) std::memcpy(read.head.mask.data(), bytes.data() + 2 + size_bytes, read.head.mask.size());
  read.status = WebSocketHeadRead::Status::whole;
  read.bytes = head_bytes;
  return read;
}

std::uint8_t* write_websocket_head(std::uint8_t* into, const WebSocketHead& head) {
  *into++ = static_cast<std::uint8_t>((head.is_last ? last_bit : 0) | static_cast<std::uint8_t>(head.opcode));
  const std::uint8_t masked = head.is_masked ? mask_bit : 0;
  const int size_bytes = head.size < size_of_two ? 0 : head.size < 0x10000 ? 2 : 8;
  *into++ = static_cast<std::uint8_t>(masked | (size_bytes == 0   ? static_cast<std::uint8_t>(head.size)
                                                : size_bytes == 2 ? size_of_two
                                                                  : size_of_eight));
  for (int at = size_bytes - 1; at >= 0; --at) *into++ = static_cast<std::uint8_t>(head.size >> (8 * at));
  if (head.is_masked) {
    std::memcpy(into, head.mask.data(), head.mask.size());
    into += head.mask.size();
  }
  return into;
}

namespace {

// `into` is `from` or lies elsewhere. The compiler makes vectors of the words.
void mask_bytes(std::uint8_t* into, const std::uint8_t* from, std::size_t size, const WebSocketMask& mask,
                std::uint64_t at) {
  std::array<std::uint8_t, 8> turned;
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = mask[(at + i) % mask.size()];
  const auto word = std::bit_cast<std::uint64_t>(turned);
  std::size_t done = 0;
  for (; done + sizeof word <= size; done += sizeof word) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, from + done, sizeof eight);
    eight ^= word;
    std::memcpy(into + done, &eight, sizeof eight);
  }
  for (; done < size; ++done) into[done] = from[done] ^ turned[done % turned.size()];
}

}  // namespace

void copy_websocket_masked(std::uint8_t* into, ByteView from, const WebSocketMask& mask, std::uint64_t at) {
  mask_bytes(into, from.data(), from.size(), mask, at);
}

void apply_websocket_mask(std::span<std::uint8_t> bytes, const WebSocketMask& mask, std::uint64_t at) {
  mask_bytes(bytes.data(), bytes.data(), bytes.size(), mask, at);
}

}  // namespace parley::net
