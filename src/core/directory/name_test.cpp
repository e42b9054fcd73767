#include "core/directory/name.h"

#include <gtest/gtest.h>

#include <string>

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

TEST(Name, is_private_where_it_begins_with_an_underscore) {
  EXPECT_TRUE(is_private("_mine"));
  EXPECT_FALSE(is_private("m_ine"));
  EXPECT_FALSE(is_private(""));
}

}  // namespace
}  // namespace parley::core
