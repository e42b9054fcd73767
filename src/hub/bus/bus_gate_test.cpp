#include "hub/bus/bus_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/bus/bus_client_suite.h"

// Who comes in over the bus, how a connection ends, and what it costs nobody else.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace bus_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr io::Peer::Credentials stranger{.pid = 1, .uid = 4711, .gid = 4711};

HubOptions with_token() {
  HubOptions options = with_topics();
  options.tokens.add("bus", "the secret of the bus").value();
  options.policy.add(core::Rule::parse("token:bus publish,subscribe,converse,offer **").value()).value();
  return options;
}

TEST(BusGate, a_client_says_connect_and_is_answered) {
  HubWorld hub;
  BusClient client(hub);
  const auto ack = client.next<bus::ConnectAck>();
  ASSERT_TRUE(ack);
  EXPECT_EQ(*ack->as<bus::ConnectAck>(), (bus::ConnectAck{{1, 0}, 0}));
  client.send(0, bus::Ping());
  client.connect({});
  EXPECT_THAT(client.names(), ElementsAre("Pong@0", "ConnectAck@0"));
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
  client.vanish();
  EXPECT_EQ(hub.hub->bus_connection_count(), 0u);
}

TEST(BusGate, whoever_is_not_known_brings_a_token_before_anything_else) {
  // rule: conversations/R-101
  HubWorld hub(with_token());
  BusClient subscriber(hub);
  subscriber.subscribe("orders");
  BusClient early(hub, hub.dial(stranger));
  early.send(0, bus::Ping());
  EXPECT_THAT(early.names(), ElementsAre("Pong@0"));
  early.send(1, bus::Publish{"orders", say("stolen"), {}});
  EXPECT_THAT(early.names(), IsEmpty());
  EXPECT_TRUE(early.has_ended());
  EXPECT_EQ(hub.hub->bus().before_connect, 1u);
  for (const char* secret : {"another", ""}) {
    BusClient wrong(hub, secret, stranger);
    const auto error = wrong.next<bus::ConnectError>();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->as<bus::ConnectError>()->reason, Reason::authentication);
    EXPECT_TRUE(wrong.has_ended());
  }
  EXPECT_EQ(hub.hub->bus().refused, 2u);
  BusClient right(hub, "the secret of the bus", stranger);
  EXPECT_TRUE(right.next<bus::ConnectAck>());
  EXPECT_TRUE(right.publish("orders", "allowed")->is_delivered);
  EXPECT_EQ(subscriber.delivery(), "1:allowed");
}

TEST(BusGate, what_the_system_says_is_no_excuse_for_a_wrong_token) {
  HubWorld hub(with_token());
  BusClient client(hub, "another");
  EXPECT_TRUE(client.next<bus::ConnectError>());
  EXPECT_TRUE(client.has_ended());
}

TEST(BusGate, a_connection_stays_who_it_is) {
  HubWorld hub(with_token());
  BusClient client(hub);
  EXPECT_TRUE(client.next<bus::ConnectAck>());
  client.connect("the secret of the bus");
  EXPECT_TRUE(client.next<bus::ConnectError>());
  EXPECT_TRUE(client.has_ended());
}

TEST(BusGate, without_a_version_in_common_the_connection_ends) {
  HubWorld hub;
  BusClient client(hub, hub.dial());
  client.connect({}, {2, 0}, {3, 0});
  const auto error = client.next<bus::ConnectError>();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->as<bus::ConnectError>()->reason, Reason::version);
  EXPECT_TRUE(client.has_ended());
}

