#include "net/system_random.h"

#include <sys/random.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace parley::net {

std::uint64_t SystemRandom::next() {
  if (left_ == 0) refill();
  return std::exchange(numbers_[--left_], 0);
}

// Up to 256 bytes come whole; only while the machine has not gathered its first entropy may a signal interrupt it.
void SystemRandom::refill() {
  static_assert(sizeof numbers_ <= 256);
  ssize_t count = 0;
  do {
    count = ::getrandom(numbers_.data(), sizeof numbers_, 0);
  } while (count < 0 && errno == EINTR);
  PARLEY_ASSERT(count == static_cast<ssize_t>(sizeof numbers_), count, errno);
  left_ = numbers_.size();
}

}  // namespace parley::net
