#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "runtime/conversations/conversations_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using core::Conversation;

using ConversationsAsk = ConversationsOnASubject;

TEST_F(ConversationsAsk, asking_opens_waits_and_closes) {
  // rule: conversations/R-93
  one.echoes = true;
  EXPECT_EQ(text_of(*world.run(conversations.ask({.subject = "orders", .message = say("a")})).value().message), "a");
  EXPECT_EQ(conversations.size(), 0u);
  EXPECT_EQ(one.over.size(), 1u);
  EXPECT_EQ(conversations.counters().closed, 1u);
}

TEST_F(ConversationsAsk, an_ask_ends_in_time_or_with_a_crash) {
  // rule: conversations/R-93
  auto late = begin(conversations.ask({.subject = "orders", .message = say("a"), .within = 150ms}));
  world.pass(150ms);
  EXPECT_EQ(late.take().error().code, Code::deadline);
  auto crashed = begin(conversations.ask({.subject = "orders", .message = say("a")}));
  EXPECT_EQ(two.messages.size(), 1u);
  two.crash();
  world.settle();
  EXPECT_EQ(crashed.take().error().code, Code::sent_then_lost);
  auto dropped = begin(conversations.ask({.subject = "orders", .message = say("a")}));
  EXPECT_EQ(conversations.size(), 1u);
  dropped.cancel();
  EXPECT_EQ(conversations.size(), 0u);
}

TEST_F(ConversationsAsk, an_ask_that_is_answered_with_nothing_has_failed) {
  auto asked = begin(conversations.ask({.subject = "orders", .message = say("a")}));
  one.acknowledge();
  world.settle();
  EXPECT_EQ(asked.take().error().code, Code::failed);
}

TEST_F(ConversationsAsk, a_dispatch_goes_on_until_somebody_has_acknowledged) {
  auto dispatched = begin(conversations.dispatch({.subject = "orders", .message = say("a")}));
  const Instant seen = world.loop.now() - 1us;
  one.crash(seen);
  EXPECT_FALSE(dispatched.is_done()) << "silence acknowledges nothing";
  ASSERT_EQ(two.messages.size(), 1u);
  two.acknowledge();
  world.settle();
  const Conversations::Dispatched done = dispatched.take().value();
  EXPECT_EQ(done.reply.from, two.who);
  EXPECT_EQ(done.reply.message, nullptr);
  ASSERT_EQ(done.reroutes.size(), 1u);
  EXPECT_EQ(done.reroutes[0].crash.who, one.who);
  EXPECT_EQ(done.reroutes[0].crash.at, seen);
  EXPECT_GE(done.reroutes[0].rerouted, seen);
  EXPECT_EQ(conversations.size(), 0u);
}

TEST_F(ConversationsAsk, a_dispatch_of_which_all_crash_says_so) {
  auto dispatched = begin(conversations.dispatch({.subject = "orders", .message = say("a")}));
  one.crash();
  two.crash();
  world.settle();
  EXPECT_EQ(dispatched.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(world.run(conversations.dispatch({.subject = "orders", .message = say("a")})).error().code,
            Code::not_found);
}

TEST_F(ConversationsAsk, waiting_for_a_crash_holds_up_nothing_else) {
  // rule: conversations/D-5
  const ConversationId id = open();
  auto first = begin(conversations.await_crash(id));
  auto second = begin(conversations.await_crash(id));
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::created) << "nobody is asked for it";
  ASSERT_TRUE(conversations.send(id, say("a")));
  one.reply("b");
  EXPECT_EQ(received(id), "b");
  const Instant at = world.loop.now() - 1us;
  one.crash(at);
  world.settle();
  EXPECT_EQ(first.take().value().at, at);
  EXPECT_EQ(second.take().value().at, at);
}

TEST_F(ConversationsAsk, an_end_in_good_order_is_no_crash) {
  const ConversationId id = open({.subject = "orders", .on_crash = Conversation::OnCrash::route_to_next});
  auto crash = begin(conversations.await_crash(id));
  conversations.exited(one.who, {.kind = ExitReason::Kind::finished}, world.loop.now());
  world.settle();
  EXPECT_FALSE(crash.is_done());
  two.crash();
  world.settle();
  EXPECT_EQ(crash.take().value().who, two.who);
}

TEST_F(ConversationsAsk, who_is_chosen) {
  const auto chosen = [&](Choice choice) {
    const ConversationId id = open({.subject = "orders", .choice = std::move(choice)});
    return conversations.find(id)->machine->participants().at(0).who;
  };
  EXPECT_EQ(chosen({}), one.who);
  EXPECT_EQ(chosen({}), two.who) << "in turn, while both are free";
  const ConversationId busy = open();
  ASSERT_TRUE(conversations.send(busy, say("a")));
  const Participant has_work = one.messages.empty() ? two.who : one.who;
  for (int i = 0; i < 4; ++i) EXPECT_NE(chosen({}), has_work);
  const Participant first = chosen({.how = Choice::How::round_robin});
  EXPECT_NE(chosen({.how = Choice::How::round_robin}), first);
  const Participant always = chosen({.how = Choice::How::affinity, .key = "customer 7"});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(chosen({.how = Choice::How::affinity, .key = "customer 7"}), always);
  const auto by_name = [](std::span<const Candidate> all) {
    return static_cast<std::size_t>(std::ranges::find(all, "two", &Candidate::name) - all.begin());
  };
  EXPECT_EQ(chosen({.how = Choice::How::custom, .pick = by_name}), two.who);
  EXPECT_EQ(conversations
                .open({.subject = "orders",
                       .choice = {.how = Choice::How::custom, .pick = [](auto all) { return all.size(); }}})
                .error()
                .code,
            Code::not_found);
}

}  // namespace
}  // namespace parley
