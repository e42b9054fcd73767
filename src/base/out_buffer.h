#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace parley {

// Bytes on their way out: encoded at the back, written from the front. Contiguous, so that what is ready together
// leaves in one write; its memory comes from the loop's pool and goes back when everything has left, so that an idle
// connection holds none. Encoding works on a raw cursor:
//
//   std::uint8_t* cursor = out.room(64);   // at least 64 bytes may be written at cursor
//   ... cursor = out.more(cursor, size);   // at least size more bytes behind cursor; may move what is not committed
//   yet out.commit(cursor);                    // everything up to cursor will leave
class OutBuffer {
 public:
  explicit OutBuffer(BlockPool& pool) : pool_(&pool) {}
  OutBuffer(const OutBuffer&) = delete;
  OutBuffer& operator=(const OutBuffer&) = delete;

  std::uint8_t* room(std::size_t size) {
    if (static_cast<std::size_t>(limit_ - back_) < size) [[unlikely]]
      make_room(0, size);
    return back_;
  }
  std::uint8_t* more(std::uint8_t* cursor, std::size_t size) {
    if (static_cast<std::size_t>(limit_ - cursor) < size) [[unlikely]] {
      const auto uncommitted = static_cast<std::size_t>(cursor - back_);
      make_room(uncommitted, size);
      return back_ + uncommitted;
    }
    return cursor;
  }
  std::uint8_t* back() const { return back_; }  // where uncommitted bytes begin
  void commit(std::uint8_t* cursor) {
    PARLEY_ASSERT(cursor >= back_ && cursor <= limit_);
    total_ += static_cast<std::uint64_t>(cursor - back_);
    back_ = cursor;
  }

  ByteView pending() const { return {front_, static_cast<std::size_t>(back_ - front_)}; }
  std::size_t size() const { return static_cast<std::size_t>(back_ - front_); }
  bool empty() const { return front_ == back_; }
  // Drops bytes that have left; gives the memory back when none are pending.
  void consume(std::size_t size) {
    PARLEY_ASSERT(size <= this->size(), size, this->size());
    front_ += size;
    if (front_ == back_) clear();
  }
  void clear();
  // All pending bytes with their memory, for a reader on the same loop. The buffer is empty afterwards.
  BlockHandle hand_over(ByteView& bytes);

  // Position in everything that was ever committed: a message whose end is at most sent() has left.
  std::uint64_t committed() const { return total_; }
  std::uint64_t sent() const { return total_ - size(); }
  bool holds_memory() const { return static_cast<bool>(block_); }

 private:
  void make_room(std::size_t uncommitted, std::size_t size);

  std::uint8_t* front_ = nullptr;
  std::uint8_t* back_ = nullptr;
  std::uint8_t* limit_ = nullptr;
  std::uint64_t total_ = 0;
  BlockHandle block_;
  BlockPool* pool_;
};

}  // namespace parley
