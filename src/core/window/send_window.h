#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ring.h"

namespace parley::core {

// What was sent and has not been acknowledged: items of bytes, numbered 0, 1, 2 and so on, across the wrap of 32 bits.
// They are kept as they were encoded, one behind the other, so that all of them can be sent again in one piece.
class SendWindow {
 public:
  struct Bounds {
    std::size_t items;
    std::size_t bytes;
  };
  // The first number is for tests of the wrap.
  explicit SendWindow(Bounds bounds, std::uint32_t first = 0) : bounds_(bounds), first_(first) {}

  // Whether an item of that size may be added. A window that is empty or nearly so takes one of any size, which fills
  // the bound of bytes and no more: two ends that answer short messages with short ones may never see an empty one.
  // `beyond` may lie above the bounds.
  bool has_room(std::size_t size, Bounds beyond = {0, 0}) const;
  std::uint32_t next() const { return first_ + static_cast<std::uint32_t>(sizes_.size()); }
  // The item next(), of these two pieces: gives it as it is kept, until the next change.
  ByteView add(ByteView head, ByteView body);

  // The peer has everything up to this number. One that it said before is nothing new; what was never sent is an error
  // (Code::unexpected).
  Result<void> acknowledge(std::uint32_t last);
  // A new link to the peer, which has everything up to this number, or nothing: gives the items to be sent again, as
  // they were sent. Errors (link_lost): it has not got what it acknowledged, or has what was never sent. Then it is not
  // the peer that it was.
  Result<ByteView> resume(std::optional<std::uint32_t> last);

  // All of them as they were sent, until the next change.
  ByteView unacknowledged() const { return {bytes_.data() + front_, bytes()}; }
  bool holds(std::uint32_t number) const { return number - first_ < sizes_.size(); }
  std::size_t size() const { return sizes_.size(); }
  std::size_t bytes() const { return bytes_.size() - front_; }
  std::size_t memory() const { return bytes_.capacity(); }

 private:
  static constexpr std::size_t memory_kept = std::size_t{4} << 10;

  bool is_nearly_empty() const { return counted_ <= bounds_.bytes / 8; }
  std::size_t counted(std::size_t size) const { return std::min(size, bounds_.bytes); }
  void make_room(std::size_t size);
  void drop(std::size_t count);
  void give_memory_back();

  const Bounds bounds_;
  std::uint32_t first_;             // the oldest that is kept
  std::uint64_t acknowledged_ = 0;  // how many in all
  Ring<std::uint32_t> sizes_;
  std::size_t counted_ = 0;  // of the bound of bytes
  std::vector<std::uint8_t> bytes_;
  std::size_t front_ = 0;  // where the first item begins
};

}  // namespace parley::core
