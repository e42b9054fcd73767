#include "codec/json_object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley::codec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(JsonObject, members_are_the_texts_that_they_were) {
  const auto object = JsonObject::parse(R"( {"a" : 1.50, "b":{"x":[1, "}"]} ,"c\n":"te\"xt","d":null} )");
  ASSERT_TRUE(object.has_value()) << to_string(object.error());
  ASSERT_EQ(object->members().size(), 4u);
  EXPECT_EQ(*object->find("a"), "1.50");
  EXPECT_EQ(*object->find("b"), R"({"x":[1, "}"]})");
  EXPECT_EQ(*object->find("c\n"), R"("te\"xt")");
  EXPECT_EQ(*object->find("d"), "null");
  EXPECT_EQ(object->find("e"), nullptr);
  EXPECT_TRUE(JsonObject::parse("{}").value().members().empty());
}

TEST(JsonObject, what_is_no_object_is_refused_and_said_where) {
  for (const char* text :
       {"", "[]", "1", "null", "{", R"({"a":1}x)", R"({"a":1,})", "{\"a\":\"\xff\"}", R"({"a":01})"}) {
    const auto object = JsonObject::parse(text);
    ASSERT_FALSE(object.has_value()) << text;
    EXPECT_EQ(object.error().code, Code::json) << text;
  }
  EXPECT_THAT(JsonObject::parse("{\n \"a\" 1}").error().note, HasSubstr("line 2, column 6"));
}

TEST(JsonObject, a_key_twice_is_refused_among_few_and_among_many) {
  EXPECT_THAT(JsonObject::parse(R"({"a":1,"\u0061":2})").error().note, HasSubstr("\"a\""));
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_TRUE(JsonObject::parse(many + "\"last\":0}").has_value());
  EXPECT_FALSE(JsonObject::parse(many + "\"k50\":0}").has_value());
}

TEST(JsonObject, nesting_is_bounded) {
  EXPECT_TRUE(JsonObject::parse(R"({"a":[[1]]})", 3).has_value());
  EXPECT_THAT(JsonObject::parse(R"({"a":[[1]]})", 2).error().note, HasSubstr("nested deeper than 2 levels"));
  const std::string deep = R"({"a":)" + std::string(1'000'000, '[');
  EXPECT_FALSE(JsonObject::parse(deep).has_value());
}

TEST(JsonObject, kinds_elements_and_strings_of_what_was_checked) {
  EXPECT_EQ(json_kind("null"), JsonKind::null);
  EXPECT_EQ(json_kind("true"), JsonKind::boolean);
  EXPECT_EQ(json_kind("-1"), JsonKind::number);
  EXPECT_EQ(json_kind("\"\""), JsonKind::string);
  EXPECT_EQ(json_kind("[]"), JsonKind::array);
  EXPECT_EQ(json_kind("{}"), JsonKind::object);
  EXPECT_THAT(json_elements(R"([1, "a,]" ,[2,3],{}])"), ElementsAre("1", R"("a,]")", "[2,3]", "{}"));
  EXPECT_TRUE(json_elements("[ ]").empty());
  EXPECT_EQ(json_string(R"("a\u00e9\n\"")"), "aé\n\"");
}

TEST(JsonObject, a_compact_value_has_no_blanks_but_those_of_its_strings) {
  std::string out = "x";
  append_compact(out, "{ \"a b\" :\n [ 1 ,\t\"c \\\" d\" ] }\r\n");
  EXPECT_EQ(out, R"(x{"a b":[1,"c \" d"]})");
}

}  // namespace
}  // namespace parley::codec
