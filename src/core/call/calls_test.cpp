#include "core/call/calls.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/prng.h"

namespace parley::core {
namespace {

using State = OutgoingCall::State;
using Admission = Calls::Admission;
using Arrival = Calls::Arrival;
using Match = Calls::Match;

class CallsTest : public testing::Test {
 protected:
  Calls& make(const Calls::Options& options = {}) { return calls.emplace(limits, counters, options); }
  Match respond(std::uint64_t id) {
    OutgoingCall* call = nullptr;
    return calls->on_response(id, call);
  }
  OutgoingCall* answered(std::uint64_t id) {
    OutgoingCall* call = nullptr;
    EXPECT_EQ(calls->on_response(id, call), Match::delivered) << id;
    return call;
  }

  Limits limits;
  Counters counters;
  std::optional<Calls> calls;
};

// --- ours

TEST_F(CallsTest, ids_count_up_in_the_parity_of_the_caller) {
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

TEST_F(CallsTest, calls_beyond_what_the_peer_accepts_wait_in_line_and_leave_it_in_order) {
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

TEST_F(CallsTest, a_full_line_refuses_and_changes_nothing) {
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

TEST_F(CallsTest, a_peer_that_accepts_nothing_lets_every_call_wait) {
  make({.peer_requests_max = 0});
  OutgoingCall a;
  EXPECT_EQ(calls->begin(a), Admission::wait);
  EXPECT_EQ(calls->next_to_send(), nullptr);
  calls->set_peer_requests_max(1);
  EXPECT_EQ(calls->next_to_send(), &a);
}

TEST_F(CallsTest, an_abandoned_call_keeps_its_slot_until_its_response) {
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

TEST_F(CallsTest, a_call_that_is_given_up_in_line_was_never_sent) {
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

TEST_F(CallsTest, a_call_that_could_not_be_encoded_leaves_no_trace) {
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

TEST_F(CallsTest, a_second_response_breaks_the_rules) {
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

TEST_F(CallsTest, a_second_response_to_an_abandoned_call_breaks_the_rules_too) {
  make();
  OutgoingCall a;
  ASSERT_EQ(calls->begin(a), Admission::send);
  ASSERT_TRUE(calls->give_up(a));
  EXPECT_EQ(respond(1), Match::late);
  EXPECT_EQ(respond(1), Match::protocol_error);
}

TEST_F(CallsTest, a_foreign_peer_may_repeat_a_response_but_not_invent_one) {
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

TEST_F(CallsTest, a_call_object_may_move_in_every_state) {
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

TEST_F(CallsTest, the_end_takes_out_what_was_sent_before_what_was_not) {
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

// --- the peer's

TEST_F(CallsTest, a_call_of_the_peer_is_answered_once_whatever_comes_first) {
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

TEST_F(CallsTest, a_call_that_is_over_leaves_nothing_behind) {
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

TEST_F(CallsTest, an_id_in_use_is_refused_and_its_call_lives_on) {
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

TEST_F(CallsTest, ids_of_the_wrong_parity_are_refused_unless_the_peer_is_foreign) {
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

TEST_F(CallsTest, a_foreign_call_with_our_id_does_not_touch_our_own_call) {
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

TEST_F(CallsTest, the_bound_on_the_peers_calls_refuses_the_one_above_it) {
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
  EXPECT_EQ(calls->refuse_call(), Arrival::overloaded);
  EXPECT_EQ(counters.calls_refused_to_peer, 2u);
  EXPECT_EQ(counters.calls_received, 7u);
}

TEST_F(CallsTest, a_cancel_for_what_has_been_answered_finds_nothing_and_is_counted) {
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

TEST_F(CallsTest, after_the_end_no_call_of_the_peer_can_be_answered) {
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

// --- against a model

// Every call of ours is in one of these, and moves only forwards.
struct Modelled {
  enum class Where { line, sent, given_up };
  std::unique_ptr<OutgoingCall> call;
  Where where;
  std::uint64_t id;
};

class CallsModel {
 public:
  CallsModel(std::uint64_t seed, const Limits& limits, std::uint32_t peer_max)
      : prng(seed), limits(limits), peer_max(peer_max), calls(limits, counters, {.peer_requests_max = peer_max}) {}

  void step() {
    const std::uint64_t dice = prng.below(100);
    if (dice < 45) {
      begin();
    } else if (dice < 75) {
      respond();
    } else if (dice < 90) {
      give_up();
    } else {
      move();
    }
    ASSERT_EQ(calls.in_line(), line.size());
    ASSERT_EQ(calls.in_flight(), flight.size());
    ASSERT_LE(flight.size(), peer_max);
    ASSERT_LE(line.size(), limits.waiting_calls_max);
  }

 private:
  void begin() {
    Modelled made{std::make_unique<OutgoingCall>(), Modelled::Where::line, 0};
    const Admission admission = calls.begin(*made.call);
    if (flight.size() < peer_max && line.empty()) {
      ASSERT_EQ(admission, Admission::send);
      send(std::move(made));
    } else if (line.size() < limits.waiting_calls_max) {
      ASSERT_EQ(admission, Admission::wait);
      line.push_back(std::move(made));
    } else {
      ASSERT_EQ(admission, Admission::overloaded);
    }
  }
  void send(Modelled call) {
    ASSERT_EQ(call.call->id(), next_id);
    call.id = next_id;
    call.where = Modelled::Where::sent;
    next_id += 2;
    flight.emplace(call.id, std::move(call));
  }
  void respond() {
    if (flight.empty()) return;
    auto chosen = flight.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(prng.below(flight.size())));
    OutgoingCall* given = nullptr;
    const Match match = calls.on_response(chosen->first, given);
    if (chosen->second.where == Modelled::Where::sent) {
      ASSERT_EQ(match, Match::delivered);
      ASSERT_EQ(given, chosen->second.call.get());
    } else {
      ASSERT_EQ(match, Match::late);
      ASSERT_EQ(given, nullptr);
    }
    flight.erase(chosen);
    while (OutgoingCall* next = calls.next_to_send()) {
      ASSERT_FALSE(line.empty());
      ASSERT_EQ(next, line.front().call.get()) << "not the first in line";
      send(std::move(line.front()));
      line.pop_front();
    }
    ASSERT_TRUE(line.empty() || flight.size() == peer_max) << "a slot is free and somebody waits";
  }
  void give_up() {
    if (!line.empty() && prng.chance(400)) {
      const auto at = line.begin() + static_cast<std::ptrdiff_t>(prng.below(line.size()));
      ASSERT_FALSE(calls.give_up(*at->call));
      line.erase(at);
      return;
    }
    for (auto& [id, call] : flight) {
      if (call.where != Modelled::Where::sent || !prng.chance(300)) continue;
      ASSERT_TRUE(calls.give_up(*call.call));
      call.where = Modelled::Where::given_up;
      call.call.reset();  // its owner goes with it
      return;
    }
  }
  void move() {
    const auto relocate = [this](Modelled& call) {
      if (!call.call) return;
      auto moved = std::make_unique<OutgoingCall>();
      calls.relocate(*call.call, *moved);
      call.call = std::move(moved);
    };
    if (!line.empty()) relocate(line[prng.below(line.size())]);
    if (!flight.empty()) relocate(flight.begin()->second);
  }

  Prng prng;
  const Limits& limits;
  std::uint32_t peer_max;
  Counters counters;
  std::deque<Modelled> line;
  std::map<std::uint64_t, Modelled> flight;
  std::uint64_t next_id = 1;
  Calls calls;
};

TEST(CallsProperty, line_slots_and_ids_are_those_of_the_model_whatever_happens) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Limits limits;
    limits.waiting_calls_max = static_cast<std::uint32_t>(seed % 7);
    CallsModel model(seed, limits, static_cast<std::uint32_t>(1 + seed % 11));
    for (int step = 0; step < 2000; ++step) {
      model.step();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace parley::core
