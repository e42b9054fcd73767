#pragma once

#include <cstddef>
#include <map>

#include "async/frame_pool.h"

namespace parley {

// What `work` takes from the frame pool: size of a piece -> how many of them it held at once. Coroutine frames and
// other pooled objects are told apart by nothing but their size. Only where FramePool::is_on(), and of functions that
// the compiler does not see through: it leaves out a frame whose whole life it can follow.
template <class Work>
std::map<std::size_t, std::size_t> pool_use_of(Work&& work) {
  using async::FramePool;
  FramePool::trim();
  work();
  std::map<std::size_t, std::size_t> use;
  for (std::size_t size = FramePool::unit; size < FramePool::unit * FramePool::class_count; size += FramePool::unit) {
    if (const std::size_t count = FramePool::free_count(size)) use[size] = count;
  }
  return use;
}

}  // namespace parley
