#include "core/outbox/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/outbox/outbox_suite.h"

// Who sends: room, classes, groups, time and cancels.
namespace parley::core {
namespace {

using namespace outbox_suite;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Cancelled = Outbox::Cancelled;

TEST(Outbox, a_new_one_has_no_session_nothing_in_it_and_no_timer) {
  // rule: delivery/R-01
  Bench bench;
  EXPECT_FALSE(bench.machine.is_connected());
  EXPECT_EQ(bench.machine.size(), 0u);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
  EXPECT_FALSE(bench.machine.incarnation().has_value());
  EXPECT_EQ(bench.connect(), 1u);
}

TEST(Outbox, what_is_sent_goes_at_once_where_there_is_a_session_and_waits_where_there_is_none) {
  // rule: delivery/R-16
  Bench bench;
  const Ticket first = bench.sent("a");
  EXPECT_THAT(bench.taken(), IsEmpty());
  EXPECT_EQ(bench.machine.state(first)->stage, Stage::queued);
  bench.connected();
  EXPECT_THAT(bench.taken(), ElementsAre("a"));
  bench.sent("b");
  EXPECT_THAT(bench.taken(), ElementsAre("b"));
  EXPECT_EQ(bench.machine.state(first)->stage, Stage::sent);
}

TEST(Outbox, one_that_finds_no_room_is_rejected_and_what_was_taken_stays) {
  // rule: delivery/K-06, delivery/R-17, delivery/W-02
  Bench bench({.commands_max = 2});
  const Ticket first = bench.sent("a");
  bench.sent("b");
  const auto third = bench.send("c");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error(), (Error{Code::overloaded, "backpressure overflow"}));
  EXPECT_EQ(bench.machine.counters().rejected[WhenFull::reject], 1u);
  EXPECT_EQ(bench.machine.commands(), 2u);
  EXPECT_FALSE(bench.kind_of(first));
}

// What has been sent counts until it has its result.
TEST(Outbox, what_is_in_flight_counts_until_its_result) {
  // rule: delivery/K-06, delivery/W-02
  Bench bench({.commands_max = 2, .bytes_max = 10});
  const auto session = bench.connected();
  const Ticket first = bench.sent("12345678");
  bench.acknowledge(session, 0);
  EXPECT_EQ(bench.machine.unacknowledged(), 0u);
  EXPECT_FALSE(bench.send("123"));
  bench.finish(session, 0, first);
  EXPECT_TRUE(bench.send("123"));
  EXPECT_EQ(bench.machine.bytes(), 3u);
  EXPECT_EQ(bench.machine.bytes_peak(), 8u);
}

TEST(Outbox, one_that_could_never_find_room_is_too_large) {
  Bench bench({.bytes_max = 4});
  EXPECT_EQ(bench.send("12345").error().code, Code::too_large);
  EXPECT_TRUE(bench.send("1234"));
}

TEST(Outbox, the_oldest_that_may_be_dropped_gives_way_to_one_of_its_kind_and_nobody_else) {
  // rule: delivery/W-18, delivery/R-17, delivery/K-08
  Bench bench({.commands_max = 3});
  const Ticket kept = bench.sent("a");
  const Ticket oldest = bench.send({.text = "b", .when_full = WhenFull::drop_oldest}).value();
  const Ticket newer = bench.send({.text = "c", .when_full = WhenFull::drop_oldest}).value();
  EXPECT_TRUE(bench.send({.text = "d", .when_full = WhenFull::drop_oldest}));
  EXPECT_EQ(bench.kind_of(oldest), Kind::refused);
  EXPECT_EQ(bench.note_of(oldest), "backpressure overflow");
  EXPECT_EQ(bench.repeated_results, 0u);
  EXPECT_FALSE(bench.kind_of(kept) || bench.kind_of(newer));
  EXPECT_FALSE(bench.send("e"));  // may not drop
  bench.connected();
  EXPECT_THAT(bench.taken(), ElementsAre("a", "c", "d"));
}

TEST(Outbox, nothing_is_dropped_where_that_would_not_be_enough) {
  Bench bench({.bytes_max = 6});
  bench.sent("1234");
  const Ticket small = bench.send({.text = "1", .when_full = WhenFull::drop_oldest}).value();
  EXPECT_FALSE(bench.send({.text = "1234", .when_full = WhenFull::drop_oldest}));
  EXPECT_FALSE(bench.kind_of(small));
  EXPECT_EQ(bench.machine.counters().evicted.sum(), 0u);
}

TEST(Outbox, what_has_been_sent_is_not_dropped) {
  Bench bench({.commands_max = 1});
  bench.connected();
  bench.send({.text = "a", .when_full = WhenFull::drop_oldest}).value();
  EXPECT_FALSE(bench.send({.text = "b", .when_full = WhenFull::drop_oldest}));
}

TEST(Outbox, a_newer_one_of_a_key_takes_the_place_of_the_one_that_was_not_sent) {
  // rule: delivery/W-18
  Bench bench;
  const Ticket first = bench.send({.text = "x1", .key = "x"}).value();
  bench.sent("a");
  const Ticket second = bench.send({.text = "x2", .key = "x"}).value();
  EXPECT_EQ(bench.kind_of(first), Kind::cancelled);
  bench.connected();
  EXPECT_THAT(bench.taken(), ElementsAre("x2", "a"));
  const Ticket third = bench.send({.text = "x3", .key = "x"}).value();  // that one is on its way
  EXPECT_THAT(bench.taken(), ElementsAre("x3"));
  EXPECT_FALSE(bench.kind_of(second) || bench.kind_of(third));
  EXPECT_EQ(bench.machine.counters().coalesced.sum(), 1u);
}

TEST(Outbox, a_newer_one_of_a_key_needs_no_room_but_for_what_it_is_longer) {
  Bench bench({.commands_max = 1, .bytes_max = 4});
  const Ticket first = bench.send({.text = "123", .key = "x"}).value();
  EXPECT_TRUE(bench.send({.text = "1234", .key = "x"}));
  EXPECT_EQ(bench.kind_of(first), Kind::cancelled);
  EXPECT_EQ(bench.machine.commands(), 1u);
  EXPECT_EQ(bench.machine.bytes(), 4u);
}

TEST(Outbox, one_that_waits_for_room_goes_when_there_is_some_and_in_its_turn) {
  // rule: delivery/W-18, delivery/K-06
  Bench bench({.commands_max = 1});
  const auto session = bench.connected();
  const Ticket first = bench.sent("a");
  const Ticket second = bench.send({.text = "b", .when_full = WhenFull::wait}).value();
  const Ticket third = bench.send({.text = "c", .when_full = WhenFull::wait}).value();
  EXPECT_EQ(bench.machine.state(second)->stage, Stage::waiting);
  EXPECT_THAT(bench.taken(), ElementsAre("a"));
  bench.finish(session, 0, first);
  EXPECT_THAT(bench.taken(), ElementsAre("b"));
  bench.finish(session, 1, second);
  EXPECT_THAT(bench.taken(), ElementsAre("c"));
  EXPECT_FALSE(bench.kind_of(third));
}

TEST(Outbox, nobody_overtakes_one_that_waits_for_room) {
  Bench bench({.bytes_max = 8});
  const Ticket first = bench.sent("1234");
  const Ticket waits = bench.send({.text = "12345678", .when_full = WhenFull::wait}).value();
  EXPECT_FALSE(bench.send("1"));
  bench.cancel(first);
  EXPECT_EQ(bench.machine.state(waits)->stage, Stage::queued);
}

TEST(Outbox, one_that_waits_in_vain_is_refused_at_its_deadline) {
  // rule: delivery/W-18
  Bench bench({.commands_max = 1});
  bench.connected();
  bench.sent("a");
  const Ticket waits = bench.send({.text = "b", .when_full = WhenFull::wait, .deadline = 2s}).value();
  bench.pass(2s);
  EXPECT_EQ(bench.kind_of(waits), Kind::refused);
  EXPECT_EQ(bench.note_of(waits), "backpressure overflow");
}

TEST(Outbox, those_that_wait_for_room_are_bounded) {
  Bench bench({.commands_max = 1, .waiting_max = 2, .waiting_bytes_max = 5});
  bench.sent("a");
  EXPECT_TRUE(bench.send({.text = "123", .when_full = WhenFull::wait}));
  EXPECT_FALSE(bench.send({.text = "123", .when_full = WhenFull::wait}));
  EXPECT_TRUE(bench.send({.text = "12", .when_full = WhenFull::wait}));
  EXPECT_FALSE(bench.send({.text = "", .when_full = WhenFull::wait}));
}

TEST(Outbox, a_group_has_a_quota_and_whoever_has_no_group_none) {
  // rule: delivery/W-18, delivery/K-06, delivery/R-14
  Bench bench({.group_commands_max = 2});
  bench.send({.text = "a", .group = "saga 1"}).value();
  const Ticket second = bench.send({.text = "b", .group = "saga 1"}).value();
  EXPECT_FALSE(bench.send({.text = "c", .group = "saga 1"}));
  EXPECT_TRUE(bench.send({.text = "d", .group = "saga 2"}));
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(bench.send("e"));
  bench.cancel(second);
  EXPECT_TRUE(bench.send({.text = "f", .group = "saga 1"}));
}

TEST(Outbox, what_is_in_flight_counts_for_its_group_until_its_result) {
  // rule: delivery/K-06
  Bench bench({.group_commands_max = 2});
  const auto session = bench.connected();
  const Ticket first = bench.send({.text = "a", .group = "saga 1"}).value();
  bench.send({.text = "b", .group = "saga 1"}).value();
  bench.acknowledge(session, 1);
  EXPECT_FALSE(bench.send({.text = "c", .group = "saga 1"}));
  bench.finish(session, 0, first);
  EXPECT_TRUE(bench.send({.text = "c", .group = "saga 1"}));
}

TEST(Outbox, one_that_waits_for_its_group_keeps_nobody_else_waiting) {
  Bench bench({.group_commands_max = 1});
  bench.send({.text = "a", .group = "g"}).value();
  bench.send({.text = "b", .group = "g", .when_full = WhenFull::wait}).value();
  EXPECT_TRUE(bench.send("c"));
}

TEST(Outbox, of_a_group_at_its_quota_the_oldest_of_that_group_is_dropped) {
  Bench bench({.group_commands_max = 1});
  const Ticket other = bench.send({.text = "a", .when_full = WhenFull::drop_oldest}).value();
  const Ticket old = bench.send({.text = "b", .group = "g", .when_full = WhenFull::drop_oldest}).value();
  EXPECT_TRUE(bench.send({.text = "c", .group = "g", .when_full = WhenFull::drop_oldest}));
  EXPECT_FALSE(bench.kind_of(other));
  EXPECT_EQ(bench.kind_of(old), Kind::refused);
}

// --- only if connected

TEST(Outbox, only_if_connected_keeps_nothing_where_there_is_no_session) {
  // rule: delivery/R-41
  Bench bench;
  const auto probe = bench.send({.text = "probe", .when_full = WhenFull::only_if_connected});
  EXPECT_EQ(probe.error(), (Error{Code::not_sent, "peer unreachable"}));
  EXPECT_EQ(bench.machine.counters().not_connected, 1u);
  const auto session = bench.connect();  // nobody has said yet who is there
  EXPECT_FALSE(bench.send({.text = "probe", .when_full = WhenFull::only_if_connected}));
  bench.welcome(session);
  EXPECT_THAT(bench.taken(), IsEmpty());
  EXPECT_EQ(bench.machine.commands(), 0u);
}

TEST(Outbox, no_later_session_gets_what_was_for_one_that_broke) {
  // rule: delivery/R-42, delivery/R-43
  Bench bench;
  const auto session = bench.connected(1, {}, 1);
  const Ticket probe = bench.send({.text = "probe", .when_full = WhenFull::only_if_connected}).value();
  const Ticket behind = bench.send({.text = "behind", .when_full = WhenFull::only_if_connected}).value();
  bench.disconnect(session);
  EXPECT_EQ(bench.kind_of(probe), Kind::unknown);
  EXPECT_EQ(bench.kind_of(behind), Kind::failed);
  EXPECT_EQ(bench.results.at(behind).error.code, Code::not_sent);
  bench.taken();
  bench.connected(1);
  EXPECT_THAT(bench.taken(), ElementsAre("-"));
}

TEST(Outbox, what_the_peer_has_is_not_lost_with_the_session) {
  Bench bench;
  const auto session = bench.connected();
  const Ticket probe = bench.send({.text = "probe", .when_full = WhenFull::only_if_connected}).value();
  bench.acknowledge(session, 0);
  bench.disconnect(session);
  EXPECT_FALSE(bench.kind_of(probe));
  bench.finish(bench.connected(1, 0), 0, probe);
  EXPECT_EQ(bench.kind_of(probe), Kind::applied);
}

// --- time

TEST(Outbox, one_whose_time_is_over_is_not_sent_to_a_peer_that_comes_later) {
  // rule: delivery/K-07, delivery/R-10, delivery/W-03
  Bench bench;
  const Ticket early = bench.send({.text = "a", .deadline = 1s}).value();
  const Ticket late = bench.send({.text = "b", .deadline = 10s}).value();
  bench.now = bench.now + 2s;  // and no timer has fired yet
  bench.connected();
  EXPECT_THAT(bench.taken(), ElementsAre("b"));
  EXPECT_EQ(bench.kind_of(early), Kind::expired);
  EXPECT_FALSE(bench.kind_of(late));
}

TEST(Outbox, what_is_over_gives_its_room_to_one_that_is_sent_before_its_timer_fires) {
  // rule: delivery/R-15, delivery/R-26
  for (const WhenFull when_full : {WhenFull::reject, WhenFull::drop_oldest}) {
    Bench bench({.commands_max = 1});
    const Ticket over = bench.send({.text = "a", .when_full = when_full, .deadline = 1s}).value();
    bench.now = bench.now + 1s;  // and no timer has fired yet
    EXPECT_TRUE(bench.send({.text = "b", .when_full = when_full}));
    EXPECT_EQ(bench.kind_of(over), Kind::expired);
  }
}

TEST(Outbox, what_an_outage_has_ended_gives_its_room_to_one_that_is_sent_before_its_timer_fires) {
  // rule: delivery/R-26
  Bench bench({.commands_max = 1, .outage_max = 5s});
  const Ticket over = bench.sent("a");
  bench.now = bench.now + 5s;
  EXPECT_TRUE(bench.send("b"));
  EXPECT_EQ(bench.note_of(over), "peer unreachable");
}

TEST(Outbox, its_timers_need_no_traffic) {
  // rule: delivery/K-07, delivery/R-25, delivery/W-03
  Bench bench;
  const Ticket ticket = bench.send({.text = "a", .deadline = 1s}).value();
  bench.pass(1s - 1ns);
  EXPECT_FALSE(bench.kind_of(ticket));
  bench.pass(1ns);
  EXPECT_EQ(bench.kind_of(ticket), Kind::expired);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
}

TEST(Outbox, an_outage_ends_what_waits_in_its_order_also_before_the_first_session) {
  // rule: delivery/R-24, delivery/R-28, delivery/K-07, delivery/W-03
  Bench bench({.outage_max = 5s});
  const Ticket first = bench.sent("a");
  const Ticket second = bench.sent("b");
  bench.pass(5s - 1ns);
  EXPECT_THAT(bench.ended, IsEmpty());
  bench.pass(1ns);
  EXPECT_THAT(bench.ended, ElementsAre(first, second));
  EXPECT_EQ(bench.kind_of(first), Kind::expired);
  EXPECT_EQ(bench.note_of(first), "peer unreachable");
}

TEST(Outbox, what_is_sent_in_an_outage_has_all_of_its_own_time_and_no_more) {
  // rule: delivery/R-26, delivery/R-27, delivery/K-07, delivery/W-03
  Bench bench({.outage_max = 5s});
  bench.pass(5s);
  const Ticket first = bench.sent("a");
  bench.pass(3s);
  const Ticket second = bench.sent("b");
  bench.pass(2s);
  EXPECT_THAT(bench.ended, ElementsAre(first));
  bench.pass(3s);
  EXPECT_THAT(bench.ended, ElementsAre(first, second));
}

TEST(Outbox, an_outage_begins_when_the_session_ends_and_saying_so_again_does_not_extend_it) {
  // rule: delivery/R-11
  Bench bench({.outage_max = 5s});
  const auto session = bench.connected();
  const Ticket ticket = bench.sent("a");
  bench.acknowledge(session, 0);
  bench.pass(20s);
  bench.disconnect(session);
  bench.pass(3s);
  bench.disconnect(session);
  EXPECT_EQ(bench.machine.counters().sessions_stale, 1u);
  bench.pass(2s - 1ns);
  EXPECT_FALSE(bench.kind_of(ticket));
  bench.pass(1ns);
  EXPECT_EQ(bench.kind_of(ticket), Kind::unknown);  // it was sent
  EXPECT_EQ(bench.note_of(ticket), "peer unreachable");
  bench.connected(1, 0);
  EXPECT_EQ(bench.machine.disconnected(), 5s);
}

TEST(Outbox, of_what_was_sent_the_peer_may_still_say_the_end_a_little_after_its_deadline) {
  Bench bench({.answer_within = 2s});
  const auto session = bench.connected();
  const Ticket in_time = bench.send({.text = "a", .deadline = 1s}).value();
  const Ticket never = bench.send({.text = "b", .deadline = 1s}).value();
  bench.acknowledge(session, 1);
  bench.pass(2s);
  bench.finish(session, 0, in_time, expired("before it was started"));
  EXPECT_EQ(bench.kind_of(in_time), Kind::expired);
  bench.pass(1s);
  EXPECT_EQ(bench.kind_of(never), Kind::unknown);
}

// --- cancels

TEST(Outbox, a_purge_takes_what_is_of_a_group_and_leaves_the_order_of_the_rest) {
  // rule: delivery/R-33
  Bench bench;
  bench.sent("a");
  const Ticket one = bench.send({.text = "g1", .group = "g"}).value();
  bench.send({.text = "h", .group = "h"}).value();
  const Ticket two = bench.send({.text = "g2", .group = "g"}).value();
  bench.sent("b");
  EXPECT_EQ(bench.purge("g"), 2u);
  EXPECT_THAT(bench.ended, ElementsAre(one, two));
  EXPECT_EQ(bench.kind_of(one), Kind::cancelled);
  EXPECT_EQ(bench.purge("g"), 0u);
  bench.connected();
  EXPECT_THAT(bench.taken(), ElementsAre("a", "h", "b"));
}

TEST(Outbox, a_cancel_reaches_what_is_in_flight_and_the_result_says_whether_it_was_in_time) {
  // rule: delivery/R-35, delivery/W-19
  Bench bench;
  const auto session = bench.connected();
  const Ticket in_time = bench.sent("a");
  const Ticket too_late = bench.sent("b");
  EXPECT_EQ(bench.cancel(in_time), Cancelled::asked);
  EXPECT_EQ(bench.cancel(in_time), Cancelled::asked);
  EXPECT_EQ(bench.cancel(too_late), Cancelled::asked);
  ASSERT_EQ(bench.cancels.size(), 2u);
  EXPECT_EQ(bench.cancels[0].ticket, in_time);
  bench.finish(session, 0, in_time, cancelled("before it was started"));
  bench.finish(session, 1, too_late, applied("2"));
  EXPECT_EQ(bench.kind_of(in_time), Kind::cancelled);
  EXPECT_EQ(bench.kind_of(too_late), Kind::applied);
  EXPECT_EQ(bench.machine.counters().cancelled_in_flight, 1u);
  EXPECT_EQ(bench.machine.counters().cancels_too_late, 1u);
  EXPECT_EQ(bench.cancel(too_late), Cancelled::late);
}

TEST(Outbox, what_was_cancelled_in_an_outage_is_not_sent_again) {
  // rule: delivery/W-19
  Bench bench;
  const auto session = bench.connected();
  const Ticket ticket = bench.sent("a");
  const Ticket received = bench.sent("b");
  bench.disconnect(session);
  bench.taken();
  EXPECT_EQ(bench.cancel(ticket), Cancelled::asked);
  EXPECT_THAT(bench.cancels, IsEmpty());
  bench.connected(1);
  EXPECT_EQ(bench.kind_of(ticket), Kind::cancelled);
  EXPECT_THAT(bench.taken(), ElementsAre("-", "b"));
  EXPECT_FALSE(bench.kind_of(received));
}

TEST(Outbox, a_cancel_that_could_not_be_said_is_said_to_the_next_session_of_a_peer_that_has_it) {
  Bench bench;
  const auto session = bench.connected();
  const Ticket ticket = bench.sent("a");
  bench.acknowledge(session, 0);
  bench.disconnect(session);
  bench.cancel(ticket);
  bench.connected(1, 0);
  ASSERT_EQ(bench.cancels.size(), 1u);
  EXPECT_EQ(bench.cancels[0].ticket, ticket);
  EXPECT_FALSE(bench.kind_of(ticket));
}

// --- its end

TEST(Outbox, at_the_end_what_is_left_has_a_result_and_nothing_new_is_taken) {
  // rule: delivery/K-12
  Bench bench;
  const auto session = bench.connected(1, {}, 2);
  const Ticket done = bench.sent("a");
  const Ticket sent = bench.sent("b");
  const Ticket queued = bench.sent("c");
  bench.close(3s);
  EXPECT_EQ(bench.send("d").error().code, Code::closed);
  bench.finish(session, 0, done);
  EXPECT_THAT(bench.taken(), ElementsAre("a", "b", "c"));  // it still goes on
  bench.pass(3s);
  EXPECT_EQ(bench.kind_of(sent), Kind::unknown);
  EXPECT_EQ(bench.kind_of(queued), Kind::unknown);
  EXPECT_EQ(bench.note_of(sent), "shutting down");
  EXPECT_EQ(bench.drained, 1u);
}

TEST(Outbox, one_that_is_closed_without_time_cancels_what_was_not_sent) {
  Bench bench;
  const Ticket ticket = bench.sent("a");
  bench.close(0s);
  EXPECT_EQ(bench.kind_of(ticket), Kind::cancelled);
  EXPECT_EQ(bench.drained, 1u);
  bench.close(0s);
  EXPECT_EQ(bench.drained, 1u);
}

TEST(Outbox, a_ticket_can_be_asked_for_until_it_is_forgotten) {
  // rule: delivery/W-08, delivery/K-08
  Bench bench({.results_kept = 2});
  const auto session = bench.connected();
  const Ticket first = bench.sent("a");
  const Ticket second = bench.sent("b");
  const Ticket third = bench.sent("c");
  bench.finish(session, 0, first);
  bench.finish(session, 1, second, {Kind::failed, {Code::failed, "no window"}, {}});
  EXPECT_EQ(bench.machine.state(first)->result, Kind::applied);
  bench.finish(session, 2, third);
  EXPECT_FALSE(bench.machine.state(first));
  EXPECT_EQ(bench.machine.state(second)->error.note, "no window");
  EXPECT_FALSE(bench.machine.state(99));
}

}  // namespace
}  // namespace parley::core
