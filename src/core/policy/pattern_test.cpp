#include "core/policy/pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/prng.h"

namespace parley::core {
namespace {

bool matches(std::string_view pattern, std::string_view name) { return Pattern::parse(pattern).value().matches(name); }

std::vector<std::string> segments_of(std::string_view text) {
  std::vector<std::string> segments(1);
  for (const char letter : text) {
    if (letter == '.') {
      segments.emplace_back();
    } else {
      segments.back() += letter;
    }
  }
  return segments;
}

// What a pattern means, as short as it can be said.
bool means(std::span<const std::string> pattern, std::span<const std::string> name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == "**") {
    return means(pattern.subspan(1), name) || (!name.empty() && means(pattern, name.subspan(1)));
  }
  return !name.empty() && (pattern[0] == "*" || pattern[0] == name[0]) && means(pattern.subspan(1), name.subspan(1));
}

TEST(Pattern, without_stars_is_one_name) {
  EXPECT_TRUE(matches("Calculator", "Calculator"));
  EXPECT_FALSE(matches("Calculator", "calculator"));
  EXPECT_FALSE(matches("Calculator", "Calculator.add"));
  EXPECT_TRUE(matches("a-b/c:d.e", "a-b/c:d.e"));
}

TEST(Pattern, with_one_star_stands_for_one_segment) {
  EXPECT_TRUE(matches("Desk.*", "Desk.Calculator"));
  EXPECT_TRUE(matches("*", "Desk"));
  EXPECT_TRUE(matches("*.b.*", "a.b.c"));
  EXPECT_FALSE(matches("Desk.*", "Desk"));
  EXPECT_FALSE(matches("Desk.*", "Desk.a.b"));
  EXPECT_FALSE(matches("*", "a.b"));
}

TEST(Pattern, with_two_stars_stands_for_any_number_of_segments) {
  for (const char* name : {"build", "build.a", "build.a.b.c"}) EXPECT_TRUE(matches("build.**", name)) << name;
  EXPECT_FALSE(matches("build.**", "builder"));
  EXPECT_FALSE(matches("build.**", "rebuild.a"));
  EXPECT_TRUE(matches("**.log", "log"));
  EXPECT_TRUE(matches("**.log", "a.b.log"));
  EXPECT_TRUE(matches("a.**.z", "a.z"));
  EXPECT_TRUE(matches("a.**.b.**.z", "a.b.c.b.z"));
  EXPECT_FALSE(matches("a.**.b.**.z", "a.c.z"));
  EXPECT_TRUE(Pattern::everything().matches("whatever.it/is:called"));
}

TEST(Pattern, is_divided_at_dots_alone) {
  EXPECT_TRUE(matches("*", "a/b:c-d"));
  EXPECT_TRUE(matches("disk.*", "disk.a/b"));
  EXPECT_FALSE(matches("disk.**", "disk/a"));
}

TEST(Pattern, has_segments_that_may_be_empty) {
  EXPECT_TRUE(matches("a..b", "a..b"));
  EXPECT_TRUE(matches("a.*.b", "a..b"));
  EXPECT_TRUE(matches("a.*", "a."));
  EXPECT_FALSE(matches("a", "a."));
}

TEST(Pattern, that_is_none_says_what_they_are_made_of) {
  for (const char* text : {"", "a*", "*a", "***", "disk:*", "a b", "a.b*", ".a", "/a", "-", "a\n", "[a-z]", "a?"}) {
    const auto parsed = Pattern::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid);
    EXPECT_NE(parsed.error().note.find("a whole segment may be *"), std::string::npos);
    EXPECT_EQ(parsed.error().note.find('\n'), std::string::npos);
  }
}

TEST(Pattern, has_a_length_of_at_most_256_bytes) {
  std::string longest = "a";
  while (longest.size() < Pattern::bytes_max) longest += ".";
  EXPECT_TRUE(Pattern::parse(longest));
  EXPECT_EQ(Pattern::parse(longest + ".").error().code, Code::invalid);
  EXPECT_TRUE(Pattern::parse(std::string(128, 'x'))) << "the longest name";
}

TEST(Pattern, is_written_as_it_was_read) { EXPECT_EQ(Pattern::parse("a.*.**.b")->text(), "a.*.**.b"); }

