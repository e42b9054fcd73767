#include "cli/schema_flags.h"

#include <gtest/gtest.h>

namespace parley::cli {
namespace {

constexpr std::string_view schema = R"({"type":"object","properties":{
  "a":{"type":["integer","string"],"pattern":"^[0-9]+$","description":"The first."},
  "text":{"type":"string"},
  "ratio":{"anyOf":[{"type":"number"},{"enum":["NaN","Infinity"]}],"default":0.5},
  "dry_run":{"type":"boolean","default":false},
  "tags":{"type":"array","items":{"type":"string"}},
  "speed":{"enum":["fast","slow"]},
  "who":{"anyOf":[{"$ref":"#/$defs/Who"},{"type":"null"}]},
  "count":{"type":["integer","null"]}},
 "required":["a"],"additionalProperties":false,"$defs":{"Who":{"type":"object"}}})";

std::string request(std::vector<std::string> words, std::string_view json = {}) {
  auto made = SchemaFlags(schema).request(json, words);
  return made ? *made : "mistake: " + made.error().line;
}
std::string hint(std::vector<std::string> words, std::string_view json = {}) {
  auto made = SchemaFlags(schema).request(json, words);
  return made ? "no mistake" : made.error().hint;
}

TEST(SchemaFlags, words_become_the_values_that_the_schema_takes) {
  EXPECT_EQ(request({"--a", "2"}), R"({"a":2})");
  EXPECT_EQ(request({"--a=2", "--text", "2", "--speed", "fast"}), R"({"a":2,"text":"2","speed":"fast"})");
  EXPECT_EQ(request({"--a", "2", "--text=--a"}), R"({"a":2,"text":"--a"})");
  EXPECT_EQ(request({"--a", "2", "--ratio", "-1.5", "--count", "null"}), R"({"a":2,"ratio":-1.5,"count":null})");
  EXPECT_EQ(request({"--a", "2", "--tags", R"([ "x", "y" ])"}), R"({"a":2,"tags":["x","y"]})");
  EXPECT_EQ(request({"--a", "2", "--who", R"({"name":"me"})"}), R"({"a":2,"who":{"name":"me"}})");
  EXPECT_EQ(request({"--a", "2", "--ratio", "NaN"}), R"({"a":2,"ratio":"NaN"})");
}

TEST(SchemaFlags, an_integer_that_a_double_would_lose_is_a_text) {
  EXPECT_EQ(request({"--a", "9007199254740993"}), R"({"a":"9007199254740993"})");
}

TEST(SchemaFlags, a_switch_stands_alone_and_has_a_no) {
  EXPECT_EQ(request({"--dry_run", "--a", "1"}), R"({"dry_run":true,"a":1})");
  EXPECT_EQ(request({"--a", "1", "--no-dry_run"}), R"({"a":1,"dry_run":false})");
  EXPECT_EQ(request({"--a", "1", "--dry-run"}), R"({"a":1,"dry_run":true})");
  EXPECT_EQ(request({"--a", "1", "--no-dry-run"}), R"({"a":1,"dry_run":false})");
  EXPECT_EQ(request({"--dry_run=false", "--a", "1"}), R"({"dry_run":false,"a":1})");
  EXPECT_EQ(request({"--dry_run", "true", "--a", "1"}), R"({"dry_run":true,"a":1})");
  EXPECT_EQ(request({"--dry_run=yes"}), "mistake: --dry_run takes true or false, not \"yes\"");
}

TEST(SchemaFlags, flags_count_more_than_the_object_that_they_complete) {
  EXPECT_EQ(request({"--text", "new"}, R"({"text": "old", "a": 1})"), R"({"text":"new","a":1})");
  EXPECT_EQ(request({}, R"( {"a" : [1, 2]} )"), R"({"a":[1,2]})");
}

TEST(SchemaFlags, mistakes_say_what_was_meant) {
  EXPECT_EQ(request({"--a", "two"}), "mistake: --a takes an integer, not \"two\"");
  EXPECT_EQ(request({"--txt", "x"}), "mistake: there is no flag --txt");
  EXPECT_EQ(hint({"--txt", "x"}), "did you mean --text?");
  EXPECT_EQ(hint({"--qqqqqqqq", "x"}), "there is --a, --text, --ratio, --dry_run, --tags, --speed, --who, --count");
  EXPECT_EQ(request({"--text", "x"}), "mistake: --a (integer) is missing");
  EXPECT_EQ(request({"--a"}), "mistake: --a has no value: it takes an integer");
  EXPECT_EQ(request({"--text", "--a", "2"}), "mistake: --text has no value: it takes text");
  EXPECT_EQ(request({"--a", "1", "2"}), "mistake: \"2\" belongs to no flag");
  EXPECT_EQ(request({"--a", "1", "--a", "2"}), "mistake: --a is said twice");
  EXPECT_EQ(request({"--a", "1", "--tags", "x"}), "mistake: --tags takes a list as JSON, not \"x\"");
  EXPECT_EQ(hint({"--a", "1", "--tags", "x"}), R"(in quotes: --tags '["one", "two"]')");
  EXPECT_EQ(request({}, "[1, 2]"), "mistake: the arguments of a command are an object, each by its name");
  EXPECT_TRUE(request({}, "{\"a\"").starts_with("mistake: the arguments: "));
}

TEST(SchemaFlags, a_flag_knows_what_its_schema_says_of_it) {
  const SchemaFlags flags(schema);
  ASSERT_EQ(flags.all().size(), 8u);
  EXPECT_EQ(flags.find("a")->description, "The first.");
  EXPECT_TRUE(flags.find("a")->is_required);
  EXPECT_FALSE(flags.find("text")->is_required);
  EXPECT_EQ(flags.find("ratio")->type, "number");
  EXPECT_EQ(flags.find("ratio")->default_json, "0.5");
  EXPECT_EQ(flags.find("speed")->type, "fast|slow");
  EXPECT_EQ(flags.find("who")->type, "object as JSON");
  EXPECT_EQ(flags.find("count")->placeholder(), "INTEGER");
  EXPECT_EQ(flags.find("zzz"), nullptr);
}

TEST(SchemaFlags, of_a_schema_that_says_nothing_any_flag_is_taken) {
  for (const std::string_view silent : {"", "{}", "true", R"({"type":"object"})", "{", R"({"$ref":"#"})"}) {
    const SchemaFlags flags(silent);
    EXPECT_FALSE(flags.is_known()) << silent;
    const std::vector<std::string> words = {"--n", "2", "--text", "two", "--all"};
    EXPECT_EQ(flags.request("", words).value(), R"({"n":2,"text":"two","all":true})") << silent;
    EXPECT_EQ(flags.request("", {}).value(), "") << silent;
  }
}

TEST(SchemaFlags, a_command_without_arguments_takes_none) {
  const std::vector<std::string> words = {"--n", "2"};
  for (const std::string_view none : {R"({"type":"null"})", R"({"type":"object","additionalProperties":false})"}) {
    const auto made = SchemaFlags(none).request("", words);
    ASSERT_FALSE(made) << none;
    EXPECT_EQ(made.error().hint, "the command takes no arguments");
  }
}

}  // namespace
}  // namespace parley::cli
