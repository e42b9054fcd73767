#include "core/topic/kept_ring.h"

#include <utility>

#include "base/assert.h"

namespace parley::core {

std::size_t KeptRing::set_bounds(const KeepOptions& bounds) {
  bounds_ = bounds;
  if (snapshot_ && snapshot_->item.size() > bounds_.snapshot_bytes) snapshot_.reset();
  return make_room(0, 0);
}

std::size_t KeptRing::append(Bytes item) {
  PARLEY_ASSERT(fits(item.size()), item.size(), bounds_.bytes);
  const std::size_t dropped = make_room(1, cost_of(item));
  bytes_ += cost_of(item);
  items_.push_back(std::move(item));
  ++newest_;
  PARLEY_ASSERT(items_.size() <= bounds_.items && bytes_ <= bounds_.bytes, items_.size(), bytes_);
  return dropped;
}

// For so many more.
std::size_t KeptRing::make_room(std::size_t items, std::size_t bytes) {
  std::size_t dropped = 0;
  while (!items_.empty() && (items_.size() + items > bounds_.items || bytes_ + bytes > bounds_.bytes)) {
    PARLEY_ASSERT(bytes_ >= cost_of(items_.front()), bytes_);
    bytes_ -= cost_of(items_.front());
    items_.pop_front();
    ++dropped;
  }
  if (snapshot_ && !joins(snapshot_->version)) snapshot_.reset();
  return dropped;
}

const Bytes& KeptRing::at(Version version) const {
  PARLEY_ASSERT(version >= oldest() && version <= newest_, version, oldest(), newest_);
  return items_[version - oldest()];
}

void KeptRing::set_snapshot(Snapshot snapshot) {
  PARLEY_ASSERT(joins(snapshot.version), snapshot.version, oldest(), newest_);
  PARLEY_ASSERT(snapshot.item.size() <= bounds_.snapshot_bytes, snapshot.item.size());
  snapshot_ = std::move(snapshot);
}

}  // namespace parley::core
