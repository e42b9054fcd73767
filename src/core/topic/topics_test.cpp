#include "core/topic/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/topic/topics_suite.h"

// What is published, who hears it, and what is refused.
namespace parley::core {
namespace {

using namespace topics_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr SchemaId schema_a = wire::bus::schema_id_of("a");
constexpr SchemaId schema_b = wire::bus::schema_id_of("b");

TEST(Topics, deliveries_of_a_subscription_count_from_one_in_the_order_of_publishing) {
  // rule: conversations/R-97
  Bench bench;
  bench.publish("orders", "before").value();
  const auto first = bench.subscribe(1, "orders");
  bench.publish("orders", "a").value();
  const auto second = bench.subscribe(2, "orders");
  bench.publish("orders", "b").value();
  bench.publish("others", "x").value();
  EXPECT_EQ(bench.publish("orders", "c")->reached, 2u);
  EXPECT_THAT(bench.heard(first), ElementsAre("1:a", "2:b", "3:c"));
  EXPECT_THAT(bench.heard(second), ElementsAre("1:b", "2:c"));

  bench.unsubscribe(1, first);
  const auto again = bench.subscribe(1, "orders");
  EXPECT_NE(again, first);
  bench.publish("orders", "d").value();
  EXPECT_THAT(bench.heard(again), ElementsAre("1:d"));
  EXPECT_THAT(bench.heard(first), IsEmpty());
}

TEST(Topics, a_message_is_one_for_all_who_hear_it) {
  Bench bench;
  for (Topics::Peer peer = 1; peer <= 3; ++peer) bench.subscribe(peer, "orders");
  const auto published = bench.publish("orders", "a").value();
  EXPECT_EQ(published.how, Topics::Published::How::sent);
  EXPECT_EQ(published.reached, 3u);
  ASSERT_EQ(bench.delivered.size(), 3u);
  EXPECT_EQ(bench.delivered[0].message.get(), bench.delivered[2].message.get());
}

TEST(Topics, two_subscriptions_of_one_peer_are_two) {
  Bench bench;
  const auto one = bench.subscribe(1, "orders");
  const auto two = bench.subscribe(1, "orders");
  EXPECT_EQ(bench.publish("orders", "a")->reached, 2u);
  bench.unsubscribe(1, one);
  EXPECT_EQ(bench.publish("orders", "b")->reached, 1u);
  EXPECT_THAT(bench.heard(two), ElementsAre("1:a", "2:b"));
}

TEST(Topics, a_subscription_is_ended_by_its_own_peer_alone) {
  Bench bench;
  const auto one = bench.subscribe(1, "orders");
  bench.unsubscribe(2, one);
  bench.unsubscribe(1, one + 1);
  EXPECT_EQ(bench.publish("orders", "a")->reached, 1u);
  bench.unsubscribe(1, one);
  bench.unsubscribe(1, one);
  EXPECT_EQ(bench.publish("orders", "b")->reached, 0u);
  EXPECT_EQ(bench.machine.counters().strange, 3u);
}

TEST(Topics, of_a_peer_that_leaves_nothing_stays) {
  Bench bench;
  const auto left = bench.subscribe(1, "orders", 1);
  bench.subscribe(1, "others");
  bench.machine.tap("tapped", 1).value();
  const auto stays = bench.subscribe(2, "orders");
  bench.publish("orders", "a").value();
  bench.publish("orders", "b").value();
  const auto late = bench.in_flight.at(left).front();
  bench.leave(1);
  EXPECT_EQ(bench.machine.subscription_count(), 1u);
  EXPECT_EQ(bench.machine.topic_count(), 1u);
  EXPECT_EQ(bench.machine.waiting_bytes(), 0u);
  Topics::Effects effects;
  bench.machine.taken(late, effects);
  EXPECT_THAT(effects, IsEmpty());
  EXPECT_EQ(bench.publish("tapped", "c")->how, Topics::Published::How::sent);
  EXPECT_EQ(bench.publish("orders", "c")->reached, 1u);
  EXPECT_THAT(bench.heard(stays), ElementsAre("1:a", "2:b", "3:c"));
}

TEST(Topics, what_nobody_has_declared_is_there_only_where_that_is_allowed) {
  Bench bench(Topics::Options{});
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "orders"}).error().code, Code::not_found);
  EXPECT_EQ(bench.publish("orders", "a").error().code, Code::not_found);
  ASSERT_TRUE(bench.machine.declare("orders", {}));
  EXPECT_EQ(bench.machine.declare("orders", {}).error().code, Code::in_use);
  const auto one = bench.subscribe(1, "orders");
  bench.unsubscribe(1, one);
  EXPECT_EQ(bench.publish("orders", "a")->reached, 0u) << "what is declared stays";

  Bench open;
  EXPECT_EQ(open.machine.subscribe(1, {.topic = "no name"}).error().code, Code::invalid);
  EXPECT_EQ(open.publish("no name", "a").error().code, Code::invalid);
  EXPECT_EQ(open.publish("orders", "a")->reached, 0u);
  EXPECT_EQ(open.machine.topic_count(), 0u) << "nobody is there for whom to keep it";
}

