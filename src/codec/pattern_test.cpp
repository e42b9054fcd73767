#include "codec/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace parley::codec {
namespace {

using testing::HasSubstr;

bool is_in(std::string_view pattern, std::string_view text) {
  Work work{1'000'000};
  return Pattern::compile(pattern).value().is_in(text, work);
}
std::string why_not(std::string_view pattern) {
  const auto compiled = Pattern::compile(pattern);
  return compiled ? std::string("it is one") : compiled.error().note;
}

TEST(Pattern, fits_a_part_of_the_text_unless_it_is_held_at_the_ends) {
  EXPECT_TRUE(is_in("b", "abc"));
  EXPECT_TRUE(is_in("", ""));
  EXPECT_FALSE(is_in("^b", "abc"));
  EXPECT_FALSE(is_in("b$", "abc"));
  EXPECT_TRUE(is_in("^abc$", "abc"));
  EXPECT_FALSE(is_in("^ab$", "abc"));
  EXPECT_FALSE(is_in("^a", "b\na"));
  EXPECT_TRUE(is_in("\\bb", "a b"));
  EXPECT_FALSE(is_in("\\bb", "ab"));
  EXPECT_TRUE(is_in("a\\Bb", "ab"));
}

TEST(Pattern, has_choices_groups_and_repetitions) {
  EXPECT_TRUE(is_in("^(ab|c)*$", "abcab"));
  EXPECT_FALSE(is_in("^(ab|c)*$", "abca"));
  EXPECT_TRUE(is_in("^a{2,3}$", "aaa"));
  EXPECT_FALSE(is_in("^a{2,3}$", "a"));
  EXPECT_FALSE(is_in("^a{2,3}$", "aaaa"));
  EXPECT_TRUE(is_in("^a{2}$", "aa"));
  EXPECT_TRUE(is_in("^a{2,}?$", "aaaaa"));
  EXPECT_TRUE(is_in("^(?:a|(?<name>b))+?c??$", "abba"));
  EXPECT_TRUE(is_in("^(|a)$", ""));
  EXPECT_TRUE(is_in("^(a*)*$", "aaa"));
  EXPECT_TRUE(is_in("^(){1000000}x$", "x"));
  EXPECT_TRUE(is_in("^a{b}$", "a{b}"));
  EXPECT_TRUE(is_in("^(ab{0}c)$", "ac"));
}

TEST(Pattern, knows_characters_by_their_classes) {
  EXPECT_TRUE(is_in("^[a-c_\\d-]+$", "ab-_7"));
  EXPECT_FALSE(is_in("^[^a-c]$", "b"));
  EXPECT_TRUE(is_in("^[^]$", "\n"));
  EXPECT_FALSE(is_in("[]", "a"));
  EXPECT_TRUE(is_in("^\\w\\W\\s\\S\\d\\D$", "a. a0a"));
  EXPECT_TRUE(is_in("^[\\W]$", "\xc3\xa4"));
  EXPECT_FALSE(is_in("^.$", "\n"));
  EXPECT_TRUE(is_in("^\\x41\\u0042\\u{43}\\cJ\\t\\0\\/\\.\\-$", std::string_view("ABC\n\t\0/.-", 9)));
}

TEST(Pattern, counts_characters_and_not_bytes) {
  EXPECT_TRUE(is_in("^.$", "\xc3\xa4"));
  EXPECT_TRUE(is_in("^[\xc3\xa4-\xc3\xb6]$", "\xc3\xb5"));
  EXPECT_TRUE(is_in("^\\ud83d\\ude00$", "\xf0\x9f\x98\x80"));
}

TEST(Pattern, says_what_it_cannot_do) {
  EXPECT_THAT(why_not("(?=a)"), HasSubstr("look-around"));
  EXPECT_THAT(why_not("(?<!a)"), HasSubstr("look-around"));
  EXPECT_THAT(why_not("(a)\\1"), HasSubstr("references"));
  EXPECT_THAT(why_not("\\p{L}"), HasSubstr("\\p"));
  EXPECT_THAT(why_not("(a"), HasSubstr("no )"));
  EXPECT_THAT(why_not("a)"), HasSubstr("no ("));
  EXPECT_THAT(why_not("[a"), HasSubstr("no ]"));
  EXPECT_THAT(why_not("[b-a]"), HasSubstr("wrong order"));
  EXPECT_THAT(why_not("[a-\\d]"), HasSubstr("one character"));
  EXPECT_THAT(why_not("a{3,2}"), HasSubstr("wrong order"));
  EXPECT_THAT(why_not("*"), HasSubstr("before a repetition"));
  EXPECT_THAT(why_not("a**"), HasSubstr("without a group"));
  EXPECT_THAT(why_not("^*"), HasSubstr("not repeated"));
  EXPECT_THAT(why_not("a\\"), HasSubstr("backslash"));
  EXPECT_THAT(why_not("\\u12"), HasSubstr("\\u"));
  EXPECT_THAT(why_not("\\ud83d"), HasSubstr("half"));
  EXPECT_THAT(why_not("\\u{110000}"), HasSubstr("no character"));
  EXPECT_THAT(why_not("\\q"), HasSubstr("means nothing"));
  EXPECT_THAT(why_not("\\c1"), HasSubstr("letter"));
  EXPECT_THAT(why_not("(?<a"), HasSubstr("name of a group"));
  EXPECT_THAT(why_not("(?x)"), HasSubstr("unknown"));
  EXPECT_THAT(why_not("\xff"), HasSubstr("UTF-8"));
}

TEST(Pattern, is_bounded_in_length_depth_and_states) {
  EXPECT_THAT(why_not(std::string(5000, 'a')), HasSubstr("4096 bytes"));
  EXPECT_THAT(why_not(std::string(1000, '(')), HasSubstr("nested too deeply"));
  EXPECT_THAT(why_not("((a{100}){100}){100}"), HasSubstr("4096 states"));
  EXPECT_THAT(why_not("(a{0,99999999}){0,99999999}"), HasSubstr("4096 states"));
  EXPECT_THAT(why_not("(){0,99999999}"), HasSubstr("4096 states"));
}

TEST(Pattern, has_as_many_states_as_its_repetitions_written_out) {
  const auto states = [](std::string_view pattern) { return Pattern::compile(pattern).value().states(); };
  EXPECT_EQ(states(""), 1);
  EXPECT_EQ(states("^ab?$"), 6);
  EXPECT_EQ(states("((((a))))"), 2);
  EXPECT_EQ(states("a|[bc]|"), 5);
  EXPECT_EQ(states("(?:a*|b+)"), 7);
  EXPECT_EQ(states("(ab){2,5}c{0}"), 14);
  EXPECT_EQ(states("(ab){2,}"), 8);
  EXPECT_EQ(states("a{4095}"), 4096);
  EXPECT_THAT(why_not("a{4096}"), HasSubstr("more than 4096 states"));
}

TEST(Pattern, takes_no_more_states_than_others_leave_it) {
  EXPECT_TRUE(Pattern::compile("a{9}", 10));
  EXPECT_EQ(Pattern::compile("a{10}", 10).error().note,
            "with its repetitions written out it has more than 10 states, and other patterns leave it no more");
  EXPECT_FALSE(Pattern::compile("", 0));
  EXPECT_THAT(Pattern::compile("a{5000}", 10'000).error().note, HasSubstr("4096 states"));
}

// Else the repetition of what is empty beside a letter, or deep in groups, would take a thousand steps for each state.
TEST(Pattern, repeats_groups_of_what_is_empty_or_alone) {
  std::string empty = "^(x";
  for (int i = 0; i < 1000; ++i) empty += "()";
  EXPECT_TRUE(is_in(empty + "){2}$", "xx"));
  EXPECT_FALSE(is_in(empty + "){2}$", "xxx"));
  const std::string open(60, '(');
  const std::string close(60, ')');
  EXPECT_TRUE(is_in("^" + open + "x" + close + "{3}$", "xxx"));
  EXPECT_TRUE(is_in("^(\\b)*(^)?x((\\b))+$", "x"));
}

// One that goes back would try 2^40 ways, or come to the end of its stack.
TEST(Pattern, takes_time_linear_in_the_text) {
  std::string text(40'000, 'a');
  text += '!';
  Work work{4'000'000};
  EXPECT_FALSE(Pattern::compile("^(a|a)*(a+)+$").value().is_in(text, work));
  EXPECT_FALSE(work.is_over());
}

TEST(Pattern, gives_up_where_its_work_ends) {
  Work work{1000};
  EXPECT_FALSE(Pattern::compile("b$").value().is_in(std::string(10'000, 'a') + "b", work));
  EXPECT_TRUE(work.is_over());
}

TEST(Pattern, takes_work_for_its_states_before_the_first_letter) {
  const auto takes = [](std::string_view pattern) {
    Work work{10'000};
    EXPECT_FALSE(Pattern::compile(pattern).value().is_in("", work));
    return 10'000 - work.left;
  };
  EXPECT_LT(takes("ba{10}"), 20);
  EXPECT_GT(takes("ba{4000}"), 100);
  Work little{100};
  EXPECT_FALSE(Pattern::compile("a{0,2000}").value().is_in("", little));
  EXPECT_TRUE(little.is_over());
}

}  // namespace
}  // namespace parley::codec
