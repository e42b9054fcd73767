#include "core/conversation/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>
#include <utility>

#include "core/conversation/conversation_suite.h"

// What is said in a conversation, and who hears it.
namespace parley::core {
namespace {

using namespace std::chrono_literals;
using namespace conversation_suite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Conversation, a_new_one_is_empty_and_counts_from_one) {
  // rule: conversations/R-01, conversations/R-02
  Bench bench({.on_crash = Conversation::OnCrash::fail, .deadline = 5s});
  EXPECT_EQ(bench.machine.phase(), Phase::created);
  EXPECT_EQ(bench.machine.context().size(), 0u);
  EXPECT_EQ(bench.machine.unread_count() + bench.machine.request_count() + bench.machine.waiter_count(), 0u);
  EXPECT_EQ(bench.machine.deadline(), bench.now + 5s);
  EXPECT_TRUE(Bench().machine.deadline().is_never());
  EXPECT_EQ(bench.send("a").value(), 1u);
  EXPECT_EQ(bench.receive(), 1u);
}

TEST(Conversation, of_one_that_is_closed_nothing_is_wanted_but_how_it_ended) {
  // rule: conversations/R-06, conversations/R-09, conversations/R-47, conversations/R-51
  OfTwo bench;
  EXPECT_TRUE(bench.close());
  EXPECT_EQ(bench.send("a").error().code, Code::refused);
  EXPECT_EQ(bench.told(bench.receive()), "<refused>");
  EXPECT_EQ(bench.machine.join(3, true).error().code, Code::refused);
  EXPECT_EQ(bench.complete().error().code, Code::refused);
  EXPECT_EQ(bench.close().error().code, Code::refused);
  EXPECT_EQ(bench.machine.phase(), Phase::closed);
  EXPECT_EQ(bench.machine.context().size(), 0u);
}

TEST(Conversation, a_message_goes_to_the_first_who_lives_and_is_written_down_before) {
  // rule: conversations/R-19, conversations/R-21, conversations/R-22, conversations/R-23
  OfTwo bench;
  ASSERT_TRUE(bench.send("a"));
  EXPECT_EQ(bench.machine.phase(), Phase::active);
  EXPECT_THAT(bench.forwarded(), ElementsAre("1<a"));
  EXPECT_EQ(bench.machine.unread_count(), 0u) << "it is not heard by whoever said it";
  const auto page = bench.machine.context().page(1, 10);
  ASSERT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(page.entries[0].what, Context::What::sent);
  EXPECT_EQ(page.entries[0].outcome, Context::Outcome::delivered);
}

TEST(Conversation, a_message_goes_to_somebody_or_to_all) {
  // rule: conversations/D-6
  OfTwo bench;
  ASSERT_TRUE(bench.send("b", false, {Conversation::To::How::one, 2}));
  const auto all = bench.send("c", true, {Conversation::To::How::all, 0});
  ASSERT_TRUE(all);
  EXPECT_THAT(bench.forwarded(), ElementsAre("2<b", "1<c", "2<c"));
  bench.reply(2, *all, "two");
  bench.reply(1, *all, "one");
  EXPECT_EQ(bench.told(bench.receive(*all)), "two");
  EXPECT_EQ(bench.told(bench.receive(*all)), "one");
  EXPECT_EQ(bench.told(bench.receive(*all)), "<not_found>");
  EXPECT_EQ(bench.send("d", false, {Conversation::To::How::one, 9}).error().code, Code::not_found);
}

TEST(Conversation, what_is_for_somebody_who_has_ended_was_not_delivered_and_says_so) {
  // rule: conversations/R-24, conversations/D-9
  OfTwo bench(Conversation::OnCrash::route_to_next);
  bench.exit(1);
  EXPECT_EQ(bench.send("a", false, {Conversation::To::How::one, 1}).error().code, Code::not_sent);
  EXPECT_THAT(bench.forwarded(), IsEmpty());
  EXPECT_EQ(bench.machine.context().page(2, 1).entries.at(0).outcome, Context::Outcome::undelivered);
  ASSERT_TRUE(bench.send("b"));
  EXPECT_THAT(bench.forwarded(), ElementsAre("2<b"));
}

TEST(Conversation, where_all_are_only_watched_a_message_goes_nowhere) {
  // rule: conversations/R-25
  Bench bench;
  ASSERT_TRUE(bench.machine.join(1, false));
  EXPECT_TRUE(bench.send("a"));
  EXPECT_EQ(bench.machine.context().size(), 1u);
  const auto waiter = bench.receive(0, 1s);
  EXPECT_EQ(bench.told(waiter), "waits");
  bench.pass(1s);
  EXPECT_EQ(bench.told(waiter), "<timed_out>");
}

TEST(Conversation, without_participants_it_is_a_buffer_in_order_both_ways) {
  // rule: conversations/R-26, conversations/R-27, conversations/R-29
  Bench bench;
  ASSERT_TRUE(bench.send("a"));
  ASSERT_TRUE(bench.send("b"));
  EXPECT_EQ(bench.machine.context().size(), 2u) << "nobody has received them";
  EXPECT_EQ(bench.told(bench.receive()), "a");
  EXPECT_EQ(bench.told(bench.receive()), "b");
  EXPECT_EQ(bench.machine.context().size(), 4u);
  const auto first = bench.receive(), second = bench.receive();
  ASSERT_TRUE(bench.send("c"));
  EXPECT_EQ(bench.told(first), "c");
  EXPECT_EQ(bench.told(second), "waits");
  ASSERT_TRUE(bench.send("d"));
  EXPECT_EQ(bench.told(second), "d");
}

TEST(Conversation, whoever_receives_waits_for_its_turn_and_no_longer_than_it_says) {
  // rule: conversations/R-28, conversations/R-30, conversations/R-34, conversations/R-36, conversations/R-37
  OfTwo bench;
  const auto first = bench.receive(0, 2s), second = bench.receive(0, 1s);
  EXPECT_EQ(bench.machine.phase(), Phase::active);
  EXPECT_EQ(bench.machine.next_deadline(), bench.now + 1s);
  bench.pass(1s);
  EXPECT_EQ(bench.told(second), "<timed_out>");
  bench.reply(1, bench.send("a").value(), "A");
  EXPECT_EQ(bench.told(first), "A");
  bench.reply(1, bench.send("b").value(), "B");
  EXPECT_EQ(bench.told(bench.receive(0, 0s)), "B") << "it is there already";
  EXPECT_EQ(bench.told(bench.receive(0, 0s)), "<timed_out>");
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
}

TEST(Conversation, a_reply_that_comes_after_a_receive_gave_up_is_for_the_next) {
  // rule: conversations/R-35, conversations/D-2, conversations/R-15
  OfTwo bench;
  const auto request = bench.send("a").value();
  const auto late = bench.receive(0, 20ms);
  bench.pass(20ms);
  EXPECT_EQ(bench.told(late), "<timed_out>");
  const auto dropped = bench.receive();
  bench.machine.cancel(dropped);
  bench.reply(1, request, "A");
  EXPECT_EQ(bench.told(dropped), "waits");
  EXPECT_EQ(bench.told(bench.receive()), "A");
}

TEST(Conversation, replies_come_as_the_requests_were_answered_and_are_written_down_when_they_are_taken) {
  // rule: conversations/R-39, conversations/R-40, conversations/D-12, conversations/D-13
  OfTwo bench;
  const auto a = bench.send("a").value(), b = bench.send("b").value(), c = bench.send("c").value();
  bench.reply(1, a, "A");
  bench.reply(1, b, std::nullopt);
  bench.reply(1, c, "C");
  EXPECT_EQ(bench.machine.context().size(), 3u);
  EXPECT_EQ(bench.told(bench.receive()), "A");
  EXPECT_EQ(bench.told(bench.receive()), "C");
  EXPECT_EQ(bench.machine.context().size(), 5u) << "each once";
  EXPECT_EQ(bench.machine.request_count(), 0u);
}

TEST(Conversation, a_reply_is_for_whoever_asked_and_nobody_else) {
  // rule: conversations/D-18, conversations/R-87
  OfTwo bench;
  const auto in_passing = bench.send("in passing").value();
  const auto young = bench.ask("young").value(), old = bench.ask("old").value();
  const auto any = bench.receive(), of_young = bench.receive(young), of_old = bench.receive(old);
  bench.reply(1, old, "for old");
  bench.reply(1, in_passing, "for any");
  bench.reply(1, young, "for young");
  EXPECT_EQ(bench.told(of_old), "for old");
  EXPECT_EQ(bench.told(of_young), "for young");
  EXPECT_EQ(bench.told(any), "for any");

  const auto given_up = bench.ask("given up").value();
  const auto impatient = bench.receive(given_up, 1s);
  bench.pass(1s);
  EXPECT_EQ(bench.told(impatient), "<timed_out>");
  const auto next = bench.receive(bench.ask("next").value());
  bench.reply(1, given_up, "too late");
  EXPECT_EQ(bench.told(next), "waits");
  EXPECT_EQ(bench.machine.counters().replies_late, 1u);
  bench.reply(1, given_up, "again");
  EXPECT_EQ(bench.machine.counters().replies_late, 2u);
  bench.reply(2, *bench.ask("x"), "not asked");
  EXPECT_EQ(bench.machine.counters().replies_strange, 1u);
}

TEST(Conversation, what_was_asked_and_answered_with_nothing_ends_the_wait) {
  OfTwo bench;
  const auto request = bench.ask("a").value();
  const auto waiter = bench.receive(request);
  EXPECT_EQ(bench.told(bench.receive(request)), "<refused>") << "one waits for it already";
  bench.reply(1, request, std::nullopt);
  ASSERT_TRUE(bench.answers.at(waiter).has_value());
  EXPECT_EQ(bench.answers.at(waiter)->message, nullptr);
  const auto early = bench.ask("b").value();
  bench.reply(1, early, std::nullopt);
  const auto late = bench.receive(early);
  ASSERT_TRUE(bench.answers.at(late).has_value());
  EXPECT_EQ(bench.answers.at(late)->message, nullptr);
  EXPECT_EQ(bench.machine.request_count(), 0u);
}

TEST(Conversation, a_message_keeps_all_that_is_said_about_it) {
  // rule: conversations/D-16
  OfTwo bench;
  Envelope envelope = say("a");
  envelope.id = "m1";
  envelope.publisher = "me";
  envelope.parent = "m0";
  envelope.schema[31] = 7;
  Conversation::Effects effects;
  ASSERT_TRUE(bench.machine.send(envelope, {}, false, bench.now, effects));
  bool is_forwarded = false;
  for (const auto& each : effects) {
    if (const auto* forward = std::get_if<Conversation::Forward>(&each)) {
      is_forwarded = true;
      EXPECT_EQ(*forward->message, envelope);
    }
  }
  EXPECT_TRUE(is_forwarded);
}

TEST(Conversation, no_message_is_taken_any_more_while_it_completes) {
  // rule: conversations/R-20, conversations/R-33
  OfTwo bench;
  const auto a = bench.send("a").value(), b = bench.send("b").value();
  bench.reply(1, a, "A");
  ASSERT_TRUE(bench.complete());
  EXPECT_EQ(bench.send("c").error().code, Code::refused);
  EXPECT_EQ(bench.told(bench.receive()), "<refused>");
  EXPECT_EQ(bench.machine.unread_count(), 1u) << "it is not taken for nobody";
  EXPECT_EQ(bench.machine.context().size(), 2u);
  bench.reply(1, b, "B");
  EXPECT_EQ(bench.machine.unread_count(), 2u);
  EXPECT_TRUE(bench.close());
}

TEST(Conversation, closing_tells_those_who_wait_in_their_order_and_stops_those_who_take_part) {
  // rule: conversations/R-44, conversations/R-45, conversations/R-46, conversations/R-52, conversations/R-17
  OfTwo bench;
  const auto request = bench.ask("a").value();
  const auto first = bench.receive(), second = bench.receive(request), third = bench.receive();
  EXPECT_TRUE(bench.close());
  EXPECT_THAT(bench.answered, ElementsAre(first, second, third));
  EXPECT_EQ(bench.answers.at(first).error().code, Code::closed);
  EXPECT_EQ(bench.told(second), "<unknown>") << "he who has it may have done it";
  EXPECT_EQ(bench.answers.at(third).error().code, Code::closed);
  EXPECT_THAT(bench.stopped, ElementsAre(1u, 2u));
  EXPECT_THAT(bench.phases, ElementsAre(Phase::active, Phase::closed));
  bench.reply(1, request, "A");
  // rule: conversations/R-42, conversations/D-14
  EXPECT_EQ(bench.machine.counters().replies_late, 1u);
  EXPECT_EQ(bench.machine.unread_count() + bench.machine.request_count() + bench.machine.waiter_count(), 0u);
  Bench fresh;
  EXPECT_TRUE(fresh.close());
  EXPECT_EQ(fresh.machine.phase(), Phase::closed);
}

TEST(Conversation, everything_in_it_is_bounded) {
  // rule: conversations/D-11
  Conversation::Options options{.on_crash = Conversation::OnCrash::fail};
  options.limits = {.participants_max = 1,
                    .messages_max = 3,
                    .message_bytes_max = 400,
                    .bytes_max = 100 + 4 * Conversation::overhead_bytes,
                    .waiters_max = 1,
                    .watches_max = 1,
                    .context_entries_max = 2};
  Bench bench(options);
  ASSERT_TRUE(bench.machine.join(1, true));
  EXPECT_EQ(bench.machine.join(2, true).error().code, Code::overloaded);
  EXPECT_EQ(bench.machine.join(1, true).error().code, Code::in_use);
  EXPECT_EQ(bench.send(std::string(401, 'a')).error().code, Code::too_large);
  ASSERT_TRUE(bench.send("1") && bench.send("2"));
  EXPECT_EQ(bench.send(std::string(400, 'a')).error().code, Code::overloaded) << "bytes";
  ASSERT_TRUE(bench.send("3"));
  EXPECT_EQ(bench.send("4").error().code, Code::overloaded) << "messages";
  EXPECT_EQ(bench.machine.context().size(), 3u);
  EXPECT_EQ(bench.machine.context().first_kept(), 2u);
  EXPECT_EQ(bench.machine.context().page(1, 9).first, 2u);
  ASSERT_TRUE(bench.watch(1));
  EXPECT_EQ(bench.watch(1).error().code, Code::overloaded);
  EXPECT_EQ(bench.watch(2).error().code, Code::not_found);
  const auto waiter = bench.receive();
  EXPECT_EQ(bench.told(bench.receive()), "<overloaded>");
  bench.reply(1, 1, "A");
  EXPECT_EQ(bench.told(waiter), "A");
}

TEST(Conversation, a_message_without_bytes_takes_room_as_any) {
  // rule: conversations/D-11
  Conversation::Options options{.on_crash = Conversation::OnCrash::fail};
  options.limits.bytes_max = 2 * Conversation::overhead_bytes;
  Bench bench(options);
  ASSERT_TRUE(bench.send("") && bench.send(""));
  EXPECT_EQ(bench.send("").error().code, Code::overloaded);
  EXPECT_EQ(bench.machine.bytes(), 2 * Conversation::overhead_bytes);
  EXPECT_EQ(bench.told(bench.receive()), "");
  EXPECT_TRUE(bench.send(""));
  EXPECT_EQ(bench.told(bench.receive()) + bench.told(bench.receive()), "");
  EXPECT_EQ(bench.machine.bytes(), 0u);
}

// One with room for two messages, and for one that is answered with no answer beside it.
struct Full : Bench {
  static Conversation::Options options() {
    Conversation::Options options{.on_crash = Conversation::OnCrash::fail};
    options.limits.message_bytes_max = 8;
    options.limits.bytes_max = 2 * Conversation::overhead_bytes + 16;
    return options;
  }
  Full() : Bench(options()) { machine.join(1, true).value(); }
};

TEST(Conversation, a_reply_is_kept_only_where_nobody_waits_for_it) {
  // rule: conversations/D-11, conversations/R-37
  Full bench;
  const auto asked = bench.ask("12345678").value(), said = bench.send("12345678").value();
  const auto waiter = bench.receive(asked), any = bench.receive();
  bench.reply(1, asked, "A");
  bench.reply(1, said, "B");
  EXPECT_EQ(bench.told(waiter), "A");
  EXPECT_EQ(bench.told(any), "B");
  EXPECT_EQ(bench.machine.bytes(), 0u);
}

TEST(Conversation, a_reply_for_which_there_is_no_room_ends_what_it_answers_and_nothing_else) {
  // rule: conversations/D-11
  Full bench;
  const auto asked = bench.ask("12345678").value(), other = bench.ask("12345678").value();
  bench.reply(1, asked, "A");
  EXPECT_EQ(bench.machine.phase(), Phase::active);
  const auto waiter = bench.receive(other);
  bench.reply(1, other, "B");
  EXPECT_EQ(bench.told(waiter), "B");
  const auto late = bench.receive(asked);
  EXPECT_EQ(bench.told(late), "<unknown>") << "it was done";
  EXPECT_THAT(bench.answers.at(late).error().note, HasSubstr("no room"));
  EXPECT_EQ(bench.told(bench.receive(asked)), "<not_found>") << "it is told once";
  EXPECT_EQ(bench.machine.counters().replies_unkept, 1u);
  EXPECT_EQ(bench.machine.bytes(), 0u);
  EXPECT_TRUE(bench.send("a"));
}

TEST(Conversation, replies_to_nobody_in_particular_are_missed_at_their_place_and_once) {
  // rule: conversations/D-11
  Full bench;
  for (const std::string_view text : {"1", "2"}) bench.reply(1, bench.send(text).value(), std::string(text));
  EXPECT_EQ(bench.machine.counters().replies_unkept, 1u) << "the second: beside the first and what it answers";
  bench.reply(1, bench.send("3").value(), "3");
  EXPECT_EQ(bench.machine.counters().replies_unkept, 2u);
  EXPECT_EQ(bench.machine.unread_count(), 2u);
  EXPECT_EQ(bench.told(bench.receive()), "1");
  EXPECT_EQ(bench.told(bench.receive()), "<unknown>") << "of both";
  const auto next = bench.receive();
  bench.reply(1, bench.send("4").value(), "4");
  EXPECT_EQ(bench.told(next), "4");
}

TEST(Conversation, a_reply_that_is_too_long_is_told_to_whoever_waits_for_it) {
  // rule: conversations/D-11
  Full bench;
  const auto asked = bench.receive(bench.ask("a").value()), any = bench.receive();
  bench.reply(1, 1, "123456789");
  EXPECT_EQ(bench.told(asked), "<unknown>");
  EXPECT_EQ(bench.told(any), "waits");
  bench.reply(1, bench.send("b").value(), "123456789");
  EXPECT_EQ(bench.told(any), "<unknown>");
  EXPECT_EQ(bench.machine.phase(), Phase::active);
}

TEST(Conversation, where_the_owner_has_no_room_nothing_is_kept) {
  // rule: conversations/D-11
  OfTwo bench;
  const auto request = bench.ask("a").value();
  bench.keep([&](auto& effects) {
    bench.machine.replied(1, request, say("A"), bench.now, effects, false);
    return 0;
  });
  EXPECT_EQ(bench.told(bench.receive(request)), "<unknown>");
  EXPECT_EQ(bench.machine.phase(), Phase::active);
}

// Looking at one costs as much as what is asked for, however much was said.
static_assert(std::is_lvalue_reference_v<decltype(std::declval<Conversation&>().context())>);
static_assert(!std::is_copy_constructible_v<Context> && !std::is_copy_constructible_v<Conversation>);

TEST(Conversation, what_happened_is_read_in_pages) {
  // rule: conversations/D-24
  Bench bench;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(bench.send(std::to_string(i)));
  const auto page = bench.machine.context().page(4, 10);
  ASSERT_EQ(page.entries.size(), 2u);
  EXPECT_EQ(page.first, 4u);
  EXPECT_EQ(text_of(*page.entries[0].message), "3");
  ASSERT_EQ(bench.told(bench.receive()), "0");
  EXPECT_EQ(bench.machine.context().page(6, 1).entries.at(0).message,
            bench.machine.context().page(1, 1).entries.at(0).message)
      << "what was said is there once";
  EXPECT_EQ(bench.machine.context().page(2, 1).entries.size(), 1u);
  EXPECT_THAT(bench.machine.context().page(7, 1).entries, IsEmpty());
  EXPECT_THAT(bench.machine.context().page(99, 1).entries, IsEmpty());
}

}  // namespace
}  // namespace parley::core
