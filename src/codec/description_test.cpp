#include "codec/description.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "base/instant.h"
#include "codec/described_suite.h"
#include "codec/json.h"
#include "codec/postcard.h"

// Descriptions: what is in them, which are refused, and how two of them differ.
namespace parley::codec {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct Point {
  double x = 0;
  double y = 0;
};
PARLEY_FIELDS((Point, describe("where")), (y, default_(1.5), describe("up")));
struct Tree {
  std::string name;
  std::vector<Tree> children;
};
struct Chain {
  std::optional<std::unique_ptr<Chain>> next;
};
struct Pixel {
  std::uint8_t _0 = 0;
};
struct Nothing {};
using Shape = std::variant<Point, Pixel, Nothing>;
enum class Color : std::uint8_t { red, green };

const TypeDescription& result_of(const ServiceDescription& description) {
  return description.types[description.methods[0].result];
}

TEST(Description, a_struct_has_its_fields_with_defaults_and_comments) {
  const ServiceDescription description = describe_method<Point>();
  const TypeDescription& type = result_of(description);
  EXPECT_EQ(type.kind, DescribedKind::structure);
  EXPECT_EQ(type.name, "Point");
  EXPECT_EQ(type.description, "where");
  ASSERT_EQ(type.parts.size(), 2u);
  EXPECT_EQ(type.parts[0].name, "x");
  EXPECT_FALSE(type.parts[0].default_json);
  EXPECT_EQ(type.parts[1].default_json, "1.5");
  EXPECT_EQ(type.parts[1].description, "up");
  EXPECT_EQ(description.types[*type.parts[1].type].kind, DescribedKind::f64);
}

TEST(Description, types_that_look_alike_are_listed_once) {
  using All =
      std::tuple<std::vector<int>, std::optional<std::vector<int>>, std::map<int, Point>, Point, std::pair<int, int>>;
  const ServiceDescription description = describe_method<All, std::tuple<int, int>, int>();
  for (std::size_t i = 0; i < description.types.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(description.types[i], description.types[j]);
  }
}

TEST(Description, a_type_may_contain_itself) {
  const ServiceDescription description = describe_method<Tree, Chain>();
  const TypeDescription& tree = result_of(description);
  const TypeDescription& children = description.types[*tree.parts[1].type];
  EXPECT_EQ(children.kind, DescribedKind::list);
  EXPECT_EQ(children.parts[0].type, description.methods[0].result);
  EXPECT_TRUE(check(description));
}

// It is met again while it is looked at, before it has a number.
TEST(Description, a_list_of_structs_that_have_such_a_list_is_listed_once) {
  const ServiceDescription description = describe_method<bool, std::vector<Tree>>();
  EXPECT_EQ(type_words(description, description.methods[0].arguments[0].type), "list of struct Tree");
  const TypeDescription& list = description.types[description.methods[0].arguments[0].type];
  EXPECT_EQ(description.types[*list.parts[0].type].parts[1].type, description.methods[0].arguments[0].type);
}

TEST(Description, every_kind_has_its_own_description) {
  struct Case {
    ServiceDescription description;
    std::string_view words;
  };
  const Case cases[] = {
      {describe_method<void>(), "unit"},
      {describe_method<std::uint16_t>(), "u16"},
      {describe_method<__int128>(), "i128"},
      {describe_method<char32_t>(), "char"},
      {describe_method<Duration>(), "duration"},
      {describe_method<Bytes>(), "bytes"},
      {describe_method<std::set<std::string>>(), "set of text"},
      {describe_method<std::map<Color, bool>>(), "map of enum Color to bool"},
      {describe_method<std::array<float, 3>>(), "array of 3 f32"},
      {describe_method<std::tuple<int, Pixel>>(), "tuple of (i32, struct Pixel)"},
      {describe_method<Shape>(), "one of (Point, Pixel, Nothing)"},
      {describe_method<std::unique_ptr<Nothing>>(), "struct Nothing"},
      {describe_method<std::vector<Either<int, Color>>>(), "list of either i32 or enum Color"},
  };
  for (const Case& one : cases) {
    EXPECT_TRUE(check(one.description)) << one.words;
    EXPECT_EQ(type_words(one.description, one.description.methods[0].result), one.words);
  }
}

TEST(Description, a_channel_has_its_item_and_its_credit) {
  const ServiceDescription description = describe_method<void, TestHandle<Direction::rx, int, 300>>();
  EXPECT_TRUE(check(description));
  const TypeDescription& type = description.types[description.methods[0].arguments[0].type];
  EXPECT_EQ(type.kind, DescribedKind::rx);
  EXPECT_EQ(type.count, 300u);
  EXPECT_EQ(type_words(description, description.methods[0].arguments[0].type), "Rx of i32");
}

TEST(Description, names_of_arguments_are_taken_when_there_are_as_many) {
  const ServiceDescription named = describe_method<void, int, Point>("count, where");
  EXPECT_EQ(named.methods[0].arguments[1].name, "where");
  EXPECT_TRUE(has_named_arguments(named.methods[0]));
  EXPECT_FALSE(has_named_arguments(describe_method<void, int, Point>("count").methods[0]));
}

TEST(Description, travels_as_postcard_and_as_json) {
  const ServiceDescription description = describe_method<Either<Tree, Color>, Shape, Chain>("a, b");
  EXPECT_EQ(from_postcard<ServiceDescription>(to_postcard(description)).value(), description);
  EXPECT_EQ(from_json<ServiceDescription>(to_json(description)).value(), description);
}

// --- hostile ones

TypeDescription& point_of(ServiceDescription& it) { return it.types[it.methods[0].result]; }

template <class Change>
void is_refused(std::string_view why, Change change) {
  ServiceDescription description = describe_method<Point, std::vector<int>, TestHandle<Direction::tx, int>>("a, b");
  ASSERT_TRUE(check(description));
  change(description);
  const Result<void> checked = check(description);
  ASSERT_FALSE(checked) << why;
  EXPECT_EQ(checked.error().code, Code::response);
  EXPECT_THAT(checked.error().note, HasSubstr(why));
}

TypeDescription with_parts(DescribedKind kind, std::vector<std::uint32_t> parts, std::uint32_t count = 0) {
  TypeDescription type{.kind = kind, .name = {}, .description = {}, .parts = {}, .count = count};
  for (const std::uint32_t part : parts) type.parts.push_back({.name = {}, .type = part});
  return type;
}
std::uint32_t add(ServiceDescription& to, TypeDescription type) {
  to.types.push_back(std::move(type));
  return static_cast<std::uint32_t>(to.types.size() - 1);
}

TEST(Description, numbers_of_types_are_in_range) {
  is_refused("method method names type 99", [](auto& it) { it.methods[0].result = 99; });
  is_refused("method method names type 99", [](auto& it) { it.methods[0].own_error = 99; });
  is_refused("method method names type 99", [](auto& it) { it.methods[0].arguments[0].type = 99; });
  is_refused("names type 4000000000", [](auto& it) { add(it, with_parts(DescribedKind::list, {4'000'000'000})); });
}

TEST(Description, parts_are_what_their_kind_wants) {
  is_refused("has that many parts", [](auto& it) { add(it, with_parts(DescribedKind::map, {0})); });
  is_refused("has that many parts", [](auto& it) { add(it, with_parts(DescribedKind::u8, {0})); });
  is_refused("has that many parts", [](auto& it) { point_of(it).parts.resize(65, {.name = "n", .type = 0}); });
  is_refused("has no parts", [](auto& it) { add(it, {.kind = DescribedKind::enumeration, .name = "E"}); });
  is_refused("has that count", [](auto& it) { add(it, with_parts(DescribedKind::list, {1}, 5)); });
  is_refused("has that count", [](auto& it) { add(it, with_parts(DescribedKind::array, {1}, 1u << 25)); });
  is_refused("a part without a type", [](auto& it) { point_of(it).parts[0].type = std::nullopt; });
  is_refused("a type for an enumerator", [](auto& it) {
    add(it, {.kind = DescribedKind::enumeration, .name = "E", .parts = {{.name = "a", .type = 0}}});
  });
  is_refused("a default for what is no field", [](auto& it) {
    TypeDescription list = with_parts(DescribedKind::list, {1});
    list.parts[0].default_json = "1";
    add(it, std::move(list));
  });
  is_refused("a name for a part that has none", [](auto& it) {
    TypeDescription list = with_parts(DescribedKind::list, {1});
    list.parts[0].name = "x";
    add(it, std::move(list));
  });
}

TEST(Description, names_are_there_and_there_once) {
  is_refused("the service has no name", [](auto& it) { it.name.clear(); });
  is_refused("a method has no name", [](auto& it) { it.methods[0].name.clear(); });
  is_refused("has \"method\" twice", [](auto& it) { it.methods.push_back(it.methods[0]); });
  is_refused("has \"a\" twice", [](auto& it) { it.methods[0].arguments[1].name = "a"; });
  is_refused("has \"x\" twice", [](auto& it) { point_of(it).parts[1].name = "x"; });
  is_refused("a part has no name", [](auto& it) { point_of(it).parts[1].name.clear(); });
  is_refused("control characters", [](auto& it) { point_of(it).name = "a\nb"; });
  is_refused("a name that is too long", [](auto& it) { it.methods[0].name = std::string(2000, 'x'); });
  is_refused("a text that is too long", [](auto& it) { it.methods[0].description = std::string(70000, 'x'); });
}

TEST(Description, no_type_is_inside_of_itself_without_end) {
  is_refused("endlessly", [](auto& it) { point_of(it).parts[0].type = it.methods[0].result; });
  is_refused("endlessly", [](auto& it) {
    const auto tuple = add(it, with_parts(DescribedKind::tuple, {it.methods[0].result}));
    point_of(it).parts[0].type = tuple;
  });
  is_refused("holds itself and nothing else", [](auto& it) {
    const auto self = static_cast<std::uint32_t>(it.types.size());
    add(it, with_parts(DescribedKind::boxed, {self}));
  });
  is_refused("holds itself and nothing else", [](auto& it) {
    const auto self = static_cast<std::uint32_t>(it.types.size());
    add(it, with_parts(DescribedKind::option, {self + 1}));
    add(it, with_parts(DescribedKind::boxed, {self}));
  });
  is_refused("nested too deeply", [](auto& it) {
    for (int i = 0; i < 40; ++i) {
      add(it, with_parts(DescribedKind::tuple, {static_cast<std::uint32_t>(it.types.size() - 1), 1}));
    }
  });
}

TEST(Description, channels_are_in_arguments_only_and_not_in_lists) {
  const auto channel = [](auto& it) { return it.methods[0].arguments[1].type; };
  is_refused("has a channel where none may be", [&](auto& it) { it.methods[0].result = channel(it); });
  is_refused("has a channel where none may be", [&](auto& it) { it.methods[0].own_error = channel(it); });
  is_refused("has a channel where none may be",
             [&](auto& it) { add(it, with_parts(DescribedKind::list, {channel(it)})); });
  is_refused("has a channel where none may be",
             [&](auto& it) { add(it, with_parts(DescribedKind::array, {channel(it)}, 2)); });
  is_refused("has a channel where none may be",
             [&](auto& it) { add(it, with_parts(DescribedKind::rx, {channel(it)})); });
  is_refused("too many channels", [&](auto& it) {
    const auto ten = add(it, with_parts(DescribedKind::tuple, std::vector<std::uint32_t>(10, channel(it))));
    it.methods[0].arguments[0].type = add(it, with_parts(DescribedKind::tuple, std::vector<std::uint32_t>(10, ten)));
  });
}

TEST(Description, there_are_not_too_many_of_anything) {
  is_refused("too many types", [](auto& it) { it.types.resize(5000); });
  is_refused("too many methods", [](auto& it) { it.methods.resize(2000); });
  is_refused("too many arguments", [](auto& it) { it.methods[0].arguments.resize(65); });
}

// --- differences

template <class... Here>
struct Taking {
  template <class... There>
  static std::string against() {
    return between(describe_method<void, Here...>(), describe_method<void, There...>());
  }
  static std::string between(const ServiceDescription& here, const ServiceDescription& there) {
    return difference({here, here.methods[0]}, {there, there.methods[0]});
  }
};

namespace other {
struct Point {
  float x = 0;
  double y = 0;
};
struct Renamed {
  double x = 0;
  double z = 0;
};
struct Turned {
  double y = 0;
  double x = 0;
};
enum class Color : std::uint8_t { red, green, blue };
struct Tree {
  std::string name;
  std::vector<Tree> children;
};
struct Nothing {
  int some = 0;
};
}  // namespace other

TEST(DescriptionDifference, there_is_none_between_what_is_written_differently) {
  EXPECT_THAT((Taking<Tree, std::vector<int>>::against<other::Tree, std::deque<int>>()), IsEmpty());
  EXPECT_THAT((Taking<Point>::against<std::unique_ptr<Point>>()), IsEmpty());
}

TEST(DescriptionDifference, names_the_argument) {
  EXPECT_EQ((Taking<int, std::int64_t>::against<int, int>()), "argument 2 is i32 there and i64 here");
  EXPECT_EQ(
      Taking<>::between(describe_method<void, int, std::int64_t>("a, b"), describe_method<void, int, int>("a, b")),
      "argument 2 (b) is i32 there and i64 here");
  EXPECT_EQ((Taking<int>::against<>()), "there it takes 0 arguments, and here 1 argument");
}

TEST(DescriptionDifference, names_the_result_and_the_own_error) {
  EXPECT_EQ(Taking<>::between(describe_method<int>(), describe_method<bool>()),
            "the result is bool there and i32 here");
  EXPECT_EQ(Taking<>::between(describe_method<Either<int, bool>>(), describe_method<int>()),
            "there it has no own error, and here it has one");
  EXPECT_EQ(Taking<>::between(describe_method<Either<int, bool>>(), describe_method<Either<int, int>>()),
            "the own error is i32 there and bool here");
}

TEST(DescriptionDifference, names_what_is_inside) {
  EXPECT_EQ((Taking<std::vector<Point>>::against<std::vector<other::Point>>()),
            "field x of the element of argument 1 is f32 there and f64 here");
  EXPECT_EQ((Taking<Point>::against<other::Renamed>()), "argument 1 has the field z there, which it has not here");
  EXPECT_EQ((Taking<Point>::against<other::Turned>()), "field 1 of argument 1 is y there and x here");
  EXPECT_EQ((Taking<other::Color>::against<Color>()),
            "argument 1 has the alternative blue here, which it has not there");
  EXPECT_EQ((Taking<std::map<int, int>>::against<std::map<int, bool>>()),
            "the value of argument 1 is bool there and i32 here");
  EXPECT_EQ((Taking<std::array<int, 3>>::against<std::array<int, 2>>()),
            "argument 1 is array of 2 i32 there and array of 3 i32 here");
  EXPECT_EQ((Taking<std::variant<Nothing>>::against<std::variant<other::Nothing>>()),
            "alternative Nothing of argument 1 has fields there and none here");
}

// Of a chain of lists that ends where it began, of another length each: the pairs of their types would be very many.
ServiceDescription endless(std::uint32_t length) {
  ServiceDescription description = describe_method<void, int>();
  const auto first = static_cast<std::uint32_t>(description.types.size());
  for (std::uint32_t i = 0; i < length; ++i) {
    add(description, with_parts(DescribedKind::list, {first + (i + 1) % length}));
  }
  description.methods[0].arguments[0].type = first;
  return description;
}

TEST(DescriptionDifference, types_without_end_are_compared_to_an_end) {
  const ServiceDescription here = endless(1021);
  const ServiceDescription there = endless(1019);
  EXPECT_TRUE(check(here));
  EXPECT_THAT(Taking<>::between(here, there), IsEmpty());
  EXPECT_EQ(type_words(here, here.methods[0].arguments[0].type), "list of list of list of list of ...");
}

// Of a service with another id for its method.
ServiceDescription renumbered(ServiceDescription description) {
  description.methods[0].id = 8;
  return description;
}

TEST(DescriptionDifference, of_services_is_the_first_method_that_cannot_be_called) {
  const auto here = describe_method<void, int, std::int64_t>("a, b");
  EXPECT_THAT(difference(here, here), IsEmpty());
  EXPECT_EQ(difference(here, renumbered(describe_method<void, int, int>("a, b"))),
            "method differs: argument 2 (b) is i32 there and i64 here");
  ServiceDescription less = renumbered(here);
  less.methods[0].name = "methods";
  EXPECT_EQ(difference(here, less), "method is not there; did you mean methods?");
  less.methods.clear();
  EXPECT_EQ(difference(here, less), "method is not there");
  EXPECT_THAT(difference(less, here), IsEmpty());
}

TEST(DescriptionDifference, of_services_may_be_the_name_of_the_class_or_of_no_visible_kind) {
  const auto here = describe_method<void, int>();
  ServiceDescription there = renumbered(here);
  EXPECT_EQ(difference(here, there), "method has another id there, which its description does not explain");
  there.name = "Other";
  EXPECT_EQ(difference(here, there),
            "the class is named Other there and Service here, and its name is part of the ids of its methods");
}

TEST(DescriptionDifference, initial_credit_counts) {
  EXPECT_EQ((Taking<TestHandle<Direction::tx, int, 16>>::against<TestHandle<Direction::tx, int, 32>>()),
            "argument 1 has an initial credit of 32 there and 16 here");
  EXPECT_EQ((Taking<TestHandle<Direction::tx, int>>::against<TestHandle<Direction::rx, int>>()),
            "argument 1 is Rx of i32 there and Tx of i32 here");
}

}  // namespace
}  // namespace parley::codec
