#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "io/clock.h"

namespace parley::net {

// Numbers from the kernel's generator, taken in batches: good for seeds and for keys. A number that was handed out is
// not kept. Of one thread.
class SystemRandom final : public io::Random {
 public:
  std::uint64_t next() override;

 private:
  void refill();

  std::array<std::uint64_t, 32> numbers_{};
  std::size_t left_ = 0;
};

}  // namespace parley::net
