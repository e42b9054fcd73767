#include "wire/bus/deliver.h"

#include <algorithm>

#include "wire/bus/big_endian.h"
#include "wire/bus/body_writer.h"
#include "wire/bus/layout.h"

namespace parley::wire::bus {

static constexpr std::uint8_t deliver_type = 0x19;
static constexpr std::size_t sequence_bytes = sizeof(std::uint64_t);

std::vector<std::uint8_t> encode_envelope_head(const Envelope& envelope) {
  // The lengths count the payload, and it is written behind.
  Envelope without = envelope;
  without.payload = {};
  BodySize size;
  envelope_layout(size, without);
  std::vector<std::uint8_t> head(size.bytes());
  BodyWriter writer(head.data());
  envelope_layout(writer, without);
  const auto payload_bytes = static_cast<std::uint32_t>(envelope.payload.size());
  put_big_endian(head.data(), static_cast<std::uint32_t>(head.size() - length_bytes) + payload_bytes);
  put_big_endian(head.data() + head.size() - length_bytes, payload_bytes);
  return head;
}

std::size_t DeliverHead::frame_bytes() const {
  return head_bytes + sequence_bytes + envelope_head.size() + payload_bytes;
}

void put_deliver_head(OutBuffer& out, const DeliverHead& head) {
  PARLEY_ASSERT(head.stream != 0);
  std::uint8_t* cursor = out.room(head.frame_bytes() - head.payload_bytes);
  *cursor++ = deliver_type;
  *cursor++ = 0;
  cursor = put_big_endian(cursor, head.stream);
  cursor = put_big_endian(cursor, static_cast<std::uint32_t>(head.frame_bytes() - head_bytes));
  cursor = put_big_endian(cursor, head.sequence);
  out.commit(std::ranges::copy(head.envelope_head, cursor).out);
}

}  // namespace parley::wire::bus
