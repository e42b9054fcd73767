#include "codec/fields.h"

#include <gtest/gtest.h>

#include <any>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "codec/fields_macro.h"

namespace parley::codec {
namespace {

struct Empty {};
struct Pair {
  int first;
  int second;
};
struct Single {
  std::string only;
};

// One field of each sort that is hard to tell from two, or from none.
struct Odd {
  std::string text;
  std::optional<int> maybe_number;
  std::optional<std::string> maybe_text;
  std::vector<int> list;
  std::unique_ptr<int> owned;
  std::shared_ptr<Pair> shared;
  std::variant<int, std::string> either;
  std::map<int, int> map;
  std::move_only_function<void()> function;
  std::any anything;
  std::array<int, 3> array;
  Pair nested;
  std::string_view view;
  std::span<const unsigned char> span;
  std::mutex immovable;
  std::pair<int, int> pair;
  std::tuple<int> tuple;
  std::variant<Pair> one_of_one;
  double with_default = 1;
  std::vector<bool> bits;
  Empty empty;
};

class NoDefault {
 public:
  explicit NoDefault(int) {}
  NoDefault(NoDefault&&) = default;
};
struct HoldsNoDefault {
  int a;
  NoDefault b;
  int c;
  NoDefault d;
  std::string e;
};

struct Tree {
  int value = 0;
  std::vector<Tree> children;
  std::unique_ptr<Tree> next;
};

template <class T>
struct Box {
  T inside;
};

struct Settings {
  int count = 0;
  double x = 0;
  std::vector<int> list;
  std::string text;
  bool plain = false;
};
PARLEY_FIELDS(Settings, (count, default_(3), describe("how many")), (x, name_("X")),
              (list, default_([] { return std::vector{1, 2}; })), (text, describe("for people"), default_("none")));

struct Circle2 {
  double radius;
};
PARLEY_FIELDS((Circle2, name_("Circle"), describe("round")));

struct Positional {
  int _0;
  std::string _1;
};
struct Swapped {
  int _1;
  int _0;
};
struct Eleven {
  int _0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10;
};

struct SixtyFour {
  int a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7, c0, c1, c2, c3, c4, c5, c6, c7, d0, d1, d2, d3,
      d4, d5, d6, d7, e0, e1, e2, e3, e4, e5, e6, e7, f0, f1, f2, f3, f4, f5, f6, f7, g0, g1, g2, g3, g4, g5, g6, g7,
      h0, h1, h2, h3, h4, h5, h6, h7;
};

TEST(Fields, are_counted_whatever_their_types) {
  EXPECT_EQ(field_count<Empty>, 0u);
  EXPECT_EQ(field_count<Single>, 1u);
  EXPECT_EQ(field_count<const Pair>, 2u);
  EXPECT_EQ(field_count<Odd>, 21u);
  EXPECT_EQ(field_count<HoldsNoDefault>, 5u);
  EXPECT_EQ(field_count<Tree>, 3u);
  EXPECT_EQ(field_count<SixtyFour>, 64u);
}

TEST(Fields, have_the_names_of_the_code) {
  EXPECT_EQ((field_name<Odd, 0>), "text");
  EXPECT_EQ((field_name<Odd, 14>), "immovable");
  EXPECT_EQ((field_name<Odd, 20>), "empty");
  EXPECT_EQ((field_name<HoldsNoDefault, 3>), "d");
  EXPECT_EQ((field_name<SixtyFour, 63>), "h7");
  EXPECT_EQ((field_name<Box<std::vector<int>>, 0>), "inside");
  struct Local {
    int here;
  };
  EXPECT_EQ((field_name<Local, 0>), "here");
}

TEST(Fields, are_reached_by_reference) {
  Pair pair{1, 2};
  std::get<1>(tie_fields(pair)) = 7;
  with_fields(pair, [](auto& first, auto&) { first = 5; });
  EXPECT_EQ(pair.first, 5);
  EXPECT_EQ(pair.second, 7);
  const Pair& constant = pair;
  EXPECT_TRUE((std::is_same_v<decltype(tie_fields(constant)), std::tuple<const int&, const int&>>));
  SixtyFour many{};
  std::get<63>(tie_fields(many)) = 64;
  EXPECT_EQ(many.h7, 64);
}

TEST(Fields, notes_give_names_descriptions_and_defaults) {
  EXPECT_EQ((field_name<Settings, 0>), "count");
  EXPECT_EQ((field_description<Settings, 0>), "how many");
  EXPECT_EQ((field_default<Settings, 0>()), 3);
  EXPECT_EQ((field_name<Settings, 1>), "X");
  EXPECT_EQ((field_member_name<Settings, 1>), "x");
  EXPECT_FALSE((field_has_default<Settings, 1>));
  EXPECT_EQ((field_default<Settings, 2>()), (std::vector{1, 2}));
  EXPECT_EQ((field_default<Settings, 3>()), "none");
  EXPECT_EQ((field_description<Settings, 3>), "for people");
  EXPECT_FALSE((field_has_default<Settings, 4>));
  EXPECT_EQ((field_description<Settings, 4>), "");
}

TEST(Fields, types_have_their_unqualified_name_or_the_one_that_notes_give) {
  EXPECT_EQ(type_name<Pair>, "Pair");
  EXPECT_EQ(type_name<Circle2>, "Circle");
  EXPECT_EQ(type_description<Circle2>, "round");
  EXPECT_EQ(type_description<Pair>, "");
  EXPECT_EQ((field_name<Circle2, 0>), "radius");
  EXPECT_EQ(type_name<Box<int>>, "Box<int>");
}

TEST(Fields, are_positional_when_they_are_numbered_from_zero) {
  EXPECT_TRUE(is_positional<Positional>);
  EXPECT_TRUE(is_positional<Eleven>);
  EXPECT_FALSE(is_positional<Swapped>);
  EXPECT_FALSE(is_positional<Pair>);
  EXPECT_FALSE(is_positional<Empty>);
}

}  // namespace
}  // namespace parley::codec
