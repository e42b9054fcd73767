#pragma once

#include <algorithm>

#include "base/instant.h"
#include "io/clock.h"

namespace parley::runtime {

// Pauses between attempts: twice as long each time, and somewhat at random, so that many do not come back together.
class Backoff {
 public:
  static constexpr Duration first = std::chrono::milliseconds(100);
  static constexpr Duration max = std::chrono::seconds(5);

  // Between half and all of the pause.
  Duration next(io::Random& random) {
    const auto half = static_cast<std::uint64_t>(pause_.count() / 2);
    pause_ = std::min(pause_ * 2, max);
    return Duration(static_cast<std::int64_t>(half + random.next() % (half + 1)));
  }
  void reset() { pause_ = first; }

 private:
  Duration pause_ = first;
};

}  // namespace parley::runtime
