#include "codec/json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/instant.h"
#include "codec/fields_macro.h"

namespace parley::codec {
namespace {

using namespace std::chrono_literals;

struct Point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  bool operator==(const Point&) const = default;
};
struct Circle {
  double radius = 0;
  bool operator==(const Circle&) const = default;
};
struct Text {
  std::string _0;
  bool operator==(const Text&) const = default;
};
struct Pair {
  std::int32_t _0 = 0;
  std::int32_t _1 = 0;
  bool operator==(const Pair&) const = default;
};
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
struct Renamed {
  bool flag = false;
  bool operator==(const Renamed&) const = default;
};
PARLEY_FIELDS((Renamed, name_("Better")), (flag, name_("is \"set\"")));
using Shape = std::variant<Circle, Text, Pair, Nothing, Renamed>;

enum class Color { red, green, blue };
enum class Level { low = 7, high = 3 };
PARLEY_FIELDS(Level, (low, name_("LOW")), high);

struct Settings {
  std::string name;
  std::int32_t count = 0;
  std::optional<std::string> note;
  std::vector<std::string> tags;
  std::optional<std::int32_t> limit;
  bool operator==(const Settings&) const = default;
};
PARLEY_FIELDS(Settings, (count, default_(3)), (tags, default_([] { return std::vector<std::string>{"new"}; })),
              (limit, default_(10)));

struct Chain {
  std::int32_t value = 0;
  std::optional<std::unique_ptr<Chain>> next;
};
struct Tree {
  std::vector<Tree> _0;
  bool operator==(const Tree&) const = default;
};

// The value has this JSON, and the JSON is this value.
template <class T>
void is_written(const T& value, std::string_view text) {
  EXPECT_EQ(to_json(value), text);
  const Result<T> read = from_json<T>(text);
  ASSERT_TRUE(read.has_value()) << read.error().note;
  EXPECT_EQ(*read, value) << text;
}
// The JSON is this value, which is written otherwise.
template <class T>
void is_read(std::string_view text, const T& value) {
  const Result<T> read = from_json<T>(text);
  ASSERT_TRUE(read.has_value()) << read.error().note;
  EXPECT_EQ(*read, value) << text;
}

TEST(Json, booleans_and_numbers) {
  is_written(true, "true");
  is_written(false, "false");
  is_written(std::int32_t{-5}, "-5");
  is_written(std::uint8_t{255}, "255");
  is_written(std::int8_t{-128}, "-128");
  is_written(std::numeric_limits<std::uint16_t>::max(), "65535");
  is_written(std::numeric_limits<std::int32_t>::min(), "-2147483648");
  is_read<std::int32_t>("1.0", 1);
  is_read<std::uint16_t>("65.5e3", 65500);
  is_read<std::int8_t>("-0", 0);
}

TEST(Json, integers_beyond_2_to_the_53_are_strings_and_both_are_read) {
  is_written(std::int64_t{9007199254740991}, "9007199254740991");
  is_written(std::int64_t{-9007199254740991}, "-9007199254740991");
  is_written(std::int64_t{9007199254740992}, "\"9007199254740992\"");
  is_written(std::numeric_limits<std::int64_t>::min(), "\"-9223372036854775808\"");
  is_written(std::numeric_limits<std::uint64_t>::max(), "\"18446744073709551615\"");
  is_written(~static_cast<unsigned __int128>(0), "\"340282366920938463463374607431768211455\"");
  is_written(static_cast<__int128>(1) << 127, "\"-170141183460469231731687303715884105728\"");
  is_written(static_cast<__int128>(-3), "-3");
  is_read<std::int64_t>("-9223372036854775808", std::numeric_limits<std::int64_t>::min());
  is_read<std::uint64_t>("18446744073709551615", std::numeric_limits<std::uint64_t>::max());
  is_read<std::uint64_t>("\"7\"", 7);
  is_read<unsigned __int128>("340282366920938463463374607431768211455", ~static_cast<unsigned __int128>(0));
}

TEST(Json, floating_numbers_are_the_shortest_that_come_back) {
  is_written(0.1, "0.1");
  is_written(-2.0, "-2");
  is_written(1e22, "1e+22");
  is_written(5e-324, "5e-324");
  is_written(std::numeric_limits<double>::max(), "1.7976931348623157e+308");
  is_written(0.1f, "0.1");
  is_written(std::numeric_limits<float>::max(), "3.4028235e+38");
  is_written(std::numeric_limits<double>::infinity(), "\"Infinity\"");
  is_written(-std::numeric_limits<float>::infinity(), "\"-Infinity\"");
  is_written(-std::numeric_limits<double>::infinity(), "\"-Infinity\"");
  is_written(std::numeric_limits<float>::infinity(), "\"Infinity\"");
  EXPECT_EQ(to_json(std::nan("")), "\"NaN\"");
  EXPECT_EQ(to_json(std::nanf("")), "\"NaN\"");
  EXPECT_TRUE(std::isnan(from_json<double>("\"NaN\"").value()));
  EXPECT_TRUE(std::isnan(from_json<float>("\"NaN\"").value()));
  EXPECT_EQ(to_json(-0.0), "-0");
  EXPECT_TRUE(std::signbit(from_json<double>("-0").value()));
  // The nearest double of a number with many digits, and zero for what is nearer to it than any other.
  is_read("0.1000000000000000055511151231257827021181583404541015625", 0.1);
  is_read("12345678901234567890", 12345678901234567890.0);
  is_read("1e-400", 0.0);
  EXPECT_TRUE(std::signbit(from_json<double>("-0.00001e-400").value()));
  is_read("1e-50", 0.0f);
}

TEST(Json, texts_characters_and_bytes) {
  is_written(std::string("a\"b\n\xc3\xa9"), "\"a\\\"b\\n\xc3\xa9\"");
  is_written(std::string(), "\"\"");
  is_written(std::string("\0", 1), "\"\\u0000\"");
  is_written(U'\u20ac', "\"\xe2\x82\xac\"");
  is_written(U'"', "\"\\\"\"");
  is_read("\"\\ud83d\\ude00\"", U'\U0001f600');
  is_written(std::vector<std::uint8_t>{0xff, 0xef, 0xbe, 1}, "\"/+++AQ==\"");
  is_written(Bytes::copy_of(std::vector<std::uint8_t>{1, 2, 3}), "\"AQID\"");
  is_written(Bytes(), "\"\"");
}

TEST(Json, durations) {
  is_written(Duration(1500ms), "\"1.5s\"");
  is_written(Duration(0), "\"0s\"");
  is_written(Duration(-250us), "\"-250us\"");
  is_read("\"0.5h\"", Duration(30min));
}

TEST(Json, enumerators_go_by_name) {
  is_written(Color::green, "\"green\"");
  is_written(Level::low, "\"LOW\"");
  is_written(Level::high, "\"high\"");
}

TEST(Json, optionals_are_null_or_their_value) {
  is_written(std::optional<std::int32_t>(), "null");
  is_written(std::optional<std::int32_t>(5), "5");
  is_written(std::vector<std::optional<std::string>>{"a", std::nullopt}, "[\"a\",null]");
  is_written(std::map<std::string, std::optional<bool>>{{"a", std::nullopt}, {"b", true}}, "{\"a\":null,\"b\":true}");
}

TEST(Json, optionals_of_what_may_be_null_say_so) {
  using Twice = std::optional<std::optional<std::int32_t>>;
  is_written(Twice(), "null");
  is_written(Twice(std::in_place), "{\"some\":null}");
  is_written(Twice(5), "{\"some\":5}");
  is_written(std::optional<std::monostate>(std::in_place), "{\"some\":null}");
  is_written(std::optional<Nothing>(std::in_place), "{}");
  is_written(std::optional<Twice>(Twice(std::in_place)), "{\"some\":{\"some\":null}}");
}

TEST(Json, units_are_null_or_an_empty_object) {
  is_written(std::monostate(), "null");
  is_written(Nothing(), "{}");
  is_written(std::tuple<>(), "[]");
}

TEST(Json, lists_sets_arrays_and_tuples_are_arrays) {
  is_written(std::vector<Point>{{1, 2}, {3, 4}}, R"([{"x":1,"y":2},{"x":3,"y":4}])");
  is_written(std::vector<bool>{true, false}, "[true,false]");
  is_written(std::deque<std::string>{"a"}, "[\"a\"]");
  is_written(std::vector<std::int8_t>{}, "[]");
  is_written(std::set<std::string>{"a", "b"}, R"(["a","b"])");
  is_written(std::array<std::uint8_t, 3>{1, 2, 3}, "[1,2,3]");
  is_written(std::array<std::array<bool, 1>, 2>{{{true}, {false}}}, "[[true],[false]]");
  is_written(std::array<std::int32_t, 0>{}, "[]");
  is_written(std::tuple<std::int32_t, std::string>{1, "a"}, "[1,\"a\"]");
  is_written(std::pair<bool, std::vector<double>>{true, {0.5}}, "[true,[0.5]]");
  is_written(Pair{1, 2}, "[1,2]");
  is_written(Text{"alone"}, "\"alone\"");
  is_written(Tree{{Tree{}, Tree{{Tree{}}}}}, "[[],[[]]]");
}

TEST(Json, maps_are_objects_or_arrays_of_pairs) {
  is_written(std::map<std::string, Point>{{"a\n", {1, 2}}}, R"({"a\n":{"x":1,"y":2}})");
  is_written(std::map<std::string, std::int32_t>{}, "{}");
  is_written(std::map<std::int64_t, std::string>{{-9007199254740993, "a"}, {5, "b"}},
             R"({"-9007199254740993":"a","5":"b"})");
  is_written(std::map<std::uint8_t, bool>{{255, true}}, R"({"255":true})");
  is_written(std::map<Level, std::int32_t>{{Level::low, 1}, {Level::high, 2}}, R"({"high":2,"LOW":1})");
  is_written(std::unordered_map<std::string, std::vector<bool>>{{"a", {true}}}, R"({"a":[true]})");
  is_written(std::map<double, std::string>{{0.5, "half"}, {1, "one"}}, R"([[0.5,"half"],[1,"one"]])");
  is_written(std::map<std::pair<std::int32_t, bool>, std::map<double, bool>>{{{1, true}, {{2, false}}}},
             "[[[1,true],[[2,false]]]]");
  is_written(std::map<double, bool>{}, "[]");
  is_written(std::map<bool, bool>{{false, true}}, "[[false,true]]");
}

TEST(Json, variants_are_an_object_with_the_name_or_the_name) {
  is_written(Shape(Circle{1.5}), R"({"Circle":{"radius":1.5}})");
  is_written(Shape(Text{"a"}), R"({"Text":"a"})");
  is_written(Shape(Pair{1, 2}), R"({"Pair":[1,2]})");
  is_written(Shape(Nothing{}), "\"Nothing\"");
  is_written(Shape(Renamed{true}), R"({"Better":{"is \"set\"":true}})");
}

