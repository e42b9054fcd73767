#include "core/outbox/outbox_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

// The end that runs the commands.
namespace parley::core {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = TicketResult::Kind;
using Stage = OutboxReceiver::Stage;

class OutboxReceiverTest : public ::testing::Test {
 protected:
  explicit OutboxReceiverTest(OutboxReceiverLimits limits = {.commands_max = 4, .at_once = 2, .results_max = 8})
      : machine(9, limits) {}

  Result<OutboxReceiver::Attached> try_attach(const OutboxHello& hello) {
    OutboxReceiver::Effects effects;
    auto attached = machine.attach(hello, effects);
    keep(effects);
    return attached;
  }
  OutboxReceiver::Attached attach(const OutboxHello& hello = {}) {
    const auto attached = try_attach(hello).value();
    OutboxReceiver::Effects effects;
    machine.welcomed(attached.session);
    keep(effects);
    return attached;
  }
  void take(OutboxReceiver::Session session, std::uint32_t number, Ticket ticket, Duration within = 1min) {
    OutboxReceiver::Effects effects;
    machine.take(session, {.number = number, .ticket = ticket, .deadline = now + within, .frame = {{1}}}, now, effects);
    keep(effects);
  }
  void take_void(OutboxReceiver::Session session, std::uint32_t number, Ticket ticket) {
    OutboxReceiver::Effects effects;
    machine.take(session, {.number = number, .ticket = ticket, .deadline = Instant::never(), .frame = {}}, now,
                 effects);
    keep(effects);
  }
  void finish(Ticket ticket, TicketResult result = applied("1")) {
    OutboxReceiver::Effects effects;
    machine.finished(ticket, std::move(result), now, effects);
    keep(effects);
  }
  void cancel(OutboxReceiver::Session session, Ticket ticket) {
    OutboxReceiver::Effects effects;
    machine.cancel(session, ticket, now, effects);
    keep(effects);
  }
  void acknowledge(OutboxReceiver::Session session, std::uint32_t last) {
    OutboxReceiver::Effects effects;
    machine.acknowledged(session, last, now, effects);
    keep(effects);
  }
  void flush() {
    OutboxReceiver::Effects effects;
    machine.flush();
    keep(effects);
  }
  void pass(Duration duration) {
    now = now + duration;
    OutboxReceiver::Effects effects;
    machine.on_time(now, effects);
    keep(effects);
  }

