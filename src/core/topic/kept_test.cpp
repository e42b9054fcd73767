#include "core/topic/kept.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "core/topic/kept_suite.h"

namespace parley::core {
namespace {

using namespace kept_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

// Keeps three messages of the topic "desk".
class KeptTest : public ::testing::Test {
 protected:
  KeptTest() { bench.keep("desk", "ann", {.items = 3}).value(); }
  Bench bench;
  Kept& machine = bench.machine;
};

TEST_F(KeptTest, versions_are_places_in_the_ring_without_a_hole) {
  // rule: delivery/W-06, delivery/I-07, delivery/I-08
  const auto follower = bench.follow("desk", Gap::replay);
  EXPECT_EQ(bench.say("desk", "a"), 1u);
  EXPECT_EQ(bench.show("desk", "state").value(), 1u);
  const auto other = bench.follow("desk", Gap::live, TopicPosition());
  EXPECT_EQ(bench.hear_one(other), "state");
  EXPECT_EQ(machine.follow({.topic = "none", .peer = "x"}).error().code, Code::not_found);
  EXPECT_EQ(bench.say("desk", "b"), 2u) << "neither a snapshot nor who reads it has a version";
  EXPECT_THAT(bench.hear(follower), ElementsAre("a", "b"));
}

TEST_F(KeptTest, a_follower_begins_at_the_newest_or_behind_what_it_names) {
  bench.say("desk", 2);
  const auto newest = machine.follow({.topic = "desk", .peer = "x"}).value();
  EXPECT_EQ(newest.from, (TopicPosition{7, 2}));
  const auto first = machine.follow({.topic = "desk", .peer = "x", .after = TopicPosition{7, 1}}).value();
  EXPECT_EQ(first.from, (TopicPosition{7, 1}));
  bench.say("desk", 1);
  EXPECT_THAT(bench.hear(newest.follower), ElementsAre("3"));
  EXPECT_THAT(bench.hear(first.follower), ElementsAre("2", "3"));
}

TEST_F(KeptTest, to_a_live_follower_a_gap_means_a_snapshot_and_what_came_behind_it) {
  // rule: delivery/I-04, delivery/W-20, delivery/R-39
  const auto slow = bench.follow("desk", Gap::live);
  bench.say("desk", 4);
  bench.show("desk", "state at 3", 3).value();
  EXPECT_THAT(bench.hear(slow), ElementsAre("state at 3", "4"));
  bench.say("desk", 1);
  EXPECT_THAT(bench.hear(slow), ElementsAre("5")) << "it goes on by itself";
  EXPECT_EQ(machine.counters().resyncs_snapshot, 1u);
}

TEST_F(KeptTest, to_a_replaying_follower_a_gap_means_the_tail_and_how_much_it_misses) {
  // rule: delivery/I-04, delivery/I-06, delivery/W-20, delivery/R-39
  const auto slow = bench.follow("desk", Gap::replay);
  bench.say("desk", 2);
  EXPECT_EQ(bench.hear_one(slow), "1");
  bench.say("desk", 4);
  bench.show("desk", "state").value();
  EXPECT_THAT(bench.hear(slow), ElementsAre("missed 2 complete from 4", "4", "5", "6"));
  EXPECT_EQ(machine.counters().resyncs_tail, 1u);
  EXPECT_EQ(machine.counters().missed, 2u);
  EXPECT_EQ(machine.counters().dropped, 3u);
}

TEST_F(KeptTest, where_there_is_no_snapshot_a_live_follower_gets_the_tail_and_is_told_so) {
  // rule: delivery/I-06
  const auto slow = bench.follow("desk", Gap::live);
  bench.say("desk", 4);
  EXPECT_THAT(bench.hear(slow), ElementsAre("missed 1 complete from 2 unprovided", "2", "3", "4"));
  EXPECT_EQ(machine.counters().resyncs_unprovided, 1u);
}

TEST_F(KeptTest, a_follower_within_what_is_kept_misses_nothing_and_is_given_no_snapshot) {
  bench.say("desk", 1);
  const auto slow = bench.follow("desk", Gap::live);
  bench.say("desk", 3);
  bench.show("desk", "state").value();
  EXPECT_FALSE(machine.wants_snapshot(slow, any_size));
  EXPECT_THAT(bench.hear(slow), ElementsAre("2", "3", "4"));
}

TEST_F(KeptTest, a_live_follower_that_has_nothing_begins_with_a_snapshot) {
  EXPECT_EQ(bench.show("desk", "state at 0").value(), 0u);
  bench.say("desk", 1);
  const auto follower = bench.follow("desk", Gap::live, TopicPosition());
  EXPECT_TRUE(machine.wants_snapshot(follower, any_size)) << "there is none of the newest";
  EXPECT_THAT(bench.hear(follower), ElementsAre("state at 0", "1"));
  EXPECT_FALSE(machine.wants_snapshot(follower, any_size));
}

TEST_F(KeptTest, a_live_follower_that_has_nothing_begins_with_all_where_all_is_there) {
  bench.say("desk", 2);
  const auto follower = bench.follow("desk", Gap::live, TopicPosition());
  EXPECT_THAT(bench.hear(follower), ElementsAre("1", "2"));
  const auto replaying = bench.follow("desk", Gap::replay, TopicPosition());
  EXPECT_THAT(bench.hear(replaying), ElementsAre("1", "2"));
}

TEST_F(KeptTest, a_snapshot_goes_when_nothing_joins_on_to_it) {
  bench.say("desk", 1);
  bench.show("desk", "state at 1").value();
  bench.say("desk", 3);
  const auto in_time = bench.follow("desk", Gap::live, TopicPosition());
  EXPECT_THAT(bench.hear(in_time), ElementsAre("state at 1", "2", "3", "4"));
  bench.say("desk", 1);
  const auto late = bench.follow("desk", Gap::live, TopicPosition());
  EXPECT_THAT(bench.hear(late), ElementsAre("missed 2 complete from 3 unprovided", "3", "4", "5"));
}

TEST_F(KeptTest, a_snapshot_is_of_a_version_that_the_ring_joins_on_to_and_of_none_older_than_the_last) {
  bench.say("desk", 5);
  EXPECT_EQ(bench.show("desk", "x", 6).error().code, Code::invalid);
  EXPECT_EQ(bench.show("desk", "x", most).error().code, Code::invalid);
  EXPECT_EQ(bench.show("desk", "x", 1).error().code, Code::refused);
  EXPECT_EQ(bench.show("desk", "x", 2).value(), 2u);
  EXPECT_EQ(bench.show("desk", "x").value(), 5u);
  EXPECT_EQ(bench.show("desk", "x", 4).error().code, Code::refused);
  EXPECT_EQ(bench.show("none", "x").error().code, Code::not_found);
  bench.keep("desk", "ann", {.items = 3, .snapshot_bytes = 4}).value();
  EXPECT_EQ(bench.show("desk", "12345").error().code, Code::too_large);
  EXPECT_EQ(bench.show("desk", "1234").value(), 5u);
}

TEST_F(KeptTest, what_is_of_no_history_of_this_topic_is_a_gap) {
  // rule: delivery/I-04, delivery/I-06
  bench.say("desk", 2);
  const TopicPosition hostile_ones[] = {{7, 3}, {0, most}, {7, most}, {6, 1}, {6, 0}, {most, most}};
  for (const TopicPosition hostile : hostile_ones) {
    const auto follower = machine.follow({.topic = "desk", .peer = "x", .gap = Gap::replay, .after = hostile}).value();
    EXPECT_EQ(follower.from, hostile) << "until it has been told of the gap";
    EXPECT_THAT(bench.hear(follower.follower), ElementsAre("missed 0 complete from 1", "1", "2"));
  }
  const auto live = bench.follow("desk", Gap::live, TopicPosition{6, 1});
  EXPECT_TRUE(machine.wants_snapshot(live, any_size));
  bench.show("desk", "state").value();
  EXPECT_THAT(bench.hear(live), ElementsAre("state"));
}

TEST_F(KeptTest, the_version_alone_is_of_whichever_incarnation) {
  bench.say("desk", 3);
  EXPECT_THAT(bench.hear(bench.follow("desk", Gap::live, TopicPosition{0, 2})), ElementsAre("3"));
  EXPECT_THAT(bench.hear(bench.follow("desk", Gap::live, TopicPosition{0, 3})), IsEmpty());
}

TEST_F(KeptTest, who_was_told_nothing_is_woken_once_by_what_comes) {
  const auto idle = bench.follow("desk", Gap::live);
  const auto busy = bench.follow("desk", Gap::live);
  const auto gone = bench.follow("desk", Gap::live);
  for (const auto each : {idle, gone}) EXPECT_THAT(bench.hear(each), IsEmpty());
  machine.unfollow(gone);
  bench.say("desk", 2);
  EXPECT_THAT(bench.woken, ElementsAre(idle));
  EXPECT_THAT(bench.hear(busy), ElementsAre("1", "2"));
}

TEST_F(KeptTest, all_followers_are_given_the_same_bytes) {
  // rule: delivery/W-24
  std::vector<Kept::Follower> followers;
  for (int i = 0; i < 5; ++i) followers.push_back(bench.follow("desk", Gap::live, TopicPosition()));
  bench.show("desk", "state").value();
  bench.say("desk", "a");
  const Bytes snapshot = std::get<Bytes>(machine.next(followers.front(), any_size));
  const Bytes item = std::get<Bytes>(machine.next(followers.front(), any_size));
  for (const auto each : std::span(followers).subspan(1)) {
    EXPECT_TRUE(std::get<Bytes>(machine.next(each, any_size)).shares_block_with(snapshot));
    EXPECT_TRUE(std::get<Bytes>(machine.next(each, any_size)).shares_block_with(item));
  }
}

TEST_F(KeptTest, a_slow_follower_keeps_nothing_and_holds_up_nobody) {
  // rule: delivery/I-03
  const auto slow = bench.follow("desk", Gap::replay);
  const auto fast = bench.follow("desk", Gap::replay);
  for (int i = 1; i <= 1000; ++i) {
    bench.say("desk", 1);
    ASSERT_THAT(bench.hear(fast), ElementsAre(std::to_string(i)));
    ASSERT_LE(machine.ring_of("desk")->size(), 3u);
  }
  EXPECT_EQ(machine.lag_max(), 3u);
  EXPECT_THAT(bench.hear(slow), ElementsAre("missed 997 complete from 998", "998", "999", "1000"));
  EXPECT_EQ(machine.lag_max(), 0u);
}

TEST_F(KeptTest, a_ring_is_bounded_in_bytes_and_takes_no_message_that_is_longer) {
  // rule: delivery/I-03
  constexpr std::size_t each = KeptRing::overhead_bytes + 10;
  bench.keep("logs", "ann", {.items = 100, .bytes = 3 * each}).value();
  const std::string ten(10, 'x');
  for (int i = 0; i < 5; ++i) bench.say("logs", ten);
  EXPECT_EQ(machine.ring_of("logs")->size(), 3u);
  EXPECT_EQ(machine.bytes(), 3 * each);
  EXPECT_FALSE(machine.check("logs", 2 * each + 11));
  EXPECT_EQ(machine.check("logs", most).error().code, Code::too_large);
  ASSERT_TRUE(machine.check("logs", 2 * each + 10));
  bench.say("logs", std::string(2 * each + 10, 'y'));
  EXPECT_EQ(machine.ring_of("logs")->size(), 1u);
  EXPECT_EQ(machine.bytes(), 3 * each);
}

TEST_F(KeptTest, what_does_not_reach_a_follower_is_a_gap_to_it_alone) {
  // rule: delivery/I-03, delivery/I-04
  const auto wide = bench.follow("desk", Gap::replay);
  const auto narrow = bench.follow("desk", Gap::replay);
  const auto live = bench.follow("desk", Gap::live);
  bench.say("desk", "one");
  bench.say("desk", "a long one");
  EXPECT_THAT(bench.hear(wide), ElementsAre("one", "a long one"));
  EXPECT_THAT(bench.hear(narrow, 5), ElementsAre("one", "missed 1 complete from 3"));
  bench.show("desk", "old", 1).value();
  EXPECT_EQ(std::get<Bytes>(machine.next(live, 5)).size(), 3u);
  EXPECT_TRUE(machine.wants_snapshot(live, 5));
  EXPECT_FALSE(machine.wants_snapshot(live, 10));
  EXPECT_THAT(bench.hear(live, 5), ElementsAre("missed 1 complete from 3 unprovided")) << "an older one does not help";
  bench.say("desk", "as long as before");
  bench.show("desk", "a long state").value();
  bench.say("desk", "four");
  EXPECT_FALSE(machine.wants_snapshot(bench.follow("desk", Gap::live), 5));
  const auto bare = bench.follow("desk", Gap::live, TopicPosition());
  EXPECT_THAT(bench.hear(bare, 5), ElementsAre("missed 3 complete from 4 unprovided", "four"));
  EXPECT_THAT(bench.hear(live, 12), ElementsAre("a long state", "four"));
  EXPECT_THAT(bench.hear(narrow, 5), ElementsAre("missed 1 complete from 4", "four"));
}

TEST_F(KeptTest, a_snapshot_names_the_incarnation_that_it_is_of) {
  bench.say("desk", 1);
  EXPECT_TRUE(machine.check_snapshot("desk", TopicPosition{7, 1}, 0));
  EXPECT_EQ(machine.check_snapshot("desk", TopicPosition{6, 1}, 0).error().code, Code::refused);
}

TEST_F(KeptTest, closed_topics_end_their_followers_behind_what_there_is) {
  const auto idle = bench.follow("desk", Gap::live);
  EXPECT_THAT(bench.hear(idle), IsEmpty());
  const auto behind = bench.follow("desk", Gap::replay, TopicPosition());
  bench.say("desk", 1);
  bench.woken.clear();
  EXPECT_THAT(bench.hear(idle), ElementsAre("1"));
  machine.close(bench.woken);
  EXPECT_THAT(bench.woken, ElementsAre(idle));
  EXPECT_THAT(bench.hear(idle), ElementsAre("over"));
  EXPECT_THAT(bench.hear(behind), ElementsAre("1", "over"));
  EXPECT_EQ(machine.follow({.topic = "desk", .peer = "x"}).error().code, Code::closed);
  EXPECT_EQ(bench.keep("logs", "ann", {}).error().code, Code::closed);
  EXPECT_EQ(bench.show("desk", "x").error().code, Code::closed);
}

TEST(KeptBounds, a_topic_is_its_keepers_and_the_owners) {
  Bench bench;
  Kept& machine = bench.machine;
  bench.keep("desk", "ann", {.items = 4}).value();
  bench.say("desk", 4);
  EXPECT_EQ(bench.keep("desk", "bob", {}).error().code, Code::in_use);
  bench.keep("desk", "ann", {.items = 2}).value();
  EXPECT_THAT(bench.hear(bench.follow("desk", Gap::replay, TopicPosition())),
              ElementsAre("missed 2 complete from 3", "3", "4"));
  bench.keep("desk", std::nullopt, {}).value();
  EXPECT_EQ(bench.keep("desk", "ann", {}).error().code, Code::in_use);
  for (const KeepOptions& none : {KeepOptions{.items = 0}, KeepOptions{.bytes = 0}, KeepOptions{.bytes = 191}}) {
    EXPECT_EQ(bench.keep("logs", "ann", none).error().code, Code::invalid);
  }
  EXPECT_EQ(bench.keep("not a name", "ann", {}).error().code, Code::invalid);
  EXPECT_TRUE(bench.keep("logs", "ann", {.bytes = KeptRing::bytes_min}));
  EXPECT_TRUE(machine.check("logs", KeptRing::head_bytes_max)) << "an empty message";
}

TEST(KeptBounds, topics_and_what_is_set_aside_for_them_have_bounds_for_each_keeper_and_for_all) {
  Bench bench(
      {.topics_max = 4, .topics_per_keeper_max = 2, .items_max = 8, .bytes_max = 10000, .bytes_per_keeper_max = 5000});
  Kept& machine = bench.machine;
  const auto keep = [&](std::string_view topic, std::string_view keeper, std::uint64_t bytes) {
    const auto kept = bench.keep(topic, keeper, {.items = 8, .bytes = bytes, .snapshot_bytes = 0});
    return kept ? std::optional<Code>() : kept.error().code;
  };
  EXPECT_EQ(keep("a", "ann", 5001), Code::overloaded);
  EXPECT_EQ(keep("a", "ann", most), Code::overloaded);
  EXPECT_EQ(bench.keep("a", "ann", {.items = 9}).error().code, Code::overloaded);
  EXPECT_EQ(bench.keep("a", "ann", {.items = 8, .bytes = most, .snapshot_bytes = 1}).error().code, Code::overloaded);
  EXPECT_EQ(keep("a", "ann", 4000), std::nullopt);
  EXPECT_EQ(keep("b", "ann", 2000), Code::overloaded);
  EXPECT_EQ(keep("a", "ann", 3000), std::nullopt);
  EXPECT_EQ(keep("b", "ann", 2000), std::nullopt);
  EXPECT_EQ(keep("c", "ann", 200), Code::overloaded);
  EXPECT_EQ(keep("c", "bob", 5000), std::nullopt);
  EXPECT_EQ(machine.bytes_set_aside(), 10000u);
  EXPECT_EQ(keep("d", "cid", 200), Code::overloaded);
  bench.keep("a", std::nullopt, {.items = 8, .bytes = 1000, .snapshot_bytes = 0}).value();
  EXPECT_EQ(keep("d", "ann", 2000), std::nullopt) << "what the owner has taken over is not the keeper's";
  EXPECT_EQ(keep("e", "bob", 200), Code::overloaded) << "four topics";
  EXPECT_EQ(machine.topic_count(), 4u);
}

TEST(KeptBounds, a_topic_that_is_kept_no_more_has_nothing_and_its_followers_are_over) {
  // rule: delivery/I-03
  Bench bench;
  Kept& machine = bench.machine;
  bench.keep("desk", "ann", {}).value();
  bench.keep("news", "bob", {}).value();
  for (const char* topic : {"desk", "news"}) bench.say(topic, 3);
  const auto idle = bench.follow("desk", Gap::live);
  const auto behind = bench.follow("desk", Gap::live, TopicPosition());
  const auto other = bench.follow("news", Gap::replay, TopicPosition());
  EXPECT_THAT(bench.hear(idle), IsEmpty());
  const auto unkeep = [&](std::string_view topic, std::string_view keeper) {
    return machine.unkeep(topic, keeper, bench.woken);
  };
  EXPECT_EQ(unkeep("none", "ann").error().code, Code::not_found);
  EXPECT_EQ(unkeep("desk", "bob").error().code, Code::in_use);
  bench.woken.clear();
  EXPECT_TRUE(unkeep("desk", "ann"));
  EXPECT_THAT(bench.woken, ElementsAre(idle));
  for (const auto each : {idle, behind}) {
    EXPECT_FALSE(machine.wants_snapshot(each, any_size));
    EXPECT_THAT(bench.hear(each), ElementsAre("over"));
    machine.unfollow(each);
  }
  EXPECT_EQ(machine.lag_max(), 3u) << "of the other one";
  EXPECT_THAT(bench.hear(other), ElementsAre("1", "2", "3"));
  EXPECT_EQ(machine.follow({.topic = "desk", .peer = "x"}).error().code, Code::not_found);
  EXPECT_TRUE(machine.unkeep("news", std::nullopt, bench.woken)) << "the owner of all";
  EXPECT_EQ(machine.bytes(), 0u);
  EXPECT_EQ(machine.bytes_set_aside(), 0u);
  EXPECT_EQ(machine.topic_count(), 0u);
  for (int i = 0; i < 200; ++i) {
    bench.keep("job", "ann", {}).value();
    EXPECT_TRUE(unkeep("job", "ann"));
  }
}

TEST(KeptBounds, followers_have_bounds_for_each_peer_and_for_all) {
  // rule: delivery/I-03
  Bench bench({.followers_max = 3, .followers_per_peer_max = 2});
  Kept& machine = bench.machine;
  bench.keep("desk", std::nullopt, {}).value();
  const auto first = bench.follow("desk", Gap::live, {}, "ann");
  bench.follow("desk", Gap::live, {}, "ann");
  EXPECT_EQ(machine.follow({.topic = "desk", .peer = "ann"}).error().code, Code::overloaded);
  machine.unfollow(first);
  bench.follow("desk", Gap::live, {}, "ann");
  const auto other = bench.follow("desk", Gap::live, {}, "bob");
  EXPECT_EQ(machine.follow({.topic = "desk", .peer = "cid"}).error().code, Code::overloaded);
  EXPECT_EQ(machine.peer_count(), 2u);
  machine.unfollow(other);
  EXPECT_EQ(machine.peer_count(), 1u);
}

}  // namespace
}  // namespace parley::core
