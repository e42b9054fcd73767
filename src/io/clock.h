#pragma once

#include "base/instant.h"

namespace parley::io {

// Where a loop gets its time from: the system or a simulation.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;                                 // monotonic
  virtual std::chrono::system_clock::time_point wall() = 0;  // for people and for what is stored
};

// Unpredictable bytes: hash seeds, keys, jitter. Seeded in a simulation.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

}  // namespace parley::io
