#include "base/prng.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

namespace parley {
namespace {

// Seeds are replayed years later and by other builds, so the numbers that follow from a seed are part of the format.
constexpr std::array<std::uint64_t, 5> first_of(std::uint64_t seed) {
  Prng random(seed);
  std::array<std::uint64_t, 5> numbers{};
  for (auto& number : numbers) number = random.next();
  return numbers;
}

TEST(Prng, a_seed_gives_the_same_numbers_for_ever) {
  EXPECT_EQ(first_of(0), (std::array<std::uint64_t, 5>{0x99ec5f36cb75f2b4u, 0xbf6e1f784956452au, 0x1a5f849d4933e6e0u,
                                                       0x6aa594f1262d2d2cu, 0xbba5ad4a1f842e59u}));
  EXPECT_EQ(first_of(0x5eed),
            (std::array<std::uint64_t, 5>{0xef33f17055244b74u, 0xe1f591112fb5051bu, 0xd8ab05640214863au,
                                          0xf985e1f2fb897b03u, 0xaf87a5f7e6ce1408u}));
  static_assert(first_of(1) != first_of(2));
}

TEST(Prng, numbers_stay_below_their_bound_and_reach_all_of_it) {
  Prng random(7);
  std::array<int, 10> hits{};
  for (int i = 0; i < 10000; ++i) ++hits.at(random.below(10));
  for (const int count : hits) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Prng, between_includes_both_ends) {
  Prng random(7);
  std::array<int, 3> hits{};
  for (int i = 0; i < 300; ++i) ++hits.at(random.between(5, 7) - 5);
  for (const int count : hits) EXPECT_GT(count, 0);
}

TEST(Prng, chance_is_per_mille) {
  Prng random(7);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) hits += random.chance(250) ? 1 : 0;
  EXPECT_NEAR(hits, 2500, 200);
  EXPECT_FALSE(random.chance(0));
  EXPECT_TRUE(random.chance(1000));
}

TEST(PrngDeathTest, nothing_is_below_zero) {
  Prng random(7);
  EXPECT_DEATH(static_cast<void>(random.below(0)), "bound > 0");
}

}  // namespace
}  // namespace parley
