#pragma once

#include "base/prng.h"
#include "io/clock.h"

namespace parley::sim {

// What a loop takes for unpredictable, and a seed repeats.
class SeededRandom final : public io::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : prng_(seed) {}
  std::uint64_t next() override { return prng_.next(); }

 private:
  Prng prng_;
};

}  // namespace parley::sim
