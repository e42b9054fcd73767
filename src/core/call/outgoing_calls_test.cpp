#include <gtest/gtest.h>

#include <cstdint>
#include <deque>

#include "core/call/calls_suite.h"

// Our calls: ids, slots, the line, responses.
namespace parley::core {
namespace {

using namespace suite;

using OutgoingCalls = CallsTest;

TEST_F(OutgoingCalls, ids_count_up_in_the_parity_of_the_caller) {
  // rule: calls/rpc.request.id-allocation
  for (const Parity parity : {Parity::odd, Parity::even}) {
    make({.parity = parity, .peer_requests_max = 8});
    std::deque<OutgoingCall> several(3);
    const std::uint64_t first = parity == Parity::odd ? 1 : 2;
    for (std::size_t i = 0; i < several.size(); ++i) {
      EXPECT_EQ(several[i].state(), State::idle);
      ASSERT_EQ(calls->begin(several[i]), Admission::send);
      EXPECT_EQ(several[i].state(), State::sent);
      EXPECT_EQ(several[i].id(), first + 2 * i);
    }
    // An id is never given out twice, also not after its call is over.
    EXPECT_EQ(answered(first), &several[0]);
    EXPECT_EQ(several[0].state(), State::idle);
    OutgoingCall another;
    ASSERT_EQ(calls->begin(another), Admission::send);
    EXPECT_EQ(another.id(), first + 6);
  }
}

TEST_F(OutgoingCalls, calls_beyond_what_the_peer_accepts_wait_in_line_and_leave_it_in_order) {
  // rule: calls/rpc.flow-control.max-concurrent-requests
  // rule: calls/weakness.17
  make({.peer_requests_max = 2});
  OutgoingCall a, b, c, d;
  EXPECT_EQ(calls->begin(a), Admission::send);
  EXPECT_EQ(calls->begin(b), Admission::send);
  EXPECT_EQ(calls->begin(c), Admission::wait);
  EXPECT_EQ(calls->begin(d), Admission::wait);
  EXPECT_EQ(c.state(), State::waiting);
  EXPECT_EQ(calls->in_flight(), 2u);
  EXPECT_EQ(calls->in_line(), 2u);
  EXPECT_EQ(calls->next_to_send(), nullptr);
  EXPECT_EQ(counters.calls_waited, 2u);
  EXPECT_EQ(counters.calls_sent, 2u);

  EXPECT_EQ(answered(b.id()), &b);
  OutgoingCall late;
  EXPECT_EQ(calls->begin(late), Admission::wait) << "overtook those in line";
  EXPECT_EQ(calls->next_to_send(), &c);
  EXPECT_EQ(c.state(), State::sent);
  EXPECT_EQ(c.id(), 5u);
  EXPECT_EQ(calls->next_to_send(), nullptr);
  EXPECT_EQ(answered(a.id()), &a);
  EXPECT_EQ(calls->next_to_send(), &d);
  EXPECT_EQ(answered(d.id()), &d);
  EXPECT_EQ(calls->next_to_send(), &late);
  EXPECT_EQ(calls->in_line(), 0u);
  EXPECT_EQ(counters.calls_sent, 5u);
}

TEST_F(OutgoingCalls, a_full_line_refuses_and_changes_nothing) {
  limits.waiting_calls_max = 2;
  make({.peer_requests_max = 1});
  OutgoingCall a, b, c, d;
  EXPECT_EQ(calls->begin(a), Admission::send);
  EXPECT_EQ(calls->begin(b), Admission::wait);
  EXPECT_EQ(calls->begin(c), Admission::wait);
  EXPECT_EQ(calls->begin(d), Admission::overloaded);
  EXPECT_EQ(d.state(), State::idle);
  EXPECT_EQ(calls->in_line(), 2u);
  EXPECT_EQ(counters.calls_refused_here, 1u);
  // Room again: the refused one may try again.
  EXPECT_EQ(answered(a.id()), &a);
  EXPECT_EQ(calls->next_to_send(), &b);
  EXPECT_EQ(calls->begin(d), Admission::wait);
}

TEST_F(OutgoingCalls, a_peer_that_accepts_nothing_lets_every_call_wait) {
  make({.peer_requests_max = 0});
  OutgoingCall a;
  EXPECT_EQ(calls->begin(a), Admission::wait);
  EXPECT_EQ(calls->next_to_send(), nullptr);
  calls->set_peer_requests_max(1);
  EXPECT_EQ(calls->next_to_send(), &a);
}

TEST_F(OutgoingCalls, an_abandoned_call_keeps_its_slot_until_its_response) {
  // rule: calls/weakness.15
  make({.peer_requests_max = 1});
  OutgoingCall next;
  std::uint64_t id = 0;
  {
    OutgoingCall gone;
    ASSERT_EQ(calls->begin(gone), Admission::send);
    id = gone.id();
    EXPECT_TRUE(calls->give_up(gone)) << "a Cancel is due";
    EXPECT_FALSE(calls->give_up(gone)) << "and only once";
  }
  EXPECT_EQ(counters.cancels_sent, 1u);
  EXPECT_EQ(calls->in_flight(), 1u);
  EXPECT_EQ(calls->begin(next), Admission::wait) << "the peer counts it still";

  EXPECT_EQ(respond(id), Match::late);
  EXPECT_EQ(counters.responses_late, 1u);
  EXPECT_EQ(counters.responses_received, 0u);
  EXPECT_EQ(calls->next_to_send(), &next);
}

TEST_F(OutgoingCalls, a_call_that_is_given_up_in_line_was_never_sent) {
  make({.peer_requests_max = 1});
  OutgoingCall a, b, c;
  ASSERT_EQ(calls->begin(a), Admission::send);
  ASSERT_EQ(calls->begin(b), Admission::wait);
  ASSERT_EQ(calls->begin(c), Admission::wait);
  EXPECT_FALSE(calls->give_up(b));
  EXPECT_EQ(b.state(), State::idle);
  EXPECT_EQ(calls->in_line(), 1u);
  EXPECT_EQ(counters.cancels_sent, 0u);
  EXPECT_EQ(answered(a.id()), &a);
  EXPECT_EQ(calls->next_to_send(), &c);
  EXPECT_FALSE(calls->give_up(a)) << "it is over";
}

TEST_F(OutgoingCalls, a_call_that_could_not_be_encoded_leaves_no_trace) {
  make({.peer_requests_max = 1});
  OutgoingCall a, b;
  ASSERT_EQ(calls->begin(a), Admission::send);
  ASSERT_EQ(calls->begin(b), Admission::wait);
  calls->take_back(b);
  EXPECT_EQ(b.state(), State::idle);
  EXPECT_EQ(calls->in_line(), 0u);
  calls->take_back(a);
  EXPECT_EQ(a.state(), State::idle);
  EXPECT_EQ(calls->in_flight(), 0u);
  EXPECT_EQ(counters.calls_sent, 0u);
  EXPECT_EQ(counters.cancels_sent, 0u);
}

TEST_F(OutgoingCalls, a_second_response_breaks_the_rules) {
  // rule: calls/weakness.20
  // rule: calls/rpc.response.one-per-request
  make();
  OutgoingCall a;
  ASSERT_EQ(calls->begin(a), Admission::send);
  EXPECT_EQ(answered(a.id()), &a);
  EXPECT_EQ(respond(a.id()), Match::protocol_error);
  // As does one for what was never asked, or for an id of the peer's own.
  EXPECT_EQ(respond(3), Match::protocol_error);
  EXPECT_EQ(respond(2), Match::protocol_error);
  EXPECT_EQ(respond(0), Match::protocol_error);
  EXPECT_EQ(counters.responses_received, 1u);
}

TEST_F(OutgoingCalls, a_second_response_to_an_abandoned_call_breaks_the_rules_too) {
  make();
  OutgoingCall a;
  ASSERT_EQ(calls->begin(a), Admission::send);
  ASSERT_TRUE(calls->give_up(a));
  EXPECT_EQ(respond(1), Match::late);
  EXPECT_EQ(respond(1), Match::protocol_error);
}

TEST_F(OutgoingCalls, a_foreign_peer_may_repeat_a_response_but_not_invent_one) {
  // rule: calls/weakness.20
  make({.ignores_repeated_responses = true});
  OutgoingCall a;
  ASSERT_EQ(calls->begin(a), Admission::send);
  EXPECT_EQ(answered(a.id()), &a);
  EXPECT_EQ(respond(a.id()), Match::repeated);
  EXPECT_EQ(respond(a.id()), Match::repeated);
  EXPECT_EQ(counters.responses_repeated, 2u);
  EXPECT_EQ(respond(3), Match::protocol_error) << "not asked yet";
  EXPECT_EQ(respond(2), Match::protocol_error) << "an id of the peer's";
}

TEST_F(OutgoingCalls, a_call_object_may_move_in_every_state) {
  make({.peer_requests_max = 1});
  OutgoingCall sent, waiting, idle;
  ASSERT_EQ(calls->begin(sent), Admission::send);
  sent.announced_at = 44;
  ASSERT_EQ(calls->begin(waiting), Admission::wait);
  OutgoingCall sent_now, waiting_now, idle_now;
  calls->relocate(idle, idle_now);
  calls->relocate(waiting, waiting_now);
  calls->relocate(sent, sent_now);
  EXPECT_EQ(idle_now.state(), State::idle);
  EXPECT_EQ(sent.state(), State::idle);
  EXPECT_EQ(sent_now.state(), State::sent);
  EXPECT_EQ(sent_now.id(), 1u);
  EXPECT_EQ(sent_now.announced_at, 44u);
  EXPECT_EQ(waiting_now.state(), State::waiting);
  EXPECT_EQ(answered(1), &sent_now);
  EXPECT_EQ(calls->next_to_send(), &waiting_now);
}

TEST_F(OutgoingCalls, the_end_takes_out_what_was_sent_before_what_was_not) {
  make({.peer_requests_max = 3});
  OutgoingCall a, b, given_up, waiting;
  ASSERT_EQ(calls->begin(a), Admission::send);
  ASSERT_EQ(calls->begin(given_up), Admission::send);
  ASSERT_EQ(calls->begin(b), Admission::send);
  ASSERT_EQ(calls->begin(waiting), Admission::wait);
  ASSERT_TRUE(calls->give_up(given_up));
  std::set<OutgoingCall*> were_sent;
  bool was_sent = false;
  for (int i = 0; i < 2; ++i) {
    were_sent.insert(calls->take_any_outgoing(was_sent));
    EXPECT_TRUE(was_sent);
  }
  EXPECT_EQ(were_sent, (std::set<OutgoingCall*>{&a, &b}));
  EXPECT_EQ(calls->take_any_outgoing(was_sent), &waiting);
  EXPECT_FALSE(was_sent);
  EXPECT_EQ(waiting.state(), State::idle);
  EXPECT_EQ(calls->take_any_outgoing(was_sent), nullptr);
  EXPECT_FALSE(was_sent);
  EXPECT_EQ(calls->in_flight(), 0u);
  EXPECT_EQ(calls->in_line(), 0u);
}

}  // namespace
}  // namespace parley::core
