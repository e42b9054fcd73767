#include "codec/json_schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/instant.h"
#include "codec/described_suite.h"
#include "codec/either.h"
#include "codec/fields_macro.h"

namespace parley::codec {
namespace {

struct Point {
  std::int32_t x = 0;
  std::uint8_t y = 0;
};
PARLEY_FIELDS((Point, describe("Where it is.")), (x, describe("To the right.")), (y, default_(7)));
struct Nothing {};
struct Label {
  std::string _0;
};
enum class Color : std::uint8_t { red, green };
using Shape = std::variant<Point, Label, Nothing>;
struct Tree {
  std::string name;
  std::vector<Tree> children;
};
struct Pair {
  Point first;
  std::optional<Point> second;
  std::map<std::string, std::string> more;
  std::map<std::string, std::string> less;
};
PARLEY_FIELDS(Pair, (first, describe("The one.")));

TEST(JsonSchemaOf, scalars_are_what_the_writer_writes_and_the_reader_takes) {
  EXPECT_EQ(json_schema_of<bool>(), R"({"type":"boolean"})");
  EXPECT_EQ(json_schema_of<std::int8_t>(), R"({"type":"integer","minimum":-128,"maximum":127})");
  EXPECT_EQ(json_schema_of<std::uint32_t>(), R"({"type":"integer","minimum":0,"maximum":4294967295})");
  EXPECT_EQ(json_schema_of<std::int64_t>(), R"({"type":["integer","string"],"minimum":-9223372036854775808,)"
                                            R"("maximum":9223372036854775807,"pattern":"^(0|-?[1-9][0-9]*)$"})");
  EXPECT_EQ(json_schema_of<unsigned __int128>(),
            R"({"type":["integer","string"],"minimum":0,"maximum":340282366920938463463374607431768211455,)"
            R"("pattern":"^(0|[1-9][0-9]*)$"})");
  EXPECT_EQ(json_schema_of<float>(), R"({"anyOf":[{"type":"number"},{"enum":["NaN","Infinity","-Infinity"]}]})");
  EXPECT_EQ(json_schema_of<char32_t>(), R"({"type":"string","minLength":1,"maxLength":1})");
  EXPECT_EQ(json_schema_of<std::string>(), R"({"type":"string"})");
  EXPECT_EQ(json_schema_of<std::vector<std::uint8_t>>(), R"({"type":"string","contentEncoding":"base64"})");
  EXPECT_EQ(json_schema_of<Duration>(), R"({"type":"string","pattern":"^-?[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$"})");
  EXPECT_EQ(json_schema_of<std::monostate>(), R"({"type":"null"})");
  EXPECT_EQ(json_schema_of<void>(), "");
}

TEST(JsonSchemaOf, a_struct_keeps_what_its_fields_say_of_themselves) {
  EXPECT_EQ(json_schema_of<Point>(),
            R"({"description":"Where it is.","type":"object","properties":{)"
            R"("x":{"description":"To the right.","type":"integer","minimum":-2147483648,"maximum":2147483647},)"
            R"("y":{"default":7,"type":"integer","minimum":0,"maximum":255}},)"
            R"("required":["x"],"additionalProperties":false})");
  EXPECT_EQ(json_schema_of<Nothing>(), R"({"type":"object","properties":{},"additionalProperties":false})");
  EXPECT_EQ(json_schema_of<Label>(), R"({"type":"string"})");
}

TEST(JsonSchemaOf, what_may_be_absent_is_null_or_the_value) {
  EXPECT_EQ(json_schema_of<std::optional<std::string>>(), R"({"type":["string","null"]})");
  EXPECT_EQ(json_schema_of<std::optional<Color>>(), R"({"enum":["red","green",null]})");
  EXPECT_EQ(json_schema_of<std::optional<double>>(),
            R"({"anyOf":[{"type":"number"},{"enum":["NaN","Infinity","-Infinity",null]}]})");
  EXPECT_EQ(json_schema_of<std::optional<std::optional<bool>>>(),
            R"({"anyOf":[{"type":"null"},{"type":"object","properties":{"some":{"type":["boolean","null"]}},)"
            R"("required":["some"],"additionalProperties":false}]})");
}

TEST(JsonSchemaOf, containers_are_arrays_and_objects) {
  EXPECT_EQ(json_schema_of<std::vector<bool>>(), R"({"type":"array","items":{"type":"boolean"}})");
  EXPECT_EQ(json_schema_of<std::set<std::string>>(),
            R"({"type":"array","items":{"type":"string"},"uniqueItems":true})");
  EXPECT_EQ((json_schema_of<std::array<bool, 3>>()),
            R"({"type":"array","items":{"type":"boolean"},"minItems":3,"maxItems":3})");
  EXPECT_EQ((json_schema_of<std::tuple<bool, std::string, bool>>()),
            R"({"type":"array","minItems":3,"maxItems":3,"items":{"anyOf":[{"type":"boolean"},{"type":"string"}]}})");
  EXPECT_EQ(json_schema_of<std::tuple<>>(), R"({"type":"array","minItems":0,"maxItems":0})");
  EXPECT_EQ((json_schema_of<std::map<std::string, bool>>()),
            R"({"type":"object","additionalProperties":{"type":"boolean"}})");
  EXPECT_EQ((json_schema_of<std::map<std::int8_t, bool>>()),
            R"({"type":"object","propertyNames":{"pattern":"^(0|-?[1-9][0-9]*)$"},)"
            R"("additionalProperties":{"type":"boolean"}})");
  EXPECT_EQ((json_schema_of<std::map<Color, bool>>()),
            R"({"type":"object","propertyNames":{"enum":["red","green"]},"additionalProperties":{"type":"boolean"}})");
  EXPECT_EQ((json_schema_of<std::map<bool, std::string>>()),
            R"({"type":"array","items":{"type":"array","minItems":2,"maxItems":2,)"
            R"("items":{"anyOf":[{"type":"boolean"},{"type":"string"}]}}})");
}

TEST(JsonSchemaOf, a_variant_is_one_of_its_names) {
  EXPECT_EQ((json_schema_of<std::variant<Label, Nothing>>()),
            R"({"oneOf":[{"type":"object","properties":{"Label":{"type":"string"}},"required":["Label"],)"
            R"("additionalProperties":false},{"const":"Nothing"}]})");
  EXPECT_EQ((json_schema_of<Either<bool, std::string>>()),
            R"({"oneOf":[{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],)"
            R"("additionalProperties":false},{"type":"object","properties":{"error":{"type":"string"}},)"
            R"("required":["error"],"additionalProperties":false}]})");
}

TEST(JsonSchemaOf, a_type_that_contains_itself_refers_to_the_whole) {
  EXPECT_EQ(json_schema_of<Tree>(),
            R"({"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":)"
            R"({"$ref":"#"}}},"required":["name","children"],"additionalProperties":false})");
  EXPECT_EQ(json_schema_of<std::vector<Tree>>(),
            R"({"type":"array","items":{"type":"object","properties":{"name":{"type":"string"},)"
            R"("children":{"$ref":"#"}},"required":["name","children"],"additionalProperties":false}})");
  EXPECT_EQ((json_schema_of<std::array<Tree, 1>>()),
            R"({"type":"array","items":{"$ref":"#/$defs/Tree"},"minItems":1,"maxItems":1,)"
            R"("$defs":{"Tree":{"type":"object","properties":{"name":{"type":"string"},"children":)"
            R"({"type":"array","items":{"$ref":"#/$defs/Tree"}}},"required":["name","children"],)"
            R"("additionalProperties":false}}})");
}

TEST(JsonSchemaOf, what_is_used_twice_is_defined_once_unless_it_is_short) {
  EXPECT_EQ(json_schema_of<Pair>(),
            R"({"type":"object","properties":{"first":{"description":"The one.","$ref":"#/$defs/Point"},)"
            R"("second":{"anyOf":[{"$ref":"#/$defs/Point"},{"type":"null"}]},)"
            R"("more":{"type":"object","additionalProperties":{"type":"string"}},)"
            R"("less":{"type":"object","additionalProperties":{"type":"string"}}},)"
            R"("required":["first","more","less"],"additionalProperties":false,)"
            R"("$defs":{"Point":)" +
                json_schema_of<Point>() + "}}");
}

// Each struct has two of the next one: written out they would be 2^40.
TEST(JsonSchemaOf, a_description_of_a_peer_makes_no_text_beyond_its_own_size) {
  ServiceDescription description;
  for (std::uint32_t i = 0; i < 40; ++i) {
    TypeDescription& type = description.types.emplace_back();
    type.kind = i % 2 == 0 ? DescribedKind::tuple : DescribedKind::structure;
    if (i % 2 != 0) type.name = "a/b";
    for (const char* name : {"left", "right"}) {
      PartDescription& part = type.parts.emplace_back();
      if (i % 2 != 0) part.name = name;
      part.type = i + 1;
    }
  }
  description.types.emplace_back().kind = DescribedKind::boolean;
  const std::string text = json_schema(description, 0);
  EXPECT_LT(text.size(), 8000u);
  EXPECT_NE(text.find(R"("$ref":"#/$defs/a_b_)"), std::string::npos);
}

// One list in the other, and none is used twice.
TEST(JsonSchemaOf, a_chain_of_types_is_not_one_deep_text) {
  ServiceDescription description;
  for (std::uint32_t i = 0; i < 4000; ++i) {
    TypeDescription& type = description.types.emplace_back();
    type.kind = i % 2 == 0 ? DescribedKind::list : DescribedKind::option;
    type.parts.emplace_back().type = (i + 1) % 4000;
  }
  const std::string text = json_schema(description, 0);
  int depth = 0;
  int deepest = 0;
  for (const char letter : text) {
    if (letter == '{') deepest = std::max(deepest, ++depth);
    if (letter == '}') --depth;
  }
  EXPECT_LT(deepest, 40);
}

TEST(ArgumentsSchema, arguments_are_named_properties_and_options_may_be_absent) {
  const auto description = describe_method<void, Point, std::optional<bool>>("at, fast");
  const auto schema = arguments_schema(description, description.methods[0]);
  EXPECT_EQ(schema.value(), R"({"type":"object","properties":{"at":)" + json_schema_of<Point>() +
                                R"(,"fast":{"type":["boolean","null"]}},"required":["at"],)"
                                R"("additionalProperties":false})");
  const auto one = describe_method<void, Point>("at");
  EXPECT_EQ(arguments_schema(one, one.methods[0]).value(), R"({"type":"object","properties":{"at":)" +
                                                               json_schema_of<Point>() +
                                                               R"(},"required":["at"],"additionalProperties":false})");
  const auto none = describe_method<void>();
  EXPECT_EQ(arguments_schema(none, none.methods[0]).value(),
            R"({"type":"object","properties":{},"additionalProperties":false})");
}

TEST(ArgumentsSchema, one_struct_without_a_name_is_the_object) {
  const auto description = describe_method<void, Point>();
  EXPECT_EQ(arguments_schema(description, description.methods[0]).value(), json_schema_of<Point>());
}

TEST(ArgumentsSchema, a_method_that_has_none_says_why) {
  const auto unnamed = describe_method<void, bool, bool>();
  EXPECT_EQ(arguments_schema(unnamed, unnamed.methods[0]).error(),
            (Error{Code::invalid,
                   "the method \"method\" has no schema of its arguments: it does not name them. Name them where the "
                   "method is listed, or give it one argument that is a struct"}));
  const auto channel = describe_method<void, bool, TestHandle<Direction::tx, bool>>("a, numbers");
  EXPECT_EQ(arguments_schema(channel, channel.methods[0]).error(),
            (Error{Code::invalid,
                   "the method \"method\" has no schema of its arguments: a channel is in argument 2 (numbers), and "
                   "channels are not in JSON"}));
}

}  // namespace
}  // namespace parley::codec
