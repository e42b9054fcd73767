#include "async/frame_pool.h"

namespace parley::async {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define PARLEY_FRAME_POOL_OFF
#endif
#endif

constinit FreePiece FramePool::empty_bottom_{.next = nullptr, .depth = 0};

bool FramePool::is_on() {
#ifdef PARLEY_FRAME_POOL_OFF
  return false;
#else
  return true;
#endif
}

// Lives on a thread from its first miss. What is freed after its death goes straight to the system.
struct FramePool::Reaper {
  Reaper() { free_ = FreePieces<class_count>(&empty_bottom_); }
  ~Reaper() {
    trim();
    free_ = FreePieces<class_count>(&full_bottom_);
  }
  void watch() {}
};

void* FramePool::miss(std::size_t size) {
  const std::size_t index = (size + unit - 1) / unit;
  if (!is_on() || index >= class_count) return ::operator new(size);
  static thread_local Reaper reaper;
  reaper.watch();
  return ::operator new(index * unit, std::align_val_t(unit));
}

void FramePool::drop(void* memory, std::size_t size) noexcept {
  const std::size_t index = (size + unit - 1) / unit;
  if (!is_on() || index >= class_count) {
    ::operator delete(memory);
  } else {
    ::operator delete(memory, std::align_val_t(unit));
  }
}

std::size_t FramePool::free_count(std::size_t size) {
  const std::size_t index = (size + unit - 1) / unit;
  return index < class_count && free_.top[index]->next ? free_.top[index]->depth : 0;
}

void FramePool::trim() {
  for (FreePiece*& top : free_.top) {
    while (FreePiece* next = top->next) {
      FreePiece* memory = top;
      top = next;
      ::operator delete(memory, std::align_val_t(unit));
    }
  }
}

}  // namespace parley::async