TEST(BusGate, where_no_connect_is_required_whom_the_system_knows_begins_at_once) {
  HubOptions options = with_token();
  options.bus.require_connect = false;
  HubWorld hub(std::move(options));
  ASSERT_TRUE(hub.hub->listen("mem:bus", Hub::Speaks::bus));
  io::MemoryDialer dialer(hub.world.loop, "bus");
  BusClient client(hub, hub.world.run(dialer.dial()).value());
  EXPECT_TRUE(client.publish("orders", "at once"));
  EXPECT_TRUE(client.publish("orders", std::string(100'000, 'x'))) << "also what is longer than an opening";
  io::MemoryDialer as_stranger(hub.world.loop, "bus", stranger);
  BusClient unknown(hub, hub.world.run(as_stranger.dial()).value());
  EXPECT_FALSE(unknown.publish("orders", "at once"));
  EXPECT_TRUE(unknown.has_ended());
}

TEST(BusGate, newcomers_push_out_each_other_and_have_a_bounded_time) {
  HubOptions options = with_topics();
  options.limits.newcomers_max = 2;
  HubWorld hub(std::move(options));
  BusClient known(hub);
  std::vector<std::unique_ptr<BusClient>> newcomers;
  for (int i = 0; i < 3; ++i) {
    newcomers.push_back(std::make_unique<BusClient>(hub, hub.dial()));
    newcomers.back()->send(0, bus::Ping());
  }
  EXPECT_TRUE(newcomers[0]->has_ended());
  EXPECT_FALSE(newcomers[1]->has_ended() || newcomers[2]->has_ended());
  EXPECT_EQ(hub.hub->bus().pushed_out, 1u);
  hub.world.pass(5s);
  EXPECT_TRUE(newcomers[1]->has_ended() && newcomers[2]->has_ended());
  EXPECT_EQ(hub.hub->bus().late, 2u);
  EXPECT_FALSE(known.has_ended());
}

TEST(BusGate, beyond_their_number_connections_are_refused) {
  HubOptions options;
  options.bus.connections_max = 1;
  HubWorld hub(std::move(options));
  BusClient first(hub), second(hub);
  EXPECT_TRUE(first.next<bus::ConnectAck>());
  const auto error = second.next<bus::ConnectError>();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->as<bus::ConnectError>()->reason, Reason::overloaded);
  EXPECT_TRUE(second.has_ended());
  first.vanish();
  BusClient third(hub);
  EXPECT_TRUE(third.next<bus::ConnectAck>());
}

TEST(BusGate, who_has_not_said_who_he_is_says_little) {
  HubWorld hub;
  BusClient client(hub, hub.dial());
  client.send(0, bus::Ping());
  const std::string token(std::size_t{64} << 10, 'x');
  client.connect(token);
  EXPECT_TRUE(client.has_ended());
  EXPECT_EQ(hub.hub->bus().malformed.at("frame_too_large"), 1u);
}

TEST(BusGate, frames_in_any_pieces_are_applied_and_answered_in_their_order) {
  // rule: conversations/R-94, conversations/R-96
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, std::size_t{1} << 20}) {
    HubWorld hub(with_topics());
    BusClient client(hub), subscriber(hub);
    subscriber.subscribe("orders");
    client.heard();
    Octets all;
    std::vector<std::string> expected;
    for (std::uint32_t i = 1; i <= 50; ++i) {
      for (const bus::Frame& frame :
           {bus::Frame{i, bus::Publish{"orders", say(std::to_string(i)), {}}}, bus::Frame{0, bus::Ping()}}) {
        const Octets bytes = bus::encoded(frame);
        all.insert(all.end(), bytes.begin(), bytes.end());
      }
      expected.push_back("PublishAck@" + std::to_string(i));
      expected.emplace_back("Pong@0");
    }
    for (std::size_t at = 0; at < all.size(); at += piece) {
      client.write(ByteView(all).subspan(at, std::min(piece, all.size() - at)));
    }
    EXPECT_EQ(client.names(), expected);
    for (int i = 1; i <= 50; ++i) EXPECT_EQ(subscriber.delivery(), std::to_string(i) + ":" + std::to_string(i));
  }
}

TEST(BusGate, a_pipelined_ping_is_answered_before_the_end) {
  // rule: conversations/R-95
  HubWorld hub;
  BusClient client(hub);
  client.heard();
  Octets both = bus::encoded({0, bus::Ping()});
  const Octets bye = bus::encoded({0, bus::Disconnect()});
  both.insert(both.end(), bye.begin(), bye.end());
  client.write(both);
  EXPECT_THAT(client.names(), ElementsAre("Pong@0"));
  EXPECT_TRUE(client.has_ended());
  EXPECT_EQ(hub.hub->bus().disconnected, 1u);
}

TEST(BusGate, what_is_no_frame_costs_its_connection_alone_and_is_counted) {
  // rule: conversations/R-99, conversations/R-105
  HubWorld hub;
  BusClient other(hub);
  other.heard();
  const std::pair<const char*, const char*> wrong[] = {{"13000000000100000000", "wrong_stream"},
                                                       {"1300000000000000000100", "bytes_left"},
                                                       {"090000000001ffffffff", "frame_too_large"}};
  for (const auto& [hex, why] : wrong) {
    BusClient client(hub);
    client.write(bus::from_hex(hex));
    EXPECT_TRUE(client.has_ended()) << hex;
    EXPECT_EQ(hub.hub->bus().malformed.at(why), 1u);
  }
  other.send(0, bus::Ping());
  EXPECT_THAT(other.names(), ElementsAre("Pong@0"));
  BusClient another(hub);
  EXPECT_TRUE(another.next<bus::ConnectAck>());
}

TEST(BusGate, frames_that_are_not_for_a_server_are_ignored) {
  // rule: conversations/R-100
  HubWorld hub;
  BusClient client(hub);
  client.heard();
  client.send(1, bus::PublishAck{1, true});
  client.send(1, bus::Accept{"m-1"});
  client.send(0, bus::ConnectAck{{1, 0}, 0});
  client.send(7, bus::Unknown{0x7f, 9, as_bytes(std::string_view("abc"))});
  client.send(0, bus::Ping());
  EXPECT_THAT(client.names(), ElementsAre("Pong@0"));
  EXPECT_EQ(hub.hub->bus().ignored, 4u);
}

