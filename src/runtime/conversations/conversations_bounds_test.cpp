#include "runtime/conversations/conversations.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/wait.h"
#include "runtime/conversations/conversations_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using core::Conversation;
using ::testing::HasSubstr;

TEST_F(ConversationsTest, all_that_is_kept_is_bounded) {
  // rule: conversations/D-11
  Conversations small(world.loop.executor(), {.conversations_max = 3,
                                              .conversations_per_owner_max = 2,
                                              .participants_max = 1,
                                              .subjects_per_participant_max = 1});
  NotedParty only(small, "only");
  EXPECT_EQ(small.add(only, "another").error().code, Code::overloaded);
  ASSERT_TRUE(small.provide("a", only.who));
  EXPECT_EQ(small.provide("b", only.who).error().code, Code::overloaded);
  ASSERT_TRUE(small.open({.owner = 1}));
  ASSERT_TRUE(small.open({.owner = 1}));
  EXPECT_EQ(small.open({.owner = 1}).error().code, Code::overloaded);
  ASSERT_TRUE(small.open({.owner = 2}));
  EXPECT_EQ(small.open({.owner = 3}).error().code, Code::overloaded);
}

TEST_F(ConversationsTest, what_all_conversations_keep_is_bounded_together) {
  // rule: conversations/D-11
  constexpr std::size_t each = Conversation::overhead_bytes;
  Conversations small(world.loop.executor(), {.bytes_max = 100 + 2 * each, .bytes_per_principal_max = 60 + 2 * each});
  NotedParty deaf(small, "deaf");
  ASSERT_TRUE(small.provide("deaf", deaf.who));
  const ConversationId mine = small.open({.subject = "deaf", .owner = 1, .principal = "me"}).value();
  const ConversationId also = small.open({.subject = "deaf", .owner = 2, .principal = "me"}).value();
  const ConversationId theirs = small.open({.subject = "deaf", .owner = 3, .principal = "they"}).value();
  ASSERT_TRUE(small.send(mine, say(std::string(50, 'a'))));
  EXPECT_EQ(small.send(also, say(std::string(11 + each, 'a'))).error().code, Code::overloaded)
      << "of one principal, in whatever session";
  ASSERT_TRUE(small.send(theirs, say(std::string(50, 'a'))));
  EXPECT_EQ(small.send(theirs, say("")).error().code, Code::overloaded) << "of all";
  EXPECT_EQ(small.bytes(), 100 + 2 * each);
  ASSERT_TRUE(small.close(mine));
  EXPECT_TRUE(small.send(also, say(std::string(50, 'a')))) << "what is over counts no more";
  static_cast<void>(small.close(also));
  static_cast<void>(small.close(theirs));
  EXPECT_EQ(small.bytes(), 0u);
}

TEST_F(ConversationsTest, of_what_all_conversations_said_no_more_is_kept_than_there_is_room_for) {
  // rule: conversations/D-11
  constexpr std::size_t bytes_max = 2000;
  Conversations small(world.loop.executor(), {.context_bytes_of_all_max = bytes_max});
  std::vector<ConversationId> all;
  for (int i = 0; i < 4; ++i) all.push_back(small.open({}).value());
  const std::string text(300, 'a');
  for (int i = 0; i < 10; ++i) {
    for (const ConversationId id : all) ASSERT_TRUE(small.send(id, say(text)));
  }
  std::size_t kept = 0;
  std::size_t said = 0;
  for (const ConversationId id : all) {
    for (const auto& entry : small.find(id)->machine->context().page(1, 1000).entries) {
      kept += entry.message ? text.size() : 0;
      ++said;
    }
  }
  EXPECT_EQ(said, 40u) << "that something was said";
  EXPECT_GE(kept, text.size());
  EXPECT_LE(kept, bytes_max) << "and not a message more for each of them";
  for (const ConversationId id : all) static_cast<void>(small.close(id));
  EXPECT_EQ(small.context_bytes(), 0u);
  const ConversationId id = small.open({}).value();
  ASSERT_TRUE(small.send(id, say(text)));
  EXPECT_TRUE(small.find(id)->machine->context().page(1, 1).entries.at(0).message) << "there is room again";
}

