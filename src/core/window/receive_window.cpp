#include "core/window/receive_window.h"

#include <fmt/format.h>

#include "core/window/serial.h"

namespace parley::core {

Result<ReceiveWindow::Verdict> ReceiveWindow::take(std::uint32_t number) {
  if (number == next_) [[likely]] {
    ++next_;
    ++received_;
    return Verdict::fresh;
  }
  const std::uint32_t behind = next_ - 1 - number;
  if (is_newer(next_, number) && behind < received_) return Verdict::duplicate;
  return fail(Code::unexpected, fmt::format("number {}, where {} comes next", number, next_));
}

}  // namespace parley::core
