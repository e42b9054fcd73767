#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/topic/topics.h"
#include "core/topic/topics_suite.h"

// What waits, what is in flight, and who has to go when it is too much.
namespace parley::core {
namespace {

using namespace topics_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t each = Topics::overhead_bytes;

Topics::Options with(TopicLimits limits) { return {.takes_unknown = true, .limits = limits}; }

TEST(TopicBounds, no_more_is_in_flight_than_a_subscriber_takes) {
  Bench bench(with({.in_flight_max = 3}));
  const auto two = bench.subscribe(1, "orders", 2);
  const auto many = bench.subscribe(2, "orders", 1000);
  for (const char* text : {"a", "b", "c", "d"}) bench.publish("orders", text).value();
  EXPECT_THAT(bench.heard(two), ElementsAre("1:a", "2:b"));
  EXPECT_THAT(bench.heard(many), ElementsAre("1:a", "2:b", "3:c"));
  bench.take(two);
  EXPECT_THAT(bench.heard(two), ElementsAre("3:c"));
  bench.take(two);
  bench.take(two);
  EXPECT_THAT(bench.heard(two), ElementsAre("4:d"));
  EXPECT_EQ(bench.machine.subscribe(3, {.topic = "orders", .in_flight_max = 0}).error().code, Code::invalid);
}

TEST(TopicBounds, one_principal_declares_no_more_than_its_share) {
  Bench bench(with({.declared_per_principal_max = 2}));
  for (const char* topic : {"a", "b"}) ASSERT_TRUE(bench.machine.declare(topic, {}, "token:a"));
  EXPECT_EQ(bench.machine.declare("c", {}, "token:a").error().code, Code::overloaded);
  EXPECT_EQ(bench.machine.declare("a", {}, "token:a").error().code, Code::in_use) << "it is there";
  bench.subscribe(1, "d");
  EXPECT_EQ(bench.machine.declare("d", {}, "token:a").error().code, Code::overloaded) << "also one that is there";
  EXPECT_EQ(bench.machine.topic_count(), 3u);
  EXPECT_TRUE(bench.machine.declare("c", {}, "token:b"));
  for (const char* topic : {"e", "f", "g"}) EXPECT_TRUE(bench.machine.declare(topic, {})) << "the owner's";
}

TEST(TopicBounds, bytes_in_flight_to_a_peer_are_bounded_and_its_subscriptions_take_turns) {
  Bench bench(with({.in_flight_bytes_max = 10 + 2 * each}));
  const auto one = bench.subscribe(1, "one");
  const auto two = bench.subscribe(1, "two");
  const auto other = bench.subscribe(2, "two");
  for (const char* text : {"aaaaaaaa", "bbbbbbbb", "cccccccc"}) bench.publish("one", text).value();
  bench.publish("two", "x").value();
  EXPECT_THAT(bench.heard(one), ElementsAre("1:aaaaaaaa"));
  EXPECT_THAT(bench.heard(two), IsEmpty()) << "what would fit does not overtake";
  EXPECT_THAT(bench.heard(other), ElementsAre("1:x"));
  bench.take(one);
  EXPECT_THAT(bench.heard(one), ElementsAre("2:bbbbbbbb"));
  EXPECT_THAT(bench.heard(two), ElementsAre("1:x"));
  bench.take_all();
  EXPECT_THAT(bench.heard(one), ElementsAre("3:cccccccc"));
  bench.publish("one", std::string(100, 'l')).value();
  EXPECT_EQ(bench.heard(one).size(), 1u) << "one message may be longer";
}

TEST(TopicBounds, bytes_of_a_subscription_that_is_over_stay_in_flight_until_they_are_taken) {
  Bench bench(with({.in_flight_bytes_max = 4 + each}));
  const auto one = bench.subscribe(1, "one");
  bench.publish("one", "aaaa").value();
  bench.unsubscribe(1, one);
  const auto again = bench.subscribe(1, "one");
  bench.publish("one", "bbbb").value();
  EXPECT_THAT(bench.heard(again), IsEmpty());
  bench.take(one);
  EXPECT_THAT(bench.heard(again), ElementsAre("1:bbbb"));
}

TEST(TopicBounds, when_a_long_one_at_the_front_is_given_up_the_next_in_line_follows) {
  Bench bench(with({.in_flight_bytes_max = 8 + 2 * each}));
  const auto one = bench.subscribe(1, "one");
  const auto two = bench.subscribe(1, "two");
  const auto three = bench.subscribe(1, "three");
  bench.publish("one", "aaaa").value();
  bench.publish("two", "too long to fit").value();
  bench.publish("three", "c").value();
  EXPECT_THAT(bench.heard(three), IsEmpty());
  bench.unsubscribe(1, two);
  EXPECT_THAT(bench.heard(three), ElementsAre("1:c"));
  EXPECT_THAT(bench.heard(one), ElementsAre("1:aaaa"));
}

TEST(TopicBounds, overflowed_subscription_is_shed_with_a_typed_error_and_no_other_is_touched) {
  // rule: conversations/R-98, conversations/P-03, conversations/D-11
  Bench bench(with({.waiting_max = 2}));
  const auto slow = bench.subscribe(1, "orders", 1);
  const auto same = bench.subscribe(1, "others", 1);
  const auto fast = bench.subscribe(2, "orders");
  for (const char* text : {"a", "b", "c"}) EXPECT_EQ(bench.publish("orders", text)->reached, 2u);
  EXPECT_THAT(bench.shed, IsEmpty()) << "what is over its window waits";
  EXPECT_EQ(bench.publish("orders", "d")->reached, 1u);
  ASSERT_EQ(bench.shed.size(), 1u);
  EXPECT_EQ(bench.shed[0].peer, 1u);
  EXPECT_EQ(bench.shed[0].subscription, slow);
  EXPECT_EQ(bench.shed[0].why.code, Code::overloaded);
  EXPECT_EQ(bench.machine.waiting_bytes(), 0u);
  EXPECT_EQ(bench.machine.counters().sheds, 1u);
  EXPECT_THAT(bench.heard(slow), ElementsAre("1:a"));
  EXPECT_THAT(bench.heard(fast), ElementsAre("1:a", "2:b", "3:c", "4:d"));

  bench.take(slow);
  EXPECT_EQ(bench.publish("orders", "e")->reached, 1u);
  EXPECT_EQ(bench.publish("others", "x")->reached, 1u);
  EXPECT_THAT(bench.heard(same), ElementsAre("1:x"));
  EXPECT_EQ(bench.shed.size(), 1u);
}

TEST(TopicBounds, bytes_that_wait_for_a_subscription_are_bounded_but_one_message_may_be_longer) {
  Bench bench(with({.waiting_bytes_max = 10}));
  bench.subscribe(1, "orders", 1);
  bench.publish("orders", "in flight").value();
  EXPECT_EQ(bench.publish("orders", std::string(100, 'l'))->reached, 1u);
  EXPECT_EQ(bench.publish("orders", "x")->reached, 0u);
  EXPECT_EQ(bench.shed.size(), 1u);
  EXPECT_EQ(bench.machine.topic_count(), 0u);
}

TEST(TopicBounds, messages_with_nothing_in_them_count_in_bounds_of_bytes) {
  Bench bench(with({.waiting_bytes_max = 2 * each, .in_flight_bytes_max = 2 * each}));
  const auto one = bench.subscribe(1, "orders");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bench.publish("orders", "")->reached, 1u);
  EXPECT_THAT(bench.heard(one), ElementsAre("1:", "2:"));
  EXPECT_EQ(bench.publish("orders", "")->reached, 0u);
  EXPECT_EQ(bench.shed.size(), 1u);
}

TEST(TopicBounds, when_too_much_waits_in_all_the_one_for_whom_most_waits_is_shed) {
  Bench bench(with({.waiting_bytes_of_all_max = 20 + 3 * each}));
  const auto small = bench.subscribe(1, "small", 1);
  const auto large = bench.subscribe(2, "large", 1);
  for (int i = 0; i < 4; ++i) bench.publish("large", "llllll").value();
  for (int i = 0; i < 3; ++i) bench.publish("small", "ssssss").value();
  ASSERT_EQ(bench.shed.size(), 1u);
  EXPECT_EQ(bench.shed[0].subscription, large);
  EXPECT_EQ(bench.machine.waiting_bytes(), 12 + 2 * each);
  bench.take_all();
  EXPECT_EQ(bench.heard(small).size(), 3u);
}

TEST(TopicBounds, topics_subscriptions_and_messages_have_bounds) {
  Bench bench(with({.topics_max = 2, .subscriptions_max = 4, .subscriptions_per_peer_max = 3, .message_bytes_max = 8}));
  bench.subscribe(1, "a");
  bench.subscribe(1, "b");
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "c"}).error().code, Code::overloaded);
  EXPECT_EQ(bench.machine.declare("c", {}).error().code, Code::overloaded);
  const auto last = bench.subscribe(1, "a");
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "a"}).error().code, Code::overloaded);
  bench.subscribe(2, "a");
  EXPECT_EQ(bench.machine.subscribe(3, {.topic = "a"}).error().code, Code::overloaded);
  bench.unsubscribe(1, last);
  EXPECT_TRUE(bench.machine.subscribe(3, {.topic = "a"}));
  EXPECT_TRUE(bench.publish("a", "12345678"));
  EXPECT_EQ(bench.publish("a", "123456789").error().code, Code::too_large);
  ASSERT_TRUE(bench.machine.tap("x", 1));
  ASSERT_TRUE(bench.machine.tap("y", 1));
  EXPECT_EQ(bench.machine.tap("z", 1).error().code, Code::overloaded);
}

