#pragma once

#include <chrono>

#include "base/assert.h"
#include "io/clock.h"

namespace parley::sim {

// Time that passes only when nothing is left to do at the present one. Whoever plans events moves it; it never goes
// back. It begins above zero, so that a time in the past can be said.
class VirtualClock final : public io::Clock {
 public:
  static constexpr Instant start = Instant::from_ns(1'000'000'000);

  Instant now() override { return now_; }
  Instant now() const { return now_; }
  // A day like any other, the same for every seed.
  std::chrono::system_clock::time_point wall() override {
    const auto since_start = std::chrono::duration_cast<std::chrono::system_clock::duration>(now_ - start);
    return std::chrono::system_clock::time_point(std::chrono::seconds(1'700'000'000)) + since_start;
  }
  void advance_to(Instant when) {
    PARLEY_ASSERT(when >= now_, when.ns(), now_.ns());
    now_ = when;
  }

 private:
  Instant now_ = start;
};

}  // namespace parley::sim
