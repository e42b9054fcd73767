#include "cli/call_words.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace parley::cli {
namespace {

using Words = std::vector<std::string>;

CallWords split(Words words) {
  CLI::App app;
  CLI::App* const call = app.add_subcommand("call");
  std::string name;
  double deadline = 0;
  bool json = false;
  call->add_option("name", name);
  call->add_option("--deadline", deadline);
  call->add_flag("--json", json);
  return split_call_words(*call, std::move(words));
}

TEST(CallWords, options_of_the_program_stay_wherever_they_stand) {
  const CallWords words =
      split({"call", "--json", "math.add", "--a", "2", "--deadline", "5", "--b=-3", "--deadline=6", "x"});
  EXPECT_EQ(words.words, (Words{"call", "--json", "math.add", "--deadline", "5", "--deadline=6"}));
  EXPECT_EQ(words.flags, (Words{"--a", "2", "--b=-3", "x"}));
  EXPECT_FALSE(words.wants_help);
}

TEST(CallWords, what_stands_before_the_first_flag_is_no_part_of_one) {
  const CallWords words = split({"call", "Calculator.sum", "[]", "-", "--deadline", "5"});
  EXPECT_EQ(words.words, (Words{"call", "Calculator.sum", "[]", "-", "--deadline", "5"}));
  EXPECT_TRUE(words.flags.empty());
}

TEST(CallWords, help_is_of_what_is_named_before_it) {
  EXPECT_TRUE(split({"call", "math.add", "--help"}).wants_help);
  EXPECT_TRUE(split({"call", "math.add", "--a", "2", "-h"}).wants_help);
  const CallWords own = split({"call", "--help", "math.add"});
  EXPECT_FALSE(own.wants_help);
  EXPECT_EQ(own.words, (Words{"call", "--help", "math.add"}));
}

TEST(CallWords, behind_two_dashes_names_of_options_are_the_commands) {
  const CallWords words = split({"call", "math.add", "--", "--json", "--deadline", "5", "--help"});
  EXPECT_EQ(words.words, (Words{"call", "math.add"}));
  EXPECT_EQ(words.flags, (Words{"--json", "--deadline", "5", "--help"}));
  EXPECT_EQ(split({"call", "Calculator.add", "--", "[2, 3]"}).words, (Words{"call", "Calculator.add", "[2, 3]"}));
}

TEST(CallWords, other_commands_keep_their_words) {
  const Words words = {"list", "--zzz", "--", "call"};
  EXPECT_EQ(split(words).words, words);
  EXPECT_TRUE(split(words).flags.empty());
}

}  // namespace
}  // namespace parley::cli
