#include "codec/dynamic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "codec/described_suite.h"
#include "codec/json.h"
#include "codec/postcard.h"

// What only a Transcoder does: arguments, channels, defaults out of a description, and bounds toward hostile ones.
namespace parley::codec {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

struct Point {
  double x = 0;
  double y = 0;
};
PARLEY_FIELDS(Point, (y, default_(1.5)));
struct Words {
  std::string title;
  TestHandle<Direction::tx, std::string, 256> out;
};
struct Stream {
  TestHandle<Direction::rx, int> _0;
};
struct Tree {
  std::vector<Tree> children;
};
struct Chain {
  std::optional<std::unique_ptr<Chain>> next;
};
using Rx = TestHandle<Direction::rx, int>;

Transcoder make(ServiceDescription description, DynamicOptions options = {}) {
  return Transcoder::make(std::move(description), options).value();
}
Result<DynamicArguments> arguments(const Transcoder& transcoder, std::string_view json) {
  return transcoder.arguments(transcoder.description().methods[0], json);
}
template <class... Values>
void are(const Transcoder& transcoder, std::string_view json, const Values&... values) {
  const auto made = arguments(transcoder, json);
  ASSERT_TRUE(made) << made.error().note;
  EXPECT_EQ(made->bytes, to_postcard(std::tuple<Values...>(values...))) << json;
}
void are_refused(const Transcoder& transcoder, std::string_view json, std::string_view why) {
  const auto made = arguments(transcoder, json);
  ASSERT_FALSE(made) << json;
  EXPECT_EQ(made.error().code, Code::json);
  EXPECT_THAT(made.error().note, HasSubstr(why));
}

TEST(DynamicArguments, an_array_has_them_in_their_order) {
  const Transcoder two = make(describe_method<void, int, std::string>());
  are(two, R"([7, "x"])", 7, std::string("x"));
  are_refused(two, "[7]", "at $: an array of 2 elements is expected, and there is 1 (line 1, column 3)");
  are_refused(two, R"([7, "x", 1])", "an array of 2 elements is expected, and there are more");
  are_refused(two, R"([7, 8])", "at $[1]: a string is expected, not 8 (line 1, column 5)");
  are_refused(two, R"({"a": 7})", "an array of 2 elements is expected, not an object");
  are_refused(two, "5", "an array of 2 elements is expected, not 5");
  are(make(describe_method<void>()), "[]");
  are(make(describe_method<void>()), "{}");
}

TEST(DynamicArguments, an_object_has_them_by_name) {
  const Transcoder two = make(describe_method<void, int, std::optional<std::string>>("count, name"));
  are(two, R"({"name": "x", "count": 7})", 7, std::optional<std::string>("x"));
  are(two, R"({"count": 7})", 7, std::optional<std::string>());
  are(two, R"([7, null])", 7, std::optional<std::string>());
  are_refused(two, R"({"cont": 7})", R"(there is no field "cont"; did you mean "count"?)");
  are_refused(two, R"({"name": "x"})", R"(the field "count" is missing)");
}

TEST(DynamicArguments, an_object_is_the_only_argument_where_that_is_a_struct_without_a_name) {
  are(make(describe_method<void, Point>()), R"({"x": 1})", Point{1, 1.5});
  are(make(describe_method<void, Point>()), R"([{"x": 1, "y": 2}])", Point{1, 2});
  are(make(describe_method<void, Rx, Point>()), R"({"x": 1})", Point{1, 1.5});
  are(make(describe_method<void, Point>("at")), R"({"at": {"x": 1}})", Point{1, 1.5});
  are_refused(make(describe_method<void, Point>("at")), R"({"x": 1})", R"(there is no field "x" among "at")");
  are_refused(make(describe_method<void, int>()), R"({"x": 1})", "an array of 1 element is expected, not an object");
}

TEST(DynamicArguments, channels_are_left_out_and_reported) {
  const Transcoder transcoder = make(describe_method<void, int, Rx, Words>("a, numbers, words"));
  for (const std::string_view json : {R"([7, {"title": "t"}])", R"({"a": 7, "words": {"title": "t"}})"}) {
    const auto made = arguments(transcoder, json);
    ASSERT_TRUE(made) << made.error().note;
    EXPECT_EQ(made->bytes, to_postcard(std::tuple(7, std::string("t"))));
    ASSERT_THAT(made->channels, SizeIs(2));
    EXPECT_EQ(made->channels[0].direction, Direction::rx);
    EXPECT_EQ(made->channels[0].initial_credit, 16u);
    EXPECT_EQ(type_words(transcoder.description(), made->channels[0].item), "i32");
    EXPECT_EQ(made->channels[1].direction, Direction::tx);
    EXPECT_EQ(made->channels[1].initial_credit, 256u);
    EXPECT_EQ(type_words(transcoder.description(), made->channels[1].item), "text");
  }
  EXPECT_EQ(arguments(transcoder, R"([7, {"title": "t"}])")->channels[1].path, "$[2].out");
  EXPECT_EQ(arguments(transcoder, R"({"a": 7, "words": {"title": "t"}})")->channels[0].path, "$.numbers");
  are_refused(transcoder, R"({"a": 7, "numbers": null, "words": {"title": "t"}})", R"(there is no field "numbers")");
}

TEST(DynamicArguments, null_stands_for_a_channel_that_might_be_absent) {
  const Transcoder maybe = make(describe_method<void, std::optional<Rx>, std::variant<Stream, Point>>());
  EXPECT_THAT(arguments(maybe, R"([null, {"Point": {"x": 1}}])")->channels, IsEmpty());
  EXPECT_THAT(arguments(maybe, R"([{"some": null}, {"Point": {"x": 1}}])")->channels, SizeIs(1));
  const auto both = arguments(maybe, R"([{"some": null}, {"Stream": null}])");
  ASSERT_TRUE(both) << both.error().note;
  EXPECT_THAT(both->channels, SizeIs(2));
  EXPECT_EQ(both->bytes, (std::vector<std::uint8_t>{1, 0}));
}

TEST(DynamicArguments, bytes_are_read_as_what_would_be_written) {
  const Transcoder named = make(describe_method<void, int, Rx, Words>("a, numbers, words"));
  const MethodDescription& method = named.description().methods[0];
  const auto bytes = to_postcard(std::tuple(7, std::string("t")));
  const auto call = named.read_arguments(method, bytes);
  ASSERT_TRUE(call) << call.error().note;
  EXPECT_EQ(call->json, R"({"a":7,"words":{"title":"t"}})");
  ASSERT_THAT(call->channels, SizeIs(2));
  EXPECT_EQ(call->channels[0].path, "$.numbers");
  EXPECT_EQ(call->channels[0].initial_credit, 16u);
  EXPECT_EQ(call->channels[1].path, "$.words.out");
  EXPECT_EQ(arguments(named, call->json)->bytes, bytes);

  const Transcoder unnamed = make(describe_method<void, int, std::string>());
  const auto array = unnamed.read_arguments(unnamed.description().methods[0], bytes);
  ASSERT_TRUE(array) << array.error().note;
  EXPECT_EQ(array->json, R"([7,"t"])");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = unnamed.read_arguments(unnamed.description().methods[0], ByteView(bytes).first(size));
    EXPECT_EQ(cut.error().code, Code::response);
  }
}

