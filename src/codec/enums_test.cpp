#include "codec/enums.h"

#include <gtest/gtest.h>

#include "codec/fields_macro.h"

namespace parley::codec {
namespace {

enum class Plain { red, green, blue };
enum class Sparse : signed char { three = 3, hundred = 100, last = 127 };
enum class Flag : bool { no, yes };
enum class Named { red, green, blue };
PARLEY_FIELDS(Named, (red, name_("Red"), describe("like a rose")), (green, name_("Green")), blue);
enum class Unordered { late = 9, early = 2, below = -5, large = 70000 };
PARLEY_FIELDS(Unordered, late, early, below, large);
enum class Described { one, two };
PARLEY_FIELDS((Described, describe("one or two")));

struct Outer {
  enum class Inner { a, b };
};

TEST(Enums, are_found_by_their_values_without_a_list) {
  ASSERT_EQ(enumerator_count<Plain>, 3u);
  EXPECT_EQ(enumerators<Plain>[0].name, "red");
  EXPECT_EQ(enumerators<Plain>[2].value, Plain::blue);
  ASSERT_EQ(enumerator_count<Sparse>, 3u);
  EXPECT_EQ(enumerators<Sparse>[1].name, "hundred");
  EXPECT_EQ(enumerator_count<Flag>, 2u);
  EXPECT_EQ(enumerator_count<Outer::Inner>, 2u);
  EXPECT_EQ(enumerator_count<Described>, 2u);
}

TEST(Enums, a_list_gives_names_and_descriptions) {
  EXPECT_EQ(enumerator_name(Named::red), "Red");
  EXPECT_EQ(enumerators<Named>[0].description, "like a rose");
  EXPECT_EQ(enumerator_name(Named::blue), "blue");
}

TEST(Enums, a_list_gives_the_order_whatever_the_values) {
  EXPECT_EQ(enumerator_position(Unordered::late), 0u);
  EXPECT_EQ(enumerator_position(Unordered::early), 1u);
  EXPECT_EQ(enumerator_position(Unordered::below), 2u);
  EXPECT_EQ(enumerator_position(Unordered::large), 3u);
}

TEST(Enums, positions_skip_values_without_a_name) {
  EXPECT_EQ(enumerator_position(Sparse::hundred), 1u);
  EXPECT_EQ(enumerator_position(static_cast<Sparse>(5)), enumerator_count<Sparse>);
  EXPECT_EQ(enumerator_position(static_cast<Plain>(3)), enumerator_count<Plain>);
  EXPECT_EQ(enumerator_position(static_cast<Plain>(-1)), enumerator_count<Plain>);
  EXPECT_EQ(enumerator_name(static_cast<Plain>(3)), "");
}

TEST(Enums, names_lead_back_to_values) {
  EXPECT_EQ(enumerator_named<Named>("Green"), Named::green);
  EXPECT_EQ(enumerator_named<Named>("green"), std::nullopt);
  EXPECT_EQ(enumerator_named<Sparse>("last"), Sparse::last);
}

}  // namespace
}  // namespace parley::codec
