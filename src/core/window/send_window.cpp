#include "core/window/send_window.h"

#include <fmt/format.h>

namespace parley::core {

bool SendWindow::has_room(std::size_t size, Bounds beyond) const {
  if (sizes_.empty()) return true;
  if (sizes_.size() >= bounds_.items + beyond.items) return false;
  return is_nearly_empty() || counted_ + counted(size) <= bounds_.bytes + beyond.bytes;
}

ByteView SendWindow::add(ByteView head, ByteView body) {
  const std::size_t size = head.size() + body.size();
  const auto length = static_cast<std::uint32_t>(size);
  PARLEY_ASSERT(length == size, size);
  make_room(size);
  bytes_.insert(bytes_.end(), head.begin(), head.end());
  bytes_.insert(bytes_.end(), body.begin(), body.end());
  sizes_.push(length);
  counted_ += counted(size);
  return {bytes_.data() + bytes_.size() - size, size};
}

// A byte is moved a bounded number of times however long it stays.
void SendWindow::make_room(std::size_t size) {
  if (bytes_.capacity() - bytes_.size() >= size) return;
  if (front_ >= bytes() + size) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(front_));
  } else {
    std::vector<std::uint8_t> larger;
    larger.reserve(2 * (bytes() + size));
    larger.insert(larger.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(front_), bytes_.end());
    bytes_.swap(larger);
  }
  front_ = 0;
}

Result<void> SendWindow::acknowledge(std::uint32_t last) {
  if (holds(last)) {
    drop(std::size_t{last - first_} + 1);
    return {};
  }
  const std::uint32_t behind = first_ - 1 - last;
  if (behind < (1u << 31) && behind < acknowledged_) return {};
  return fail(Code::unexpected, fmt::format("an acknowledgement of {}, where {} comes next", last, next()));
}

Result<ByteView> SendWindow::resume(std::optional<std::uint32_t> last) {
  if (!last && acknowledged_ != 0) {
    return fail(Code::link_lost, fmt::format("the peer has nothing, where it had {} messages", acknowledged_));
  }
  if (last && !holds(*last) && (*last != first_ - 1 || acknowledged_ == 0)) {
    return fail(Code::link_lost,
                fmt::format("the peer has everything up to {}, where {} to {} were to come", *last, first_, next()));
  }
  if (last && holds(*last)) drop(std::size_t{*last - first_} + 1);
  return unacknowledged();
}

void SendWindow::drop(std::size_t count) {
  first_ += static_cast<std::uint32_t>(count);
  acknowledged_ += count;
  while (count-- != 0) {
    const std::uint32_t size = sizes_.pop();
    front_ += size;
    counted_ -= counted(size);
  }
  give_memory_back();
}

// An idle session holds little, however much it once had under way.
void SendWindow::give_memory_back() {
  if (sizes_.empty()) {
    bytes_.clear();
    front_ = 0;
    sizes_.free_memory();
  }
  if (bytes_.capacity() <= memory_kept || bytes() > bytes_.capacity() / 8) return;
  std::vector<std::uint8_t> smaller(bytes_.begin() + static_cast<std::ptrdiff_t>(front_), bytes_.end());
  bytes_.swap(smaller);
  front_ = 0;
}

}  // namespace parley::core
