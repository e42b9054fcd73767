#include "codec/either.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace parley {
namespace {

enum class MathError { division_by_zero, overflow };

Either<int, MathError> divide(int a, int b) {
  if (b == 0) return own_error(MathError::division_by_zero);
  return a / b;
}

TEST(Either, holds_the_value_or_the_error) {
  const auto good = divide(6, 3);
  ASSERT_TRUE(good.is_ok());
  EXPECT_EQ(good.value(), 2);
  const auto bad = divide(6, 0);
  EXPECT_FALSE(bad);
  EXPECT_EQ(bad.error(), MathError::division_by_zero);
}

TEST(Either, tells_value_and_error_of_one_type_apart) {
  const Either<std::string, std::string> good = "fine";
  const Either<std::string, std::string> bad = own_error("fine");
  EXPECT_TRUE(good.is_ok());
  EXPECT_FALSE(bad.is_ok());
  EXPECT_EQ(good.value(), bad.error());
  EXPECT_NE(good, bad);
}

TEST(Either, of_void_is_fine_unless_told_otherwise) {
  const Either<void, MathError> good;
  EXPECT_TRUE(good.is_ok());
  const Either<void, MathError> bad = own_error(MathError::overflow);
  EXPECT_EQ(bad.error(), MathError::overflow);
}

TEST(Either, gives_its_value_away) {
  Either<std::unique_ptr<int>, std::string> either = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(either).value();
  EXPECT_EQ(*taken, 5);
}

TEST(EitherDeathTest, the_wrong_side_is_not_there) {
  const auto bad = divide(1, 0);
  EXPECT_DEATH(static_cast<void>(bad.value()), "is_ok");
  const auto good = divide(1, 1);
  EXPECT_DEATH(static_cast<void>(good.error()), "is_ok");
}

}  // namespace
}  // namespace parley