TEST(BusGate, answers_that_are_not_read_cost_their_connection_alone) {
  // rule: conversations/R-98
  HubOptions options = with_topics();
  options.bus.answers_bytes_max = std::size_t{64} << 10;
  HubWorld hub(std::move(options));
  Responder echo(*hub.hub, "echo");
  echo.echoes = true;
  BusClient slow(hub), other(hub);
  slow.open(7, "echo");
  slow.stop_reading();
  const std::string long_text(std::size_t{100} << 10, 'x');
  for (std::uint32_t i = 1; i < 20 && hub.hub->bus().answers_unread == 0; ++i) slow.ask(7, long_text, i);
  EXPECT_EQ(hub.hub->bus().answers_unread, 1u);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
  EXPECT_EQ(hub.hub->conversations().size(), 0u);
  other.open(1, "echo");
  other.ask(1, "still there", 3);
  EXPECT_EQ(other.reply(3), "still there");
}

TEST(BusGate, a_thousand_idle_connections_wake_nobody) {
  HubWorld hub(with_topics());
  std::vector<std::unique_ptr<BusClient>> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<BusClient>(hub));
    clients.back()->subscribe("orders");
  }
  EXPECT_EQ(hub.world.loop.executor().timer_count(), 0u);
  EXPECT_FALSE(hub.world.loop.executor().has_ready());
  hub.world.pass(1h);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1000u);
}

TEST(BusGate, whoever_was_told_something_is_asked_and_held_to_it_once_he_has_answered) {
  HubWorld hub(with_topics());
  BusClient knows_ping(hub), knows_none(hub), publisher(hub);
  for (BusClient* const each : {&knows_ping, &knows_none}) each->subscribe("orders");
  publisher.publish("orders", "a");
  hub.world.pass(15s);
  EXPECT_TRUE(knows_ping.next<bus::Ping>());
  EXPECT_TRUE(knows_none.next<bus::Ping>());
  knows_ping.send(0, bus::Pong());
  hub.world.pass(15s);
  EXPECT_EQ(hub.world.loop.executor().timer_count(), 0u) << "nothing is waited for";
  EXPECT_FALSE(knows_ping.has_ended() || knows_none.has_ended());
  publisher.publish("orders", "b");
  hub.world.pass(15s);
  hub.world.pass(15s);
  EXPECT_TRUE(knows_ping.has_ended());
  EXPECT_FALSE(knows_none.has_ended());
  EXPECT_EQ(hub.hub->bus().silent, 1u);
}

TEST(BusGate, whoever_takes_nothing_of_what_waits_for_him_has_gone) {
  HubWorld hub(with_topics());
  BusClient hangs(hub), publisher(hub);
  hangs.subscribe("orders");
  hangs.stop_reading();
  const std::string text(std::size_t{300} << 10, 'x');
  for (int i = 0; i < 3; ++i) publisher.publish("orders", text);
  for (int i = 0; i < 3; ++i) hub.world.pass(15s);
  EXPECT_EQ(hub.hub->bus().silent, 1u);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
  EXPECT_EQ(hub.hub->topics().machine().subscription_count(), 0u);
}

TEST(BusGate, a_hub_that_closes_lets_what_was_accepted_leave_and_says_goodbye) {
  HubWorld hub(with_topics());
  Responder slow(*hub.hub, "slow");
  BusClient subscriber(hub), asker(hub), late(hub);
  subscriber.subscribe("orders");
  subscriber.stop_reading();
  asker.open(7, "slow");
  asker.ask(7, "q", 3);
  const std::string text(std::size_t{200} << 10, 'x');
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(asker.publish("orders", text)->is_delivered);
  for (BusClient* const each : {&subscriber, &asker, &late}) each->heard();
  hub.hub->close();
  hub.world.settle();
  EXPECT_THAT(late.names(), ElementsAre("Disconnect@0"));
  asker.send(9, bus::Publish{"orders", say("too late"), {}});
  const auto refused = asker.next<bus::PublishError>();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->as<bus::PublishError>()->reason, Reason::quiesced);
  asker.tell(7, "too late");
  EXPECT_EQ(asker.reply(1), "<258>");
  slow.reply(slow.messages.at(0), "a");
  EXPECT_EQ(asker.reply(3), "a");
  EXPECT_TRUE(asker.next<bus::Disconnect>());
  EXPECT_TRUE(asker.has_ended());
  subscriber.read_again();
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(subscriber.delivery(), std::to_string(i) + ":" + text);
  EXPECT_THAT(subscriber.names(), ElementsAre("Disconnect@0"));
  EXPECT_TRUE(subscriber.has_ended());
  for (BusClient* const each : {&subscriber, &asker, &late}) each->vanish();
  hub.world.run(hub.hub->closed());
}

TEST(BusGate, whoever_does_not_go_is_cut_off_after_a_while) {
  HubWorld hub(with_topics());
  Responder silent(*hub.hub, "silent");
  BusClient asker(hub);
  asker.open(7, "silent");
  asker.ask(7, "q", 3);
  hub.hub->close();
  hub.world.pass(4999ms);
  EXPECT_FALSE(asker.has_ended());
  hub.world.pass(1ms);
  EXPECT_TRUE(asker.has_ended());
  hub.world.run(hub.hub->closed());
}

}  // namespace
}  // namespace parley::hub