TEST(PatternProperty, matches_what_it_means) {
  Prng prng{11};
  const auto text_of = [&](std::span<const std::string_view> words) {
    std::string text(words[prng.below(words.size())]);
    for (std::uint64_t more = prng.below(7); more > 0; --more)
      text += "." + std::string(words[prng.below(words.size())]);
    return text;
  };
  constexpr std::string_view in_patterns[] = {"a", "b", "ab", "*", "**", "**"};
  constexpr std::string_view in_names[] = {"a", "b", "ab"};
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = text_of(in_patterns);
    const std::string name = text_of(in_names);
    const bool is_match = matches(pattern, name);
    ASSERT_EQ(is_match, means(segments_of(pattern), segments_of(name))) << pattern << " against " << name;
    matched += is_match ? 1 : 0;
  }
  EXPECT_GT(matched, 2'000);
}

// A matcher that tries all ways takes more steps here than there are atoms.
TEST(PatternProperty, hostile_patterns_take_no_more_steps_than_their_segments_times_those_of_the_name) {
  std::vector<std::string> patterns = {"**", "**.b", "a.**.b"};
  std::string stars = "**";
  while (stars.size() + 7 <= Pattern::bytes_max) stars += ".a.**";
  patterns.push_back(stars);
  patterns.push_back(stars + ".b");
  std::string singles = "**";
  while (singles.size() + 4 <= Pattern::bytes_max) singles += ".*";
  patterns.push_back(singles);
  patterns.push_back(singles + ".b");
  std::string name = "a";
  while (name.size() + 2 <= 128) name += ".a";
  for (const std::string& pattern : patterns) {
    for (const std::string& each : {name, name + ".", std::string("a"), std::string("b.") + name.substr(2)}) {
      std::uint64_t steps = 0;
      const bool is_match = Pattern::parse(pattern).value().matches(each, &steps);
      const auto parts = [](std::string_view text) {
        return static_cast<std::uint64_t>(std::ranges::count(text, '.')) + 1;
      };
      EXPECT_LE(steps, (parts(each) + 1) * (parts(pattern) + 1)) << pattern << " against " << each << ": " << is_match;
    }
  }
}

bool meet(std::string_view one, std::string_view other) {
  const Pattern a = Pattern::parse(one).value();
  const Pattern b = Pattern::parse(other).value();
  EXPECT_EQ(a.meets(b), b.meets(a));
  return a.meets(b);
}

TEST(Pattern, meets_another_where_a_name_fits_both) {
  EXPECT_TRUE(meet("a.b", "a.b"));
  EXPECT_TRUE(meet("a.*", "*.b"));
  EXPECT_TRUE(meet("a.**", "**.z"));
  EXPECT_TRUE(meet("**", "a"));
  EXPECT_TRUE(meet("a.**", "a"));
  EXPECT_TRUE(meet("**.b.**", "a.*.c"));
  EXPECT_FALSE(meet("a.b", "a.c"));
  EXPECT_FALSE(meet("a.*", "a"));
  EXPECT_FALSE(meet("a.**", "b.**"));
  EXPECT_FALSE(meet("a.*", "a.b.**.c"));
  EXPECT_FALSE(meet("*.*", "a.**.b.c"));
}

// Against all names of up to three segments of two letters, which is as long as the patterns are without their **.
TEST(Pattern, meets_what_it_has_a_name_in_common_with) {
  std::vector<std::string> names = {"a", "b"};
  for (std::size_t i = 0; names.size() < 2 + 4 + 8 + 16; ++i) {
    for (const char* last : {".a", ".b"}) names.push_back(names[i] + last);
  }
  std::vector<std::string> patterns;
  for (const std::string one : {"a", "b", "*", "**"}) {
    patterns.push_back(one);
    for (const std::string two : {".a", ".*", ".**"}) patterns.push_back(one + two);
  }
  for (const std::string& one : patterns) {
    for (const std::string& other : patterns) {
      const bool has_common = std::ranges::any_of(
          names, [&](const std::string& name) { return matches(one, name) && matches(other, name); });
      EXPECT_EQ(meet(one, other), has_common) << one << ' ' << other;
    }
  }
}

}  // namespace
}  // namespace parley::core
