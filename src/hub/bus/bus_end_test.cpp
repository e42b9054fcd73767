#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/bus/bus_client_suite.h"

// Clients that have said all, or have gone: what they said counts, and what waits for them leaves as far as it can.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace bus_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class BusEnd : public testing::Test {
 protected:
  HubWorld hub{with_topics()};
  Responder echo{*hub.hub, "echo"};
  Responder slow{*hub.hub, "slow"};
  BusEnd() { echo.echoes = true; }
};

Octets publishes(std::uint32_t count, std::string_view text) {
  Octets all;
  for (std::uint32_t i = 1; i <= count; ++i) {
    const Octets frame = bus::encoded({i, bus::Publish{"orders", say(text), {}}});
    all.insert(all.end(), frame.begin(), frame.end());
  }
  return all;
}

TEST_F(BusEnd, whoever_has_said_all_gets_every_answer_and_then_the_end) {
  BusClient subscriber(hub), client(hub);
  subscriber.subscribe("orders");
  client.heard();
  client.put_all(publishes(200, std::string(500, 'x')));
  const auto names = client.names();
  ASSERT_THAT(names, SizeIs(200)) << "no goodbye among them";
  for (std::uint32_t i = 1; i <= 200; ++i) EXPECT_EQ(names[i - 1], "PublishAck@" + std::to_string(i));
  EXPECT_TRUE(client.has_ended());
  int heard = 0;
  while (!subscriber.delivery().empty()) ++heard;
  EXPECT_EQ(heard, 200);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
}

TEST_F(BusEnd, whoever_says_nothing_at_all_is_over_at_once) {
  BusClient client(hub), newcomer(hub, hub.dial());
  client.subscribe("orders");
  client.open(7, "echo");
  newcomer.send(0, bus::Ping());
  client.finish();
  newcomer.finish();
  client.heard();
  EXPECT_TRUE(client.has_ended());
  EXPECT_THAT(newcomer.names(), ElementsAre("Pong@0"));
  EXPECT_TRUE(newcomer.has_ended());
  EXPECT_EQ(hub.hub->conversations().size(), 0u);
  EXPECT_EQ(hub.hub->topics().machine().peer_count(), 0u);
  EXPECT_EQ(hub.world.loop.executor().timer_count(), 0u);
}

TEST_F(BusEnd, a_frame_that_is_not_whole_at_the_end_is_none) {
  BusClient subscriber(hub);
  subscriber.subscribe("orders");
  const Octets frame = publishes(1, "half");
  for (std::size_t size = 1; size < frame.size(); ++size) {
    BusClient client(hub);
    client.heard();
    client.put_all(ByteView(frame).first(size));
    EXPECT_THAT(client.names(), IsEmpty());
    EXPECT_TRUE(client.has_ended());
  }
  EXPECT_EQ(subscriber.delivery(), "");
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
}

TEST_F(BusEnd, answers_that_are_blocked_still_leave) {
  // rule: conversations/R-96
  BusClient client(hub);
  client.heard();
  client.stop_reading();
  client.open(7, "echo");
  const std::string text(std::size_t{100} << 10, 'x');
  for (std::uint32_t i = 1; i <= 8; ++i) client.ask(7, text, i);
  client.finish();
  hub.world.settle();
  client.read_again();
  for (std::uint32_t i = 1; i <= 8; ++i) EXPECT_TRUE(client.reply(i) == text) << i;
  EXPECT_TRUE(client.has_ended());
}

TEST_F(BusEnd, answers_that_are_blocked_leave_behind_a_goodbye_too) {
  // rule: conversations/R-95
  BusClient client(hub);
  client.heard();
  client.stop_reading();
  client.open(7, "echo");
  const std::string text(std::size_t{100} << 10, 'x');
  for (std::uint32_t i = 1; i <= 8; ++i) client.ask(7, text, i);
  client.send(0, bus::Disconnect());
  client.finish();
  hub.world.settle();
  client.read_again();
  for (std::uint32_t i = 1; i <= 8; ++i) EXPECT_TRUE(client.reply(i) == text) << i;
  EXPECT_TRUE(client.has_ended());
}

TEST_F(BusEnd, deliveries_that_are_held_back_follow_and_nothing_new_does) {
  BusClient subscriber(hub), publisher(hub);
  subscriber.subscribe("orders");
  subscriber.heard();
  subscriber.stop_reading();
  const std::string text(std::size_t{100} << 10, 'x');
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(publisher.publish("orders", text)->is_delivered);
  EXPECT_GT(hub.hub->topics().machine().waiting_bytes(), 0u);
  subscriber.finish();
  hub.world.settle();
  EXPECT_FALSE(publisher.publish("orders", "late")->is_delivered);
  subscriber.read_again();
  for (int i = 1; i <= 20; ++i) EXPECT_TRUE(subscriber.delivery() == std::to_string(i) + ":" + text) << i;
  EXPECT_TRUE(subscriber.has_ended());
  EXPECT_THAT(subscriber.names(), IsEmpty());
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
  EXPECT_EQ(hub.hub->topics().machine().peer_count(), 0u);
}

