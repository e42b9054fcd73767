#pragma once

#include <cstddef>

// Counts what goes through operator new in the whole program, on all threads. A program that links this has its
// operator new replaced; what calls malloc directly (C libraries) is not seen.
namespace parley {

struct AllocationCount {
  std::size_t allocations = 0;  // so far
  std::size_t frees = 0;        // so far
  std::size_t live_bytes = 0;   // now, as the allocator rounds them
  std::size_t peak_bytes = 0;   // the most that were live since the start or reset_peak()
};
AllocationCount allocation_count();
void reset_peak();

// How many allocations `work` makes.
template <class Work>
std::size_t allocations_in(Work&& work) {
  const std::size_t before = allocation_count().allocations;
  work();
  return allocation_count().allocations - before;
}

}  // namespace parley
