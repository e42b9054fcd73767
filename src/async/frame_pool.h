#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

namespace parley::async {

// A free piece of memory knows how many lie below it. At the bottom lies one without a next, which nobody gets.
struct FreePiece {
  FreePiece* next;
  std::size_t depth;
};

template <std::size_t count>
struct FreePieces {
  constexpr explicit FreePieces(FreePiece* bottom) { top.fill(bottom); }
  std::array<FreePiece*, count> top;
};

// Memory for coroutine frames and the small objects that live as long as a call: thread-local free lists in classes of
// 64 bytes up to 2 KiB, so that a steady state allocates nothing. Pieces begin at a cache line: a frame that lies
// across the end of a page costs a call twice its time. Each list is bounded, and freed at the end of its thread. What
// is freed on another thread than it came from stays there.
//
// A library built with a sanitizer has it switched off, so that the sanitizer sees every frame. How the library was
// built decides alone, in frame_pool.cpp: the code below is the same for all, so that a program may be built with a
// sanitizer where the library is not.
class FramePool {
 public:
  static void* allocate(std::size_t size) {
    const std::size_t index = (size + unit - 1) / unit;
    if (index >= class_count) [[unlikely]]
      return miss(size);
    FreePiece*& top = free_.top[index];
    FreePiece* memory = top;
    if (!memory->next) [[unlikely]]
      return miss(size);
    top = memory->next;
    return memory;
  }
  static void free(void* memory, std::size_t size) noexcept {
    const std::size_t index = (size + unit - 1) / unit;
    if (index < class_count) [[likely]] {
      FreePiece*& top = free_.top[index];
      FreePiece* below = top;
      const std::size_t depth = below->depth + 1;
      if (depth <= free_max) [[likely]] {
        top = ::new (memory) FreePiece{.next = below, .depth = depth};
        return;
      }
    }
    drop(memory, size);
  }

  static bool is_on();
  // How many free pieces this thread keeps for objects of that size.
  static std::size_t free_count(std::size_t size);
  // Gives all free pieces of this thread back to the system.
  static void trim();

  static constexpr std::size_t unit = 64;
  static constexpr std::size_t class_count = 33;
  static constexpr std::size_t free_max = 8192;  // of each class

 private:
  struct Reaper;
  [[gnu::cold, clang::preserve_most]] static void* miss(std::size_t size);
  [[gnu::cold]] static void drop(void* memory, std::size_t size) noexcept;

  static FreePiece empty_bottom_;
  static inline constinit FreePiece full_bottom_{.next = nullptr, .depth = free_max};  // nothing is kept above it
  // Begins full: a thread keeps nothing before its first miss. Defined here, so that a program addresses it directly.
  static inline constinit thread_local FreePieces<class_count> free_{&full_bottom_};
};

// The base of objects that live in the pool.
struct Pooled {
  static void* operator new(std::size_t size) { return FramePool::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { FramePool::free(memory, size); }
};

}  // namespace parley::async