TEST(Json, either_is_ok_or_error) {
  using Divided = Either<std::int32_t, Color>;
  is_written(Divided(5), R"({"ok":5})");
  is_written(Divided(own_error(Color::red)), R"({"error":"red"})");
  is_written(Either<void, Color>(), R"({"ok":null})");
  is_written(Either<Nothing, Nothing>(own_error(Nothing())), R"({"error":{}})");
}

TEST(Json, fields_may_be_absent_when_optional_or_with_a_default) {
  is_written(Settings{"a", 1, "b", {"c"}, 5}, R"({"name":"a","count":1,"note":"b","tags":["c"],"limit":5})");
  // An optional with a default writes its null: left out it would be the default.
  is_written(Settings{"a", 1, std::nullopt, {}, std::nullopt}, R"({"name":"a","count":1,"tags":[],"limit":null})");
  is_read(R"({"name":"a"})", Settings{"a", 3, std::nullopt, {"new"}, 10});
  is_read(R"({"note":null,"limit":null,"tags":[],"name":"a","count":0})",
          Settings{"a", 0, std::nullopt, {}, std::nullopt});
}

TEST(Json, an_absent_optional_is_nothing_whatever_it_starts_with) {
  struct Started {
    std::optional<std::int32_t> value = 5;
    std::vector<std::int32_t> list = {1, 2};
    std::map<std::int32_t, bool> map = {{1, true}};
  };
  const auto read = from_json<Started>(R"({"list":[3],"map":{}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, std::nullopt);
  EXPECT_EQ(read->list, std::vector<std::int32_t>{3});
  EXPECT_TRUE(read->map.empty());
}

TEST(Json, pointers_are_what_they_hold) {
  Chain chain{1, std::make_unique<Chain>(Chain{2, std::nullopt})};
  EXPECT_EQ(to_json(chain), R"({"value":1,"next":{"value":2}})");
  const auto read = from_json<Chain>(R"({"value":1,"next":{"value":2,"next":{"value":3,"next":null}}})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->next.value()->next.value()->value, 3);
  EXPECT_FALSE(read->next.value()->next.value()->next);
  EXPECT_EQ(*from_json<std::shared_ptr<std::string>>("\"a\"").value(), "a");
}

TEST(Json, what_is_borrowed_or_referred_to_can_be_written) {
  const std::string text = "abc";
  const std::vector<std::uint8_t> bytes = {1, 2, 3};
  const std::int32_t numbers[] = {4, 5};
  EXPECT_EQ(to_json(std::string_view(text)), "\"abc\"");
  EXPECT_EQ(to_json(ByteView(bytes)), "\"AQID\"");
  EXPECT_EQ(to_json(std::span<const std::int32_t>(numbers)), "[4,5]");
  EXPECT_EQ(to_json(std::tie(text, bytes)), "[\"abc\",\"AQID\"]");
}

TEST(Json, pretty_text_has_a_line_for_each_element) {
  struct All {
    std::vector<Shape> shapes;
    std::map<std::string, Pair> map;
    std::vector<bool> none;
    std::map<double, bool> pairs;
  };
  const All all{{Circle{1}, Nothing{}}, {{"a", {1, 2}}}, {}, {{0.5, true}}};
  const std::string text = to_json(all, JsonStyle::pretty);
  EXPECT_EQ(text, R"({
  "shapes": [
    {
      "Circle": {
        "radius": 1
      }
    },
    "Nothing"
  ],
  "map": {
    "a": [
      1,
      2
    ]
  },
  "none": [],
  "pairs": [
    [
      0.5,
      true
    ]
  ]
})");
  EXPECT_EQ(to_json(from_json<All>(text).value()), to_json(all));
  EXPECT_EQ(to_json(Settings{}, JsonStyle::pretty),
            "{\n  \"name\": \"\",\n  \"count\": 0,\n  \"tags\": [],\n"
            "  \"limit\": null\n}");
}

TEST(Json, unknown_fields_are_ignored_where_that_is_asked_for) {
  const JsonOptions foreign{.ignores_unknown_fields = true};
  const auto read =
      from_json<Point>(R"({"a":1,"x":1,"b":{"x":[{"y":null}],"c":{}},"y":2,"c":[[],"t",true],"d":"z"})", foreign);
  ASSERT_TRUE(read) << read.error().note;
  EXPECT_EQ(*read, (Point{1, 2}));
  EXPECT_TRUE(from_json<Nothing>(R"({"a":{}})", foreign));
  EXPECT_FALSE(from_json<Point>(R"({"a":1,"x":1,"x":1,"y":2})", foreign));
}

std::string why_not(const Result<void>& written) { return written ? "it is written" : written.error().note; }

TEST(Json, what_has_no_json_is_refused_with_its_path_and_nothing_is_written) {
  std::string out = "kept";
  const auto refused = [&](const auto& value) {
    const Result<void> written = append_json(out, value);
    EXPECT_FALSE(written);
    if (!written) EXPECT_EQ(written.error().code, Code::json);
    EXPECT_EQ(out, "kept");
    return why_not(written);
  };
  struct Deep {
    std::map<std::string, std::vector<Shape>> shapes;
  };
  EXPECT_EQ(refused(Deep{{{"a b", {Circle{}, Text{"\xff"}}}}}), "at $.shapes[\"a b\"][1].Text: a text is not UTF-8");
  EXPECT_EQ(refused(std::map<std::string, bool>{{"\xff", true}}), "at $: a text is not UTF-8");
  EXPECT_EQ(refused(std::map<std::int32_t, std::string>{{-5, "\xff"}}), "at $[\"-5\"]: a text is not UTF-8");
  EXPECT_EQ(refused(std::map<Color, std::string>{{Color::red, "\xff"}}), "at $.red: a text is not UTF-8");
  EXPECT_EQ(refused(std::map<bool, std::string>{{true, "\xff"}}), "at $[0][1]: a text is not UTF-8");
  EXPECT_EQ(refused(std::map<std::pair<std::string, bool>, bool>{{{"\xff", true}, true}}),
            "at $[0][0][0]: a text is not UTF-8");
  EXPECT_EQ(refused(std::tuple(1, std::optional<std::string>("\xff"))), "at $[1]: a text is not UTF-8");
  EXPECT_EQ(refused(Either<void, std::string>(own_error("\xff"))), "at $.error: a text is not UTF-8");
  EXPECT_EQ(refused(std::vector{static_cast<Color>(9)}),
            "at $[0]: an enum holds a value that is none of its enumerators");
  EXPECT_EQ(refused(std::map<Color, bool>{{static_cast<Color>(9), true}}),
            "at $: an enum holds a value that is none of its enumerators");
  EXPECT_EQ(refused(std::array<char32_t, 1>{0xd800}), "at $[0]: a char is not exactly one Unicode scalar");
  EXPECT_EQ(refused(std::vector<std::unique_ptr<std::int32_t>>(1)),
            "at $[0]: a pointer that should hold a value is null");
}

TEST(Json, what_is_appended_stands_behind_what_was_there) {
  std::string out = "data: ";
  ASSERT_TRUE(append_json(out, Point{1, 2}));
  EXPECT_EQ(out, R"(data: {"x":1,"y":2})");
}

Tree tree_of_depth(std::size_t depth) {
  Tree tree;
  while (--depth > 0) {
    Tree outer;
    outer._0.push_back(std::move(tree));
    tree = std::move(outer);
  }
  return tree;
}

TEST(Json, what_is_nested_to_the_limit_is_written_and_read_and_nothing_deeper) {
  const Tree deepest = tree_of_depth(json_depth_default);
  EXPECT_EQ(from_json<Tree>(to_json(deepest)).value(), deepest);
  std::string out;
  const auto written = append_json(out, tree_of_depth(json_depth_default + 1));
  ASSERT_FALSE(written);
  EXPECT_TRUE(written.error().note.ends_with(": the value is nested too deeply")) << written.error().note;
  EXPECT_LT(written.error().note.size(), 500u);
  EXPECT_FALSE(from_json<Tree>("[" + to_json(deepest) + "]"));
}

using JsonDeathTest = testing::Test;

TEST(JsonDeathTest, to_json_of_what_has_none_is_a_bug_of_the_caller) {
  EXPECT_DEATH(static_cast<void>(to_json(std::string("\xff"))), "a text is not UTF-8");
}

}  // namespace
}  // namespace parley::codec
