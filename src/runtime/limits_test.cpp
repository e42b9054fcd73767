#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"

// Each bound of Limits on sessions, calls, channels, metadata and nesting: that it reaches who is to keep it, that just
// as much is good, and what the answer is to more.
namespace parley::runtime::limits_test {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ScriptOptions within(Limits limits) { return {.session = {.limits = limits}}; }

// --- sessions

TEST(LimitsRuntime, handshake_max_is_how_long_a_peer_may_be_silent_at_first) {
  ScriptOptions silent = within({.handshake_max = 2s});
  silent.shakes_hands = false;
  Scripted scripted(std::move(silent));
  scripted.world.pass(1'999'999'999ns);
  EXPECT_FALSE(scripted.session->has_ended());
  scripted.world.pass(1ns);
  EXPECT_EQ(scripted.end_reason().code, Code::handshake_timeout);
  EXPECT_EQ(kind(scripted.end_reason()), Kind::timed_out);
  EXPECT_TRUE(scripted.session->established().is_set()) << "whoever waits for it is told";
  EXPECT_FALSE(scripted.session->is_established());
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST(LimitsRuntime, handshake_max_is_over_with_the_handshake) {
  Scripted scripted(within({.handshake_max = 2s}));
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 0u);
  scripted.world.pass(10s);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST(LimitsRuntime, handshake_max_is_also_how_long_a_peer_may_keep_a_closed_session_from_going) {
  Scripted scripted(within({.handshake_max = 2s}));
  scripted.session.reset();
  scripted.world.pass(1'999'999'999ns);
  EXPECT_FALSE(scripted.is_gone);
  scripted.world.pass(1ns);
  EXPECT_TRUE(scripted.is_gone);
}

// --- calls

TEST(LimitsRuntime, concurrent_requests_max_is_advertised_and_one_call_more_is_refused) {
  // rule: calls/rpc.flow-control.max-concurrent-requests
  // rule: calls/rpc.flow-control.max-concurrent-requests.default
  // rule: calls/weakness.17
  ScriptOptions options = within({.concurrent_requests_max = 2});
  options.shakes_hands = false;
  Scripted scripted(std::move(options));
  scripted.peer->says(say::hello(7, Parity::odd, 64, parley_mark));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("hello yourself even 2 {parley=1}"));
  scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")),
                      say::call_of<&Probe::hang>(3, {}, std::string("x")));
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  scripted.peer->says(say::call_of<&Probe::add>(5, {}, std::int64_t{1}, std::int64_t{2}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 5 {parley-error=5001} 0103"));
  EXPECT_EQ(scripted.counters().calls_refused_to_peer, 1u);
  EXPECT_EQ(scripted.probe.hanging, 2);
  scripted.peer->says(say::cancel(1), say::call_of<&Probe::add>(7, {}, std::int64_t{1}, std::int64_t{2}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103", "response 7 0006"));
}

TEST(LimitsRuntime, the_number_of_calls_that_is_advertised_may_be_another) {
  Scripted scripted({.shakes_hands = false, .session = {.limits = {.concurrent_requests_max = 5}, .requests_max = 3}});
  scripted.peer->says(say::hello(7, Parity::odd, 64));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("hello yourself even 3"));
}

TEST(LimitsRuntime, outgoing_calls_max_holds_whatever_the_peer_advertises) {
  ScriptOptions options = within({.outgoing_calls_max = 2});
  options.peer_requests_max = ~std::uint32_t{0};
  Scripted scripted(std::move(options));
  auto client = scripted.client();
  for (int i = 0; i < 3; ++i) client.call<&Probe::add>(1, 2).cancel();
  // A call that was given up keeps its slot until the peer has answered it.
  EXPECT_EQ(scripted.session->root().calls().in_flight(), 2u);
  auto waiting = client.call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.session->root().calls().in_line(), 1u);
  EXPECT_FALSE(waiting.is_done());
}

TEST(LimitsRuntime, waiting_calls_max_bounds_the_line_and_one_call_more_is_refused_here) {
  // rule: calls/rpc.flow-control.max-concurrent-requests
  ScriptOptions options = within({.waiting_calls_max = 2});
  options.peer_requests_max = 1;
  Scripted scripted(std::move(options));
  auto client = scripted.client();
  auto sent = client.call<&Probe::hang>("a");
  auto first = client.call<&Probe::add>(1, 2);
  auto second = client.call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.session->root().calls().in_line(), 2u);
  auto third = client.call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.world.run(outcome(third)).error(), (Error{Code::too_many_calls, "2 calls are in line"}));
  EXPECT_EQ(scripted.counters().calls_refused_here, 1u);
  EXPECT_EQ(scripted.counters().calls_waited, 2u);
  first.cancel();
  auto fourth = client.call<&Probe::add>(1, 2);
  EXPECT_FALSE(fourth.is_done()) << "there is room again";
}

// --- channels

TEST(LimitsRuntime, channels_per_call_max_costs_the_session) {
  Scripted scripted(within({.channels_per_call_max = 2}));
  scripted.peer->says(say::call_of<&Probe::keep_zero>(1, {1, 3}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 00"));
  scripted.peer->says(say::call_of<&Probe::keep_zero>(3, {5, 7, 9}));
  EXPECT_EQ(scripted.end_reason().code, Code::too_many_channels);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre(HasSubstr("protocol error: ")));
}

TEST(LimitsRuntime, channels_max_counts_what_the_peer_has_open_and_one_more_costs_the_session) {
  Scripted scripted(within({.channels_max = 2}));
  scripted.peer->says(say::call_of<&Probe::keep_zero>(1, {1, 3}));
  scripted.peer->says(say::close(1));
  scripted.peer->says(say::call_of<&Probe::sum>(3, {5}));
  EXPECT_EQ(scripted.session->root().channels().size(), 2u);
  // Ours do not count.
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  EXPECT_FALSE(call.is_done());
  scripted.peer->says(say::call_of<&Probe::sum>(5, {7}));
  EXPECT_EQ(scripted.end_reason().code, Code::too_many_channels);
}

TEST(LimitsRuntime, credit_max_is_what_a_peer_may_grant_in_all) {
  // rule: calls/weakness.12
  Scripted scripted(within({.credit_max = 100}));
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  scripted.world.settle();
  scripted.peer->says(say::grant(2, 84));
  EXPECT_EQ(tx.credit(), 100u);
  scripted.peer->says(say::grant(2, 1));
  EXPECT_EQ(scripted.end_reason().code, Code::credit_overflow);
  ASSERT_TRUE(tx.error());
}

// Reads all of 20 000 items that come as fast as the credit allows, and tells how wide the window grew.
std::uint32_t widest_window(Limits limits) {
  Pair pair({.a = {.limits = limits}});
  auto [tx, rx] = channel<std::int32_t, 256>();
  auto call = pair.client_a().call<&Probe::generate>(20'000u, std::move(tx));
  const auto read = [](Rx<std::int32_t, 256>& from) -> Task<std::uint32_t> {
    std::uint32_t widest = 0;
    while (co_await from.recv()) widest = std::max(widest, from.window());
    co_return widest;
  };
  return pair.world.run(read(rx));
}

TEST(LimitsRuntime, window_items_max_and_window_bytes_max_bound_what_a_window_grows_to) {
  // rule: calls/rpc.flow-control.credit
  EXPECT_EQ(widest_window({.window_items_max = 1000, .window_bytes_max = std::size_t{1} << 30}), 1000u);
  const std::uint32_t by_bytes = widest_window({.window_items_max = 1u << 20, .window_bytes_max = 64 << 10});
  EXPECT_GT(by_bytes, 900u);  // an item of 1 to 3 bytes counts with what it takes beside them
  EXPECT_LE(by_bytes, 1024u);
  EXPECT_EQ(widest_window({.window_items_max = 16}), 256u) << "what the type says is given whatever the bound";
}

// --- metadata

const std::vector<Metadata> two_and_three = {{{"a", "1"}, {"b", "2"}}, {{"a", "1"}, {"b", "2"}, {"c", "3"}}};

// Every message that carries metadata of the peer's, toward a session in which each is due.
template <class Say>
void expect_bound(const Limits& limits, const std::vector<Metadata>& fitting_and_not, Say say) {
  for (const bool fits : {true, false}) {
    Scripted scripted(within(limits));
    auto [tx, rx] = channel<std::int32_t>();
    auto [tx_back, rx_back] = channel<std::int32_t>();
    auto sum = scripted.client().call<&Probe::sum>(std::move(rx));
    auto keep = scripted.client().call<&Probe::keep_tx>(std::move(tx_back));
    scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
    scripted.peer->says(say(fitting_and_not[fits ? 0 : 1]));
    EXPECT_EQ(scripted.session->has_ended(), !fits);
    if (!fits) {
      EXPECT_EQ(scripted.end_reason().code, Code::metadata_limit);
    }
  }
}
void expect_bound_everywhere(const Limits& limits, const std::vector<Metadata>& fitting_and_not) {
  const auto expect = [&](auto say) { expect_bound(limits, fitting_and_not, say); };
  expect([](const Metadata& metadata) { return say::call(3, method_id<&Probe::add>, {2, 4}, {}, metadata); });
  expect([](const Metadata& metadata) { return say::response(2, {0, 2}, metadata); });
  expect([](const Metadata& metadata) { return say::cancel(1, metadata); });
  expect([](const Metadata& metadata) { return say::reset(2, metadata); });
  expect([](const Metadata& metadata) { return say::close(4, metadata); });
}

TEST(LimitsRuntime, metadata_entries_max_costs_the_session_whatever_the_message) {
  // rule: calls/weakness.23
  expect_bound_everywhere({.metadata_entries_max = 2}, two_and_three);
}

TEST(LimitsRuntime, metadata_bytes_max_costs_the_session_whatever_the_message) {
  // rule: calls/weakness.23
  const Metadata just = {{"k", std::string(94, 'x')}};  // with the sizes of both, the type and the flags: 99 bytes
  const Metadata more = {{"k", std::string(97, 'x')}};
  expect_bound_everywhere({.metadata_bytes_max = 100}, {just, more});
}

TEST(LimitsRuntime, metadata_of_ours_beyond_the_limits_never_leaves) {
  Scripted scripted(within({.metadata_entries_max = 2, .metadata_bytes_max = 1000}));
  auto client = scripted.client();
  auto many = client.with({.metadata = two_and_three[1]}).call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.world.run(outcome(many)).error(), (Error{Code::invalid, "too many metadata entries"}));
  auto large = client.with({.metadata = {{"k", std::string(1000, 'x')}}}).call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.world.run(outcome(large)).error(), (Error{Code::invalid, "metadata too large"}));
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
}

// --- nesting

struct Tree {
  std::vector<Tree> children;
};

class Forest {
 public:
  Task<std::uint32_t> plant(Tree tree) {
    static_cast<void>(tree);
    co_return ++planted;
  }
  Task<Tree> grow() { co_return Tree(); }
  Task<void> keep(Rx<Tree> trees) {
    kept = std::move(trees);
    co_return;
  }
  std::uint32_t planted = 0;
  std::optional<Rx<Tree>> kept;
};
PARLEY_SERVICE(Forest, plant, grow, keep);

// A tree of so many lists one in the other.
Octets nested(std::size_t depth) {
  Octets bytes(depth, 1);
  bytes.back() = 0;
  return bytes;
}

class DepthLimit : public testing::Test {
 protected:
  DepthLimit() { add_service<Forest>(table, forest).value(); }
  ScriptOptions options() { return {.session = {.limits = {.depth_max = 3}}, .methods = &table}; }

  Forest forest;
  MethodTable table;
};

TEST_F(DepthLimit, of_arguments_fails_the_call_alone) {
  // rule: calls/weakness.24
  Scripted scripted(options());
  scripted.peer->says(say::call(1, method_id<&Forest::plant>, nested(3)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 0001"));
  scripted.peer->says(say::call(3, method_id<&Forest::plant>, nested(4)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre(HasSubstr("nested too deeply")));
  EXPECT_EQ(forest.planted, 1u);
  EXPECT_EQ(scripted.counters().arguments_malformed, 1u);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST_F(DepthLimit, of_a_result_fails_the_call_alone) {
  Scripted scripted(options());
  Client<Forest> client(*scripted.session);
  auto good = client.call<&Forest::grow>();
  auto bad = client.call<&Forest::grow>();
  scripted.world.settle();
  scripted.peer->says(say::response(2, octets({{0}, nested(3)})), say::response(4, octets({{0}, nested(4)})));
  EXPECT_TRUE(scripted.world.run(outcome(good)).has_value());
  const Result<Tree> answer = scripted.world.run(outcome(bad));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::response);
  EXPECT_THAT(answer.error().note, HasSubstr("nested too deeply"));
  EXPECT_EQ(scripted.counters().results_malformed, 1u);
}

TEST_F(DepthLimit, of_an_item_resets_its_channel_alone) {
  Scripted scripted(options());
  scripted.peer->says(say::call(1, method_id<&Forest::keep>, {}, {1}), say::item(1, nested(3)),
                      say::item(1, nested(4)));
  EXPECT_TRUE(scripted.world.run(receive_one(*forest.kept)).has_value());
  EXPECT_FALSE(scripted.world.run(receive_one(*forest.kept)).has_value());
  ASSERT_TRUE(forest.kept->error());
  EXPECT_THAT(forest.kept->error()->note, HasSubstr("nested too deeply"));
  EXPECT_EQ(scripted.counters().items_malformed, 1u);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST_F(DepthLimit, of_an_item_holds_when_its_channel_has_ended_before_it_is_read) {
  Scripted scripted(options());
  scripted.peer->says(say::call(1, method_id<&Forest::keep>, {}, {1}), say::item(1, nested(4)), say::close(1));
  EXPECT_FALSE(scripted.world.run(receive_one(*forest.kept)).has_value());
  ASSERT_TRUE(forest.kept->error());
  EXPECT_THAT(forest.kept->error()->note, HasSubstr("nested too deeply"));
}

}  // namespace parley::runtime::limits_test
