#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "base/assert.h"

namespace parley {

using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class BlockPool;

// A run of memory with a count of those who look into it. Not atomic: a block and all views into it stay on one loop;
// what another thread needs is copied. Made by Block::make or BlockPool::take, freed by the last release().
class Block {
 public:
  static Block* make(std::size_t capacity);

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  const std::uint8_t* data() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
  std::size_t capacity() const { return capacity_; }
  bool is_shared() const { return holders_ > 1; }

  void hold() { ++holders_; }
  void release() {
    PARLEY_ASSERT(holders_ > 0);
    if (--holders_ == 0) retire();
  }

 private:
  friend class BlockPool;
  struct Home;

  Block(std::size_t capacity, Home* home) : capacity_(capacity), home_(home) {}
  static Block* allocate(std::size_t capacity, Home* home);
  void retire();

  std::uint32_t holders_ = 1;
  std::size_t capacity_;
  union {
    Home* home_;   // while held: the pool to return to, or null
    Block* next_;  // while free in a pool
  };
};

// Owns one hold on a block.
class BlockHandle {
 public:
  BlockHandle() = default;
  explicit BlockHandle(Block* adopted) : block_(adopted) {}
  BlockHandle(BlockHandle&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  BlockHandle& operator=(BlockHandle&& other) noexcept {
    if (this != &other) {
      reset();
      block_ = std::exchange(other.block_, nullptr);
    }
    return *this;
  }
  ~BlockHandle() { reset(); }

  static BlockHandle sharing(Block* block) {
    if (block) block->hold();
    return BlockHandle(block);
  }

  void reset() {
    if (block_) std::exchange(block_, nullptr)->release();
  }
  Block* get() const { return block_; }
  Block* operator->() const { return block_; }
  explicit operator bool() const { return block_ != nullptr; }

 private:
  Block* block_ = nullptr;
};

// Keeps a bounded number of free blocks of one size for all connections of a loop, so that an idle connection holds
// none and a busy one allocates none. Blocks that outlive the pool are freed by their last holder.
class BlockPool {
 public:
  explicit BlockPool(std::size_t block_size = std::size_t{128} << 10, std::size_t free_max = 16);
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  BlockHandle take();                           // a block of block_size()
  BlockHandle take_at_least(std::size_t size);  // pooled if it fits, else made to size
  std::size_t block_size() const;
  std::size_t free_count() const;
  std::size_t held_count() const;

 private:
  Block::Home* home_;
};

// An immutable run of bytes that keeps its memory alive: a view into a block, or its own copy. Cheap to copy on one
// loop; not to be shared between threads.
class Bytes {
 public:
  Bytes() = default;
  static Bytes copy_of(ByteView bytes);
  static Bytes view_into(Block* block, ByteView bytes) { return Bytes(BlockHandle::sharing(block), bytes); }

  Bytes(const Bytes& other) : block_(BlockHandle::sharing(other.block_.get())), view_(other.view_) {}
  Bytes& operator=(const Bytes& other) {
    if (this != &other) *this = Bytes(other);
    return *this;
  }
  Bytes(Bytes&& other) noexcept : block_(std::move(other.block_)), view_(std::exchange(other.view_, {})) {}
  Bytes& operator=(Bytes&& other) noexcept {
    block_ = std::move(other.block_);
    view_ = std::exchange(other.view_, {});
    return *this;
  }
  ~Bytes() = default;

  ByteView view() const { return view_; }
  const std::uint8_t* data() const { return view_.data(); }
  std::size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  bool shares_block_with(const Bytes& other) const { return block_.get() == other.block_.get(); }
  std::size_t pinned() const { return block_ ? block_->capacity() : 0; }

  friend bool operator==(const Bytes& a, const Bytes& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
  }

 private:
  Bytes(BlockHandle block, ByteView view) : block_(std::move(block)), view_(view) {}
  BlockHandle block_;
  ByteView view_;
};

}  // namespace parley
