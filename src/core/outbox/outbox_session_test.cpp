#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/outbox/outbox.h"
#include "core/outbox/outbox_suite.h"

// Sessions of an outbox, and lives of its peer.
namespace parley::core {
namespace {

using namespace outbox_suite;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OutboxSession, what_waited_goes_first_and_in_its_order) {
  // rule: delivery/R-04, delivery/R-05, delivery/R-06, delivery/R-07, delivery/R-23
  Bench bench;
  bench.sent("a");
  bench.sent("b");
  const auto session = bench.connect();
  bench.sent("c");
  EXPECT_THAT(bench.taken(), IsEmpty());
  bench.welcome(session);
  bench.sent("d");
  EXPECT_EQ(bench.sends.front().session, session);
  EXPECT_THAT(bench.taken(), ElementsAre("a", "b", "c", "d"));
  EXPECT_FALSE(bench.machine.outage());
}

TEST(OutboxSession, what_is_said_of_a_session_that_is_over_does_nothing_and_is_counted) {
  // rule: delivery/K-09, delivery/R-13, delivery/W-01, delivery/W-22
  Bench bench;
  const auto old = bench.connected();
  bench.disconnect(old);
  const auto fresh = bench.connected();
  const Ticket ticket = bench.sent("a");
  bench.disconnect(old);
  bench.acknowledge(old, 0);
  bench.finish(old, 0, ticket);
  bench.welcome(old, 7);
  EXPECT_EQ(bench.machine.counters().sessions_stale, 4u);
  EXPECT_TRUE(bench.machine.is_connected());
  EXPECT_FALSE(bench.kind_of(ticket));
  bench.sent("b");
  EXPECT_EQ(bench.sends.back().session, fresh);
}

TEST(OutboxSession, a_second_one_takes_the_place_of_the_first_which_is_told) {
  // rule: delivery/K-09, delivery/R-08
  Bench bench;
  const auto first = bench.connected();
  bench.sent("a");
  const auto second = bench.connect();
  EXPECT_GT(second, first);
  ASSERT_EQ(bench.closes.size(), 1u);
  EXPECT_EQ(bench.closes[0].session, first);
  EXPECT_EQ(bench.machine.counters().sessions_replaced, 1u);
  bench.taken();
  bench.welcome(second);
  EXPECT_THAT(bench.taken(), ElementsAre("a"));
}

TEST(OutboxSession, after_a_break_what_the_peer_has_not_got_is_sent_again_in_its_order_before_anything_newer) {
  // rule: delivery/K-03, delivery/K-06, delivery/R-09, delivery/R-18, delivery/R-19, delivery/R-20, delivery/R-21
  // rule: delivery/W-15
  Bench bench;
  const auto session = bench.connected();
  bench.sent("a");
  bench.sent("b");
  bench.sent("c");
  bench.disconnect(session);
  bench.sent("d");
  EXPECT_EQ(bench.machine.commands(), 4u);  // each has the place that it had
  bench.taken();
  bench.connected(1, 0);  // it has the first
  EXPECT_EQ(bench.sends.front().number, 1u);
  EXPECT_THAT(bench.taken(), ElementsAre("b", "c", "d"));
  EXPECT_EQ(bench.machine.counters().resent, 2u);
}

TEST(OutboxSession, what_the_peer_has_is_not_sent_again_and_its_result_is_taken_once) {
  // rule: delivery/W-09, delivery/K-03
  Bench bench;
  const auto session = bench.connected();
  const Ticket ticket = bench.sent("a");
  bench.taken();
  bench.disconnect(session);
  const auto next = bench.connected(1, 0);
  EXPECT_THAT(bench.taken(), IsEmpty());
  bench.finish(next, 0, ticket);
  bench.finish(next, 0, ticket, applied("other"));
  EXPECT_EQ(bench.results.at(ticket).value, "1");
  EXPECT_EQ(bench.repeated_results, 0u);
  EXPECT_EQ(bench.machine.counters().results_repeated, 1u);
}

// A write that failed is no result: the peer may have it.
TEST(OutboxSession, what_was_on_its_way_when_the_session_broke_has_not_failed) {
  // rule: delivery/W-08, delivery/K-08, delivery/R-20, delivery/R-23
  Bench bench;
  const Ticket ticket = bench.sent("a");
  bench.disconnect(bench.connected());
  EXPECT_FALSE(bench.kind_of(ticket));
  EXPECT_EQ(bench.machine.state(ticket)->stage, Stage::sent);
  bench.finish(bench.connected(1, 0), 0, ticket);
  EXPECT_EQ(bench.kind_of(ticket), Kind::applied);
  EXPECT_EQ(bench.repeated_results, 0u);
}

TEST(OutboxSession, what_another_life_gets_again_comes_before_anything_newer) {
  // rule: delivery/W-15, delivery/K-11
  Bench bench;
  const auto session = bench.connected(1, {}, 2);
  for (const char* const text : {"a", "b", "c"}) bench.send({.text = text, .incarnation = Incarnation::any}).value();
  EXPECT_THAT(bench.taken(), ElementsAre("a", "b"));
  bench.disconnect(session);
  bench.send({.text = "d", .incarnation = Incarnation::any}).value();
  bench.connected(2);
  EXPECT_THAT(bench.taken(), ElementsAre("a", "b", "c", "d"));
}

// Whoever purges has claimed the end of a group: what of it was on its way is taken back, and goes to nobody anew.
TEST(OutboxSession, of_a_group_that_was_purged_nothing_is_issued_any_more) {
  // rule: delivery/W-23, delivery/R-34
  Bench bench({.group_commands_max = 2, .waiting_max = 4});
  const auto session = bench.connected(1, {}, 1);
  const Ticket sent = bench.send({.text = "sent", .group = "g"}).value();
  bench.send({.text = "queued", .group = "g"}).value();
  bench.send({.text = "waits", .group = "g", .when_full = WhenFull::wait}).value();
  EXPECT_EQ(bench.purge("g"), 2u);
  ASSERT_EQ(bench.cancels.size(), 1u);
  EXPECT_EQ(bench.cancels[0].ticket, sent);
  bench.taken();
  bench.disconnect(session);
  bench.connected(1);
  EXPECT_THAT(bench.taken(), ElementsAre("-"));
  EXPECT_EQ(bench.kind_of(sent), Kind::cancelled);
}

TEST(OutboxSession, sent_is_not_received_and_received_is_not_applied) {
  // rule: delivery/W-10, delivery/R-18, delivery/K-04
  Bench bench;
  const auto session = bench.connected();
  const Ticket ticket = bench.sent("a");
  EXPECT_EQ(bench.machine.state(ticket)->stage, Stage::sent);
  bench.acknowledge(session, 0);
  EXPECT_EQ(bench.machine.state(ticket)->stage, Stage::received);
  EXPECT_FALSE(bench.kind_of(ticket));
  bench.finish(session, 0, ticket);
  EXPECT_EQ(bench.kind_of(ticket), Kind::applied);
  EXPECT_EQ(bench.machine.received_us().count(), 1u);
  EXPECT_EQ(bench.machine.applied_us().count(), 1u);
  bench.finish(session, 1, bench.sent("b"), {Kind::failed, {Code::failed, "no window"}, {}});
  EXPECT_EQ(bench.machine.applied_us().count(), 1u);
}

TEST(OutboxSession, another_life_of_the_peer_gets_nothing_that_was_meant_for_the_one_before) {
  // rule: delivery/K-05, delivery/W-12
  Bench bench;
  const auto session = bench.connected(1, {}, 2);
  const Ticket was_sent = bench.sent("sent");
  const Ticket any = bench.send({.text = "any", .incarnation = Incarnation::any}).value();
  const Ticket queued = bench.sent("queued");
  bench.disconnect(session);
  bench.taken();
  bench.connected(2);
  EXPECT_EQ(bench.kind_of(was_sent), Kind::unknown);
  EXPECT_EQ(bench.kind_of(queued), Kind::failed);
  EXPECT_EQ(bench.results.at(queued).error, (Error{Code::not_sent, "peer restarted"}));
  EXPECT_FALSE(bench.kind_of(any));
  EXPECT_EQ(bench.sends.front().number, 0u);  // numbers begin anew
  EXPECT_THAT(bench.taken(), ElementsAre("any"));
  EXPECT_EQ(bench.machine.counters().restarts, 1u);
}

TEST(OutboxSession, what_was_sent_before_any_peer_was_known_is_for_whoever_comes_first) {
  // rule: delivery/K-05
  Bench bench;
  const Ticket ticket = bench.sent("a");
  bench.connected(5);
  EXPECT_THAT(bench.taken(), ElementsAre("a"));
  EXPECT_FALSE(bench.kind_of(ticket));
}

// One that says the same name, and does not know what it had, is another one.
TEST(OutboxSession, a_peer_that_has_forgotten_what_it_had_is_another_life) {
  // rule: delivery/K-05
  Bench bench;
  const auto session = bench.connected();
  const Ticket ticket = bench.sent("a");
  bench.acknowledge(session, 0);
  bench.disconnect(session);
  bench.connected(1, std::nullopt);
  EXPECT_EQ(bench.kind_of(ticket), Kind::unknown);
  EXPECT_EQ(bench.machine.counters().restarts, 1u);
}

// What one life may have done is not said to be undone because a later one did not do it.
TEST(OutboxSession, what_an_earlier_life_may_have_applied_is_not_said_to_have_expired) {
  for (const bool is_cancelled : {false, true}) {
    Bench bench({.outage_max = 5s});
    const auto session = bench.connected();
    const Ticket ticket = bench.send({.text = "a", .incarnation = Incarnation::any}).value();
    bench.disconnect(session);
    const auto next = bench.connected(2, {}, 1);
    const Ticket other = bench.send({.text = "b", .incarnation = Incarnation::any}).value();
    bench.disconnect(next);
    bench.connected(3, {}, 1);  // there is room for the first, and the second waits
    if (is_cancelled) {
      bench.cancel(other);
      EXPECT_EQ(bench.kind_of(other), Kind::cancelled);  // it was never sent
    }
    bench.disconnect(3);
    if (is_cancelled) bench.cancel(ticket);
    bench.pass(5s);
    EXPECT_EQ(bench.kind_of(ticket), Kind::unknown);
  }
}

TEST(OutboxSession, a_peer_that_acknowledges_nothing_loses_its_session_and_nobody_has_waited_for_it) {
  // rule: delivery/W-13, delivery/K-10
  Bench bench({.outage_max = 60s, .acknowledge_within = 4s});
  const auto session = bench.connected();
  bench.pass(60s);  // it owes nothing
  EXPECT_THAT(bench.closes, IsEmpty());
  const Ticket ticket = bench.sent("a");
  bench.pass(4s - 1ns);
  EXPECT_THAT(bench.closes, IsEmpty());
  bench.pass(1ns);
  ASSERT_EQ(bench.closes.size(), 1u);
  EXPECT_EQ(bench.closes[0].session, session);
  EXPECT_EQ(bench.closes[0].why.code, Code::silence);
  EXPECT_FALSE(bench.kind_of(ticket));
  bench.taken();
  bench.connected(1);
  EXPECT_THAT(bench.taken(), ElementsAre("a"));
}

TEST(OutboxSession, a_peer_that_never_says_who_it_is_loses_its_session) {
  // rule: delivery/K-10
  Bench bench({.acknowledge_within = 4s});
  bench.connect();
  bench.pass(4s);
  EXPECT_EQ(bench.closes.size(), 1u);
  EXPECT_EQ(bench.machine.counters().silences, 1u);
}

TEST(OutboxSession, one_that_acknowledges_bit_by_bit_keeps_it) {
  Bench bench({.acknowledge_within = 4s});
  const auto session = bench.connected();
  for (int i = 0; i < 3; ++i) bench.sent("a");
  for (std::uint32_t number = 0; number < 3; ++number) {
    bench.pass(3s);
    bench.acknowledge(session, number);
  }
  bench.pass(30s);
  EXPECT_THAT(bench.closes, IsEmpty());
}

TEST(OutboxSession, one_that_breaks_off_while_it_is_taken_up_leaves_no_half_state) {
  // rule: delivery/W-17, delivery/R-09
  Bench bench;
  bench.sent("a");
  const auto session = bench.connect();
  bench.disconnect(session);
  EXPECT_FALSE(bench.machine.is_connected());
  EXPECT_EQ(bench.machine.queued(), 1u);
  bench.welcome(session);
  EXPECT_FALSE(bench.machine.is_connected());
  bench.connected();
  EXPECT_THAT(bench.taken(), ElementsAre("a"));
}

TEST(OutboxSession, no_more_is_sent_than_the_peer_has_room_for) {
  // rule: delivery/K-03
  Bench bench;
  const auto session = bench.connected(1, {}, 2);
  const Ticket first = bench.sent("a");
  bench.sent("b");
  bench.sent("c");
  EXPECT_THAT(bench.taken(), ElementsAre("a", "b"));
  bench.acknowledge(session, 1);
  EXPECT_THAT(bench.taken(), IsEmpty());
  bench.finish(session, 0, first);
  EXPECT_THAT(bench.taken(), ElementsAre("c"));
}

TEST(OutboxSession, results_are_acknowledged_with_the_next_command_or_else_at_the_end_of_the_turn) {
  Bench bench;
  const auto session = bench.connected();
  const Ticket first = bench.sent("a");
  bench.finish(session, 0, first);
  const Ticket second = bench.sent("b");
  EXPECT_EQ(bench.sends.back().results, 0u);
  bench.flush();
  EXPECT_THAT(bench.acknowledged, IsEmpty());
  bench.finish(session, 1, second);
  bench.flush();
  bench.flush();
  ASSERT_EQ(bench.acknowledged.size(), 1u);
  EXPECT_EQ(bench.acknowledged[0].results, 1u);
}

// What a peer says costs its session at most.
TEST(OutboxSession, a_peer_that_breaks_the_rules_loses_its_session_and_no_ticket) {
  const auto breaks = [](auto say) {
    Bench bench;
    const auto session = bench.connected();
    const Ticket ticket = bench.sent("a");
    say(bench, session, ticket);
    EXPECT_EQ(bench.closes.size(), 1u);
    EXPECT_EQ(bench.closes[0].why.code, Code::unexpected);
    EXPECT_FALSE(bench.kind_of(ticket));
    EXPECT_FALSE(bench.machine.is_connected());
  };
  breaks([](Bench& bench, auto session, Ticket) { bench.acknowledge(session, 1); });
  breaks([](Bench& bench, auto session, Ticket ticket) { bench.finish(session, 1, ticket); });
  breaks([](Bench& bench, auto session, Ticket) { bench.finish(session, 0, 0); });
  breaks([](Bench& bench, auto session, Ticket) { bench.finish(session, 0, 17); });
  breaks([](Bench& bench, auto session, Ticket) { bench.welcome(session); });
  Bench bench;
  bench.connected(1, {}, 0);
  EXPECT_EQ(bench.closes.size(), 1u);
}

TEST(OutboxSession, a_result_that_comes_after_the_end_of_its_ticket_is_counted_and_no_second_one) {
  // rule: delivery/K-08, delivery/R-31, delivery/W-04
  Bench bench({.answer_within = 1s});
  const auto session = bench.connected();
  const Ticket ticket = bench.send({.text = "a", .deadline = 1s}).value();
  bench.acknowledge(session, 0);
  bench.pass(2s);
  EXPECT_EQ(bench.kind_of(ticket), Kind::unknown);
  bench.finish(session, 0, ticket);
  EXPECT_EQ(bench.repeated_results, 0u);
  EXPECT_EQ(bench.machine.counters().results_late, 1u);
  EXPECT_TRUE(bench.machine.is_connected());
}

// A peer that takes nothing has nothing waiting for it but what the bounds cover, and is told the truth when it does.
TEST(OutboxSession, what_nobody_could_say_yet_is_not_said_when_it_is_over) {
  // rule: delivery/K-07, delivery/W-03
  Bench bench;
  const auto session = bench.connected();
  bench.is_blocked = true;
  const Ticket late = bench.send({.text = "late", .deadline = 1s}).value();
  const Ticket cancelled = bench.sent("cancelled");
  const Ticket kept = bench.sent("kept");
  EXPECT_EQ(bench.cancel(cancelled), Outbox::Cancelled::now);
  bench.pass(1s);
  EXPECT_EQ(bench.kind_of(late), Kind::expired);
  bench.is_blocked = false;
  bench.on_time();
  EXPECT_THAT(bench.taken(), ElementsAre("kept"));
  bench.acknowledge(session, 0);
  EXPECT_EQ(bench.machine.state(kept)->stage, Stage::received);
}

// The peer has said that it has not got them, so nothing can have happened.
TEST(OutboxSession, what_was_lost_and_not_said_again_is_known_not_to_have_been_applied) {
  Bench bench;
  const auto session = bench.connected();
  const Ticket late = bench.send({.text = "late", .deadline = 5s}).value();
  const Ticket cancelled = bench.sent("cancelled");
  const Ticket probe = bench.send({.text = "probe", .when_full = WhenFull::only_if_connected}).value();
  bench.disconnect(session);
  EXPECT_EQ(bench.kind_of(probe), Kind::unknown);
  bench.is_blocked = true;
  const auto next = bench.connected(1);
  EXPECT_EQ(bench.cancel(cancelled), Outbox::Cancelled::now);
  EXPECT_EQ(bench.kind_of(cancelled), Kind::cancelled);
  bench.pass(6s);
  EXPECT_EQ(bench.kind_of(late), Kind::expired);
  bench.taken();
  bench.is_blocked = false;
  bench.on_time();
  EXPECT_THAT(bench.taken(), ElementsAre("-", "-", "-"));
  bench.acknowledge(next, 2);
  EXPECT_THAT(bench.closes, IsEmpty());
}

TEST(OutboxSession, what_was_not_said_is_not_acknowledged) {
  Bench bench;
  const auto session = bench.connected();
  bench.sent("a");
  bench.disconnect(session);
  bench.is_blocked = true;
  const auto next = bench.connected(1);
  bench.acknowledge(next, 0);
  ASSERT_EQ(bench.closes.size(), 1u);
  EXPECT_EQ(bench.closes[0].why.code, Code::unexpected);
}

TEST(OutboxSession, a_command_that_cannot_be_said_has_failed_and_holds_up_no_other) {
  // rule: delivery/W-16
  Bench bench;
  bench.connected();
  bench.is_blocked = true;
  const Ticket poison = bench.sent("poison");
  const Ticket other = bench.sent("other");
  Outbox::Effects effects;
  const auto said = bench.machine.next(bench.now, effects);
  bench.machine.unsendable(std::get<Outbox::Send>(*said), {Code::too_large, "a message of 6 bytes"}, effects);
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_EQ(std::get<Outbox::Finished>(effects[0]).ticket, poison);
  EXPECT_EQ(std::get<Outbox::Finished>(effects[0]).result.kind, Kind::failed);
  bench.is_blocked = false;
  bench.on_time();
  EXPECT_EQ(bench.sends.front().number, 0u);
  EXPECT_THAT(bench.taken(), ElementsAre("-", "other"));
  EXPECT_EQ(bench.machine.state(other)->stage, Stage::sent);
}

TEST(OutboxSession, that_a_later_life_refuses_does_not_say_that_an_earlier_one_did_not_apply_it) {
  for (const Code code : {Code::permission, Code::overloaded, Code::not_found, Code::arguments, Code::failed}) {
    Bench bench;
    const auto session = bench.connected(1);
    const Ticket ticket = bench.send({.text = "a", .incarnation = Incarnation::any}).value();
    bench.disconnect(session);
    bench.finish(bench.connected(2), 0, ticket, {Kind::failed, {code, ""}, {}});
    EXPECT_EQ(bench.kind_of(ticket), code == Code::failed ? Kind::failed : Kind::unknown);
  }
}

}  // namespace
}  // namespace parley::core
