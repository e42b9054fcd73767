#include "base/bytes.h"

#include <memory>
#include <new>

namespace parley {

struct Block::Home {
  std::size_t block_size;
  std::size_t free_max;
  std::size_t free_count = 0;
  std::size_t held_count = 0;
  bool is_closed = false;  // the pool is gone; the last held block frees this
  Block* free = nullptr;
};

Block* Block::allocate(std::size_t capacity, Home* home) {
  void* memory = ::operator new(sizeof(Block) + capacity);
  return ::new (memory) Block(capacity, home);
}

Block* Block::make(std::size_t capacity) { return allocate(capacity, nullptr); }

void Block::retire() {
  Home* home = home_;
  if (!home) {
    ::operator delete(this);
    return;
  }
  --home->held_count;
  if (!home->is_closed && home->free_count < home->free_max) {
    next_ = home->free;
    home->free = this;
    ++home->free_count;
    return;
  }
  ::operator delete(this);
  if (home->is_closed && home->held_count == 0) delete home;  // tidy: allow delete whoever is last ends it
}

BlockPool::BlockPool(std::size_t block_size, std::size_t free_max)
    : home_(std::make_unique<Block::Home>(Block::Home{.block_size = block_size, .free_max = free_max}).release()) {
  PARLEY_ASSERT(block_size > 0);
}

BlockPool::~BlockPool() {
  while (Block* block = home_->free) {
    home_->free = block->next_;
    ::operator delete(block);
  }
  home_->free_count = 0;
  home_->is_closed = true;
  if (home_->held_count == 0) delete home_;  // tidy: allow delete whoever is last ends it
}

BlockHandle BlockPool::take() {
  ++home_->held_count;
  if (Block* block = home_->free) {
    home_->free = block->next_;
    --home_->free_count;
    block->home_ = home_;
    block->holders_ = 1;
    return BlockHandle(block);
  }
  return BlockHandle(Block::allocate(home_->block_size, home_));
}

BlockHandle BlockPool::take_at_least(std::size_t size) {
  return size <= home_->block_size ? take() : BlockHandle(Block::make(size));
}

std::size_t BlockPool::block_size() const { return home_->block_size; }
std::size_t BlockPool::free_count() const { return home_->free_count; }
std::size_t BlockPool::held_count() const { return home_->held_count; }

Bytes Bytes::copy_of(ByteView bytes) {
  if (bytes.empty()) return {};
  BlockHandle block(Block::make(bytes.size()));
  std::memcpy(block->data(), bytes.data(), bytes.size());
  const ByteView view(block->data(), bytes.size());
  return Bytes(std::move(block), view);
}

}  // namespace parley
