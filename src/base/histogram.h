#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace parley {

// How many values there were of each size: exact up to 31, and to within a sixteenth of the value above. Of one size,
// and adding is a few instructions, so that it may stand where every call passes. Values beyond value_max count as
// that.
class Histogram {
 public:
  static constexpr std::uint64_t value_max = (std::uint64_t{1} << 36) - 1;

  void add(std::uint64_t value, std::uint64_t times = 1) {
    counts_[bucket_of(std::min(value, value_max))] += times;
    count_ += times;
  }
  std::uint64_t count() const { return count_; }

  // Not less than so many thousandths of the values, and not more than a sixteenth above the one that is in this place
  // among them. 0 where there are none.
  std::uint64_t quantile(std::uint32_t permille) const {
    const std::uint64_t rank = std::max<std::uint64_t>((count_ * permille + 999) / 1000, 1);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      below += counts_[i];
      if (below >= rank) return top_of(i);
    }
    return 0;
  }

  // visit(greatest value of the bucket, count) of those that are not empty, upward.
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < bucket_count; ++i) {
      if (counts_[i] != 0) visit(top_of(i), counts_[i]);
    }
  }

 private:
  static constexpr std::size_t steps = 16;  // from one power of two to the next
  static constexpr std::size_t bucket_of(std::uint64_t value) {
    if (value < 2 * steps) return static_cast<std::size_t>(value);
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - std::bit_width(steps);
    return shift * steps + static_cast<std::size_t>(value >> shift);
  }
  static constexpr std::uint64_t top_of(std::size_t bucket) {
    static_assert(bucket_of(value_max) + 1 == bucket_count);
    const std::size_t shift = bucket < 2 * steps ? 0 : bucket / steps - 1;
    return ((std::uint64_t{bucket - shift * steps} + 1) << shift) - 1;
  }
  static constexpr std::size_t bucket_count = 528;

  std::array<std::uint64_t, bucket_count> counts_{};
  std::uint64_t count_ = 0;
};

}  // namespace parley
