#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/instant.h"
#include "codec/fields_macro.h"
#include "codec/golden_suite.h"
#include "codec/json.h"

// What people read when a text does not fit its type: every way there is, in tests/golden/json_errors.txt.
namespace parley::codec {
namespace {

struct Circle {
  double radius = 0;
};
struct Label {
  std::string _0;
};
struct Range {
  std::int32_t _0 = 0;
  std::int32_t _1 = 0;
};
struct Nothing {};
using Shape = std::variant<Circle, Label, Range, Nothing>;
enum class Color { red, green, blue };
enum class Only { one };
enum class Many { a, b, c, d, e, f, g, h, i, j, k, l };
struct Person {
  std::string name;
  std::uint8_t age = 0;
  std::optional<std::string> email;
};
struct Canvas {
  std::vector<Shape> shapes;
  std::map<std::string, Person> people;
};
struct Tree {
  std::vector<Tree> children;
};

class Notes {
 public:
  template <class T>
  void add(std::string_view text, JsonOptions options = {}) {
    const Result<T> read = from_json<T>(text, options);
    EXPECT_FALSE(read) << text;
    if (read) return;
    EXPECT_EQ(read.error().code, Code::json) << text;
    for (const char letter : text.substr(0, 100)) {
      const bool is_plain = letter >= ' ' && letter < 0x7f;
      if (is_plain) all_ += letter;
      if (!is_plain) all_ += letter == '\n' ? "\\n" : "\\?";
    }
    if (text.size() > 100) all_ += "...";
    all_ += "\n    " + read.error().note + "\n";
  }
  template <class T>
  void add_all(std::string_view title, std::initializer_list<std::string_view> texts) {
    all_ += "\n" + std::string(title) + "\n\n";
    for (const std::string_view text : texts) add<T>(text);
  }
  void title(std::string_view title) { all_ += "\n" + std::string(title) + "\n\n"; }

  const std::string& all() const { return all_; }

