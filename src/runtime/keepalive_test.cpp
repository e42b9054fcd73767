#include "runtime/keepalive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "io/stream_end_suite.h"
#include "runtime/framed_link.h"
#include "runtime/opened_connection.h"
#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// A peer that says nothing while something waits for it.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Duration interval = 15s;  // as in Limits

TEST(Keepalive, a_silent_peer_is_asked_and_when_it_does_not_answer_the_session_is_lost) {
  // rule: calls/session.keepalive
  Scripted scripted;
  auto call = scripted.client().call<&Probe::hang>("x");
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  scripted.world.pass(interval - 1ms);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  scripted.world.pass(1ms);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("ping 1"));
  scripted.world.pass(interval - 1ms);
  EXPECT_FALSE(call.is_done());
  scripted.world.pass(1ms);
  EXPECT_EQ(scripted.end_reason(), (Error{Code::silence, "for 30 s"}));
  const auto ended = scripted.world.run(outcome(call));
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::sent_then_lost) << "it may have happened";
  EXPECT_EQ(scripted.counters().pings_sent, 1u);
  EXPECT_EQ(scripted.counters().silences, 1u);
}

TEST(Keepalive, a_peer_that_answers_is_waited_for_as_long_as_it_takes) {
  // rule: calls/session.keepalive
  Scripted scripted;
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.peer->heard();
  for (int round = 1; round <= 20; ++round) {
    scripted.world.pass(interval);
    ASSERT_THAT(scripted.peer->heard(), ElementsAre("ping " + std::to_string(round)));
    scripted.peer->says(octets({{0, 10}, varint(static_cast<std::uint64_t>(round))}));
    scripted.world.pass(interval);  // heard of since it was asked
    ASSERT_THAT(scripted.peer->heard(), IsEmpty());
  }
  scripted.peer->says(say::response(2, {0, 1, 'x'}));
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), "x");
}

TEST(Keepalive, whatever_the_peer_says_is_a_sign_of_life) {
  Scripted scripted;
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.peer->heard();
  for (std::uint64_t id = 1; id < 41; id += 2) {
    scripted.world.pass(interval - 1ms);
    scripted.peer->says(say::call_of<&Probe::add>(id, {}, std::int64_t{1}, std::int64_t{2}));
  }
  EXPECT_EQ(scripted.counters().pings_sent, 0u);
}

TEST(Keepalive, nothing_is_asked_and_no_timer_runs_while_nothing_waits) {
  Scripted scripted;
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 0u);
  auto call = scripted.client().call<&Probe::echo>("x");
  scripted.peer->says(say::response(2, {0, 1, 'x'}));
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), "x");
  // A handler of the peer's call waits for something else.
  scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("y")));
  scripted.peer->heard();
  scripted.world.pass(interval);
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 0u);
  scripted.world.pass(10 * interval);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST(Keepalive, an_open_channel_waits_too_once_somebody_has_waited_at_it) {
  for (const bool sends : {false, true}) {
    Scripted scripted;
    auto [tx, rx] = channel<std::int32_t, 0>();
    auto [tx_back, rx_back] = channel<std::int32_t, 0>();
    auto call = scripted.client().call<&Probe::keep_zero>(std::move(rx), std::move(tx_back));
    scripted.peer->says(say::response(2, {0}));
    scripted.world.pass(interval);
    scripted.world.pass(interval);
    scripted.peer->heard();
    std::optional<Running<Result<void>>> sending;
    std::optional<Running<std::optional<std::int32_t>>> receiving;
    if (sends) sending.emplace(scripted.world, send_one(tx, 1));
    if (!sends) receiving.emplace(scripted.world, receive_one(rx_back));
    scripted.world.pass(interval);
    scripted.world.pass(interval);
    EXPECT_EQ(scripted.end_reason().code, Code::silence);
    if (sends) EXPECT_EQ(sending->take().error().code, Code::silence);
    if (!sends) EXPECT_EQ(receiving->take(), std::nullopt);
  }
}

TEST(Keepalive, an_open_that_nobody_answers_waits_too) {
  Scripted scripted;
  OpenedConnection& opened = scripted.session->open({.requests_max = 1, .metadata = {}});
  opened.connection().add_client();
  scripted.world.pass(interval);
  scripted.world.pass(interval);
  EXPECT_EQ(scripted.end_reason().code, Code::silence);
  EXPECT_TRUE(opened.answered().is_set());
  opened.connection().drop_client();
}

TEST(Keepalive, a_message_that_takes_long_to_come_is_no_silence) {
  World world;
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:slow", {});
  io::suite::End peer(std::move(far));
  peer.start();
  Hold session(Session::start(world.loop, std::make_unique<FramedLink>(world.loop, std::move(near), Limits()),
                              Session::Role::initiator, {}, nullptr));
  const auto says = [&](const Octets& message) {
    const auto size = static_cast<std::uint8_t>(message.size());
    peer.send(octets({{size, 0, 0, 0}, message}));
    world.settle();
  };
  says(say::hello_yourself(Parity::even, 64, parley_mark));
  ASSERT_TRUE(session->is_established());
  auto call = Client<Probe>(*session).call<&Probe::hang>("x");
  const Octets response = say::response(1, octets({{0}, codec::to_postcard(std::string(100, 'x'))}));
  peer.send({static_cast<std::uint8_t>(response.size() + 1), 0, 0, 0});
  for (std::size_t i = 0; i < response.size(); ++i) {
    world.pass(interval - 1ms);
    peer.send({response[i]});
    ASSERT_FALSE(session->has_ended()) << i;
  }
  EXPECT_EQ(session->counters().pings_sent, 0u);
  // And then it hangs, one byte short.
  world.pass(interval);
  world.pass(interval);
  world.pass(interval);
  EXPECT_EQ(session->end_reason().value().code, Code::silence);
  session.reset();
  world.pass(interval);
}

TEST(Keepalive, can_be_switched_off) {
  SessionOptions options;
  options.limits.keepalive = Duration::zero();
  Scripted scripted({.session = options});
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.peer->heard();
  for (int round = 0; round < 10; ++round) scripted.world.pass(interval);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST(Keepalive, two_of_ours_wait_for_each_other_for_days) {
  Pair pair;
  auto there = pair.client_a().call<&Probe::hang>("a");
  auto back = pair.client_b().call<&Probe::hang>("b");
  for (int hour = 0; hour < 48; ++hour) {
    for (int quarter = 0; quarter < 4; ++quarter) pair.world.pass(interval);
  }
  EXPECT_GE(pair.a->counters().pings_answered, 48u);
  EXPECT_GE(pair.b->counters().pings_answered, 48u);
  pair.probe_a.release.set();
  pair.probe_b.release.set();
  EXPECT_EQ(pair.world.run(outcome(there)).value(), "a");
  EXPECT_EQ(pair.world.run(outcome(back)).value(), "b");
}

}  // namespace
}  // namespace parley::runtime
