// A stream of frames of the bus. The first byte chooses the bounds, the second how the rest is cut into pieces; what a
// reader gets does not depend on the pieces. What is read is written again as bytes that say the same, and an end of
// the bus makes up its mind about what the other wants.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/assert.h"
#include "base/prng.h"
#include "wire/bus/frame_reader.h"
#include "wire/bus/negotiation.h"

namespace {

using namespace parley;
using namespace parley::wire::bus;

struct Received {
  std::vector<std::vector<std::uint8_t>> frames;  // written again
  std::optional<Fault> fault;
  bool is_inside_frame = false;

  friend bool operator==(const Received&, const Received&) = default;
};

std::vector<std::uint8_t> encode(const Frame& frame, const Bounds& bounds) {
  BlockPool pool(32);
  OutBuffer out(pool);
  const Result<void> put = put_frame(out, frame, bounds);
  PARLEY_ASSERT(put.has_value());  // it is as long as the one that was read
  return {out.pending().begin(), out.pending().end()};
}

void negotiate(const Frame& frame) {
  constexpr Version versions[] = {version_1_0, {1, 7}};
  constexpr Connect ours{.lowest = version_1_0, .highest = {2, 0}};
  if (const auto* connect = std::get_if<Connect>(&frame.body)) {
    const auto said = answer(*connect, {versions, 1});
    if (const auto* ack = std::get_if<ConnectAck>(&said)) PARLEY_ASSERT(agree(*connect, *ack, 1).value() == 1);
  }
  if (const auto* ack = std::get_if<ConnectAck>(&frame.body)) {
    const Result<std::uint32_t> agreed = agree(ours, *ack, 3);
    PARLEY_ASSERT(agreed ? *agreed <= 3 : agreed.error().code == Code::version);
  }
  if (const auto* subscribe = std::get_if<Subscribe>(&frame.body)) {
    PARLEY_ASSERT(accepts_schema(subscribe->schemas, any_schema_id) || !subscribe->schemas.empty());
  }
}

std::vector<std::uint8_t> check(const Frame& frame, const Bounds& bounds) {
  const std::vector<std::uint8_t> bytes = encode(frame, bounds);
  PARLEY_ASSERT(bytes.size() == encoded_size(frame));
  const auto again = read_frame(bytes, bounds);
  PARLEY_ASSERT(again && *again == frame);
  negotiate(frame);
  return bytes;
}

template <class NextSize>
Received receive(ByteView stream, const Bounds& bounds, NextSize next_size) {
  Received received;
  FrameReader reader(bounds);
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(stream.size(), next_size());
    // A copy of exactly its size: a read beyond the end is then seen.
    const std::vector<std::uint8_t> piece(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    stream = stream.subspan(size);
    ByteView left = piece;
    for (;;) {
      const auto frame = reader.next(left);
      if (!frame) {
        PARLEY_ASSERT(kind(frame.error()) == Kind::protocol && !frame.error().note.empty());
        PARLEY_ASSERT(frame.error().fault != Fault::head_cut_off && frame.error().fault != Fault::body_cut_off);
        received.fault = frame.error().fault;
        return received;
      }
      if (!*frame) break;
      received.frames.push_back(check(**frame, bounds));
    }
    PARLEY_ASSERT(left.empty() && reader.kept_bytes() <= 4 * (piece.size() + 4096));
  }
  received.is_inside_frame = reader.is_inside_frame();
  return received;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  constexpr Bounds all_bounds[] = {
      {},
      {.frame_bytes_max = head_bytes, .schemas_max = 0, .names_max = 0},
      {.frame_bytes_max = 100, .schemas_max = 1, .names_max = 2},
      {.frame_bytes_max = ~std::size_t{0}, .schemas_max = ~0u, .names_max = ~0u},
  };
  const Bounds& bounds = all_bounds[data[0] % std::size(all_bounds)];
  Prng prng(data[1]);
  const std::vector<std::uint8_t> stream(data + 2, data + size);

  const Received whole = receive(stream, bounds, [&] { return stream.size(); });
  PARLEY_ASSERT(whole == receive(stream, bounds, [&] { return prng.between(1, 40); }));
  PARLEY_ASSERT(whole == receive(stream, bounds, [] { return std::size_t{1}; }));

  // The whole as a message of a WebSocket.
  const auto message = read_frame(stream, bounds);
  PARLEY_ASSERT(!message || (whole.frames.size() == 1 && !whole.fault && !whole.is_inside_frame));
  if (!message) PARLEY_ASSERT(reason_of(message.error().fault) <= Reason::malformed);
  return 0;
}