 private:
  std::string all_;
};

void add_scalars(Notes& notes) {
  notes.add_all<bool>("-- bool", {"1", "\"true\"", "null", "[]", "{}"});
  notes.add_all<std::uint8_t>("-- std::uint8_t", {"256", "-1", "1.5", "1e3", "\"5\"", "true", "null", "[]", "{}"});
  notes.add_all<std::int8_t>("-- std::int8_t", {"128", "-129"});
  notes.add_all<std::int16_t>("-- std::int16_t", {"32768"});
  notes.add_all<std::int32_t>("-- std::int32_t", {"2147483648", "-2147483649", "1e999999999", "1e-1"});
  notes.add_all<std::int64_t>("-- std::int64_t",
                              {"9223372036854775808", "\"-9223372036854775809\"", "\"05\"", "\"\"", "\"five\"", "0.5"});
  notes.add_all<std::uint64_t>("-- std::uint64_t", {"18446744073709551616", "\"-1\""});
  notes.add_all<__int128>("-- __int128", {"170141183460469231731687303715884105728", "1e40"});
  notes.add_all<unsigned __int128>("-- unsigned __int128", {"340282366920938463463374607431768211456"});
  notes.add_all<double>("-- double", {"\"big\"", "\"nan\"", "1e400", "-1e309", "true", "null", "[1]", "{}"});
  notes.add_all<float>("-- float", {"1e39", "3.5e38", "\"inf\""});
  notes.add_all<char32_t>("-- char32_t", {"\"\"", "\"ab\"", "65"});
  notes.add_all<std::string>("-- std::string", {"5", "null", "false", "[\"a\"]"});
  notes.add_all<std::vector<std::uint8_t>>("-- bytes", {"\"AQI\"", "\"AQ=\"", "\"AR==\"", "\"A_==\"", "[1,2]"});
  notes.add_all<Duration>("-- Duration", {"\"1.5\"", "\"1.5 s\"", "1500", "\"0.1ns\"", "\"300000000h\"", "\"1h30m\""});
  notes.add_all<Color>("-- enum class Color", {"\"gren\"", "\"Red\"", "\"purple\"", "0", "{\"red\":{}}"});
  notes.add_all<Only>("-- an enum of one", {"\"two\""});
  notes.add_all<Many>("-- an enum of many", {"\"zebra\""});
  notes.add_all<std::monostate>("-- std::monostate", {"{}", "0", "\"\""});
  notes.add_all<Nothing>("-- a struct without fields", {"null", "[]", "{\"a\":1}"});
}

void add_containers(Notes& notes) {
  notes.add_all<std::optional<std::int32_t>>("-- std::optional<std::int32_t>", {"\"a\"", "{\"some\":1}"});
  notes.add_all<std::optional<std::optional<std::int32_t>>>(
      "-- std::optional<std::optional<std::int32_t>>",
      {"5", "\"some\"", "{}", "{\"none\":1}", "{\"some\":\"a\"}", "{\"some\":1,\"some\":2}", "[1]"});
  notes.add_all<std::vector<std::int32_t>>("-- std::vector<std::int32_t>",
                                           {"{}", "1", "\"a\"", "null", "true", "[1,\"a\"]", "[1,2,[]]"});
  notes.add_all<std::vector<bool>>("-- std::vector<bool>", {"[true,0]"});
  notes.add_all<std::set<std::string>>("-- std::set<std::string>", {"[\"a\",\"b\",\"a\"]", "[1]"});
  notes.add_all<std::array<std::int32_t, 3>>("-- std::array<std::int32_t, 3>",
                                             {"[1,2]", "[1,2,3,4]", "[]", "[1,2,{}]", "null"});
  notes.add_all<std::tuple<std::int32_t, std::string>>("-- std::tuple<std::int32_t, std::string>",
                                                       {"[1]", "[1,\"a\",null]", "[\"a\",1]", "{}"});
  notes.add_all<std::tuple<bool>>("-- std::tuple<bool>", {"[]"});
  notes.add_all<Range>("-- a struct of positions", {"[1]", "{\"_0\":1,\"_1\":2}"});
  notes.add_all<std::map<std::string, std::int32_t>>(
      "-- std::map<std::string, std::int32_t>",
      {"[]", "{\"a\":\"b\"}", "{\"a b\":{}}", "{\"\":true}", "{\"a\":1,\"b\":2,\"\\u0061\":3}",
       "{\"a very long key, which nobody wants to read whole in a line\":null}"});
  notes.add_all<std::map<std::int8_t, bool>>(
      "-- std::map<std::int8_t, bool>",
      {"{\"128\":true}", "{\"a\":true}", "{\"1.0\":true}", "{\"5\":0}", "{\"5\":true,\"5\":true}"});
  notes.add_all<std::map<Color, bool>>("-- std::map<Color, bool>", {"{\"blu\":true}", "{\"blue\":1}"});
  notes.add_all<std::map<double, std::string>>(
      "-- std::map<double, std::string>", {"{\"1\":\"a\"}", "[1]", "[null]", "[{}]", "[[1]]", "[[]]", "[[1,\"a\",2]]",
                                           "[[\"a\",1]]", "[[1,2]]", "[[1,\"a\"],\n [1,\"b\"]]"});
  notes.add_all<std::shared_ptr<bool>>("-- std::shared_ptr<bool>", {"null"});
}

void add_structures(Notes& notes) {
  notes.add_all<Person>("-- struct Person { name, age, optional email }",
                        {"{}", "{\"name\":\"a\"}", "{\"name\":\"a\",\"agee\":5}", "{\"name\":\"a\",\"phone\":5}",
                         "{\"name\":\"a\",\"name\":\"b\"}", "{\"name\":\"a\",\"age\":300}", "[\"a\",5]", "\"a\"",
                         "{\"name\":\"a\",\"age\":5,\"email\":{}}", "{\"name\":null,\"age\":5}"});
  notes.add_all<Shape>("-- std::variant<Circle, Label, Range, Nothing>",
                       {"\"Nothin\"", "\"Circle\"", "{\"Nothing\":{}}", "{}", "{\"circle\":{}}", "{\"Square\":{}}",
                        "null", "{\"Circle\":{\"radius\":1},\"Label\":\"a\"}", "{\"Circle\":{}}", "{\"Circle\":1}",
                        "{\"Label\":{\"_0\":\"a\"}}", "{\"Range\":[1,\"a\"]}", "5", "[]"});
  notes.add_all<Either<std::int32_t, Color>>("-- Either<std::int32_t, Color>",
                                             {"5", "{\"ok\":\"a\"}", "{\"error\":\"a\"}", "{\"err\":\"red\"}", "{}",
                                              "{\"ok\":1,\"error\":\"red\"}", "\"ok\""});
  notes.add_all<Either<void, Nothing>>("-- Either<void, Nothing>", {"{\"ok\":{}}", "\"error\""});
  notes.add_all<Canvas>("-- struct Canvas { list of shapes, map of people }",
                        {"{\"shapes\":[\"Nothing\",{\"Label\":\"a\"},{\"Circle\":{\"radius\":\"big\"}}],\"people\":{}}",
                         "{\n  \"shapes\": [],\n  \"people\": {\"a\": {\"name\": \"b\", \"age\": 1},\n"
                         "    \"Ann Lee\": {\"name\": \"\xc3\xa9\", \"age\": -1}}\n}",
                         "{\"shapes\":[],\"people\":{\"a\":{\"name\":\"b\"}}}"});
}

void add_texts(Notes& notes) {
  notes.add_all<std::vector<Person>>("-- what is not JSON", {"",
                                                             " \n",
                                                             "[",
                                                             "[{\"name\":\"a",
                                                             "[{\"name\":",
                                                             "[{\"name\" \"a\"}]",
                                                             "[{name:\"a\"}]",
                                                             "[{'name':'a'}]",
                                                             "[{\"name\":\"a\",}]",
                                                             "[,]",
                                                             "[] []",
                                                             "[]x",
                                                             "]",
                                                             "[nul]",
                                                             "[{\"name\":\"a\nb\"}]",
                                                             "[{\"name\":\"a\tb\"}]",
                                                             "[{\"name\":\"\xff\"}]",
                                                             "[{\"name\":\"\\x\"}]",
                                                             "[{\"name\":\"\\u12g4\"}]",
                                                             "[{\"name\":\"\\ud800\", \"age\":5}]",
                                                             "[{\"name\":\"\\udc00 and so on\"}]",
                                                             "[{\"age\":1e99999999999}]",
                                                             "[{\"age\":01}]",
                                                             "[{\"age\":+1}]",
                                                             "[{\"age\":1.}]",
                                                             "[{\"age\":NaN}]",
                                                             "// comment",
                                                             "\xef\xbb\xbf[]",
                                                             "[\xc3\xa9]",
                                                             "[\x01]"});

  notes.title("-- limits");
  notes.add<std::vector<std::int32_t>>("[1,2,3,4]", {.text_bytes_max = 8});
  notes.add<Tree>("{\"children\":[{\"children\":[]}]}", {.depth_max = 3});
  notes.add<std::vector<std::array<double, 100>>>("[[1.5,\"a\"]]", {.memory_max = 799});
  notes.add<std::map<std::string, bool>>("{\"a\":true,\"b\":false}", {.memory_max = 150});
  notes.add<std::map<double, bool>>("[[1,true],[2,false]]", {.memory_max = 100});
  notes.add<std::vector<std::unique_ptr<Circle>>>("[{\"radius\":1},{\"radius\":2}]", {.memory_max = 100});
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "{\"children\":[";
  notes.add<Tree>(deep);
}

TEST(JsonErrors, say_where_in_value_and_text_what_is_expected_and_what_is_there) {
  Notes notes;
  add_scalars(notes);
  add_containers(notes);
  add_structures(notes);
  add_texts(notes);
  expect_golden("json_errors.txt", notes.all());
}

TEST(JsonErrors, of_the_limits_do_not_touch_what_is_within) {
  EXPECT_TRUE(from_json<std::vector<std::int32_t>>("[1,2,3]", {.text_bytes_max = 7}));
  EXPECT_TRUE(from_json<Tree>("{\"children\":[{\"children\":[]}]}", {.depth_max = 4}));
  EXPECT_TRUE((from_json<std::vector<std::array<double, 1>>>("[[1.5]]", {.memory_max = 8})));
}

}  // namespace
}  // namespace parley::codec