  Instant now = Instant::from_ns(1'000'000'000);
  bool is_blocked = false;
  OutboxReceiver machine;
  bool begins_at_once = true;
  std::vector<Ticket> started;
  std::vector<Ticket> stopped;
  std::vector<OutboxReceiver::Answer> answers;
  std::vector<OutboxReceiver::Acknowledge> acknowledged;
  std::vector<OutboxReceiver::Close> closes;

  // And says what there is to say, unless nobody can say anything.
  void keep(OutboxReceiver::Effects& effects) {
    for (auto& effect : effects) {
      if (auto* start = std::get_if<OutboxReceiver::Start>(&effect)) {
        started.push_back(start->ticket);
        if (begins_at_once) machine.begun(start->ticket);
      } else if (auto* stop = std::get_if<OutboxReceiver::Stop>(&effect)) {
        stopped.push_back(stop->ticket);
      } else {
        closes.push_back(std::get<OutboxReceiver::Close>(effect));
      }
    }
    while (!is_blocked) {
      const auto said = machine.next();
      if (!said) return;
      if (const auto* answer = std::get_if<OutboxReceiver::Answer>(&*said)) {
        answers.push_back(*answer);
      } else {
        acknowledged.push_back(std::get<OutboxReceiver::Acknowledge>(*said));
      }
    }
  }
};

TEST_F(OutboxReceiverTest, commands_are_started_in_the_order_in_which_they_were_sent_so_many_at_once) {
  // rule: delivery/K-11
  const auto session = attach().session;
  take(session, 0, 5);
  take(session, 1, 3);  // its place in the queue was that of an older one
  take(session, 2, 7);
  EXPECT_THAT(started, ElementsAre(5, 3));
  EXPECT_EQ(machine.running(), 2u);
  finish(3);
  EXPECT_THAT(started, ElementsAre(5, 3, 7));
}

TEST_F(OutboxReceiverTest, a_command_that_comes_again_is_not_started_again) {
  // rule: delivery/K-03, delivery/K-04, delivery/W-09
  const auto first = attach().session;
  take(first, 0, 1);
  machine.detach(first);
  const auto again = attach();
  EXPECT_EQ(again.welcome.received, 0u);
  take(again.session, 0, 1);
  EXPECT_THAT(started, ElementsAre(1));
  EXPECT_EQ(machine.counters().duplicates, 1u);
  EXPECT_THAT(closes, IsEmpty());
}

// Also one that ended while nobody was there, and however many others there were since.
TEST_F(OutboxReceiverTest, a_result_is_kept_and_said_again_until_the_outbox_has_it) {
  // rule: delivery/K-04, delivery/W-11
  const auto first = attach().session;
  take(first, 0, 1);
  machine.detach(first);
  finish(1);
  EXPECT_THAT(answers, IsEmpty());
  const auto second = attach().session;
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].result->value, "1");
  machine.detach(second);
  const auto third = attach({.incarnation = 9, .results = std::nullopt}).session;
  EXPECT_EQ(answers.size(), 2u);
  EXPECT_EQ(machine.counters().results_resent, 1u);
  machine.detach(third);
  attach({.incarnation = 9, .results = 0});
  EXPECT_EQ(answers.size(), 2u);
  EXPECT_EQ(machine.results(), 0u);
  EXPECT_FALSE(machine.state(1));
}

TEST_F(OutboxReceiverTest, the_oldest_is_the_one_that_came_first_of_those_without_a_result) {
  EXPECT_FALSE(machine.oldest());
  const auto session = attach().session;
  const Instant first = now;
  take(session, 0, 7);
  pass(1s);
  take(session, 1, 3);
  EXPECT_EQ(machine.oldest(), first);
  finish(7);
  EXPECT_EQ(machine.oldest(), now);
  finish(3);
  EXPECT_FALSE(machine.oldest());
}

TEST_F(OutboxReceiverTest, results_of_another_life_are_none_of_this_one) {
  EXPECT_TRUE(try_attach({.incarnation = 8, .results = 41}));
}

TEST_F(OutboxReceiverTest, an_outbox_that_has_results_which_were_never_said_is_not_the_one_that_it_was) {
  EXPECT_EQ(try_attach({.incarnation = 9, .results = 3}).error().code, Code::link_lost);
}

TEST_F(OutboxReceiverTest, a_cancel_ends_what_waits_and_leaves_alone_what_runs) {
  // rule: delivery/W-19
  const auto session = attach().session;
  for (std::uint32_t i = 0; i < 3; ++i) take(session, i, i + 1);
  cancel(session, 3);
  cancel(session, 1);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].ticket, 3u);
  EXPECT_EQ(answers[0].result->kind, Kind::cancelled);
  EXPECT_EQ(machine.counters().cancels_too_late, 1u);
  finish(1);
  EXPECT_EQ(answers.back().result->kind, Kind::applied);
  EXPECT_THAT(started, ElementsAre(1, 2));
}

TEST_F(OutboxReceiverTest, a_number_without_a_command_has_a_result_and_starts_nothing) {
  const auto session = attach().session;
  take_void(session, 0, 1);
  take(session, 1, 2);
  EXPECT_THAT(started, ElementsAre(2));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].result->kind, Kind::cancelled);
}

TEST_F(OutboxReceiverTest, what_was_not_started_by_its_deadline_is_not_started) {
  // rule: delivery/K-07
  const auto session = attach().session;
  take(session, 0, 1);
  take(session, 1, 2);
  take(session, 2, 3, 5s);
  EXPECT_EQ(machine.next_deadline(), now + 5s);
  pass(5s);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].ticket, 3u);
  EXPECT_EQ(answers[0].result->kind, Kind::expired);
  finish(1);
  EXPECT_THAT(started, ElementsAre(1, 2));
  take(session, 3, 4, 0s);
  EXPECT_EQ(answers.back().result->kind, Kind::expired);
}