TEST(Dynamic, what_is_nested_too_deeply_is_refused_in_both_directions) {
  const Transcoder transcoder = make(describe_method<Tree, Chain>());
  const std::uint32_t tree = transcoder.description().methods[0].result;
  const std::uint32_t chain = transcoder.description().methods[0].arguments[0].type;
  std::string json = R"({"children":[]})";
  for (int i = 0; i < 70; ++i) json = R"({"children":[)" + json + "]}";
  EXPECT_THAT(transcoder.to_postcard(tree, json).error().note, HasSubstr("nested too deeply"));
  EXPECT_THAT(transcoder.to_json(tree, std::vector<std::uint8_t>(70, 1)).error().note, HasSubstr("nested too deeply"));
  EXPECT_THAT(transcoder.to_json(chain, std::vector<std::uint8_t>(70, 1)).error().note, HasSubstr("nested too deeply"));
  std::vector<std::uint8_t> good(60, 1);
  good.push_back(0);
  EXPECT_TRUE(transcoder.to_json(chain, good));
}

TEST(Dynamic, what_takes_too_much_is_refused_in_both_directions) {
  DynamicOptions options;
  options.json.memory_max = 50'000;
  options.json.text_bytes_max = 3000;
  const Transcoder transcoder = make(describe_method<std::vector<Point>, std::vector<std::monostate>>(), options);
  const std::uint32_t points = transcoder.description().methods[0].result;
  const std::uint32_t units = transcoder.description().methods[0].arguments[0].type;
  EXPECT_THAT(transcoder.to_json(units, std::vector<std::uint8_t>{0xff, 0xff, 0x03}).error().note,
              HasSubstr("more memory"));
  EXPECT_THAT(transcoder.to_json(units, std::vector<std::uint8_t>{0xff, 0x1f}).error().note, HasSubstr("more memory"));
  std::string json;
  for (int i = 0; i < 300; ++i) json += (i == 0 ? "[" : ",") + std::string("{\"x\":1}");
  EXPECT_THAT(transcoder.to_postcard(points, json + "]").error().note, HasSubstr("more memory"));
  EXPECT_THAT(transcoder.to_postcard(points, std::string(4000, ' ')).error().note, HasSubstr("longer than the limit"));
}

