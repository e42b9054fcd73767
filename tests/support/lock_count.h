#pragma once

#include <cstddef>

// Counts the locks that are taken in the whole program, on all threads: mutexes and read-write locks of the
// system, which is what std::mutex and its like are made of. A program that links this has them wrapped.
namespace parley {

std::size_t lock_count();

// How many locks `work` takes.
template <class Work>
std::size_t locks_in(Work&& work) {
  const std::size_t before = lock_count();
  work();
  return lock_count() - before;
}

}  // namespace parley