TEST_F(OutboxReceiverTest, what_came_is_acknowledged_with_a_result_or_else_at_the_end_of_the_turn) {
  const auto session = attach().session;
  take(session, 0, 1);
  finish(1);
  EXPECT_EQ(answers[0].received, 0u);
  flush();
  EXPECT_THAT(acknowledged, IsEmpty());
  take(session, 1, 2);
  flush();
  flush();
  ASSERT_EQ(acknowledged.size(), 1u);
  EXPECT_EQ(acknowledged[0].received, 1u);
}

TEST_F(OutboxReceiverTest, another_session_takes_the_place_of_one_that_is_there) {
  // rule: delivery/K-09
  const auto old = attach().session;
  const auto fresh = attach().session;
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0].session, old);
  take(old, 0, 1);
  cancel(old, 1);
  acknowledge(old, 0);
  machine.detach(old);
  EXPECT_EQ(machine.counters().sessions_stale, 4u);
  EXPECT_THAT(started, IsEmpty());
  take(fresh, 0, 1);
  EXPECT_THAT(started, ElementsAre(1));
}

TEST_F(OutboxReceiverTest, an_outbox_that_breaks_the_rules_loses_its_session_and_what_runs_goes_on) {
  const auto breaks = [&](auto say) {
    const auto session = attach({.incarnation = 9}).session;
    const std::size_t before = closes.size();
    say(session);
    ASSERT_EQ(closes.size(), before + 1);
    EXPECT_EQ(closes.back().why.code, Code::unexpected);
    EXPECT_FALSE(machine.is_attached());
  };
  breaks([&](auto session) { take(session, 1, 1); });  // 0 is missing
  breaks([&](auto session) { take(session, 0, 0); });  // no ticket
  breaks([&](auto session) {                           // the ticket again
    take(session, 1, 1);
    take(session, 2, 1);
  });
  breaks([&](auto session) { acknowledge(session, 0); });  // no result was said
  breaks([&](auto session) {                               // more than there is room for
    for (std::uint32_t i = 3; i < 8; ++i) take(session, i, 100 + i);
  });
  EXPECT_EQ(machine.running(), 2u);
  finish(1);
}

TEST_F(OutboxReceiverTest, a_cancel_reaches_what_was_given_out_and_has_not_begun) {
  // rule: delivery/K-08
  begins_at_once = false;
  const auto session = attach().session;
  for (std::uint32_t i = 0; i < 3; ++i) take(session, i, i + 1);
  EXPECT_THAT(started, ElementsAre(1, 2)) << "as many as may run";
  EXPECT_EQ(machine.waiting(), 3u);
  EXPECT_EQ(machine.running(), 0u);
  machine.begun(2);
  EXPECT_EQ(machine.waiting(), 2u);
  EXPECT_EQ(machine.running(), 1u);
  EXPECT_EQ(machine.state(1)->stage, OutboxReceiver::Stage::given_out);
  cancel(session, 1);
  cancel(session, 2);
  EXPECT_THAT(stopped, ElementsAre(1));
  EXPECT_EQ(machine.counters().cancels_too_late, 1u);
  EXPECT_THAT(answers, IsEmpty()) << "whoever has it ends it";
  OutboxReceiver::Effects effects;
  machine.finished(1, cancelled("before it was started"), now, effects);
  keep(effects);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].result->kind, Kind::cancelled);
  EXPECT_EQ(machine.counters().cancelled, 1u);
  EXPECT_THAT(started, ElementsAre(1, 2, 3));
}

