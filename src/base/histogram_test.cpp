#include "base/histogram.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace parley {
namespace {

TEST(Histogram, of_nothing_is_nothing) {
  const Histogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.quantile(500), 0u);
  none.for_each([](std::uint64_t, std::uint64_t) { ADD_FAILURE(); });
}

TEST(Histogram, small_values_are_exact) {
  for (std::uint64_t value = 0; value < 32; ++value) {
    Histogram one;
    one.add(value);
    EXPECT_EQ(one.quantile(1000), value);
  }
}

TEST(Histogram, what_is_beyond_its_range_counts_as_the_greatest) {
  Histogram histogram;
  histogram.add(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(histogram.quantile(500), Histogram::value_max);
}

TEST(Histogram, the_buckets_say_what_was_added) {
  Histogram histogram;
  for (const std::uint64_t value : {3, 3, 1000}) histogram.add(value);
  histogram.add(7, 5);
  std::map<std::uint64_t, std::uint64_t> seen;
  histogram.for_each([&](std::uint64_t top, std::uint64_t count) { seen[top] = count; });
  EXPECT_EQ(seen, (std::map<std::uint64_t, std::uint64_t>{{3, 2}, {7, 5}, {1023, 1}}));
}

// The bits of a number are as many as they like, so that all sizes come.
std::uint64_t any_size() {
  const int bits = *rc::gen::inRange(0, 37);
  return bits == 0 ? 0 : *rc::gen::arbitrary<std::uint64_t>() >> (64 - bits);
}

RC_GTEST_PROP(Histogram, quantiles_are_those_of_the_sorted_values_to_a_sixteenth, ()) {
  Histogram histogram;
  std::vector<std::uint64_t> values(*rc::gen::inRange<std::size_t>(1, 200));
  for (std::uint64_t& value : values) histogram.add(value = std::min(any_size(), Histogram::value_max));
  std::ranges::sort(values);
  for (const std::uint32_t permille : {0u, 1u, 250u, 500u, 900u, 990u, 999u, 1000u}) {
    const std::size_t rank = std::max<std::size_t>((values.size() * permille + 999) / 1000, 1);
    const std::uint64_t exact = values[rank - 1];
    const std::uint64_t told = histogram.quantile(permille);
    RC_ASSERT(told >= exact);
    RC_ASSERT(told - exact <= exact / 16);
  }
}

RC_GTEST_PROP(Histogram, made_again_from_its_buckets_it_is_the_same, ()) {
  Histogram histogram;
  for (int i = *rc::gen::inRange(0, 100); i > 0; --i) histogram.add(any_size());
  Histogram again;
  histogram.for_each([&](std::uint64_t top, std::uint64_t count) { again.add(top, count); });
  RC_ASSERT(again.count() == histogram.count());
  for (std::uint32_t permille = 0; permille <= 1000; permille += 50) {
    RC_ASSERT(again.quantile(permille) == histogram.quantile(permille));
  }
}

}  // namespace
}  // namespace parley
