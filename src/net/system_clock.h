#pragma once

#include <time.h>

#include <chrono>

#include "io/clock.h"

namespace parley::net {

// The system's clocks: monotonic since boot, and the wall's.
class SystemClock final : public io::Clock {
 public:
  Instant now() override {
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC, &at);
    return Instant::from_ns(std::int64_t{at.tv_sec} * 1'000'000'000 + at.tv_nsec);
  }
  std::chrono::system_clock::time_point wall() override { return std::chrono::system_clock::now(); }
};

}  // namespace parley::net