TEST(Topics, a_subscriber_takes_whatever_there_is_or_one_of_those_it_lists) {
  Bench bench(Topics::Options{});
  bench.machine.declare("with", schema_a).value();
  bench.machine.declare("without", {}).value();
  const std::vector<SchemaId> both{schema_b, schema_a};
  const std::vector<SchemaId> other{schema_b};
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "with"})->schema, schema_a);
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "with", .schemas = both})->schema, schema_a);
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "with", .schemas = other}).error().code, Code::refused);
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "without"})->schema, wire::bus::any_schema_id);
  EXPECT_EQ(bench.machine.subscribe(1, {.topic = "without", .schemas = other}).error().code, Code::refused);
  EXPECT_EQ(bench.machine.subscription_count(), 3u);

  Bench open;
  EXPECT_EQ(open.machine.subscribe(1, {.topic = "new", .schemas = other}).error().code, Code::refused);
  EXPECT_EQ(open.machine.topic_count() + open.machine.peer_count(), 0u) << "what is refused leaves nothing";
}

TEST(Topics, the_first_message_that_names_a_schema_declares_it_and_others_are_refused) {
  Bench bench;
  const auto one = bench.subscribe(1, "orders");
  bench.publish("orders", say("says nothing")).value();
  EXPECT_EQ(bench.delivered.back().message->schema, wire::bus::any_schema_id);
  bench.publish("orders", say("a", {}, schema_a)).value();
  EXPECT_EQ(bench.machine.schema_of("orders"), schema_a);
  EXPECT_EQ(bench.publish("orders", say("b", {}, schema_b)).error().code, Code::refused);
  EXPECT_EQ(bench.machine.declare("orders", schema_b).error().code, Code::in_use);
  bench.publish("orders", say("c")).value();
  EXPECT_EQ(bench.delivered.back().message->schema, schema_a) << "what is delivered bears the topic's";
  EXPECT_THAT(bench.heard(one), ElementsAre("1:says nothing", "2:a", "3:c"));
}

TEST(Topics, a_subscriber_who_was_told_that_there_is_no_schema_is_not_given_one_later) {
  Bench bench;
  const std::vector<SchemaId> any{wire::bus::any_schema_id};
  ASSERT_TRUE(bench.machine.subscribe(1, {.topic = "orders", .schemas = any}));
  ASSERT_TRUE(bench.publish("orders", say("a", {}, schema_a)));
  EXPECT_EQ(bench.delivered.back().message->schema, wire::bus::any_schema_id);
  EXPECT_EQ(bench.machine.schema_of("orders"), wire::bus::any_schema_id);
}

