#include "runtime/opened_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// Connections beyond the root, whose calls and channels are used at both ends. `b` says that it is a hub, so that `a`
// reaches its services through connections of their own.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;

PairOptions toward_a_hub() { return {.b = {.is_hub = true}}; }

class OpenedConnectionTest : public testing::Test {
 protected:
  Client<Probe> client(std::string_view name = "Probe") { return Client<Probe>(pair->to_service(name)); }
  template <class T>
  CallResultOf<T> outcome_of(Call<T>& call) {
    return world.run(outcome(call));
  }
  Result<std::int64_t> add(Client<Probe>& client, std::int64_t a, std::int64_t b) {
    auto call = client.call<&Probe::add>(a, b);
    return outcome_of(call);
  }

  Pair both{toward_a_hub()};
  World& world = both.world;
  Hold& pair = both.a;
};

TEST_F(OpenedConnectionTest, the_first_call_opens_it_and_does_not_wait_for_the_answer) {
  // rule: calls/connection, calls/connection.virtual, calls/rpc.one-service-per-connection
  // rule: calls/rpc.virtual-connection.open, calls/rpc.virtual-connection.accept
  Client<Probe> probe = client();
  EXPECT_EQ(both.a->connection_count(), 0u);
  EXPECT_EQ(add(probe, 2, 3).value(), 5);
  EXPECT_EQ(add(probe, 4, 5).value(), 9);
  EXPECT_EQ(both.a->connection_count(), 1u);
  EXPECT_EQ(both.a->counters().connections_opened, 1u);
  EXPECT_EQ(both.b->counters().connections_accepted, 1u);
  EXPECT_EQ(both.probe_b.calls, 2);
}

TEST_F(OpenedConnectionTest, clients_of_one_name_share_it) {
  // rule: calls/rpc.caller.liveness.refcounted
  Client<Probe> first = client();
  Client<Probe> second = client();
  EXPECT_EQ(add(first, 1, 1).value(), 2);
  EXPECT_EQ(add(second, 1, 2).value(), 3);
  EXPECT_EQ(both.a->counters().connections_opened, 1u);
}

TEST_F(OpenedConnectionTest, is_closed_when_its_last_caller_goes_and_opened_anew_by_the_next) {
  // rule: calls/rpc.caller.liveness.last-drop-closes-connection, calls/connection.close
  std::optional<Client<Probe>> probe = client();
  auto copy = std::make_optional(*probe);
  EXPECT_EQ(add(*probe, 1, 1).value(), 2);
  probe.reset();
  world.settle();
  EXPECT_EQ(both.b->connection_count(), 1u);
  copy.reset();
  world.settle();
  EXPECT_EQ(both.a->connection_count(), 0u);
  EXPECT_EQ(both.b->connection_count(), 0u);
  EXPECT_FALSE(both.a->has_ended());
  probe = client();
  EXPECT_EQ(add(*probe, 1, 2).value(), 3);
  EXPECT_EQ(both.a->counters().connections_opened, 2u);
}

TEST_F(OpenedConnectionTest, a_pending_call_keeps_it_open) {
  auto call = client().call<&Probe::hang>("late");
  world.settle();
  EXPECT_EQ(both.b->connection_count(), 1u);
  both.probe_b.release.set();
  EXPECT_EQ(outcome_of(call).value(), "late");
  world.settle();
  EXPECT_EQ(both.b->connection_count(), 0u);
}

TEST_F(OpenedConnectionTest, an_open_one_keeps_the_session_when_the_handle_is_gone) {
  // rule: calls/rpc.caller.liveness.root-internal-close, calls/rpc.caller.liveness.root-teardown-condition
  std::optional<Client<Probe>> probe = client();
  EXPECT_EQ(add(*probe, 1, 1).value(), 2);
  Session& session = *both.a;
  both.a.reset();
  world.settle();
  EXPECT_FALSE(session.has_ended());
  EXPECT_EQ(add(*probe, 1, 2).value(), 3);
  bool has_ended = false;
  probe.reset();
  world.settle();
  has_ended = both.b->has_ended();
  EXPECT_TRUE(has_ended);
}

TEST_F(OpenedConnectionTest, a_name_that_is_not_served_is_refused_and_the_call_provably_not_done) {
  // rule: calls/connection.open.rejection, calls/session.connection-settings.open
  Client<Probe> nobody = client("Nobody");
  auto [tx, rx] = channel<std::int32_t>();
  auto call = nobody.call<&Probe::sum>(std::move(rx));
  const auto sum = outcome_of(call);
  EXPECT_EQ(sum.error(), (Error{Code::not_found, "no service \"Nobody\" here"}));
  EXPECT_EQ(world.run(send_one(tx, 1)).error().code, Code::not_found);
  EXPECT_EQ(both.b->counters().connections_rejected, 1u);
  EXPECT_EQ(both.b->counters().messages_late, 1u) << "the call that came behind the open";
  EXPECT_FALSE(both.a->has_ended());
  EXPECT_FALSE(both.b->has_ended());
}

