#include "support/allocation_count.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

constinit std::atomic<std::size_t> allocations{0};
constinit std::atomic<std::size_t> frees{0};
constinit std::atomic<std::size_t> live_bytes{0};
constinit std::atomic<std::size_t> peak_bytes{0};

void* counted(void* memory) {
  if (!memory) throw std::bad_alloc();
  allocations.fetch_add(1, std::memory_order_relaxed);
  const std::size_t size = malloc_usable_size(memory);
  const std::size_t live = live_bytes.fetch_add(size, std::memory_order_relaxed) + size;
  std::size_t peak = peak_bytes.load(std::memory_order_relaxed);
  while (live > peak && !peak_bytes.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {
  }
  return memory;
}

void counted_free(void* memory) noexcept {
  if (!memory) return;
  frees.fetch_add(1, std::memory_order_relaxed);
  live_bytes.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

// The array, sized and nothrow forms of the standard library call these.
void* operator new(std::size_t size) { return counted(std::malloc(size == 0 ? 1 : size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto align = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* memory) noexcept { counted_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { counted_free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { counted_free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { counted_free(memory); }

namespace parley {

AllocationCount allocation_count() {
  return {
      .allocations = allocations.load(std::memory_order_relaxed),
      .frees = frees.load(std::memory_order_relaxed),
      .live_bytes = live_bytes.load(std::memory_order_relaxed),
      .peak_bytes = peak_bytes.load(std::memory_order_relaxed),
  };
}

void reset_peak() { peak_bytes.store(live_bytes.load(std::memory_order_relaxed), std::memory_order_relaxed); }

}  // namespace parley