TEST(Topics, what_goes_to_a_tap_goes_to_nobody_else) {
  Bench bench(Topics::Options{});
  bench.machine.declare("orders", {}).value();
  const auto one = bench.subscribe(1, "orders");
  ASSERT_TRUE(bench.machine.tap("orders", 9));
  EXPECT_EQ(bench.machine.tap("orders", 8).error().code, Code::in_use);
  ASSERT_TRUE(bench.machine.tap("nobody.declared", 9));
  const auto published = bench.publish("orders", "a", "key").value();
  EXPECT_EQ(published.how, Topics::Published::How::tapped);
  EXPECT_EQ(published.reached, 0u);
  EXPECT_EQ(bench.publish("orders", "a", "key")->how, Topics::Published::How::repeated);
  EXPECT_EQ(bench.publish("nobody.declared", "b")->how, Topics::Published::How::tapped);
  ASSERT_EQ(bench.tapped.size(), 2u);
  EXPECT_EQ(bench.tapped[0].tap, 9u);
  EXPECT_EQ(bench.tapped[0].topic, "orders");
  EXPECT_EQ(bench.tapped[0].number, published.number);
  EXPECT_EQ(text_of(*bench.tapped[1].message), "b");
  EXPECT_THAT(bench.heard(one), IsEmpty());

  bench.machine.untap("orders");
  EXPECT_EQ(bench.publish("orders", "c")->reached, 1u);
  EXPECT_THAT(bench.heard(one), ElementsAre("1:c"));
}

TEST(Topics, what_was_accepted_is_delivered_before_the_end) {
  Bench bench;
  const auto one = bench.subscribe(1, "orders", 1);
  bench.publish("orders", "a").value();
  bench.publish("orders", "b").value();
  bench.close();
  EXPECT_EQ(bench.publish("orders", "c").error().code, Code::closed);
  EXPECT_EQ(bench.machine.subscribe(2, {.topic = "orders"}).error().code, Code::closed);
  EXPECT_EQ(bench.machine.declare("d", {}).error().code, Code::closed);
  EXPECT_EQ(bench.machine.tap("d", 1).error().code, Code::closed);
  bench.take(one);
  EXPECT_EQ(bench.drained, 0) << "one is in flight";
  bench.take(one);
  EXPECT_EQ(bench.drained, 1);
  EXPECT_THAT(bench.heard(one), ElementsAre("1:a", "2:b"));
  bench.close();
  bench.unsubscribe(1, one);
  EXPECT_EQ(bench.drained, 1);
}

TEST(Topics, a_peer_that_finishes_gets_what_waits_for_it_and_nothing_new) {
  Bench bench;
  const auto one = bench.subscribe(1, "orders", 1);
  const auto other = bench.subscribe(2, "orders");
  for (const char* text : {"a", "b"}) bench.publish("orders", text).value();
  bench.machine.finish(1);
  bench.machine.finish(4711);
  EXPECT_EQ(bench.publish("orders", "c")->reached, 1u);
  bench.take(one);
  bench.take(one);
  EXPECT_THAT(bench.heard(one), ElementsAre("1:a", "2:b"));
  EXPECT_THAT(bench.heard(other), ElementsAre("1:a", "2:b", "3:c"));
  bench.unsubscribe(1, one);
  bench.leave(1);
  EXPECT_EQ(bench.machine.peer_count(), 1u);
  bench.machine.finish(2);
  EXPECT_EQ(bench.machine.topic_count(), 0u) << "nobody subscribes to it any more";
  bench.leave(2);
  EXPECT_EQ(bench.machine.subscription_count(), 0u);
}

TEST(Topics, they_are_listed_by_name) {
  Bench bench;
  bench.machine.declare("b", {}).value();
  bench.subscribe(1, "a");
  bench.subscribe(1, "c");
  bench.subscribe(2, "c");
  std::vector<std::string> all;
  for (const Topics::Seen& each : bench.machine.list("a")) {
    all.push_back(std::string(each.name) + ":" + std::to_string(each.subscriptions));
  }
  EXPECT_THAT(all, ElementsAre("b:0", "c:2"));
  EXPECT_EQ(bench.machine.list("").size(), 3u);
}

TEST(Topics, the_end_does_not_wait_for_whoever_has_gone) {
  Bench idle;
  idle.close();
  EXPECT_EQ(idle.drained, 1);

  Bench bench;
  const auto one = bench.subscribe(1, "orders", 1);
  bench.subscribe(2, "orders", 1);
  for (int i = 0; i < 3; ++i) bench.publish("orders", "a").value();
  bench.close();
  bench.unsubscribe(1, one);
  bench.take(one);
  EXPECT_EQ(bench.drained, 0);
  bench.leave(2);
  EXPECT_EQ(bench.drained, 1);
}

}  // namespace
}  // namespace parley::core
