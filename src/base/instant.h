#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>

namespace parley {

using Duration = std::chrono::nanoseconds;

// A point on the monotonic clock of a loop, real or simulated. Only differences mean anything.
class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant from_ns(std::int64_t ns) { return Instant(ns); }
  static constexpr Instant never() { return Instant(std::numeric_limits<std::int64_t>::max()); }

  constexpr std::int64_t ns() const { return ns_; }
  constexpr bool is_never() const { return *this == never(); }

  // Saturates: a deadline far in the future is never, and never stays never.
  friend constexpr Instant operator+(Instant at, Duration by) {
    if (at.is_never()) return at;
    std::int64_t sum = 0;
    if (__builtin_add_overflow(at.ns_, by.count(), &sum)) return by.count() > 0 ? never() : from_ns(lowest);
    return Instant(sum);
  }
  friend constexpr Instant operator-(Instant at, Duration by) {
    if (at.is_never()) return at;
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(at.ns_, by.count(), &difference)) return by.count() < 0 ? never() : from_ns(lowest);
    return Instant(difference);
  }
  friend constexpr Duration operator-(Instant a, Instant b) {
    std::int64_t difference = 0;
    if (__builtin_sub_overflow(a.ns_, b.ns_, &difference)) return b.ns_ < 0 ? Duration::max() : Duration::min();
    return Duration(difference);
  }
  friend constexpr auto operator<=>(Instant, Instant) = default;

 private:
  static constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  explicit constexpr Instant(std::int64_t ns) : ns_(ns) {}
  std::int64_t ns_ = 0;
};

}  // namespace parley
