// What a peer of a stable session says. The first byte chooses: a hello of either side, or frames, each behind a byte
// of length, which go into a window whose numbers wrap soon. What is read is written again as the same bytes, and the
// windows stay true whatever the numbers.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "core/window/receive_window.h"
#include "core/window/send_window.h"
#include "wire/roam/stable.h"

namespace {

using namespace parley;
using namespace parley::wire::roam;

template <class Hello>
void check_hello(const Result<Hello>& hello, ByteView bytes) {
  if (!hello) {
    PARLEY_ASSERT(hello.error().code == Code::message);
    return;
  }
  PARLEY_ASSERT(std::ranges::equal(stable::encode(*hello), bytes));
}

void check_frames(ByteView bytes) {
  constexpr std::uint32_t first = 0xfffffffc;
  core::SendWindow sender({8, 64}, first);
  core::ReceiveWindow receiver(first);
  while (bytes.size() > 1) {
    const std::size_t size = std::min<std::size_t>(bytes[0], bytes.size() - 1);
    // A copy of exactly its size: a read beyond the end is then seen.
    const std::vector<std::uint8_t> copy(bytes.begin() + 1, bytes.begin() + 1 + static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(1 + size);
    if (sender.has_room(3)) sender.add(as_bytes("a"), as_bytes("bc"));
    const Result<stable::Frame> frame = stable::read_frame(copy);
    if (!frame) continue;
    std::uint8_t head[stable::frame_head_bytes_max];
    const std::uint8_t* const end = stable::put_frame_head(head, frame->number, frame->acknowledged);
    const Result<stable::Frame> again = stable::read_frame({head, end});
    PARLEY_ASSERT(again && again->number == frame->number && again->acknowledged == frame->acknowledged);
    const std::size_t kept = sender.size();
    if (frame->acknowledged && !sender.acknowledge(*frame->acknowledged)) PARLEY_ASSERT(sender.size() == kept);
    PARLEY_ASSERT(sender.bytes() == 3 * sender.size());
    const std::optional<std::uint32_t> last = receiver.last();
    const Result<core::ReceiveWindow::Verdict> verdict = receiver.take(frame->number);
    const bool is_fresh = verdict && *verdict == core::ReceiveWindow::Verdict::fresh;
    PARLEY_ASSERT(is_fresh ? receiver.last() == frame->number : receiver.last() == last);
    PARLEY_ASSERT(!is_fresh || frame->number == (last ? *last + 1 : first));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::vector<std::uint8_t> bytes(data + 1, data + size);
  switch (data[0] % 3) {
    case 0: check_hello(stable::read_client_hello(bytes), bytes); break;
    case 1: check_hello(stable::read_server_hello(bytes), bytes); break;
    default: check_frames(bytes);
  }
  return 0;
}