TEST_F(OutboxReceiverTest, one_that_takes_no_results_is_given_no_more) {
  const auto session = attach().session;
  for (std::uint32_t i = 0; i < 8; ++i) {
    take(session, i, i + 1);
    finish(i + 1);
  }
  EXPECT_EQ(machine.results(), 8u);
  take(session, 8, 9);
  EXPECT_EQ(closes.size(), 1u);
  EXPECT_EQ(machine.results(), 8u);
}

// What it has no room for has its result at once: nobody is kept waiting, and no session ends.
TEST_F(OutboxReceiverTest, a_command_that_there_is_no_room_for_is_refused) {
  // rule: delivery/K-06
  const auto session = attach().session;
  take(session, 0, 1);
  EXPECT_EQ(machine.command_bytes(), 1u);
  OutboxReceiver::Effects effects;
  machine.take(session, {.number = 1, .ticket = 2, .deadline = now + 1min, .frame = {{1}}, .may_keep = false}, now,
               effects);
  keep(effects);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].result->kind, Kind::refused);
  EXPECT_THAT(started, ElementsAre(1));
  EXPECT_EQ(machine.counters().refused, 1u);
  finish(1);
  EXPECT_EQ(machine.command_bytes(), 0u);
}

TEST_F(OutboxReceiverTest, a_sender_does_not_say_how_long_he_is_waited_for) {
  const auto session = attach().session;
  take(session, 0, 1);
  take(session, 1, 2);
  take(session, 2, 3, 1000h);
  EXPECT_EQ(machine.next_deadline(), now + 24h);
}

// Guessed before it was said, it would have nobody keep it.
TEST_F(OutboxReceiverTest, a_result_that_was_not_said_is_not_acknowledged) {
  const auto session = attach().session;
  is_blocked = true;
  take(session, 0, 1);
  finish(1);
  acknowledge(session, 0);
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0].why.code, Code::unexpected);
  EXPECT_EQ(machine.results(), 1u);
}

TEST_F(OutboxReceiverTest, a_result_that_cannot_be_said_is_not_known_and_holds_up_no_other) {
  // rule: delivery/W-16
  const auto session = attach().session;
  is_blocked = true;
  take(session, 0, 1);
  take(session, 1, 2);
  finish(1, applied("long"));
  finish(2);
  const auto said = machine.next();
  machine.unsayable(std::get<OutboxReceiver::Answer>(*said), {Code::too_large, "a message of 4 bytes"});
  is_blocked = false;
  flush();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].number, 0u);
  EXPECT_EQ(answers[0].result->kind, Kind::unknown);
  EXPECT_EQ(answers[1].result->kind, Kind::applied);
}

class OutboxReceiverBytesTest : public OutboxReceiverTest {
 protected:
  OutboxReceiverBytesTest()
      : OutboxReceiverTest(
            {.commands_max = 4, .bytes_max = 4, .at_once = 2, .results_max = 8, .results_bytes_max = 4}) {}
};

TEST_F(OutboxReceiverBytesTest, commands_that_wait_or_run_have_a_bound_of_bytes) {
  const auto session = attach().session;
  OutboxReceiver::Effects effects;
  machine.take(session, {.number = 0, .ticket = 1, .deadline = now + 1min, .frame = {{1, 2, 3, 4, 5}}}, now, effects);
  keep(effects);
  EXPECT_THAT(started, ElementsAre(1));  // the first may be longer
  take(session, 1, 2);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].result->kind, Kind::refused);
  EXPECT_EQ(machine.command_bytes(), 5u);
}

TEST_F(OutboxReceiverBytesTest, nothing_more_is_started_while_too_many_bytes_of_results_are_kept) {
  const auto session = attach().session;
  take(session, 0, 1);
  finish(1, applied("12345"));
  take(session, 1, 2);
  EXPECT_THAT(started, ElementsAre(1));
  EXPECT_EQ(machine.state(2)->stage, Stage::waiting);
  acknowledge(session, 0);
  EXPECT_THAT(started, ElementsAre(1, 2));
  EXPECT_EQ(machine.results_bytes(), 0u);
}

}  // namespace
}  // namespace parley::core
