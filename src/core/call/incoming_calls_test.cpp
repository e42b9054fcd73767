#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "core/call/calls_suite.h"

// The peer's calls: one answer each, and none left behind.
namespace parley::core {
namespace {

using namespace suite;

using IncomingCalls = CallsTest;

TEST_F(IncomingCalls, a_call_of_the_peer_is_answered_once_whatever_comes_first) {
  // rule: calls/rpc.response.one-per-request
  // rule: calls/weakness.28
  make();
  ASSERT_EQ(calls->on_call(2), Arrival::start);
  IncomingCall at_once(2);  // finished before it was kept
  EXPECT_TRUE(calls->answer(at_once));
  EXPECT_FALSE(calls->answer(at_once));
  EXPECT_EQ(counters.results_dropped, 1u);

  ASSERT_EQ(calls->on_call(4), Arrival::start);
  IncomingCall kept(4);
  calls->keep(kept);
  EXPECT_EQ(calls->handling(), 1u);
  EXPECT_EQ(calls->on_cancel(4), &kept);
  EXPECT_TRUE(calls->answer(kept));
  EXPECT_TRUE(kept.is_answered());
  EXPECT_FALSE(calls->answer(kept)) << "the handler came to its end all the same";
  EXPECT_EQ(counters.results_dropped, 2u);
}

TEST_F(IncomingCalls, a_call_that_is_over_leaves_nothing_behind) {
  // rule: calls/weakness.25
  make();
  for (std::uint64_t id = 2; id < 2000; id += 2) {
    ASSERT_EQ(calls->on_call(id), Arrival::start);
    IncomingCall call(id);
    calls->keep(call);
    EXPECT_EQ(calls->handling(), 1u);
    ASSERT_TRUE(calls->answer(call));
    EXPECT_EQ(calls->handling(), 0u);
  }
  EXPECT_EQ(counters.calls_received, 999u);
}

TEST_F(IncomingCalls, an_id_in_use_is_refused_and_its_call_lives_on) {
  // rule: calls/weakness.18
  make();
  ASSERT_EQ(calls->on_call(2), Arrival::start);
  IncomingCall first(2);
  calls->keep(first);
  EXPECT_EQ(calls->on_call(2), Arrival::duplicate);
  EXPECT_EQ(calls->on_cancel(2), &first);
  EXPECT_TRUE(calls->answer(first));
  EXPECT_EQ(calls->on_call(2), Arrival::start) << "an id that is not live may be used again";
}

TEST_F(IncomingCalls, ids_of_the_wrong_parity_are_refused_unless_the_peer_is_foreign) {
  // rule: calls/weakness.18
  // rule: calls/rpc.request.id-allocation
  make({.parity = Parity::odd});
  EXPECT_EQ(calls->on_call(1), Arrival::wrong_parity);
  EXPECT_EQ(calls->on_call(2), Arrival::start);
  make({.parity = Parity::even});
  EXPECT_EQ(calls->on_call(2), Arrival::wrong_parity);
  EXPECT_EQ(calls->on_call(0), Arrival::wrong_parity);
  EXPECT_EQ(calls->on_call(1), Arrival::start);
  make({.parity = Parity::odd, .accepts_any_parity = true});
  EXPECT_EQ(calls->on_call(1), Arrival::start);
  EXPECT_EQ(calls->on_call(2), Arrival::start);
}

TEST_F(IncomingCalls, a_foreign_call_with_our_id_does_not_touch_our_own_call) {
  // rule: calls/weakness.19
  make({.parity = Parity::odd, .accepts_any_parity = true});
  OutgoingCall ours;
  ASSERT_EQ(calls->begin(ours), Admission::send);
  ASSERT_EQ(ours.id(), 1u);
  ASSERT_EQ(calls->on_call(1), Arrival::start);
  IncomingCall theirs(1);
  calls->keep(theirs);
  EXPECT_EQ(calls->on_cancel(1), &theirs);
  EXPECT_TRUE(calls->answer(theirs));
  EXPECT_EQ(ours.state(), State::sent);
  EXPECT_EQ(answered(1), &ours);
}

TEST_F(IncomingCalls, the_bound_on_the_peers_calls_refuses_the_one_above_it) {
  // rule: calls/weakness.17
  limits.concurrent_requests_max = 3;
  make();
  std::deque<IncomingCall> handled;
  for (std::uint64_t id = 2; id <= 6; id += 2) {
    ASSERT_EQ(calls->on_call(id), Arrival::start);
    calls->keep(handled.emplace_back(id));
  }
  EXPECT_EQ(calls->on_call(8), Arrival::overloaded);
  EXPECT_EQ(counters.calls_refused_to_peer, 1u);
  EXPECT_EQ(calls->on_call(4), Arrival::duplicate) << "a breach of the rules is one also under load";
  ASSERT_TRUE(calls->answer(handled[1]));
  EXPECT_EQ(calls->on_call(8), Arrival::start);
  EXPECT_EQ(calls->on_call(10, true), Arrival::overloaded);
  EXPECT_EQ(counters.calls_refused_to_peer, 2u);
  EXPECT_EQ(calls->on_call(2, true), Arrival::duplicate) << "one more answer would be the running call's";
  EXPECT_EQ(calls->on_call(11, true), Arrival::wrong_parity);
  EXPECT_EQ(counters.calls_received, 9u);
}

TEST_F(IncomingCalls, a_cancel_for_what_has_been_answered_finds_nothing_and_is_counted) {
  make();
  EXPECT_EQ(calls->on_cancel(2), nullptr);
  ASSERT_EQ(calls->on_call(2), Arrival::start);
  IncomingCall call(2);
  calls->keep(call);
  EXPECT_EQ(calls->on_cancel(2), &call);
  ASSERT_TRUE(calls->answer(call));
  EXPECT_EQ(calls->on_cancel(2), nullptr);
  EXPECT_EQ(counters.cancels_received, 3u);
  EXPECT_EQ(counters.cancels_too_late, 2u);
}

TEST_F(IncomingCalls, after_the_end_no_call_of_the_peer_can_be_answered) {
  make();
  IncomingCall a(2), b(4);
  ASSERT_EQ(calls->on_call(2), Arrival::start);
  calls->keep(a);
  ASSERT_EQ(calls->on_call(4), Arrival::start);
  calls->keep(b);
  std::set<IncomingCall*> taken;
  taken.insert(calls->take_any_incoming());
  taken.insert(calls->take_any_incoming());
  EXPECT_EQ(taken, (std::set<IncomingCall*>{&a, &b}));
  EXPECT_EQ(calls->take_any_incoming(), nullptr);
  EXPECT_FALSE(calls->answer(a));
  EXPECT_FALSE(calls->answer(b));
}

}  // namespace
}  // namespace parley::core
