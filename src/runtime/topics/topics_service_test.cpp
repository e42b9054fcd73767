#include "runtime/topics/topics_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/memory_link.h"
#include "runtime/pair_suite.h"
#include "runtime/services.h"

// Topics over a session.
namespace parley {
namespace {

using namespace runtime::suite;
using builtin::Delivery;
using runtime::Session;
using Client = parley::Client<builtin::Topics>;

class TopicsServiceTest : public ::testing::Test {
 protected:
  TopicsServiceTest() {
    services.serve<builtin::Topics>("Topics", service).value();
    auto [near, far] = runtime::make_memory_links(world.loop);
    ours = runtime::suite::Hold(Session::start(world.loop, std::move(near), Session::Role::initiator, {}, nullptr));
    theirs = runtime::suite::Hold(
        Session::start(world.loop, std::move(far), Session::Role::acceptor, {}, &services.table()));
    world.settle();
  }
  Client client() { return Client(*ours); }
  template <class T>
  CallResultOf<T> outcome_of(Call<T> call) {
    return world.run(outcome(call));
  }
  Result<builtin::Published> publish(std::string text) {
    builtin::TopicMessage message{.payload = {text.begin(), text.end()}};
    return outcome_of(client().call<&builtin::Topics::publish>("orders", std::move(message), std::nullopt));
  }

  World world;
  Topics topics{world.loop, {.takes_unknown = true}};
  TopicsService service{topics};
  Services services;
  runtime::suite::Hold ours, theirs;
};

TEST_F(TopicsServiceTest, a_subscription_says_that_it_has_begun_and_ends_with_its_call) {
  auto [tx, rx] = channel<Delivery, builtin::deliveries_ahead>();
  {
    auto subscribing =
        client().call<&builtin::Topics::subscribe>("orders", std::vector<builtin::TopicSchema>(), std::move(tx));
    EXPECT_EQ(world.run(receive_one(rx))->sequence, 0u);
    EXPECT_EQ(publish("a")->reached, 1u);
    const auto heard = world.run(receive_one(rx));
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->sequence, 1u);
    EXPECT_EQ(heard->message.payload, std::vector<std::uint8_t>{'a'});
  }
  world.settle();
  EXPECT_EQ(publish("b")->reached, 0u);
  EXPECT_EQ(topics.machine().peer_count(), 0u);
}

TEST_F(TopicsServiceTest, whoever_drops_his_receiver_is_noticed_at_once) {
  for (const bool has_begun : {true, false}) {
    auto [tx, rx] = channel<Delivery, builtin::deliveries_ahead>();
    auto subscribing =
        client().call<&builtin::Topics::subscribe>("orders", std::vector<builtin::TopicSchema>(), std::move(tx));
    if (has_begun) ASSERT_TRUE(world.run(receive_one(rx)));
    world.settle();
    EXPECT_EQ(topics.machine().subscription_count(), 1u);
    rx = {};
    world.settle();
    EXPECT_EQ(topics.machine().subscription_count(), 0u);
    EXPECT_EQ(topics.machine().peer_count(), 0u);
    EXPECT_FALSE(world.run(outcome(subscribing)));
  }
}

TEST_F(TopicsServiceTest, whoever_drops_his_receiver_while_much_waits_is_noticed_at_once) {
  auto [tx, rx] = channel<Delivery, builtin::deliveries_ahead>();
  auto subscribing =
      client().call<&builtin::Topics::subscribe>("orders", std::vector<builtin::TopicSchema>(), std::move(tx));
  world.settle();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(publish("x")->reached, 1u);
  rx = {};
  world.settle();
  EXPECT_EQ(topics.machine().peer_count(), 0u);
  EXPECT_EQ(topics.machine().waiting_bytes(), 0u);
}

TEST_F(TopicsServiceTest, what_is_not_read_waits_in_the_topics_and_comes_in_its_order) {
  auto [tx, rx] = channel<Delivery, builtin::deliveries_ahead>();
  auto subscribing =
      client().call<&builtin::Topics::subscribe>("orders", std::vector<builtin::TopicSchema>(), std::move(tx));
  world.settle();
  constexpr std::uint64_t count = 1000;
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(publish("x")->reached, 1u);
  EXPECT_GT(topics.machine().waiting_bytes(), 0u);
  for (std::uint64_t i = 0; i <= count; ++i) {
    const auto heard = world.run(receive_one(rx));
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->sequence, i);
  }
  EXPECT_EQ(topics.machine().waiting_bytes(), 0u);
}

TEST_F(TopicsServiceTest, whoever_does_not_keep_up_is_told_so_behind_what_he_was_sent) {
  auto [tx, rx] = channel<Delivery, builtin::deliveries_ahead>();
  auto subscribing =
      client().call<&builtin::Topics::subscribe>("orders", std::vector<builtin::TopicSchema>(), std::move(tx));
  world.settle();
  while (publish("x")->reached == 1) {
  }
  std::uint64_t heard = 0;
  while (const auto next = world.run(receive_one(rx))) EXPECT_EQ(next->sequence, heard++);
  EXPECT_GT(heard, builtin::deliveries_ahead);
  const auto ended = world.run(outcome(subscribing));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::overloaded);
}

TEST_F(TopicsServiceTest, who_may_publish_fills_the_table_with_his_share_alone) {
  const auto declare = [&](std::string topic) {
    return outcome_of(client().call<&builtin::Topics::declare>(std::move(topic), builtin::TopicSchema()));
  };
  const std::uint32_t share = core::TopicLimits().declared_per_principal_max;
  for (std::uint32_t i = 0; i < share; ++i) ASSERT_TRUE(declare("t" + std::to_string(i)));
  const auto refused = declare("one.more");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  EXPECT_EQ(topics.machine().topic_count(), share);
}

TEST_F(TopicsServiceTest, an_id_of_a_schema_has_32_bytes) {
  const auto declared = outcome_of(client().call<&builtin::Topics::declare>("orders", builtin::TopicSchema{1, 2, 3}));
  ASSERT_FALSE(declared);
  EXPECT_EQ(declared.error().code, Code::invalid);
  EXPECT_TRUE(outcome_of(client().call<&builtin::Topics::declare>("orders", builtin::TopicSchema(32, 7))));
  EXPECT_EQ(topics.machine().schema_of("orders")->front(), 7);
}

}  // namespace
}  // namespace parley