TEST_F(OpenedConnectionTest, a_name_that_is_none_fails_the_call_and_nothing_else) {
  for (const std::string& name : {std::string(), std::string("\xff"), std::string("a b"), std::string(100'000, 'x')}) {
    for (int i = 0; i < 2; ++i) {
      Client<Probe> wrong = client(name);
      auto call = wrong.call<&Probe::add>(1, 1);
      EXPECT_EQ(outcome_of(call).error().code, Code::invalid);
    }
  }
  Client<Probe> probe = client();
  EXPECT_EQ(add(probe, 1, 2).value(), 3);
}

TEST_F(OpenedConnectionTest, only_what_was_named_is_served_on_it) {
  Absent absent;
  MethodTable own;
  ASSERT_TRUE(add_service<Absent>(own, absent));
  ASSERT_TRUE(both.table_b.add("Absent", std::move(own)));
  Client<Absent> right(both.a->to_service("Absent"));
  auto there = right.call<&Absent::missing>(7);
  EXPECT_EQ(outcome_of(there).value(), 7);
  Client<Absent> wrong(both.a->to_service("Probe"));
  auto not_there = wrong.call<&Absent::missing>(7);
  EXPECT_EQ(outcome_of(not_there).error().code, Code::method);
}

TEST_F(OpenedConnectionTest, channels_flow_both_ways_with_ids_of_its_own) {
  // rule: calls/connection.parity, calls/session, calls/rpc
  Client<Probe> probe = client();
  Client<Probe> root(*both.a);
  auto [tx_a, rx_a] = channel<std::int32_t>();
  auto [tx_b, rx_b] = channel<std::int32_t>();
  auto on_own = probe.call<&Probe::sum>(std::move(rx_a));
  auto on_root = root.call<&Probe::sum>(std::move(rx_b));
  for (int i = 1; i <= 100; ++i) {
    ASSERT_TRUE(world.run(send_one(tx_a, i)));
    ASSERT_TRUE(world.run(send_one(tx_b, 2 * i)));
  }
  tx_a.close();
  tx_b.close();
  EXPECT_EQ(outcome_of(on_own).value(), 5050);
  EXPECT_EQ(outcome_of(on_root).value(), 10100);
}

TEST_F(OpenedConnectionTest, a_handler_calls_its_caller_back_on_it) {
  std::optional<Call<std::int64_t>> back;
  both.probe_b.on_guarded = [&back](Context& context) {
    back.emplace(context.client<Probe>("Probe").call<&Probe::add>(20, 22));
  };
  auto call = client().call<&Probe::guarded>("x");
  world.settle();
  ASSERT_TRUE(back);
  EXPECT_EQ(outcome_of(*back).value(), 42);
  both.probe_b.release.set();
  EXPECT_TRUE(outcome_of(call));
  EXPECT_EQ(both.probe_a.calls, 1);
  EXPECT_EQ(both.a->counters().connections_accepted, 0u);
}

TEST_F(OpenedConnectionTest, what_is_under_way_ends_with_the_session) {
  // rule: calls/connection.close.semantics
  Client<Probe> probe = client();
  auto call = probe.call<&Probe::hang>("x");
  world.settle();
  both.b->close({Code::closed, "test"});
  world.settle();
  EXPECT_EQ(outcome_of(call).error().code, Code::sent_then_lost);
  auto next = probe.call<&Probe::add>(1, 1);
  EXPECT_EQ(outcome_of(next).error().code, Code::closed);
  EXPECT_EQ(both.probe_b.hanging, 0);
}

TEST_F(OpenedConnectionTest, the_peer_accepts_as_many_calls_at_once_as_it_says) {
  // rule: calls/session.connection-settings
  Pair small({.b = {.requests_max = 2, .is_hub = true}});
  Client<Probe> probe(small.a->to_service("Probe"));
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(probe.call<&Probe::hang>(std::to_string(i)));
  small.world.settle();
  EXPECT_EQ(small.probe_b.hanging, 2);
  small.probe_b.release.set();
  for (auto& call : calls) EXPECT_TRUE(small.world.run(outcome(call)));
}

TEST(RootConnection, serves_whatever_the_name_where_the_peer_is_no_hub) {
  Pair pair;
  Client<Probe> probe(pair.a->to_service("AnyName"));
  auto call = probe.call<&Probe::add>(1, 2);
  EXPECT_EQ(pair.world.run(outcome(call)).value(), 3);
  EXPECT_EQ(pair.a->counters().connections_opened, 0u);
}

// What a peer says on one of its connections.
Octets on(std::uint8_t connection, Octets message) {
  message[0] = connection;
  return message;
}

TEST(StalledConnection, holds_up_neither_the_session_nor_other_connections_nor_its_own_close) {
  // rule: calls/weakness.34
  Limits limits;
  limits.concurrent_requests_max = 64;
  Scripted scripted({.session = {.limits = limits}});
  scripted.peer->says(say::open(1), say::open(3));
  scripted.peer->heard();
  // All that it may have under way, and more: calls that hang, and items that nobody reads.
  scripted.peer->put(on(1, say::call_of<&Probe::keep_rx>(1, {1})));
  for (std::uint8_t i = 0; i < 16; ++i) scripted.peer->put(on(1, say::item(1, {i})));
  for (std::uint64_t id = 3; id < 203; id += 2) {
    scripted.peer->put(on(1, say::call_of<&Probe::hang>(id, {}, std::string("stalled"))));
  }
  scripted.world.settle();
  EXPECT_EQ(scripted.probe.hanging, 64);
  scripted.peer->heard();
  scripted.peer->says(say::ping(7), say::call_of<&Probe::add>(1, {}, std::int64_t{2}, std::int64_t{3}),
                      on(3, say::call_of<&Probe::add>(1, {}, std::int64_t{4}, std::int64_t{5})));
  EXPECT_THAT(scripted.peer->heard(),
              testing::UnorderedElementsAre("pong 7", "response 1 000a", "on 3: response 1 0012"));
  scripted.peer->says(say::close_connection(1));
  EXPECT_EQ(scripted.probe.hanging, 0);
  scripted.peer->says(say::ping(8));
  EXPECT_THAT(scripted.peer->heard(), testing::ElementsAre("pong 8"));
  scripted.probe.kept_rx.reset();
}

}  // namespace
}  // namespace parley::runtime
