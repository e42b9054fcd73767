#pragma once

#include <cstddef>
#include <deque>
#include <set>
#include <string>

#include "base/instant.h"

namespace parley::core {

// Ids of events that have been seen, each for a while, so that one which comes by two ways is delivered once. Bounded:
// beyond, the oldest is forgotten early.
class SeenEvents {
 public:
  SeenEvents(std::size_t count_max, Duration keep) : count_max_(count_max), keep_(keep) {}

  // False: it was there. `evicted` counts what went early.
  bool insert(const std::string& id, Instant now, std::uint64_t& evicted) {
    sweep(now);
    const auto [place, is_new] = ids_.insert(id);
    if (!is_new) return false;
    if (by_age_.size() >= count_max_) {
      ++evicted;
      ids_.erase(by_age_.front().id);
      by_age_.pop_front();
    }
    by_age_.push_back({id, now + keep_});
    return true;
  }
  void sweep(Instant now) {
    while (!by_age_.empty() && by_age_.front().until <= now) {
      ids_.erase(by_age_.front().id);
      by_age_.pop_front();
    }
  }
  void clear() {
    ids_.clear();
    by_age_.clear();
  }
  Instant next_deadline() const { return by_age_.empty() ? Instant::never() : by_age_.front().until; }
  std::size_t size() const { return ids_.size(); }

 private:
  struct Seen {
    std::string id;
    Instant until;
  };
  std::size_t count_max_;
  Duration keep_;
  std::set<std::string> ids_;
  std::deque<Seen> by_age_;
};

}  // namespace parley::core
