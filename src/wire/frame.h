#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/out_buffer.h"

namespace parley::wire {

// Messages on a byte stream: four bytes of length, little-endian, then the message. An empty message is legal.
// Source: the wire reference, section 2a.1.
inline constexpr std::size_t frame_head_bytes = 4;

static_assert(std::endian::native == std::endian::little, "lengths are written as they lie in memory");

// A place for a message of at least `room` bytes; the message is encoded there and ended by end_frame(). A frame that
// is begun and not ended leaves nothing behind.
inline std::uint8_t* begin_frame(OutBuffer& out, std::size_t room) {
  return out.room(frame_head_bytes + room) + frame_head_bytes;
}

inline std::size_t frame_size(const OutBuffer& out, const std::uint8_t* cursor) {
  return static_cast<std::size_t>(cursor - out.back()) - frame_head_bytes;
}

// The size has been checked against the link's limit, which is below 4 GiB.
inline void end_frame(OutBuffer& out, std::uint8_t* cursor) {
  const std::size_t size = frame_size(out, cursor);
  const auto length = static_cast<std::uint32_t>(size);
  PARLEY_ASSERT(length == size, size);
  std::memcpy(out.back(), &length, sizeof length);
  out.commit(cursor);
}

// What lies at the front of received bytes.
struct FrameScan {
  enum class Status : std::uint8_t {
    whole,      // `message` is complete; `size` bytes with its head
    cut_off,    // `size` bytes are needed for it, as far as is known
    too_large,  // it announces `size` bytes, above the limit
  };
  Status status;
  std::size_t size;
  ByteView message;
};

inline FrameScan scan_frame(ByteView bytes, std::size_t frame_bytes_max) {
  if (bytes.size() < frame_head_bytes) return {FrameScan::Status::cut_off, frame_head_bytes, {}};
  std::uint32_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > frame_bytes_max) [[unlikely]]
    return {FrameScan::Status::too_large, length, {}};
  const std::size_t size = frame_head_bytes + length;
  if (size > bytes.size()) return {FrameScan::Status::cut_off, size, {}};
  return {FrameScan::Status::whole, size, bytes.subspan(frame_head_bytes, length)};
}

}  // namespace parley::wire
