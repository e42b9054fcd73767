#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"
#include "wire/roam/names.h"

// How long a call may take: said by the caller, kept by both.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

Octets inspect_with(std::uint64_t id, const MetadataEntry& entry) {
  const Octets arguments = octets({codec::to_postcard(std::string("key")), codec::to_postcard(true)});
  return say::call(id, method_id<&Probe::inspect>, arguments, {}, {entry});
}
Octets inspect_within(std::uint64_t id, std::uint64_t us) {
  return inspect_with(id, {std::string(wire::roam::names::remaining_us), us});
}

// --- what travels

TEST(Deadline, travels_as_what_remains_beside_the_callers_metadata) {
  Scripted scripted;
  auto client = scripted.client();
  auto first = client.with({.deadline = 50ms}).call<&Probe::add>(1, 2);
  auto second = client.with({.deadline = 1500ns, .metadata = {{"key", "value"}}}).call<&Probe::add>(1, 2);
  auto third = client.call<&Probe::add>(1, 2);
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("call 2 add {parley-remaining-us=50000} 0204",
                          "call 4 add {key=\"value\" parley-remaining-us=2} 0204", "call 6 add 0204"))
      << "a part of a microsecond counts as a whole one";
}

TEST(Deadline, does_not_travel_to_a_foreign_peer_and_is_kept_here_all_the_same) {
  Scripted scripted({.is_peer_foreign = true});
  auto call = scripted.client().with({.deadline = 50ms}).call<&Probe::hang>("x");
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178"));
  scripted.world.pass(50ms);
  EXPECT_EQ(scripted.world.run(outcome(call)).error().code, Code::deadline);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("cancel 2"));
}

TEST(Deadline, of_a_call_that_waited_in_line_travels_as_what_is_left_of_it) {
  Scripted scripted({.peer_requests_max = 1});
  auto client = scripted.client();
  auto first = client.call<&Probe::hang>("a");
  auto second = client.with({.deadline = 50ms, .metadata = {{"key", "value"}}}).call<&Probe::hang>("b");
  auto third = client.with({.deadline = 30ms}).call<&Probe::hang>("c");
  scripted.world.pass(29'990us);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0161"));
  scripted.peer->says(say::response(2, {0, 1, 'a'}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 4 hang {key=\"value\" parley-remaining-us=20010} 0162"));
  scripted.peer->says(say::response(4, {0, 1, 'b'}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 6 hang {parley-remaining-us=10} 0163"));
}

TEST(Deadline, reaches_the_handler_as_a_point_in_its_own_time) {
  Pair pair;
  auto call = pair.client_a().with({.deadline = 40ms}).call<&Probe::inspect>("key", false);
  EXPECT_TRUE(pair.world.run(outcome(call)));
  ASSERT_TRUE(pair.probe_b.deadline_seen);
  EXPECT_EQ(*pair.probe_b.deadline_seen, pair.world.clock.at + 40ms);
}

// --- the caller's timer

TEST(Deadline, that_passes_ends_the_call_and_cancels_it_and_keeps_its_slot) {
  // rule: calls/weakness.15
  // rule: calls/weakness.16
  Scripted scripted({.peer_requests_max = 1});
  auto call = scripted.client().with({.deadline = 50ms}).call<&Probe::hang>("x");
  Running<Result<std::string>> waiting(scripted.world, outcome(call));
  scripted.world.pass(49'999'999ns);
  EXPECT_FALSE(waiting.is_done());
  scripted.world.pass(1ns);
  EXPECT_EQ(waiting.take().error().code, Code::deadline);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang {parley-remaining-us=50000} 0178", "cancel 2"));
  EXPECT_EQ(scripted.counters().deadlines_passed_here, 1u);
  EXPECT_EQ(scripted.counters().cancels_sent, 1u);
  EXPECT_EQ(scripted.session->root().calls().in_flight(), 1u);

  // The response that comes just after is nobody's.
  scripted.peer->says(say::response(2, {0, 1, 'x'}));
  EXPECT_EQ(scripted.counters().responses_late, 1u);
  EXPECT_EQ(scripted.counters().responses_received, 0u);
  EXPECT_EQ(scripted.session->root().calls().in_flight(), 0u);
}

TEST(Deadline, is_over_with_the_response_and_leaves_no_timer) {
  SessionOptions options;
  options.limits.keepalive = Duration::zero();  // which has one of its own
  Scripted scripted({.session = options});
  auto call = scripted.client().with({.deadline = 50ms}).call<&Probe::add>(1, 2);
  scripted.world.settle();
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 1u);
  scripted.peer->says(say::response(2, {0, 6}));
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 0u);
  scripted.world.pass(1s);
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), 3);
  EXPECT_EQ(scripted.counters().deadlines_passed_here, 0u);
}

