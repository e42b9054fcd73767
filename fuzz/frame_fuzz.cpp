// A stream of frames. The first byte chooses the limit, the second how the rest is cut into chunks; what a reader gets
// does not depend on the cuts, and frames that are written again are the bytes that were read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/assert.h"
#include "base/prng.h"
#include "wire/frame.h"

namespace {

using namespace parley;
using namespace parley::wire;
using Status = FrameScan::Status;

struct Received {
  std::vector<std::vector<std::uint8_t>> messages;
  std::size_t taken = 0;            // bytes of whole frames
  Status status = Status::cut_off;  // of what follows them
  std::size_t size = frame_head_bytes;

  friend bool operator==(const Received&, const Received&) = default;
};

// Takes what is whole off the front of `kept`; false once a frame is too large.
bool take(std::vector<std::uint8_t>& kept, std::size_t limit, Received& received) {
  for (;;) {
    // A copy of exactly its size: a read beyond the end is then seen.
    const std::vector<std::uint8_t> bytes(kept);
    const FrameScan scan = scan_frame(bytes, limit);
    received.status = scan.status;
    received.size = scan.size;
    if (scan.status != Status::whole) {
      PARLEY_ASSERT(scan.message.empty());
      PARLEY_ASSERT(scan.status == Status::too_large ? scan.size > limit : scan.size > bytes.size(), scan.size);
      return scan.status == Status::cut_off;
    }
    PARLEY_ASSERT(scan.size == scan.message.size() + frame_head_bytes && scan.size <= bytes.size());
    received.messages.emplace_back(scan.message.begin(), scan.message.end());
    received.taken += scan.size;
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(scan.size));
  }
}

template <class NextSize>
Received receive(ByteView stream, std::size_t limit, NextSize next_size) {
  Received received;
  std::vector<std::uint8_t> kept;
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(stream.size(), next_size());
    kept.insert(kept.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    stream = stream.subspan(size);
    if (!take(kept, limit, received)) break;
  }
  return received;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 4096) return 0;
  constexpr std::size_t limits[] = {0, 1, 16, 300, std::size_t{64} << 20, ~std::size_t{0}};
  const std::size_t limit = limits[data[0] % std::size(limits)];
  Prng prng(data[1]);
  const ByteView stream(data + 2, size - 2);

  const Received whole = receive(stream, limit, [&] { return stream.size(); });
  const Received chunked = receive(stream, limit, [&] { return prng.between(1, 40); });
  const Received bytewise = receive(stream, limit, [] { return std::size_t{1}; });
  PARLEY_ASSERT(whole == chunked);
  PARLEY_ASSERT(whole == bytewise);

  BlockPool pool(32);
  OutBuffer out(pool);
  for (const auto& message : whole.messages) {
    std::uint8_t* cursor = begin_frame(out, prng.below(message.size() + 1));
    for (const std::uint8_t byte : message) {
      cursor = out.more(cursor, 1);
      *cursor++ = byte;
    }
    PARLEY_ASSERT(frame_size(out, cursor) == message.size());
    end_frame(out, cursor);
    begin_frame(out, 7);  // and never ended
  }
  PARLEY_ASSERT(std::ranges::equal(out.pending(), stream.first(whole.taken)));
  return 0;
}
