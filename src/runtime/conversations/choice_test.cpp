#include "runtime/conversations/choice.h"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parley {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Order = std::vector<core::Conversation::Participant>;

std::vector<Candidate> three() {
  return {{.who = 1, .name = "anna", .in_flight = 2},
          {.who = 2, .name = "bert", .in_flight = 0},
          {.who = 3, .name = "carl", .in_flight = 0}};
}
Order chosen(Choice::How how, std::uint64_t turn, std::string key = {}) {
  Choice choice{.how = how, .key = std::move(key)};
  return choose(three(), choice, turn);
}

TEST(Choice, the_least_busy_come_first_and_in_turn_where_they_are_alike) {
  EXPECT_THAT(chosen(Choice::How::least_busy, 1), ElementsAre(2, 3, 1));
  EXPECT_THAT(chosen(Choice::How::least_busy, 2), ElementsAre(3, 2, 1));
}

TEST(Choice, in_turn_each_is_the_first_once) {
  EXPECT_THAT(chosen(Choice::How::round_robin, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(chosen(Choice::How::round_robin, 1), ElementsAre(2, 3, 1));
  EXPECT_THAT(chosen(Choice::How::round_robin, 5), ElementsAre(3, 1, 2));
}

TEST(Choice, a_key_leads_to_the_same_name_whatever_its_number_and_however_busy) {
  std::set<std::string_view> firsts;
  for (int i = 0; i < 64; ++i) {
    const std::string key = "customer " + std::to_string(i);
    const Order before = chosen(Choice::How::affinity, 0, key);
    EXPECT_EQ(chosen(Choice::How::affinity, 7, key), before);
    std::vector<Candidate> anew = three();
    for (Candidate& each : anew) {
      each.who += 10;
      each.in_flight = 5;
    }
    Choice choice{.how = Choice::How::affinity, .key = key};
    const Order after = choose(anew, choice, 3);
    for (std::size_t at = 0; at < before.size(); ++at) EXPECT_EQ(after[at], before[at] + 10);
    firsts.insert(three()[before[0] - 1].name);
    // Without the first of them the others keep their order.
    std::vector<Candidate> fewer = three();
    std::erase_if(fewer, [&](const Candidate& each) { return each.who == before[0]; });
    EXPECT_THAT(choose(fewer, choice, 0), ElementsAre(before[1], before[2]));
  }
  EXPECT_EQ(firsts.size(), 3u) << "keys are spread over all of them";
}

TEST(Choice, a_function_is_asked_again_for_whoever_comes_next_and_may_name_nobody) {
  Choice last{.how = Choice::How::custom, .pick = [](std::span<const Candidate> all) { return all.size() - 1; }};
  EXPECT_THAT(choose(three(), last, 0), ElementsAre(3, 2, 1));
  Choice nobody{.how = Choice::How::custom, .pick = [](std::span<const Candidate> all) { return all.size(); }};
  EXPECT_THAT(choose(three(), nobody, 0), IsEmpty());
}

}  // namespace
}  // namespace parley