TEST(Deadline, loses_to_a_response_that_is_there_when_it_passes) {
  Scripted scripted;
  auto call = scripted.client().with({.deadline = 50ms}).call<&Probe::add>(1, 2);
  scripted.world.settle();
  scripted.peer->put(say::response(2, {0, 6}));
  scripted.world.pass(50ms);
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), 3);
}

TEST(Deadline, that_passes_in_line_says_overloaded_and_nothing_was_sent) {
  Scripted scripted({.peer_requests_max = 1});
  auto first = scripted.client().call<&Probe::hang>("a");
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().with({.deadline = 50ms}).call<&Probe::sum>(std::move(rx));
  scripted.world.pass(50ms);
  const Result<std::int64_t> answer = scripted.world.run(outcome(call));
  EXPECT_EQ(answer.error(), (Error{Code::too_many_calls, "the deadline passed while the call was in line"}));
  EXPECT_EQ(kind(answer.error()), Kind::overloaded);
  ASSERT_TRUE(tx.error());
  EXPECT_EQ(tx.error()->code, Code::too_many_calls);
  scripted.peer->says(say::response(2, {0, 1, 'a'}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0161"));
  EXPECT_EQ(scripted.counters().deadlines_passed_here, 1u);
  EXPECT_EQ(scripted.counters().cancels_sent, 0u);
}

TEST(Deadline, of_nothing_or_less_is_over_before_the_call_is_sent) {
  Scripted scripted;
  auto client = scripted.client();
  auto [tx, rx] = channel<std::int32_t>();
  auto none = client.with({.deadline = 0ns}).call<&Probe::sum>(std::move(rx));
  auto less = client.with({.deadline = Duration::min()}).call<&Probe::add>(1, 2);
  EXPECT_EQ(scripted.world.run(outcome(none)).error(), (Error{Code::deadline, "before the call was sent"}));
  EXPECT_EQ(scripted.world.run(outcome(less)).error(), (Error{Code::deadline, "before the call was sent"}));
  EXPECT_FALSE(tx.is_open());
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  EXPECT_EQ(scripted.counters().deadlines_passed_here, 2u);
  EXPECT_EQ(scripted.counters().calls_sent, 0u);
}

TEST(Deadline, beyond_all_time_is_none_at_all) {
  Scripted scripted;
  auto call = scripted.client().with({.deadline = Duration::max()}).call<&Probe::add>(1, 2);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 add {parley-remaining-us=9223372036854776} 0204"));
  scripted.world.pass(std::chrono::hours(24 * 365));
  EXPECT_FALSE(call.is_done());
  scripted.peer->says(say::response(2, {0, 6}));
  EXPECT_EQ(scripted.world.run(outcome(call)).value(), 3);
}

TEST(Deadline, of_a_raw_call_is_no_different) {
  Scripted scripted;
  const auto arguments = codec::to_postcard(std::string("x"));
  RawCall call = RawCall::start(*scripted.session, method_id<&Probe::hang>, arguments, {}, {.deadline = 50ms});
  scripted.world.pass(50ms);
  const auto response = [](RawCall& call) -> Task<Result<RawResponse>> { co_return co_await call; };
  EXPECT_EQ(scripted.world.run(response(call)).error().code, Code::deadline);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang {parley-remaining-us=50000} 0178", "cancel 2"));
}

// --- the handler's timer

TEST(Deadline, that_passes_while_a_handler_is_at_it_stops_the_handler_and_answers) {
  Scripted scripted;
  scripted.peer->says(inspect_within(1, 50'000));
  EXPECT_EQ(scripted.probe.hanging, 1);
  EXPECT_EQ(scripted.probe.deadline_seen, scripted.world.clock.at + 50ms);
  scripted.world.pass(49'999us);
  EXPECT_EQ(scripted.probe.hanging, 1);
  scripted.world.pass(1us);
  EXPECT_EQ(scripted.probe.hanging, 0);
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("response 1 {parley-error=6001 parley-note=\"while it was handled\"} 0103"));
  EXPECT_EQ(scripted.counters().deadlines_passed_handling, 1u);
  EXPECT_EQ(scripted.counters().responses_sent, 1u);
  // The Cancel of the caller, whose own timer fired too.
  scripted.peer->says(say::cancel(1));
  EXPECT_EQ(scripted.counters().cancels_too_late, 1u);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
}

TEST(Deadline, of_a_handler_that_has_ended_is_over) {
  Scripted scripted;
  scripted.peer->says(inspect_within(1, 50'000));
  scripted.probe.release.set();
  scripted.world.settle();
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 0u);
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  scripted.world.pass(1s);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  EXPECT_EQ(scripted.counters().deadlines_passed_handling, 0u);
}

TEST(Deadline, that_passes_in_the_turn_in_which_the_handler_ends_leaves_one_response) {
  Scripted scripted;
  scripted.peer->says(inspect_within(1, 50'000));
  scripted.probe.release.set();
  scripted.world.clock.at = scripted.world.clock.at + 50ms;
  scripted.world.settle();
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  EXPECT_EQ(scripted.counters().responses_sent, 1u);
}

TEST(Deadline, of_the_peer_may_be_nothing_or_beyond_all_time) {
  Scripted scripted;
  scripted.peer->says(inspect_within(1, 0));
  scripted.world.pass(1ns);
  EXPECT_EQ(scripted.probe.hanging, 0);
  EXPECT_EQ(scripted.counters().deadlines_passed_handling, 1u);
  scripted.peer->heard();
  scripted.peer->says(inspect_within(3, ~std::uint64_t{0}));
  scripted.world.pass(std::chrono::hours(24 * 365));
  EXPECT_EQ(scripted.probe.hanging, 1);
  scripted.peer->says(say::cancel(3));
  EXPECT_EQ(scripted.probe.hanging, 0);
}

TEST(Deadline, that_is_no_number_is_metadata_like_any_other) {
  // rule: calls/rpc.metadata.unknown
  Scripted scripted;
  scripted.peer->says(inspect_with(1, {std::string(wire::roam::names::remaining_us), "50000"}));
  EXPECT_EQ(scripted.probe.hanging, 1);
  EXPECT_FALSE(scripted.probe.deadline_seen);
  EXPECT_EQ(scripted.world.loop.executor().timer_count(), 0u);
}

TEST(Deadline, of_a_foreign_peer_means_nothing) {
  Scripted scripted({.is_peer_foreign = true});
  scripted.peer->says(inspect_within(1, 1000));
  scripted.world.pass(1s);
  EXPECT_EQ(scripted.probe.hanging, 1);
  EXPECT_FALSE(scripted.probe.deadline_seen);
}

TEST(Deadline, of_both_sides_together_ends_the_call_once) {
  Pair pair;
  auto call = pair.client_a().with({.deadline = 40ms}).call<&Probe::inspect>("key", true);
  pair.world.settle();
  EXPECT_EQ(pair.probe_b.hanging, 1);
  pair.world.pass(40ms);
  EXPECT_EQ(pair.world.run(outcome(call)).error().code, Code::deadline);
  EXPECT_EQ(pair.probe_b.hanging, 0);
  EXPECT_EQ(pair.a->counters().deadlines_passed_here, 1u);
  EXPECT_EQ(pair.b->counters().deadlines_passed_handling, 1u);
  EXPECT_EQ(pair.b->counters().responses_sent, 1u);
  EXPECT_EQ(pair.a->counters().responses_late, 1u);
  EXPECT_EQ(pair.a->root().calls().in_flight(), 0u);
}

}  // namespace
}  // namespace parley::runtime
