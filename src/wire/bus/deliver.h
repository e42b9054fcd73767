#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/out_buffer.h"
#include "wire/bus/frame.h"

// A Deliver in parts, because one message goes to many: what its envelope says is encoded once, and its payload need
// not be copied.
namespace parley::wire::bus {

// An envelope up to the bytes of its payload.
std::vector<std::uint8_t> encode_envelope_head(const Envelope& envelope);

struct DeliverHead {
  std::uint32_t stream;
  std::uint64_t sequence;
  ByteView envelope_head;
  std::size_t payload_bytes;

  // Of the whole frame.
  std::size_t frame_bytes() const;
};
// The frame up to the payload, whose bytes have to follow. It is as long as a frame may be.
void put_deliver_head(OutBuffer& out, const DeliverHead& head);

}  // namespace parley::wire::bus
