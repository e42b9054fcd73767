#include "core/mcp/tool_name.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/directory/name.h"

namespace parley::core::mcp {
namespace {

bool is_mcp_name(std::string_view name) {
  return !name.empty() && name.size() <= tool_name_bytes_max && is_name_part(name) && !name.contains(':') &&
         !name.contains('/');
}

TEST(ToolName, names_that_fit_travel_as_they_are) {
  for (const std::string_view name : {"math.add", "Calculator.divide", "a-b_c", "_private", "x."}) {
    EXPECT_EQ(tool_name(name), name);
    EXPECT_EQ(command_name(name), name);
  }
}

TEST(ToolName, colons_slashes_and_dots_in_a_row_are_spelled_out) {
  EXPECT_EQ(tool_name("fs/read:all"), "fs..sread..call");
  EXPECT_EQ(tool_name("a..b"), "a..d.b");
  EXPECT_EQ(tool_name("a.:b"), "a..d..cb");
  EXPECT_EQ(tool_name("a:.b"), "a..c.b");
  EXPECT_EQ(command_name("a..b"), std::nullopt);
  EXPECT_EQ(command_name("a.."), std::nullopt);
  EXPECT_EQ(command_name("fs/read"), "fs/read");
}

TEST(ToolName, what_names_no_command_is_none) {
  for (const std::string_view name : {"", "a b", ".a", "\xc3\xa4"}) {
    EXPECT_EQ(tool_name(name), std::nullopt) << name;
    EXPECT_EQ(command_name(name), std::nullopt) << name;
  }
  EXPECT_EQ(command_name(std::string(129, 'a')), std::nullopt);
  EXPECT_EQ(tool_name(std::string(126, 'a') + ":"), std::nullopt);
  EXPECT_NE(tool_name(std::string(125, 'a') + ":"), std::nullopt);
}

RC_GTEST_PROP(ToolName, each_is_a_name_that_clients_take_and_is_read_back, ()) {
  const auto rest = *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab.:/-_dcs")));
  const std::string command = ("a" + rest).substr(0, 40);
  const auto tool = tool_name(command);
  RC_ASSERT(tool.has_value());
  RC_ASSERT(is_mcp_name(*tool));
  RC_ASSERT(command_name(*tool) == command);
}

}  // namespace
}  // namespace parley::core::mcp
