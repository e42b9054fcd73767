#include "core/conversation/phase.h"

#include <gtest/gtest.h>

#include <string>

namespace parley::core {
namespace {

TEST(Phase, steps_lead_where_they_may_and_nowhere_else) {
  // rule: conversations/R-44, conversations/R-45, conversations/R-60
  const auto row = [](Step step) {
    std::string all;
    for (int i = 0; i < phase_count; ++i) {
      const auto next = after(static_cast<Phase>(i), step);
      all += next ? std::string(to_string(*next)) : "-";
      all += ' ';
    }
    return all;
  };
  //                               created active     completing closed failed
  EXPECT_EQ(row(Step::activate), "active active - - - ");
  EXPECT_EQ(row(Step::complete), "- completing completing - - ");
  EXPECT_EQ(row(Step::close), "- - closed closed - ");
  EXPECT_EQ(row(Step::fail), "failed failed failed - failed ");
  for (int i = 0; i < phase_count; ++i) {
    const Phase phase = static_cast<Phase>(i);
    EXPECT_EQ(is_end(phase), to_string(phase) == "closed" || to_string(phase) == "failed");
  }
}

}  // namespace
}  // namespace parley::core