TEST(Dynamic, a_huge_array_costs_nothing_before_it_is_there) {
  ServiceDescription description = describe_method<std::array<std::monostate, 3>>();
  TypeDescription& array = description.types[description.methods[0].result];
  array.count = DescriptionLimits::array_max;
  const Transcoder transcoder = make(description);
  EXPECT_THAT(transcoder.to_json(description.methods[0].result, {}).error().note, HasSubstr("more memory"));
  EXPECT_THAT(transcoder.to_postcard(description.methods[0].result, "[]").error().note, HasSubstr("more memory"));
}

TEST(Dynamic, a_default_that_is_none_is_refused) {
  const auto with_default = [](std::string text) {
    ServiceDescription description = describe_method<Point>();
    description.types[description.methods[0].result].parts[1].default_json = std::move(text);
    return Transcoder::make(std::move(description));
  };
  EXPECT_TRUE(with_default("3"));
  EXPECT_THAT(with_default("\"x\"").error().note, HasSubstr("the default of Point.y: at $: a number is expected"));
  EXPECT_THAT(with_default("").error().note, HasSubstr("the text is empty"));
  EXPECT_EQ(with_default("{").error().code, Code::response);
}

TEST(Dynamic, defaults_take_no_more_than_is_allowed) {
  ServiceDescription description = describe_method<std::vector<std::monostate>>();
  const std::uint32_t list = description.methods[0].result;
  TypeDescription many{.kind = DescribedKind::structure, .name = "Many"};
  std::string text = "[null";
  for (int i = 0; i < 10'000; ++i) text += ",null";
  for (int i = 0; i < 60; ++i) {
    many.parts.push_back({.name = "field" + std::to_string(i), .type = list, .default_json = text + "]"});
  }
  description.types.push_back(std::move(many));
  description.methods[0].result = static_cast<std::uint32_t>(description.types.size() - 1);
  EXPECT_THAT(Transcoder::make(description).error().note, HasSubstr("more memory than is allowed"));
}

TEST(Dynamic, a_default_leaves_out_no_default) {
  ServiceDescription description = describe_method<Tree>();
  description.types[description.methods[0].result].parts[0].default_json = "[{}]";
  EXPECT_THAT(Transcoder::make(description).error().note, HasSubstr("the field \"children\" is missing"));
}

TEST(Dynamic, a_description_that_is_none_makes_no_transcoder) {
  ServiceDescription description = describe_method<Point>();
  description.methods[0].result = 99;
  EXPECT_EQ(Transcoder::make(description).error().code, Code::response);
}

}  // namespace
}  // namespace parley::codec
