#include "codec/json_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "base/bytes.h"
#include "base/prng.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

using End = JsonParse::End;

// Writes down what it is told and stops at the token asked for.
class Log final : public JsonEvents {
 public:
  explicit Log(std::size_t tokens_max = static_cast<std::size_t>(-1)) : left_(tokens_max) {}

  bool on_null() override { return add("null"); }
  bool on_bool(bool value) override { return add(value ? "true" : "false"); }
  bool on_number(std::string_view number) override { return add(std::string(number)); }
  bool on_string(std::string_view text) override { return add("'" + std::string(text) + "'"); }
  bool on_array_begin() override { return add("["); }
  bool on_array_end() override { return add("]"); }
  bool on_object_begin() override { return add("{"); }
  bool on_key(std::string_view key) override { return add("'" + std::string(key) + "':"); }
  bool on_object_end() override { return add("}"); }

  const std::string& tokens() const { return tokens_; }

 private:
  bool add(const std::string& token) {
    tokens_ += tokens_.empty() ? token : " " + token;
    return left_-- > 1;
  }
  std::string tokens_;
  std::size_t left_;
};

std::string events_of(std::string_view text) {
  Log log;
  const JsonParse parse = parse_json(text, log, 8);
  EXPECT_EQ(parse.end, End::finished) << text;
  return log.tokens();
}
End end_of(std::string_view text) {
  Log log;
  return parse_json(text, log, 8).end;
}

TEST(JsonParser, tells_of_each_token_once_and_in_order) {
  EXPECT_EQ(events_of(" {\"a\" : [1, -2.50e+1, null] ,\"b\\n\":{}, \"\":[true,false,\"x\"]}\n"),
            "{ 'a': [ 1 -2.50e+1 null ] 'b\n': { } '': [ true false 'x' ] }");
  EXPECT_EQ(events_of("123456789012345678901234567890.000"), "123456789012345678901234567890.000");
  EXPECT_EQ(events_of("[0, 18446744073709551615, -9223372036854775808, 1e5]"),
            "[ 0 18446744073709551615 -9223372036854775808 1e5 ]");
}

TEST(JsonParser, strings_are_unescaped) {
  EXPECT_EQ(events_of(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00")"),
            "'\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'");
}

// The library unescapes through a buffer of fixed size; strings longer than that come in parts.
RC_GTEST_PROP(JsonParser, long_strings_come_whole, (std::uint64_t seed)) {
  Prng prng(seed);
  std::string plain;
  std::string escaped;
  for (std::size_t left = 3000 + prng.below(7000); left > 0; --left) {
    const auto number = static_cast<char32_t>(prng.below(0x110000) >> prng.below(17));
    std::uint8_t bytes[scalar_bytes_max];
    const std::uint8_t* const end = put_scalar(bytes, is_scalar(number) ? number : U'x');
    const std::string_view letter = as_text({bytes, static_cast<std::size_t>(end - bytes)});
    plain += letter;
    if (number < 0x800 && prng.chance(200)) {
      escaped += "\\u0";
      for (const int shift : {8, 4, 0}) escaped += "0123456789aBcDeF"[number >> shift & 15];
    } else {
      std::string quoted;
      put_quoted(quoted, letter);
      escaped.append(quoted, 1, quoted.size() - 2);
    }
  }
  RC_ASSERT(events_of("{\"" + escaped + "\":\"" + escaped + "\"}") == "{ '" + plain + "': '" + plain + "' }");
}

TEST(JsonParser, what_is_no_json_is_refused_with_the_reason) {
  for (const std::string_view text : {"", " ", "[", "[1", "[1,", "{\"a\"", "{\"a\":", "{\"a\":1", "\"abc", "\"\\",
                                      "\"\\u12", "nul", "-", "1.", "1e", "\"\\ud83d", "\"\xc3"}) {
    EXPECT_EQ(end_of(text), End::cut_off) << text;
  }
  for (const std::string_view text : {"]",
                                      "[1,]",
                                      "[1 2]",
                                      "[,1]",
                                      "{1:2}",
                                      "{\"a\" 1}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "'a'",
                                      "nulL",
                                      "True",
                                      "+1",
                                      ".5",
                                      "1.e5",
                                      "1e+a",
                                      "NaN",
                                      "-Infinity",
                                      "// c\n1",
                                      "/* c */1",
                                      "\"a\nb\"",
                                      "\"\\x\"",
                                      "\xef\xbb\xbf 1",
                                      "\"\xff\"",
                                      "\"\xc0\xaf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf5\x80\x80\x80\"",
                                      "\"\xe2\x82\" ]"}) {
    EXPECT_EQ(end_of(text), End::unexpected) << text;
  }
  for (const std::string_view text : {"\"\\u12x4    \"", "\"\\udc00 and more \"", "\"\\ud83d\\u0041 and more\""}) {
    EXPECT_EQ(end_of(text), End::escape) << text;
  }
  for (const std::string_view text : {"1 2", "{} {}", "null,", "01", "1}", "\"a\"x"}) {
    EXPECT_EQ(end_of(text), End::left_over) << text;
  }
  EXPECT_EQ(end_of("1e2147483648"), End::exponent);
  EXPECT_EQ(end_of("[[[[[[[[]]]]]]]]"), End::finished);
  EXPECT_EQ(end_of("[[[[[[[[[]]]]]]]]]"), End::depth);
  EXPECT_EQ(end_of("[[[[[[[[{}]]]]]]]]"), End::depth);
}

TEST(JsonParser, says_where_the_token_begins_that_stopped_it) {
  const std::string_view text = "{\"a\\\"]\": [12, \"b\\\\\", null] , \"c\":{} }";
  const std::size_t begins[] = {0, 1, 9, 10, 14, 21, 25, 29, 33, 34, 36};
  for (std::size_t i = 0; i < std::size(begins); ++i) {
    Log log(i + 1);
    const JsonParse parse = parse_json(text, log, 8);
    EXPECT_EQ(parse.end, End::stopped);
    EXPECT_EQ(parse.at, begins[i]) << i;
  }
}

TEST(JsonParser, lines_and_columns_count_characters_from_one) {
  const std::string_view text = "[\n \"\xc3\xa9\xe2\x82\xac\",x";
  Log log;
  const JsonParse parse = parse_json(text, log, 8);
  EXPECT_EQ(parse.end, End::unexpected);
  const JsonPosition position = position_in(text, parse.at);
  EXPECT_EQ(position.line, 2u);
  EXPECT_EQ(position.column, 7u);
  EXPECT_EQ(position_in(text, 0).line, 1u);
  EXPECT_EQ(position_in(text, 0).column, 1u);
}

}  // namespace
}  // namespace parley::codec