TEST(TopicBounds, subscriptions_and_keys_that_come_and_go_leave_nothing) {
  using namespace std::chrono_literals;
  Bench bench(with({.key_kept = 1us}));
  std::weak_ptr<const Envelope> last;
  Topics::Effects effects;
  for (int i = 0; i < 50'000; ++i) {
    const auto subscription = bench.subscribe(1, "orders", 1);
    effects.clear();
    if (i % 8 == 0) {
      bench.now = bench.now + 100ns;
      const std::string key = std::to_string(i);
      bench.machine.publish("orders", say("a"), key, bench.now, effects).value();
      bench.machine.publish("orders", say("b"), {}, bench.now, effects).value();
      last = std::get<Topics::Deliver>(effects.at(0)).message;
    }
    bench.machine.unsubscribe(1, subscription, effects);
    if (i % 8 == 0) bench.machine.taken(std::get<Topics::Deliver>(effects.at(0)), effects);
    ASSERT_LE(bench.machine.key_count(), 10u);
  }
  effects.clear();
  EXPECT_TRUE(last.expired());
  bench.machine.on_time(bench.now + 1s);
  EXPECT_EQ(bench.machine.key_count() + bench.machine.topic_count() + bench.machine.peer_count(), 0u);
  EXPECT_EQ(bench.machine.subscription_count() + bench.machine.waiting_bytes(), 0u);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
}

}  // namespace
}  // namespace parley::core
