#include "core/topic/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "core/topic/topics_suite.h"

// What is published under a key of idempotency.
namespace parley::core {
namespace {

using namespace std::chrono_literals;
using namespace topics_suite;
using How = Topics::Published::How;
using ::testing::ElementsAre;

TEST(TopicKeys, the_same_key_twice_is_one_delivery_and_both_are_answered) {
  // rule: conversations/R-102, conversations/T-05
  Bench bench(Topics::Options{.takes_unknown = true, .first_message = 500});
  const auto one = bench.subscribe(1, "orders");
  const auto first = bench.publish("orders", say("a", "p"), "key").value();
  const auto again = bench.publish("orders", say("a", "p"), "key").value();
  EXPECT_EQ(first.how, How::sent);
  EXPECT_EQ(first.number, 500u);
  EXPECT_EQ(again.how, How::repeated);
  EXPECT_EQ(again.number, first.number);
  EXPECT_EQ(again.reached, 0u);
  EXPECT_EQ(bench.publish("orders", say("a", "p"))->number, 501u) << "without a key it is another";
  EXPECT_THAT(bench.heard(one), ElementsAre("1:a", "2:a"));
  EXPECT_EQ(bench.machine.counters().repeated, 1u);
}

TEST(TopicKeys, a_key_is_its_publishers_and_its_topics) {
  // rule: conversations/R-102
  Bench bench;
  EXPECT_EQ(bench.publish("b", say("x", "a"), "c")->how, How::sent);
  EXPECT_EQ(bench.publish("b", say("x", "other"), "c")->how, How::sent);
  EXPECT_EQ(bench.publish("other", say("x", "a"), "c")->how, How::sent);
  EXPECT_EQ(bench.publish("b", say("x", "ac"), "c")->how, How::sent);
  EXPECT_EQ(bench.publish("b", say("x", "a"), "cc")->how, How::sent);
  EXPECT_EQ(bench.publish("b", say("x", "a"), "c")->how, How::repeated);
}

TEST(TopicKeys, two_keys_of_one_hash_are_two) {
  // rule: conversations/R-102
  // Their FNV-1a 64 is the same.
  const std::string_view one = "8yn0iYCKYHlIj4-BwPqk";
  const std::string_view other = "GReLUrM4wMqfg9yzV3KQ";
  ASSERT_EQ(wire::bus::Fnv1a64().add(one).hash(), wire::bus::Fnv1a64().add(other).hash());
  Bench bench;
  EXPECT_EQ(bench.publish("orders", say("x"), one)->how, How::sent);
  EXPECT_EQ(bench.publish("orders", say("x"), other)->how, How::sent);
}

TEST(TopicKeys, a_key_that_comes_with_another_payload_is_refused) {
  Bench bench;
  bench.publish("orders", "a", "key").value();
  EXPECT_EQ(bench.publish("orders", "b", "key").error().code, Code::in_use);
  EXPECT_EQ(bench.publish("orders", "a", "key")->how, How::repeated);
}

TEST(TopicKeys, what_fails_claims_no_key) {
  // rule: conversations/R-102
  Bench bench(Topics::Options{.limits = {.message_bytes_max = 8}});
  EXPECT_EQ(bench.publish("orders", "a", "key").error().code, Code::not_found);
  bench.machine.declare("orders", wire::bus::schema_id_of("a")).value();
  EXPECT_EQ(bench.publish("orders", "too long by far", "key").error().code, Code::too_large);
  EXPECT_EQ(bench.publish("orders", say("a", {}, wire::bus::schema_id_of("b")), "key").error().code, Code::refused);
  EXPECT_EQ(bench.machine.key_count(), 0u);
  EXPECT_EQ(bench.publish("orders", "b", "key")->how, How::sent);
}

TEST(TopicKeys, a_key_is_forgotten_at_its_time_and_nothing_else_does_it) {
  Bench bench(Topics::Options{.takes_unknown = true, .limits = {.key_kept = 10s}});
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
  bench.publish("orders", "a", "key").value();
  EXPECT_EQ(bench.machine.next_deadline(), bench.now + 10s);
  bench.now = bench.now + 9s;
  bench.machine.on_time(bench.now);
  EXPECT_EQ(bench.publish("orders", "a", "key")->how, How::repeated) << "which does not keep it longer";
  bench.now = bench.now + 1s;
  bench.machine.on_time(bench.now);
  EXPECT_EQ(bench.machine.key_count(), 0u);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
  EXPECT_EQ(bench.publish("orders", "a", "key")->how, How::sent);
}

TEST(TopicKeys, at_a_bound_a_new_key_is_refused_and_none_is_forgotten_early) {
  Bench bench(
      Topics::Options{.takes_unknown = true,
                      .limits = {.keys_max = 3, .keys_per_publisher_max = 2, .key_bytes_max = 4, .key_kept = 1s}});
  EXPECT_EQ(bench.publish("orders", "a", "12345").error().code, Code::invalid);
  EXPECT_EQ(bench.publish("orders", "a", "").error().code, Code::invalid);
  bench.publish("orders", say("a", "p"), "1").value();
  bench.publish("orders", say("a", "p"), "2").value();
  EXPECT_EQ(bench.publish("orders", say("a", "p"), "3").error().code, Code::overloaded);
  bench.publish("orders", say("a", "q"), "3").value();
  EXPECT_EQ(bench.publish("orders", say("a", "q"), "4").error().code, Code::overloaded);
  EXPECT_EQ(bench.publish("orders", say("a", "p"), "1")->how, How::repeated);
  bench.now = bench.now + 1s;
  EXPECT_EQ(bench.publish("orders", say("a", "p"), "3")->how, How::sent) << "the time of the others has passed";
  EXPECT_EQ(bench.machine.key_count(), 1u);
}

}  // namespace
}  // namespace parley::core
