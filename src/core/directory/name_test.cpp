#include "core/directory/name.h"

#include <gtest/gtest.h>

#include <string>

#include "base/prng.h"

namespace parley::core {
namespace {

TEST(Name, begins_with_a_letter_a_digit_or_an_underscore_and_has_at_most_128_bytes) {
  for (const std::string name : {"a", "Z", "0", "_", "a.b", "a:b/c-d_e", "parley.Directory"})
    EXPECT_TRUE(is_name(name));
  for (const std::string name : {"", ".a", "-a", "/a", ":a", "a b", "a*", "\xc3\xa4", "a\n"})
    EXPECT_FALSE(is_name(name));
  EXPECT_FALSE(is_name(std::string_view("a\0", 2)));
  EXPECT_TRUE(is_name(std::string(128, 'a')));
  EXPECT_FALSE(is_name(std::string(129, 'a')));
  EXPECT_EQ(check_name("a b").error().code, Code::invalid);
}

TEST(Name, of_the_built_in_services_begins_with_parley) {
  EXPECT_TRUE(is_built_in("parley.Hub"));
  EXPECT_FALSE(is_built_in("parleyHub"));
  EXPECT_FALSE(is_built_in("my.parley.Hub"));
}

TEST(Pattern, covers_with_one_star_within_a_segment_and_with_two_across) {
  struct Case {
    const char* pattern;
    const char* name;
    bool is_covered;
  };
  const Case cases[] = {
      {"a", "a", true},
      {"a", "b", false},
      {"a", "ab", false},
      {"ab", "a", false},
      {"*", "a", true},
      {"*", "a.b", false},
      {"*.b", "a.b", true},
      {"a.*", "a.b", true},
      {"a.*", "a.b.c", false},
      {"a.**", "a.b.c", true},
      {"**", "a/b:c.d", true},
      {"**.c", "a.b.c", true},
      {"**.c", "a.b.d", false},
      {"a*c", "abbbc", true},
      {"a*c", "ab.c", false},
      {"a**c", "ab.c", true},
      {"*.*.*", "a.b.c", true},
      {"*.*.*", "a.b", false},
      {"**x*y", "a.xb.xcy", true},
      {"a.**.d", "a.b.c.d", true},
      {"a.**.d", "a.d", false},
      {"*a*b*", "xaybz", true},
      {"", "", true},
      {"", "a", false},
      {"**", "", true},
  };
  for (const Case& c : cases) EXPECT_EQ(covers(c.pattern, c.name), c.is_covered) << c.pattern << " over " << c.name;
}

// Says the same by trying everything.
bool covers_slowly(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.starts_with("**")) {
    for (std::size_t n = 0; n <= name.size(); ++n) {
      if (covers_slowly(pattern.substr(2), name.substr(n))) return true;
    }
    return false;
  }
  if (pattern[0] == '*') {
    for (std::size_t n = 0; n <= name.size(); ++n) {
      if (covers_slowly(pattern.substr(1), name.substr(n))) return true;
      if (n < name.size() && name[n] == '.') return false;
    }
    return false;
  }
  return !name.empty() && pattern[0] == name[0] && covers_slowly(pattern.substr(1), name.substr(1));
}

TEST(Pattern, covers_what_trying_everything_covers) {
  Prng prng{20};
  int covered = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string pattern;
    std::string name;
    for (std::uint64_t left = prng.next() % 7; left != 0; --left) pattern += "ab.**"[prng.next() % 5];
    if (pattern.find("***") != std::string::npos) continue;
    for (std::uint64_t left = prng.next() % 8; left != 0; --left) name += "ab."[prng.next() % 3];
    const bool expected = covers_slowly(pattern, name);
    covered += expected;
    ASSERT_EQ(covers(pattern, name), expected) << '"' << pattern << "\" over \"" << name << '"';
  }
  EXPECT_GT(covered, 10'000);
}

}  // namespace
}  // namespace parley::core
