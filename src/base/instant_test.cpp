#include "base/instant.h"

#include <gtest/gtest.h>

namespace parley {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t highest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();

TEST(Instant, a_time_in_the_far_future_is_never) {
  EXPECT_TRUE((Instant::from_ns(1) + Duration::max()).is_never());
  EXPECT_TRUE((Instant::from_ns(highest - 5) + 5ns).is_never());
  EXPECT_EQ(Instant::from_ns(highest - 5) + 4ns, Instant::from_ns(highest - 1));
  EXPECT_TRUE((Instant::from_ns(1) - Duration::min()).is_never());
}

TEST(Instant, never_stays_never) {
  EXPECT_TRUE((Instant::never() + Duration(-1)).is_never());
  EXPECT_TRUE((Instant::never() - 1s).is_never());
  EXPECT_LT(Instant::from_ns(highest - 1), Instant::never());
}

TEST(Instant, a_time_in_the_far_past_saturates) {
  EXPECT_EQ(Instant::from_ns(-2) + Duration::min(), Instant::from_ns(lowest));
  EXPECT_EQ(Instant::from_ns(-2) - Duration::max(), Instant::from_ns(lowest));
}

TEST(Instant, differences_saturate) {
  EXPECT_EQ(Instant::from_ns(7) - Instant::from_ns(10), Duration(-3));
  EXPECT_EQ(Instant::never() - Instant::from_ns(-1), Duration::max());
  EXPECT_EQ(Instant::from_ns(-2) - Instant::never(), Duration::min());
}

TEST(Instant, it_is_ordered_and_begins_at_zero) {
  EXPECT_EQ(Instant().ns(), 0);
  EXPECT_LT(Instant(), Instant() + 1ns);
  EXPECT_GT(Instant() + 1ms, Instant() + 1us);
}

}  // namespace
}  // namespace parley