TEST_F(BusEnd, replies_that_are_awaited_are_waited_for) {
  BusClient client(hub), told(hub), late(hub);
  for (BusClient* const each : {&client, &told, &late}) {
    each->heard();
    each->open(7, "slow");
    each->ask(7, "q", 3);
    each->ask(7, "r", 4);
    each->finish();
  }
  hub.world.pass(1s);
  EXPECT_FALSE(client.has_ended());
  for (const std::size_t i : {1u, 0u}) slow.reply(slow.messages.at(i), "a");
  EXPECT_EQ(client.reply(4), "a");
  EXPECT_EQ(client.reply(3), "a");
  EXPECT_TRUE(client.has_ended());
  EXPECT_EQ(hub.hub->conversations().size(), 2u);
  hub.hub->conversations().exited(slow.messages.at(2).conversation, slow.who,
                                  {.kind = ExitReason::Kind::error, .text = "it broke"}, hub.world.loop.now());
  EXPECT_EQ(told.reply(3), "<386>");
  EXPECT_EQ(told.reply(4), "<386>");
  EXPECT_TRUE(told.has_ended());
  hub.world.pass(4s);
  EXPECT_EQ(late.reply(3), "<387>");
  EXPECT_EQ(late.reply(4), "<387>");
  EXPECT_TRUE(late.has_ended());
  EXPECT_EQ(hub.hub->bus_connection_count(), 0u);
  EXPECT_EQ(hub.hub->bus().cut_off, 0u);
}

TEST_F(BusEnd, whoever_has_said_all_and_reads_nothing_is_cut_off_after_a_while) {
  BusClient subscriber(hub), publisher(hub);
  subscriber.subscribe("orders");
  subscriber.stop_reading();
  for (int i = 0; i < 20; ++i) publisher.publish("orders", std::string(std::size_t{100} << 10, 'x'));
  subscriber.finish();
  hub.world.pass(4999ms);
  EXPECT_EQ(hub.hub->bus_connection_count(), 2u);
  hub.world.pass(1ms);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
  EXPECT_EQ(hub.hub->bus().cut_off, 1u);
  EXPECT_EQ(hub.hub->topics().machine().waiting_bytes(), 0u);
}

TEST_F(BusEnd, last_bytes_that_nobody_reads_are_cut_off_after_a_while) {
  BusClient client(hub);
  client.stop_reading();
  client.open(7, "echo");
  for (std::uint32_t i = 1; i <= 8; ++i) client.ask(7, std::string(std::size_t{100} << 10, 'x'), i);
  client.finish();
  hub.world.pass(5s);
  EXPECT_EQ(hub.hub->bus().cut_off, 1u);
}

TEST_F(BusEnd, a_worker_that_has_said_all_is_gone_for_whoever_waits_for_it) {
  // rule: conversations/R-103, conversations/R-104
  BusClient worker(hub), client(hub);
  worker.enrol({"work"});
  worker.open(9, "slow");
  worker.ask(9, "of its own", 3);
  client.open(7, "work");
  client.ask(7, "q", 3);
  worker.finish();
  EXPECT_EQ(client.reply(3), "<386>");
  EXPECT_FALSE(hub.hub->conversations().is_provided("work"));
  EXPECT_EQ(hub.hub->bus().workers_ended, 1u);
  slow.reply(slow.messages.at(0), "a");
  EXPECT_EQ(worker.reply(3), "a") << "what it has asked for itself goes on";
  EXPECT_TRUE(worker.has_ended());
}

TEST_F(BusEnd, what_was_said_counts_also_when_nobody_hears_the_answers) {
  // rule: conversations/R-96
  BusClient subscriber(hub);
  subscriber.subscribe("orders");
  {
    BusClient client(hub);
    client.heard();
    client.put(publishes(200, std::string(1000, 'x')));
    client.vanish();
  }
  hub.world.settle();
  int heard = 0;
  while (!subscriber.delivery().empty()) ++heard;
  EXPECT_EQ(heard, 200);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
}

TEST_F(BusEnd, what_it_waited_for_ends_with_a_client_that_has_gone) {
  // rule: conversations/R-91
  BusClient client(hub), silent(hub);
  for (BusClient* const each : {&client, &silent}) {
    each->open(7, "slow");
    each->open(8, "echo");
    each->ask(7, "q", 3);
    each->vanish();
  }
  slow.reply(slow.messages.at(0), "a");
  hub.world.settle();
  EXPECT_EQ(hub.hub->conversations().size(), 2u) << "the other one may still read";
  hub.world.pass(5s);
  EXPECT_EQ(hub.hub->conversations().size(), 0u);
  EXPECT_EQ(hub.hub->bus_connection_count(), 0u);
}

TEST_F(BusEnd, a_hub_that_closes_waits_for_who_has_said_all_as_for_others) {
  BusClient client(hub);
  client.heard();
  client.open(7, "slow");
  client.ask(7, "q", 3);
  client.finish();
  hub.hub->close();
  hub.world.settle();
  slow.reply(slow.messages.at(0), "a");
  EXPECT_EQ(client.reply(3), "a");
  EXPECT_TRUE(client.has_ended());
  client.vanish();
  hub.world.run(hub.hub->closed());
}

}  // namespace
}  // namespace parley::hub
