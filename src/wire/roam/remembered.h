#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <utility>

namespace parley::wire::roam {

// A table with a bound. What is over stays, because something may still be said of it, until its place is needed, the
// first that was over first; where nothing is over there is no place for more.
template <class Key, class Value>
class Remembered {
 public:
  explicit Remembered(std::size_t most) : most_(most) {}

  // In the place of what has this key. False: there is no room.
  bool add(const Key& key, Value value) {
    const auto found = all_.find(key);
    if (found != all_.end()) {
      found->second = {std::move(value)};
      return true;
    }
    while (all_.size() >= most_ && !over_.empty()) forget_one();
    if (all_.size() >= most_) {
      has_lost_ = true;
      return false;
    }
    all_.emplace(key, Entry{std::move(value)});
    return true;
  }
  // Null: there was none, or it is not remembered.
  const Value* find(const Key& key) const {
    const auto found = all_.find(key);
    return found == all_.end() ? nullptr : &found->second.value;
  }
  bool is_over(const Key& key) const {
    const auto found = all_.find(key);
    return found != all_.end() && found->second.is_over;
  }
  // False: it was before, or there is none.
  bool end(const Key& key) {
    const auto found = all_.find(key);
    if (found == all_.end() || std::exchange(found->second.is_over, true)) return false;
    over_.push_back(key);
    if (over_.size() > most_) forget_one();
    return true;
  }
  // Whether there was anything that is not there any more.
  bool has_lost() const { return has_lost_; }
  std::size_t most() const { return most_; }

 private:
  struct Entry {
    Value value;
    bool is_over = false;
  };
  void forget_one() {
    const auto found = all_.find(over_.front());
    over_.pop_front();
    // The key may have been given to another one since.
    if (found == all_.end() || !found->second.is_over) return;
    all_.erase(found);
    has_lost_ = true;
  }

  std::size_t most_;
  std::map<Key, Entry> all_;
  std::deque<Key> over_;
  bool has_lost_ = false;
};

}  // namespace parley::wire::roam
