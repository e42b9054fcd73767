#include "base/out_buffer.h"

#include <algorithm>

namespace parley {

void OutBuffer::clear() {
  total_ = sent();  // what is dropped never leaves
  block_.reset();
  front_ = back_ = limit_ = nullptr;
}

BlockHandle OutBuffer::hand_over(ByteView& bytes) {
  bytes = pending();
  BlockHandle block = std::move(block_);
  front_ = back_ = limit_ = nullptr;
  return block;
}

// Keeps pending and uncommitted bytes in order and in one piece: moves them to the front of the block when that makes
// enough room and at least half of it is free, else into a block of at least twice the size.
void OutBuffer::make_room(std::size_t uncommitted, std::size_t size) {
  if (!block_) {
    block_ = pool_->take_at_least(size);
    front_ = back_ = block_->data();
    limit_ = front_ + block_->capacity();
    return;
  }
  const std::size_t pending = this->size();
  const std::size_t kept = pending + uncommitted;
  if (kept + size <= block_->capacity() && kept <= block_->capacity() / 2) {
    std::memmove(block_->data(), front_, kept);
  } else {
    BlockHandle larger = pool_->take_at_least(std::max(block_->capacity() * 2, kept + size));
    if (kept != 0) std::memcpy(larger->data(), front_, kept);
    block_ = std::move(larger);
  }
  front_ = block_->data();
  back_ = front_ + pending;
  limit_ = front_ + block_->capacity();
}

}  // namespace parley
