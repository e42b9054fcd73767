#include "wire/opening_object.h"

#include <string>

#include <gtest/gtest.h>

namespace parley::wire {
namespace {

Opening answer_to(std::string_view text) {
  OpeningObject object;
  for (const char letter : text) object.take(static_cast<std::uint8_t>(letter));
  return object.answer();
}

TEST(OpeningObject, the_keys_name_the_protocol) {
  EXPECT_EQ(answer_to(R"({"type":)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"jsonrpc":)"), Opening::mcp);
  EXPECT_EQ(answer_to(R"({"kind":)"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"event":)"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"cmd":)"), Opening::hostpipe);
}

TEST(OpeningObject, a_key_counts_when_its_colon_has_come) {
  EXPECT_EQ(answer_to(R"({"type)"), Opening::undecided);
  EXPECT_EQ(answer_to(R"({"type")"), Opening::undecided);
  EXPECT_EQ(answer_to("{ \"type\" \r\n\t:"), Opening::command);
  EXPECT_EQ(answer_to(R"({"type",)"), Opening::unknown);
  EXPECT_EQ(answer_to(R"({"type"})"), Opening::unknown);
}

TEST(OpeningObject, the_first_of_the_keys_decides) {
  EXPECT_EQ(answer_to(R"({"jsonrpc":"2.0","type":"event"})"), Opening::mcp);
  EXPECT_EQ(answer_to(R"({"type":"event","jsonrpc":"2.0"})"), Opening::command);
  EXPECT_EQ(answer_to(R"({"event":"x","type":"event"})"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"id":"1","type":"event","kind":"event"})"), Opening::command);
}

TEST(OpeningObject, keys_inside_of_values_do_not_count) {
  EXPECT_EQ(answer_to(R"({"params":{"type":1,"kind":{"cmd":2}},"jsonrpc":"2.0"})"), Opening::mcp);
  EXPECT_EQ(answer_to(R"({"list":[{"type":1},["kind",{"event":[]}],7],"cmd":1})"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"a":{"type":1}})"), Opening::unknown);
  EXPECT_EQ(answer_to(R"({"a":{"type":1)"), Opening::undecided);
  EXPECT_EQ(answer_to(R"({"a":"type","b":"\"type\":","jsonrpc":1)"), Opening::mcp);
}

TEST(OpeningObject, brackets_quotes_and_backslashes_in_strings_are_text) {
  EXPECT_EQ(answer_to(R"({"a":"}","type":1)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"a":["]}","\"]"],"type":1)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"a":"\\","type":1)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"a":{"b":"\\\""},"type":1)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"a\"":{},"type":1)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"a":"\"type":1)"), Opening::unknown);
  EXPECT_EQ(answer_to(R"({"a":"\u0022","type":1)"), Opening::command);
}

TEST(OpeningObject, keys_are_compared_as_they_read) {
  EXPECT_EQ(answer_to(R"({"\u0074ype":1)"), Opening::command);
  EXPECT_EQ(answer_to(R"({"\u0063\u006D\u0064":1)"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"\u0174ype":1,"cmd":1)"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"\\type":1,"cmd":1)"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"t\/ype":1,"cmd":1)"), Opening::hostpipe);
  EXPECT_EQ(answer_to("{\"typ\xc3\xa9\":1,\"cmd\":1"), Opening::hostpipe);
  EXPECT_EQ(answer_to(R"({"\u00g4ype":1)"), Opening::unknown);
  EXPECT_EQ(answer_to(R"({"\x74ype":1)"), Opening::unknown);
}

TEST(OpeningObject, keys_that_only_begin_or_end_alike_are_others) {
  for (const std::string key : {"", "t", "typ", "types", "Type", "TYPE", "jsonrp", "jsonrpc2", "jsonrpcjsonrpc",
                                "kinds", "events", "eventId", "cm", "cmds", "command", "commandId"}) {
    EXPECT_EQ(answer_to("{\"" + key + "\":1"), Opening::undecided) << key;
    EXPECT_EQ(answer_to("{\"" + key + "\":1}"), Opening::unknown) << key;
    EXPECT_EQ(answer_to("{\"" + key + "\":1,\"cmd\":"), Opening::hostpipe) << key;
  }
  const std::string endless = "{\"" + std::string(300, 'x') + "type\":1,\"jsonrpc\":";
  EXPECT_EQ(answer_to(endless), Opening::mcp);
}

TEST(OpeningObject, every_sort_of_value_is_skipped) {
  for (const std::string value : {"1", "-0.5e+9", "true", "false", "null", "\"\"", "[]", "{}", "[[],[]]", "{\"a\":{}}",
                                  " 1 ", " [ 1 , 2 ] ", "\n\"x\"\t", "\"\xc3\xa9\x7f\""}) {
    EXPECT_EQ(answer_to("{\"id\":" + value + ",\"type\":"), Opening::command) << value;
    EXPECT_EQ(answer_to("{\"id\":" + value + "}"), Opening::unknown) << value;
  }
}

TEST(OpeningObject, what_is_no_object_is_refused_where_that_is_seen) {
  for (const std::string_view text : {"x",
                                      " ",
                                      "[",
                                      "\"",
                                      "{}",
                                      "{ }",
                                      "{x",
                                      "{:",
                                      "{,",
                                      "{1",
                                      "{'",
                                      "{\"a\":}",
                                      "{\"a\":,",
                                      "{\"a\"::",
                                      "{\"a\":1 2",
                                      "{\"a\":1\"",
                                      "{\"a\":[]]",
                                      "{\"a\":{}1",
                                      "{\"a\":\"\"\"",
                                      "{\"a\":1,}",
                                      "{\"a\":1,,",
                                      "{\"a\":\"\n",
                                      "{\"a\n",
                                      "{\"a\":[\x01",
                                      "{\"a\":[\x7f",
                                      "{\"a\":[\xc3",
                                      "{\"a\":\"\\x",
                                      "{\"a\":N"}) {
    EXPECT_EQ(answer_to(text), Opening::unknown) << text;
    EXPECT_EQ(answer_to(text.substr(0, text.size() - 1)), Opening::undecided) << text;
  }
}

TEST(OpeningObject, its_values_may_be_nested_as_deep_as_they_like) {
  const std::string deep(50000, '[');
  EXPECT_EQ(answer_to("{\"a\":" + deep), Opening::undecided);
  EXPECT_EQ(answer_to("{\"a\":" + deep + std::string(50000, ']') + ",\"type\":"), Opening::command);
}

}  // namespace
}  // namespace parley::wire
