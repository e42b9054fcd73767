#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/prng.h"
#include "core/conversation/conversation_suite.h"

// What becomes of a conversation when somebody who takes part ends, or its time is over.
namespace parley::core {
namespace {

using namespace std::chrono_literals;
using namespace conversation_suite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using OnCrash = Conversation::OnCrash;

TEST(ConversationCrash, one_that_crashes_fails_it_and_whoever_waits_is_told_who_it_was) {
  // rule: conversations/R-53, conversations/R-55, conversations/R-56, conversations/R-93
  OfTwo bench;
  const auto asked = bench.receive(bench.ask("a").value()), any = bench.receive();
  bench.now = at(3s);
  bench.exit(1);
  EXPECT_EQ(bench.machine.phase(), Phase::failed);
  EXPECT_THAT(bench.answered, ElementsAre(asked, any));
  EXPECT_EQ(bench.answers.at(any).error().code, Code::sent_then_lost);
  EXPECT_THAT(bench.answers.at(any).error().note, HasSubstr("participant 1 has ended (killed)"));
  EXPECT_EQ(bench.machine.participants()[0].ended_at, at(3s));
  EXPECT_EQ(bench.machine.context().page(2, 1).entries.at(0).what, Context::What::ended);
  EXPECT_EQ(bench.machine.context().page(1, 1).entries.at(0).outcome, Context::Outcome::lost);
  // rule: conversations/D-21
  ASSERT_EQ(bench.ended.size(), 1u);
  EXPECT_EQ(bench.ended[0].who, 1u);
}

TEST(ConversationCrash, nothing_is_said_to_one_that_has_failed) {
  // rule: conversations/R-20, conversations/R-76, conversations/R-48
  OfTwo bench;
  bench.exit(2);
  const auto refused = bench.send("a");
  EXPECT_EQ(refused.error().code, Code::not_sent) << "nobody has it";
  EXPECT_THAT(refused.error().note, HasSubstr("participant 2"));
  EXPECT_THAT(bench.forwarded(), IsEmpty());
  EXPECT_EQ(bench.machine.context().size(), 1u);
  // rule: conversations/D-8
  EXPECT_THAT(bench.close().error().note, HasSubstr("participant 2"));
  EXPECT_THAT(bench.stopped, ElementsAre(1u));
  EXPECT_FALSE(bench.close());
  EXPECT_THAT(bench.stopped, ElementsAre(1u)) << "once";
  EXPECT_EQ(bench.machine.phase(), Phase::failed);
}

TEST(ConversationCrash, what_was_answered_before_is_still_received) {
  // rule: conversations/R-31, conversations/R-32, conversations/R-41, conversations/D-1
  OfTwo bench;
  const auto asked = bench.ask("a").value();
  bench.reply(1, bench.send("b").value(), "B");
  bench.reply(1, asked, "A");
  bench.exit(1);
  EXPECT_EQ(bench.told(bench.receive(asked)), "A");
  EXPECT_EQ(bench.told(bench.receive()), "B");
  EXPECT_EQ(bench.told(bench.receive()), "<unknown>");
}

TEST(ConversationCrash, what_one_has_not_answered_goes_to_the_next_who_lives) {
  // rule: conversations/R-57, conversations/D-4
  OfTwo bench(OnCrash::route_to_next);
  const auto done = bench.ask("done").value(), open = bench.ask("open").value(), said = bench.send("said").value();
  bench.reply(1, done, "D");
  const auto waiter = bench.receive(open);
  EXPECT_THAT(bench.forwarded(), ElementsAre("1<done", "1<open", "1<said"));
  bench.exit(1);
  EXPECT_THAT(bench.forwarded(), ElementsAre("2<open*", "2<said*"));
  EXPECT_EQ(bench.machine.phase(), Phase::active);
  EXPECT_EQ(bench.machine.counters().rerouted, 2u);
  bench.reply(1, open, "too late");
  EXPECT_EQ(bench.machine.counters().replies_strange, 1u);
  bench.reply(2, open, "O");
  EXPECT_EQ(bench.told(waiter), "O");
  EXPECT_EQ(bench.told(bench.receive(done)), "D");
  const auto last = bench.receive();
  bench.exit(2);
  EXPECT_EQ(bench.told(last), "<unknown>") << "there is no next one";
  EXPECT_EQ(bench.machine.phase(), Phase::failed);
  EXPECT_EQ(bench.machine.request_count(), 0u);
  static_cast<void>(said);
}

TEST(ConversationCrash, what_was_lost_before_anybody_came_for_it_is_told_when_he_comes) {
  // rule: conversations/R-81, conversations/R-58
  OfTwo bench;
  const auto lost = bench.ask("a").value(), given_up = bench.ask("b").value();
  static_cast<void>(bench.send("c").value());
  bench.machine.give_up(given_up);
  bench.exit(1, ExitReason::Kind::finished);
  EXPECT_EQ(bench.machine.phase(), Phase::active);
  EXPECT_EQ(bench.machine.request_count(), 1u) << "nobody comes for the others";
  const auto waiter = bench.receive(lost);
  EXPECT_EQ(bench.answers.at(waiter).error().code, Code::sent_then_lost);
  EXPECT_THAT(bench.answers.at(waiter).error().note, HasSubstr("participant 1 has ended"));
  EXPECT_EQ(bench.told(bench.receive(lost)), "<not_found>") << "once";
  EXPECT_EQ(bench.machine.request_count(), 0u);
  EXPECT_EQ(bench.machine.bytes(), 0u);
}

TEST(ConversationCrash, what_was_lost_and_is_not_come_for_counts_as_what_is_not_taken) {
  // rule: conversations/D-11
  Conversation::Options options{.on_crash = OnCrash::fail};
  options.limits.messages_max = 2;
  Bench bench(options);
  for (const std::uint64_t who : {1u, 2u}) ASSERT_TRUE(bench.machine.join(who, true));
  const auto first = bench.ask("a").value();
  ASSERT_TRUE(bench.ask("b"));
  bench.exit(1, ExitReason::Kind::finished);
  EXPECT_EQ(bench.send("c").error().code, Code::overloaded) << "it forgets nothing of that";
  bench.machine.give_up(first);
  EXPECT_TRUE(bench.send("c"));
}

TEST(ConversationCrash, a_message_that_nobody_took_was_not_sent) {
  // rule: conversations/R-24, conversations/D-9
  for (const OnCrash on_crash : {OnCrash::fail, OnCrash::compensate}) {
    OfTwo bench(on_crash);
    const auto taken = bench.ask("a").value(), untaken = bench.ask("b").value();
    bench.exit(1, ExitReason::Kind::error, untaken);
    EXPECT_EQ(bench.told(bench.receive(taken)), "<unknown>");
    const auto waiter = bench.receive(untaken);
    EXPECT_EQ(bench.answers.at(waiter).error().code, Code::not_sent);
    EXPECT_THAT(bench.answers.at(waiter).error().note, HasSubstr("participant 1 has ended"));
    EXPECT_EQ(bench.told(bench.receive(untaken)), "<unknown>") << "as the conversation";
  }
  OfTwo bench;
  const auto untaken = bench.ask("a").value();
  const auto waiter = bench.receive(untaken), any = bench.receive();
  bench.exit(1, ExitReason::Kind::error, untaken);
  EXPECT_EQ(bench.told(waiter), "<lost>");
  EXPECT_EQ(bench.told(any), "<unknown>");
}

TEST(ConversationCrash, what_one_did_not_take_is_not_repeated_by_the_next) {
  // rule: conversations/R-57, conversations/D-9
  OfTwo bench(OnCrash::route_to_next);
  ASSERT_TRUE(bench.machine.join(3, true));
  const auto taken = bench.ask("taken").value(), untaken = bench.ask("untaken").value();
  bench.forwarded();
  bench.exit(1, ExitReason::Kind::error, untaken);
  EXPECT_THAT(bench.forwarded(), ElementsAre("2<untaken", "2<taken*"));
  bench.exit(2, ExitReason::Kind::error, taken);
  EXPECT_THAT(bench.forwarded(), ElementsAre("3<taken*", "3<untaken*")) << "the first one may have done it";
  const auto waiter = bench.receive(taken);
  bench.exit(3, ExitReason::Kind::error, taken);
  EXPECT_EQ(bench.told(waiter), "<unknown>");
  EXPECT_EQ(bench.machine.counters().rerouted, 4u);
}

TEST(ConversationCrash, what_all_have_is_given_to_nobody_twice) {
  OfTwo bench(OnCrash::route_to_next);
  const auto all = bench.send("a", true, {Conversation::To::How::all, 0}).value();
  EXPECT_THAT(bench.forwarded(), ElementsAre("1<a", "2<a"));
  bench.exit(1);
  EXPECT_THAT(bench.forwarded(), IsEmpty());
  bench.reply(2, all, "two");
  EXPECT_EQ(bench.told(bench.receive(all)), "two");
  EXPECT_EQ(bench.machine.request_count(), 0u);
}

TEST(ConversationCrash, what_was_done_is_undone_before_it_fails) {
  // rule: conversations/R-57, conversations/D-4
  OfTwo bench(OnCrash::compensate);
  const auto waiter = bench.receive(bench.ask("a").value());
  bench.exit(1);
  bench.exit(2);
  EXPECT_EQ(bench.compensations, 1) << "once";
  EXPECT_EQ(bench.told(waiter), "<unknown>");
  EXPECT_EQ(bench.machine.phase(), Phase::active);
  EXPECT_EQ(bench.send("b").error().code, Code::not_sent);
  EXPECT_EQ(bench.told(bench.receive()), "<unknown>");
  bench.compensated();
  EXPECT_EQ(bench.machine.phase(), Phase::failed);
  bench.compensated();
  EXPECT_THAT(bench.phases, ElementsAre(Phase::active, Phase::failed));
}

TEST(ConversationCrash, one_that_is_done_has_not_crashed) {
  // rule: conversations/R-58, conversations/D-15
  for (const auto kind : {ExitReason::Kind::normal, ExitReason::Kind::finished}) {
    OfTwo bench;
    const auto lost = bench.receive(bench.ask("a").value()), any = bench.receive();
    bench.exit(1, kind);
    EXPECT_EQ(bench.machine.phase(), Phase::active);
    EXPECT_EQ(bench.told(lost), "<unknown>") << "he answers no more";
    EXPECT_EQ(bench.told(any), "waits");
    bench.exit(2, kind);
    EXPECT_EQ(bench.told(any), "<unknown>") << "nobody is left";
    EXPECT_EQ(bench.machine.phase(), Phase::active);
  }
  Bench strict({.on_crash = OnCrash::fail, .is_finishing_a_crash = true});
  ASSERT_TRUE(strict.machine.join(1, true));
  strict.exit(1, ExitReason::Kind::normal);
  EXPECT_EQ(strict.machine.phase(), Phase::failed);
}

TEST(ConversationCrash, strangers_and_second_ends_change_nothing) {
  // rule: conversations/R-59, conversations/R-61, conversations/D-26
  OfTwo bench(OnCrash::route_to_next);
  bench.exit(9);
  bench.exit(1);
  bench.now = at(1s);
  bench.exit(1);
  EXPECT_EQ(bench.machine.context().size(), 1u);
  EXPECT_EQ(bench.machine.phase(), Phase::created);
  EXPECT_EQ(bench.machine.participants()[0].ended_at, at(0s));
  EXPECT_EQ(bench.machine.counters().exits_strange, 1u);
  EXPECT_EQ(bench.machine.counters().exits_again, 1u);
}

TEST(ConversationCrash, an_end_after_the_end_is_written_down_and_opens_nothing) {
  // rule: conversations/R-60, conversations/D-14
  OfTwo bench;
  ASSERT_TRUE(bench.close());
  const auto watch = bench.watch(1);
  bench.exit(1);
  EXPECT_EQ(bench.machine.phase(), Phase::closed);
  EXPECT_EQ(bench.machine.context().size(), 1u);
  ASSERT_EQ(bench.observed.size(), 1u);
  EXPECT_EQ(bench.observed[0].watch, watch.value());
  bench.fail({Code::bug, "late"});
  EXPECT_EQ(bench.machine.phase(), Phase::closed);
}

TEST(ConversationCrash, whoever_watches_is_told_once_whenever_he_began) {
  // rule: conversations/R-62, conversations/R-63, conversations/R-65
  OfTwo bench;
  const auto first = bench.watch(1).value(), second = bench.watch(1).value(), other = bench.watch(2).value();
  const auto gone = bench.watch(1).value();
  bench.machine.unwatch(gone);
  bench.now = at(5s);
  bench.exit(1);
  ASSERT_EQ(bench.observed.size(), 2u);
  EXPECT_EQ(bench.observed[0].watch, first);
  EXPECT_EQ(bench.observed[1].watch, second);
  bench.now = at(9s);
  const auto late = bench.watch(1).value();
  ASSERT_EQ(bench.observed.size(), 3u);
  EXPECT_EQ(bench.observed[2].watch, late);
  for (const auto& each : bench.observed) EXPECT_EQ(each.at, at(5s));
  EXPECT_EQ(bench.machine.watch_count(), 1u);
  bench.exit(2);
  EXPECT_EQ(bench.observed.back().watch, other);
}

TEST(ConversationCrash, in_whatever_order_they_come_a_watch_and_an_end_meet_once) {
  // rule: conversations/R-64
  Prng prng(1);
  for (int round = 0; round < 100'000; ++round) {
    Bench bench(round % 2 == 0 ? OnCrash::fail : OnCrash::route_to_next);
    ASSERT_TRUE(bench.machine.join(1, true));
    std::size_t watching = 0;
    const std::uint64_t steps = 2 + prng.next() % 5;
    const std::uint64_t when = prng.next() % steps;
    for (std::uint64_t i = 0; i < steps; ++i) {
      bench.now = bench.now + 1ms;
      if (i == when) {
        bench.exit(1);
      } else if (prng.next() % 4 == 0) {
        static_cast<void>(bench.close());
      } else {
        ASSERT_TRUE(bench.watch(1));
        ++watching;
      }
    }
    ASSERT_EQ(bench.observed.size(), watching);
    ASSERT_EQ(bench.machine.watch_count(), 0u);
    for (const auto& each : bench.observed) ASSERT_EQ(each.at, *bench.machine.participants()[0].ended_at);
  }
}

TEST(ConversationCrash, its_time_ends_it_and_all_who_wait) {
  // rule: conversations/D-7
  Bench bench({.on_crash = OnCrash::fail, .deadline = 50ms});
  const auto waiter = bench.receive();
  EXPECT_EQ(bench.machine.next_deadline(), bench.now + 50ms);
  bench.pass(50ms);
  EXPECT_EQ(bench.answers.at(waiter).error().code, Code::deadline);
  EXPECT_EQ(bench.machine.phase(), Phase::failed);
  EXPECT_EQ(bench.send("a").error().code, Code::deadline);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
  Bench endless;
  const auto patient = endless.receive();
  endless.pass(30s);
  EXPECT_EQ(endless.told(patient), "<timed_out>") << "every wait ends";
  EXPECT_EQ(endless.machine.phase(), Phase::active);
}

// Whatever happens, each who waits is told once, and nothing stays behind.
TEST(ConversationCrash, whatever_happens_whoever_waits_is_told_once) {
  // rule: conversations/R-38, conversations/R-16
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Prng prng(seed);
    const auto draw = [&](std::uint64_t below) { return prng.next() % below; };
    Bench bench(
        {.on_crash = static_cast<OnCrash>(draw(3)), .deadline = draw(2) ? std::optional<Duration>(5s) : std::nullopt});
    for (std::uint64_t who = 1; who <= draw(4); ++who) ASSERT_TRUE(bench.machine.join(who, draw(4) != 0));
    std::vector<Conversation::Request> requests;
    std::set<Conversation::Waiter> waiting;
    for (int step = 0; step < 60; ++step) {
      switch (draw(10)) {
        case 0:
        case 1:
        case 2: {
          const Conversation::To to{static_cast<Conversation::To::How>(draw(3)), 1 + draw(4)};
          if (const auto request = bench.send("x", draw(2) == 0, to)) requests.push_back(*request);
          break;
        }
        case 3:
        case 4:
          if (!requests.empty()) {
            bench.reply(1 + draw(4), requests[draw(requests.size())],
                        draw(4) ? std::optional<std::string>("y") : std::nullopt);
          }
          break;
        case 5:
        case 6:
          waiting.insert(bench.receive(requests.empty() || draw(2) ? 0 : requests[draw(requests.size())], 1s));
          break;
        case 7:
          if (!waiting.empty() && draw(2)) {
            const auto waiter = *waiting.begin();
            bench.machine.cancel(waiter);
            if (!bench.answers.contains(waiter)) waiting.erase(waiter);
          }
          break;
        case 8: bench.pass(300ms); break;
        default:
          if (draw(6) == 0) {
            const auto untaken = requests.empty() || draw(2) ? 0 : requests[draw(requests.size())];
            bench.exit(1 + draw(4), static_cast<ExitReason::Kind>(draw(5)), untaken);
          }
          if (draw(20) == 0) bench.compensated();
          if (draw(30) == 0) static_cast<void>(bench.complete());
      }
    }
    static_cast<void>(bench.close());
    ASSERT_EQ(bench.answers_twice, 0) << seed;
    ASSERT_EQ(bench.answers.size(), waiting.size()) << seed;
    ASSERT_EQ(bench.machine.waiter_count() + bench.machine.request_count() + bench.machine.unread_count(), 0u) << seed;
    ASSERT_EQ(bench.machine.bytes(), 0u) << seed;
    ASSERT_TRUE(bench.machine.next_deadline().is_never()) << seed;
  }
}

}  // namespace
}  // namespace parley::core
