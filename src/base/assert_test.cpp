#include "base/assert.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace parley {
namespace {

enum class Colour : std::uint8_t { red = 1, green = 2 };

TEST(AssertDeathTest, a_failed_assert_prints_file_line_and_condition) {
  const int two = 2;
  const int line = __LINE__ + 1;
  EXPECT_DEATH(PARLEY_ASSERT(two == 3),
               fmt::format("src/base/assert_test.cpp:{}: parley: assertion failed: two == 3\n", line));
}

TEST(AssertDeathTest, a_failed_assert_prints_numbers_with_their_sign) {
  const std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  const std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();
  EXPECT_DEATH(PARLEY_ASSERT(lowest > 0, lowest, highest, std::int8_t{-3}, true),
               "lowest > 0 \\[-9223372036854775808, 18446744073709551615, -3, 1\\]");
}

TEST(AssertDeathTest, a_failed_assert_prints_texts_enumerators_and_pointers) {
  const std::string name = "credit";
  const int* nobody = nullptr;
  EXPECT_DEATH(PARLEY_ASSERT(nobody != nullptr, name, "why", Colour::green, nobody),
               "nobody != nullptr \\[credit, why, 2, 0\\]");
}

TEST(Assert, a_condition_is_evaluated_once_and_its_values_not_at_all) {
  int conditions = 0;
  int values = 0;
  const auto value = [&] { return ++values; };
  PARLEY_ASSERT(++conditions == 1, value());
  EXPECT_EQ(conditions, 1);
  EXPECT_EQ(values, 0);
}

TEST(Assert, it_is_one_statement) {
  const bool is_true = true;
  bool was_else = false;
  if (!is_true)
    PARLEY_ASSERT(false);
  else
    was_else = true;
  EXPECT_TRUE(was_else);
}

}  // namespace
}  // namespace parley
