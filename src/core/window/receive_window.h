#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"

namespace parley::core {

// What has been received of items numbered 0, 1, 2 and so on, in order, across the wrap of 32 bits.
class ReceiveWindow {
 public:
  // The first number is for tests of the wrap.
  explicit ReceiveWindow(std::uint32_t first = 0) : next_(first) {}

  enum class Verdict : std::uint8_t { fresh, duplicate };
  // An item came. Errors: unexpected, when there are some missing before it.
  Result<Verdict> take(std::uint32_t number);
  // To acknowledge; nothing while nothing came.
  std::optional<std::uint32_t> last() const {
    return received_ == 0 ? std::nullopt : std::optional<std::uint32_t>(next_ - 1);
  }

 private:
  std::uint32_t next_;
  std::uint64_t received_ = 0;
};

}  // namespace parley::core
