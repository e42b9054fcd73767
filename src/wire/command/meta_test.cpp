#include "wire/command/meta.h"

#include <gtest/gtest.h>

#include <chrono>

namespace parley::wire::command {
namespace {

using namespace std::chrono_literals;

TEST(CommandMeta, members_are_found_replaced_and_taken_away) {
  EXPECT_EQ(meta_member(R"({"a":1,"b":"x"})", "b"), "\"x\"");
  EXPECT_EQ(meta_member("", "b"), "");
  EXPECT_EQ(with_meta_member("", "a", "1"), R"({"a":1})");
  EXPECT_EQ(with_meta_member(R"({"a":1,"b":2})", "a", "3"), R"({"b":2,"a":3})");
  EXPECT_EQ(with_meta_member(R"({"a":1})", "a", ""), "");
}

TEST(CommandMeta, what_is_no_number_of_ours_says_nothing) {
  EXPECT_EQ(remaining_of(R"({"parley-remaining-us":1500})"), 1500us);
  EXPECT_EQ(remaining_of(R"({"parley-remaining-us":18446744073709551615})"), 24h);
  EXPECT_EQ(hops_of(R"({"parley-hops":3})"), 3u);
  EXPECT_EQ(hops_of(R"({"parley-hops":4294967297})"), hops_max + 1);
  for (const char* said : {"", "{}", R"({"parley-remaining-us":-1,"parley-hops":-1})",
                           R"({"parley-remaining-us":"1","parley-hops":1.5})"}) {
    EXPECT_EQ(remaining_of(said), std::nullopt) << said;
    EXPECT_EQ(hops_of(said), 0u) << said;
  }
}

}  // namespace
}  // namespace parley::wire::command
