#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace parley::cli {
namespace {

TEST(TerminalText, keeps_lines_and_loses_commands_to_the_terminal) {
  EXPECT_EQ(without_controls("name  \x1b]52;c;x\x07\nnext\xc2\x9b"
                             "2J\n"),
            "name   ]52;c;x \nnext  2J\n");
  EXPECT_EQ(without_controls(""), "");
  EXPECT_EQ(without_controls("\n\n"), "\n\n");
  EXPECT_EQ(without_controls("äöü 日本"), "äöü 日本");
}

}  // namespace
}  // namespace parley::cli
