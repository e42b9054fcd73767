#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "base/assert.h"

namespace parley {

// A FIFO over a power-of-two array that grows to what it needs and never shrinks while it holds something; it frees
// its memory on demand. Its bound is its user's to keep: whoever pushes has checked a limit.
template <class T>
class Ring {
 public:
  Ring() = default;
  Ring(Ring&& other) noexcept
      : items_(std::move(other.items_)),
        capacity_(std::exchange(other.capacity_, 0)),
        head_(std::exchange(other.head_, 0)),
        tail_(std::exchange(other.tail_, 0)) {}
  Ring& operator=(Ring&& other) noexcept {
    if (this == &other) return *this;
    items_ = std::move(other.items_);
    capacity_ = std::exchange(other.capacity_, 0);
    head_ = std::exchange(other.head_, 0);
    tail_ = std::exchange(other.tail_, 0);
    return *this;
  }

  bool empty() const { return head_ == tail_; }
  std::size_t size() const { return tail_ - head_; }
  std::size_t capacity() const { return capacity_; }

  void push(T item) {
    if (size() == capacity_) [[unlikely]]
      grow();
    items_[tail_++ & (capacity_ - 1)] = std::move(item);
  }
  T& front() {
    PARLEY_ASSERT(!empty());
    return items_[head_ & (capacity_ - 1)];
  }
  T& back() {
    PARLEY_ASSERT(!empty());
    return items_[(tail_ - 1) & (capacity_ - 1)];
  }
  T pop() {
    PARLEY_ASSERT(!empty());
    return std::move(items_[head_++ & (capacity_ - 1)]);
  }
  void clear() {
    while (!empty()) static_cast<void>(pop());
  }
  void free_memory() {
    PARLEY_ASSERT(empty());
    items_.reset();
    capacity_ = head_ = tail_ = 0;
  }

 private:
  void grow() {
    const std::size_t larger = capacity_ == 0 ? 8 : capacity_ * 2;
    auto items = std::make_unique<T[]>(larger);
    const std::size_t count = size();
    for (std::size_t i = 0; i < count; ++i) items[i] = std::move(items_[(head_ + i) & (capacity_ - 1)]);
    items_ = std::move(items);
    capacity_ = larger;
    head_ = 0;
    tail_ = count;
  }

  std::unique_ptr<T[]> items_;
  std::size_t capacity_ = 0;
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
};

}  // namespace parley
