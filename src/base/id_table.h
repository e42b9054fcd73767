#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace parley {

// Ids that a peer chooses -> objects owned by others. Open addressing with a seeded hash, so that no choice of ids
// makes it slow; erasing shifts back and leaves no tombstones. Its bound is its user's to keep.
template <class T>
class PeerIdTable {
 public:
  explicit PeerIdTable(std::uint64_t seed) : seed_(seed | 1) {}
  PeerIdTable(PeerIdTable&&) = default;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T* find(std::uint64_t id) const {
    if (size_ == 0) return nullptr;
    for (std::size_t at = home(id);; at = next(at)) {
      const Slot& slot = slots_[at];
      if (!slot.value) return nullptr;
      if (slot.id == id) return slot.value;
    }
  }
  // The id is not in the table.
  void insert(std::uint64_t id, T& value) {
    if (size_ * 2 >= capacity_) grow();
    place(id, &value);
    ++size_;
  }
  T* take(std::uint64_t id) {
    if (size_ == 0) return nullptr;
    std::size_t at = home(id);
    while (slots_[at].value && slots_[at].id != id) at = next(at);
    T* taken = slots_[at].value;
    if (!taken) return nullptr;
    --size_;
    for (std::size_t from = next(at); slots_[from].value; from = next(from)) {
      const std::size_t wanted = home(slots_[from].id);
      if (((from - wanted) & (capacity_ - 1)) >= ((from - at) & (capacity_ - 1))) {
        slots_[at] = slots_[from];
        at = from;
      }
    }
    slots_[at].value = nullptr;
    return taken;
  }
  // The object of an id that is in the table has moved.
  void replace(std::uint64_t id, T& value) {
    std::size_t at = home(id);
    while (slots_[at].id != id || !slots_[at].value) {
      PARLEY_ASSERT(slots_[at].value != nullptr, id);
      at = next(at);
    }
    slots_[at].value = &value;
  }
  // Takes out any object, or gives null when empty: for taking everything down, in one lap.
  T* take_any() {
    if (size_ == 0) return nullptr;
    for (any_ &= capacity_ - 1;; any_ = next(any_)) {
      if (slots_[any_].value) return take(slots_[any_].id);
    }
  }
  void free_memory_if_empty() {
    if (size_ != 0) return;
    slots_.reset();
    capacity_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    T* value = nullptr;
  };
  std::size_t home(std::uint64_t id) const {
    const auto product = static_cast<unsigned __int128>(id ^ seed_) * (seed_ * 0x9e3779b97f4a7c15u | 1);
    return static_cast<std::size_t>(static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64)) &
           (capacity_ - 1);
  }
  std::size_t next(std::size_t at) const { return (at + 1) & (capacity_ - 1); }
  void place(std::uint64_t id, T* value) {
    std::size_t at = home(id);
    while (slots_[at].value) {
      PARLEY_ASSERT(slots_[at].id != id, id);
      at = next(at);
    }
    slots_[at] = {id, value};
  }
  void grow() {
    const std::size_t old_capacity = capacity_;
    std::unique_ptr<Slot[]> old = std::move(slots_);
    capacity_ = old_capacity == 0 ? 8 : old_capacity * 2;
    slots_ = std::make_unique<Slot[]>(capacity_);
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i].value) place(old[i].id, old[i].value);
    }
  }

  std::uint64_t seed_;
  std::unique_ptr<Slot[]> slots_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t any_ = 0;  // where take_any() goes on looking
};

// Ids that we hand out ourselves in steps of two -> objects owned by others. Direct-mapped: a lookup is one compare. An
// id that outlives a whole lap of the table sends its followers in the same slot to an overflow table.
template <class T>
class OwnIdTable {
 public:
  explicit OwnIdTable(std::uint64_t seed) : overflow_(seed) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  T* find(std::uint64_t id) const {
    if (capacity_ == 0) return nullptr;
    const Slot& slot = slots_[home(id)];
    if (slot.id == id && slot.value) [[likely]]
      return slot.value;
    return overflow_.find(id);
  }
  void insert(std::uint64_t id, T& value) {
    if (size_ >= capacity_ / 2) [[unlikely]]
      grow();
    ++size_;
    place(id, value);
  }
  T* take(std::uint64_t id) {
    if (capacity_ == 0) return nullptr;
    Slot& slot = slots_[home(id)];
    if (slot.id == id && slot.value) [[likely]] {
      --size_;
      return std::exchange(slot.value, nullptr);
    }
    T* taken = overflow_.take(id);
    if (taken) --size_;
    return taken;
  }
  void replace(std::uint64_t id, T& value) {
    Slot& slot = slots_[home(id)];
    if (slot.id == id && slot.value) {
      slot.value = &value;
    } else {
      overflow_.replace(id, value);
    }
  }
  T* take_any() {
    if (size_ == 0) return nullptr;
    --size_;
    if (size_ < overflow_.size()) return overflow_.take_any();
    for (any_ &= capacity_ - 1;; any_ = (any_ + 1) & (capacity_ - 1)) {
      if (slots_[any_].value) return std::exchange(slots_[any_].value, nullptr);
    }
  }
  void free_memory_if_empty() {
    if (size_ != 0) return;
    slots_.reset();
    capacity_ = 0;
    overflow_.free_memory_if_empty();
  }

 private:
  struct Slot {
    std::uint64_t id = 0;
    T* value = nullptr;
  };
  std::size_t home(std::uint64_t id) const { return static_cast<std::size_t>(id >> 1) & (capacity_ - 1); }
  void place(std::uint64_t id, T& value) {
    Slot& slot = slots_[home(id)];
    if (slot.value) [[unlikely]] {
      overflow_.insert(id, value);
    } else {
      slot = {id, &value};
    }
  }
  void grow() {
    const std::size_t old_capacity = capacity_;
    std::unique_ptr<Slot[]> old = std::move(slots_);
    capacity_ = old_capacity == 0 ? 8 : old_capacity * 2;
    slots_ = std::make_unique<Slot[]>(capacity_);
    for (std::size_t i = 0; i < old_capacity; ++i) {
      if (old[i].value) place(old[i].id, *old[i].value);
    }
  }

  std::unique_ptr<Slot[]> slots_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
  std::size_t any_ = 0;  // where take_any() goes on looking
  PeerIdTable<T> overflow_;
};

}  // namespace parley
