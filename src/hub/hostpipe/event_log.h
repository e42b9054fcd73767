#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "base/assert.h"

namespace parley::hub {

// The last events that hosts may hear, each at its position, which is its version: 1, 2, 3 and so on. Bounded; what was
// there longest goes first, and the last one stays however long it is.
class EventLog {
 public:
  struct Kept {
    std::string name;  // as in the hub
    std::string line;  // empty: none can say it
  };
  EventLog(std::size_t count_max, std::size_t bytes_max) : count_max_(count_max), bytes_max_(bytes_max) {}

  void add(Kept event) {
    bytes_ += size_of(event);
    kept_.push_back(std::move(event));
    while (kept_.size() > 1 && (kept_.size() > count_max_ || bytes_ > bytes_max_)) {
      bytes_ -= size_of(kept_.front());
      kept_.pop_front();
      ++dropped_;
    }
  }
  // Of the last one; 0 before there was any.
  std::uint64_t version() const { return dropped_ + kept_.size(); }
  // Of the first that is kept; that of the next one where none is.
  std::uint64_t oldest() const { return dropped_ + 1; }
  const Kept& at(std::uint64_t version) const {
    PARLEY_ASSERT(version >= oldest() && version <= this->version(), version, dropped_);
    return kept_[static_cast<std::size_t>(version - oldest())];
  }

 private:
  static std::size_t size_of(const Kept& event) { return event.name.size() + event.line.size(); }

  const std::size_t count_max_;
  const std::size_t bytes_max_;
  std::deque<Kept> kept_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace parley::hub