TEST_F(ConversationsTest, a_reply_without_room_is_told_and_ends_nothing_else) {
  // rule: conversations/D-11
  constexpr std::size_t each = Conversation::overhead_bytes;
  Conversations small(world.loop.executor(), {.bytes_per_principal_max = 100 + 2 * each});
  NotedParty party(small, "party");
  ASSERT_TRUE(small.provide("orders", party.who));
  const ConversationId id = small.open({.subject = "orders"}).value();
  const ConversationId other = small.open({.subject = "orders"}).value();
  const Request unwatched = small.send(id, say(std::string(50, 'a')), {}, true).value();
  const Request watched = small.send(other, say(std::string(50, 'a')), {}, true).value();
  auto waiting = begin(small.receive(other, watched));
  small.replied(party.who, id, unwatched, say("kept for nobody"));
  small.replied(party.who, other, watched, say("taken at once"));
  world.settle();
  EXPECT_EQ(text_of(*waiting.take().value().message), "taken at once");
  EXPECT_EQ(small.counters().replies_unkept, 1u);
  const auto received = world.run(small.receive(id, unwatched));
  ASSERT_FALSE(received);
  EXPECT_EQ(kind(received.error()), Kind::unknown);
  EXPECT_THAT(received.error().note, HasSubstr("no room"));
  EXPECT_EQ(small.find(id)->machine->phase(), Phase::active);
  EXPECT_EQ(small.bytes(), 0u);
  EXPECT_TRUE(small.send(id, say("and so on")));
}

TEST_F(ConversationsOnASubject, open_conversations_wake_nobody) {
  std::vector<ConversationId> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(open({.subject = "orders", .deadline = 1h}));
  const Instant next = world.loop.executor().next_deadline();
  EXPECT_EQ(next, world.loop.now() + 1h) << "one timer for all of them, for the end of the first";
  for (const ConversationId id : ids) ASSERT_TRUE(conversations.close(id));
  EXPECT_TRUE(world.loop.executor().next_deadline().is_never());
}

TEST_F(ConversationsOnASubject, a_long_message_is_not_kept_in_a_context) {
  // rule: conversations/D-11
  const ConversationId id = open({});
  auto waiting = begin(conversations.receive(id));
  ASSERT_TRUE(conversations.send(id, say(std::string(1 << 20, 'x'))));
  world.settle();
  EXPECT_EQ(waiting.take().value().message->payload.size(), std::size_t{1} << 20);
  EXPECT_LT(conversations.context_bytes(), std::size_t{64} << 10);
}

// Each bound is what one conversation needs: whatever stays of one is missed by the next.
TEST_F(ConversationsTest, opening_and_closing_leaves_nothing_behind) {
  // rule: conversations/D-8
  const auto timers = world.loop.executor().timer_count();
  Conversations small(world.loop.executor(), {.conversations_max = 1,
                                              .conversations_per_owner_max = 1,
                                              .bytes_max = 3 * (Conversation::overhead_bytes + 1),
                                              .bytes_per_principal_max = 3 * (Conversation::overhead_bytes + 1),
                                              .participants_max = 2,
                                              .in_flight_per_participant_max = 2});
  NotedParty silent(small, "silent");
  NotedParty echo(small, "echo");
  echo.echoes = true;
  for (NotedParty* each : {&silent, &echo}) ASSERT_TRUE(small.provide("orders", each->who));
  const core::Conversation::To both{.how = core::Conversation::To::How::all};
  for (int i = 0; i < 10'000; ++i) {
    const ConversationId id = small
                                  .open({.subject = "orders",
                                         .on_crash = Conversation::OnCrash::route_to_next,
                                         .deadline = 1h,
                                         .owner = 7,
                                         .principal = "somebody"})
                                  .value();
    const Request request = small.send(id, say("a"), both, true).value();
    ASSERT_EQ(text_of(*world.run(small.receive(id, request)).value().message), "a");
    ASSERT_TRUE(small.send(id, say("b"), both)) << "it is not answered by one, and that of the other not received";
    auto waiting = begin(small.receive(id, request));
    auto watching = begin(small.await_exit(id, silent.who));
    switch (i % 3) {
      case 0: ASSERT_TRUE(small.close(id)); break;
      case 1: small.leave(7); break;
      case 2:
        for (NotedParty* each : {&silent, &echo}) small.exited(id, each->who, {}, world.loop.now());
        ASSERT_EQ(small.find(id)->machine->phase(), Phase::active) << "they have ended well";
        small.abandon(id);
    }
    world.settle();
    ASSERT_TRUE(waiting.is_done() && watching.is_done());
    for (NotedParty* each : {&silent, &echo}) {
      ASSERT_EQ(each->over.size(), i % 3 == 2 ? 0u : 1u) << "it is told once, unless it left itself";
      each->messages.clear();
      each->over.clear();
    }
    ASSERT_EQ(small.size() + small.waiting_count() + small.bytes() + small.context_bytes(), 0u) << i;
    ASSERT_EQ(world.loop.executor().timer_count(), timers) << i;
  }
  EXPECT_EQ(small.participant_count(), 2u);
  EXPECT_EQ(small.counters().closed, 10'000u);
}

}  // namespace
}  // namespace parley
