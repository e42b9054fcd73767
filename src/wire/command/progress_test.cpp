#include "wire/command/progress.h"

#include <gtest/gtest.h>

#include <limits>

namespace parley::wire::command {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

HowFar how_far_of(std::string_view content) {
  const auto read = read_progress(content);
  const auto* const how_far = read ? std::get_if<HowFar>(&*read) : nullptr;
  EXPECT_NE(how_far, nullptr) << content;
  return how_far ? *how_far : HowFar();
}

TEST(CommandProgress, it_says_how_far_a_command_is) {
  EXPECT_EQ(encode(HowFar{.done = 1, .total = 2.5, .message = "half \"way\""}),
            R"({"progress":1,"total":2.5,"message":"half \"way\""})");
  EXPECT_EQ(encode(HowFar{.done = 0.5, .total = {}, .message = {}}), R"({"progress":0.5})");
  const HowFar all = how_far_of(R"({"message":"half","progress":1.5, "total":3})");
  EXPECT_EQ(all.done, 1.5);
  EXPECT_EQ(all.total, 3);
  EXPECT_EQ(all.message, "half");
  EXPECT_EQ(how_far_of(R"({"progress":1e2})").total, std::nullopt);
}

TEST(CommandProgress, or_a_part_of_its_result) {
  EXPECT_EQ(encode(PartialResult{"[1]"}), R"({"partial":[1]})");
  const auto read = read_progress(R"({"partial": {"a":null} ,"progress":1})");
  ASSERT_TRUE(read);
  EXPECT_EQ(std::get<PartialResult>(*read).json, R"({"a":null})");
}

TEST(CommandProgress, what_json_cannot_say_is_not_said) {
  EXPECT_EQ(encode(HowFar{.done = infinity, .total = {}, .message = "m"}), "");
  EXPECT_EQ(encode(HowFar{.done = 1, .total = infinity, .message = "\xff"}),
            "{\"progress\":1,\"message\":\"\xef\xbf\xbd\"}");
}

TEST(CommandProgress, what_does_not_fit_is_as_if_it_were_not_there) {
  for (const char* content : {"", "1", "[]", "{}", "{", R"({"progress":"1"})", R"({"progress":1e999})",
                              R"({"progress":null,"total":1})", R"({"progress":1,"progress":2})"}) {
    EXPECT_FALSE(read_progress(content)) << content;
  }
  const HowFar odd = how_far_of(R"({"progress":1,"total":"2","message":3,"more":4})");
  EXPECT_EQ(odd.total, std::nullopt);
  EXPECT_EQ(odd.message, "");
}

}  // namespace
}  // namespace parley::wire::command
