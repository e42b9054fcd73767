#include "runtime/conversations/conversations.h"

#include <chrono>
#include <stdexcept>
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
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ConversationsTest, without_anybody_what_is_sent_can_be_received) {
  // rule: conversations/R-01
  const ConversationId id = open({});
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::created);
  auto waiting = begin(conversations.receive(id));
  ASSERT_TRUE(conversations.send(id, say("a")));
  ASSERT_TRUE(conversations.send(id, say("b")));
  world.settle();
  EXPECT_EQ(text_of(*waiting.take().value().message), "a");
  EXPECT_EQ(received(id), "b");
  EXPECT_TRUE(conversations.close(id));
  EXPECT_EQ(conversations.send(id, say("c")).error().code, Code::not_found);
  EXPECT_EQ(conversations.size(), 0u);
}

TEST_F(ConversationsTest, a_subject_that_nobody_provides_is_not_found) {
  EXPECT_EQ(conversations.open({.subject = "orders"}).error().code, Code::not_found);
  conversations.provide("orders", one.who).value();
  EXPECT_EQ(conversations.provide("orders", one.who).error().code, Code::in_use);
  EXPECT_TRUE(conversations.open({.subject = "orders"}));
  conversations.withdraw("orders", one.who);
  EXPECT_EQ(conversations.open({.subject = "orders"}).error().code, Code::not_found);
  EXPECT_THAT(conversations.subjects(), IsEmpty());
}

TEST_F(ConversationsOnASubject, a_reply_goes_to_who_waits_for_that_request) {
  // rule: conversations/R-87
  one.echoes = true;
  const ConversationId id = open();
  const Request first = conversations.send(id, say("a"), {}, true).value();
  ASSERT_TRUE(conversations.send(id, say("unasked")));
  const Request second = conversations.send(id, say("b"), {}, true).value();
  EXPECT_EQ(received(id, second), "b");
  EXPECT_EQ(received(id, first), "a");
  EXPECT_EQ(received(id), "unasked");
}

TEST_F(ConversationsOnASubject, whoever_ends_is_told_to_all_who_wait_at_once) {
  // rule: conversations/R-92, conversations/R-56, conversations/R-72
  NotedFollower follower;
  const ConversationId id = open({.subject = "orders", .follower = &follower});
  const ConversationId other = open();
  ASSERT_TRUE(conversations.send(other, say("x")));
  const Request request = conversations.send(id, say("a"), {}, true).value();
  auto reply = begin(conversations.receive(id, request));
  auto any = begin(conversations.receive(id));
  auto exit = begin(conversations.await_exit(id, one.who));
  const Instant at = world.loop.now() - 1us;
  one.crash(at);
  world.settle();
  EXPECT_EQ(reply.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(any.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(exit.take().value().at, at);
  EXPECT_THAT(follower.said, ElementsAre("active", std::to_string(one.who) + " error", "failed"));
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::failed);
  EXPECT_EQ(conversations.find(other)->machine->phase(), Phase::active) << "it has the other one";
  EXPECT_EQ(conversations.close(id).error().code, Code::sent_then_lost);
  EXPECT_THAT(one.over, IsEmpty()) << "who has ended is told nothing";
}

TEST_F(ConversationsOnASubject, the_end_of_one_is_told_to_whoever_asks_later) {
  // rule: conversations/R-63, conversations/R-73, conversations/R-75, conversations/R-69
  const ConversationId id = open();
  auto first = begin(conversations.await_exit(id, one.who));
  auto second = begin(conversations.await_exit(id, one.who));
  const Instant at = world.loop.now() - 1us;
  one.crash(at);
  world.settle();
  EXPECT_EQ(first.take().value().at, at);
  EXPECT_EQ(second.take().value().at, at);
  EXPECT_EQ(world.run(conversations.await_exit(id, one.who, world.loop.now())).value().at, at);
}

TEST_F(ConversationsOnASubject, waiting_for_an_end_ends_in_time_or_with_the_conversation) {
  // rule: conversations/R-74
  const ConversationId id = open();
  auto late = begin(conversations.await_exit(id, one.who, world.loop.now() + 10ms));
  auto closed = begin(conversations.await_exit(id, one.who));
  world.pass(10ms);
  EXPECT_EQ(late.take().error().code, Code::deadline);
  EXPECT_FALSE(closed.is_done());
  ASSERT_TRUE(conversations.close(id));
  world.settle();
  EXPECT_EQ(closed.take().error().code, Code::closed);
}

TEST_F(ConversationsOnASubject, after_a_crash_nothing_is_sent_and_what_was_said_is_there) {
  // rule: conversations/R-76, conversations/R-32, conversations/R-71
  const ConversationId id = open();
  ASSERT_TRUE(conversations.send(id, say("a")));
  one.reply("said before");
  one.crash();
  EXPECT_EQ(conversations.send(id, say("b")).error().code, Code::not_sent);
  EXPECT_EQ(one.messages.size(), 1u);
  EXPECT_EQ(received(id), "said before");
  EXPECT_EQ(received(id), "<unknown>");
}

TEST_F(ConversationsOnASubject, what_one_had_goes_to_the_next) {
  // rule: conversations/D-4
  NotedFollower follower;
  const ConversationId id =
      open({.subject = "orders", .on_crash = Conversation::OnCrash::route_to_next, .follower = &follower});
  const Request request = conversations.send(id, say("a"), {}, true).value();
  auto reply = begin(conversations.receive(id, request));
  ASSERT_EQ(one.messages.size(), 1u);
  EXPECT_FALSE(one.last().is_repeated);
  one.crash();
  ASSERT_EQ(two.messages.size(), 1u);
  EXPECT_TRUE(two.last().is_repeated);
  two.reply("done");
  world.settle();
  EXPECT_EQ(text_of(*reply.take().value().message), "done");
  EXPECT_EQ(conversations.counters().rerouted, 1u);
  EXPECT_THAT(follower.said,
              ElementsAre("active", std::to_string(one.who) + " error", "to " + std::to_string(two.who)));
}

TEST_F(ConversationsOnASubject, one_that_ends_in_a_conversation_lives_on_elsewhere) {
  const ConversationId id = open();
  const ConversationId other =
      open({.subject = "orders", .choice = {.how = Choice::How::custom, .pick = [](auto) { return std::size_t{0}; }}});
  ASSERT_TRUE(conversations.send(id, say("a")));
  conversations.exited(id, one.who, {.kind = ExitReason::Kind::error, .text = "no"}, world.loop.now());
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::failed);
  ASSERT_TRUE(conversations.send(other, say("b")));
  EXPECT_EQ(one.messages.size(), 2u);
}

TEST_F(ConversationsOnASubject, whoever_takes_part_is_told_when_it_is_over) {
  // rule: conversations/R-52, conversations/D-8, conversations/R-43
  const ConversationId id = open({.subject = "orders", .on_crash = Conversation::OnCrash::route_to_next});
  ASSERT_TRUE(conversations.send(id, say("a")));
  ASSERT_TRUE(conversations.close(id));
  EXPECT_THAT(one.over, ElementsAre(id));
  EXPECT_THAT(two.over, ElementsAre(id));
  one.reply("late");
  EXPECT_EQ(conversations.counters().replies_strange, 1u);
  EXPECT_EQ(conversations.size(), 0u);
}

TEST_F(ConversationsOnASubject, what_has_failed_is_closed_with_all_who_take_part) {
  // rule: conversations/R-49, conversations/D-8
  const ConversationId id = open({.subject = "orders", .on_crash = Conversation::OnCrash::fail, .deadline = 10ms});
  ASSERT_TRUE(conversations.send(id, say("a")));
  world.pass(10ms);
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::failed);
  EXPECT_EQ(conversations.close(id).error().code, Code::deadline);
  EXPECT_THAT(one.over, ElementsAre(id));
}

TEST_F(ConversationsOnASubject, an_owner_that_leaves_closes_what_is_its_own) {
  // rule: conversations/R-91, conversations/D-10
  NotedFollower follower;
  const ConversationId mine = open({.subject = "orders", .owner = 7, .follower = &follower});
  const ConversationId theirs = open({.subject = "orders", .owner = 8});
  auto waiting = begin(conversations.receive(mine));
  conversations.leave(7);
  world.settle();
  EXPECT_EQ(waiting.take().error().code, Code::closed);
  EXPECT_FALSE(conversations.find(mine));
  EXPECT_TRUE(conversations.find(theirs));
  EXPECT_THAT(follower.said, ElementsAre("active")) << "whoever leaves is told nothing more";
}

TEST_F(ConversationsOnASubject, a_number_is_never_used_for_another_one) {
  // rule: conversations/R-54
  const ConversationId id = open({.subject = "orders", .on_crash = Conversation::OnCrash::route_to_next});
  ASSERT_TRUE(conversations.send(id, say("a")));
  const Participant before = one.who;
  one.crash();
  NotedParty again(conversations, "one");
  EXPECT_NE(again.who, before);
  conversations.provide("orders", again.who).value();
  two.reply("done");
  EXPECT_TRUE(again.messages.empty()) << "what the other one had is not for this one";
  conversations.replied(before, id, 1, say("from beyond"));
  EXPECT_EQ(conversations.counters().replies_strange, 1u);
}

TEST_F(ConversationsOnASubject, messages_are_put_in_the_order_in_which_they_were_sent) {
  // rule: conversations/R-12
  const ConversationId id = open();
  std::string order;
  for (const std::string_view text : {"a", "b", "c", "d"}) ASSERT_TRUE(conversations.send(id, say(text)));
  for (const auto& each : one.messages) order += text_of(*each.content);
  EXPECT_EQ(order, "abcd");
}

TEST_F(ConversationsOnASubject, nobody_waits_where_the_wait_was_dropped) {
  // rule: conversations/D-2, conversations/R-35
  const ConversationId id = open();
  {
    auto dropped = begin(conversations.receive(id));
  }
  EXPECT_EQ(conversations.waiting_count(), 0u);
  ASSERT_TRUE(conversations.send(id, say("a")));
  one.reply("kept");
  EXPECT_EQ(received(id), "kept");
}

TEST_F(ConversationsOnASubject, a_receive_without_a_bound_ends_with_the_conversations) {
  // rule: conversations/D-7
  const ConversationId id = open({.subject = "orders", .deadline = 50ms});
  auto waiting = begin(conversations.receive(id));
  const ConversationId endless = open();
  auto bounded = begin(conversations.receive(endless));
  world.pass(50ms);
  EXPECT_EQ(waiting.take().error().code, Code::deadline);
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::failed);
  world.pass(30s);
  EXPECT_EQ(bounded.take().error().code, Code::deadline);
  EXPECT_EQ(conversations.find(endless)->machine->phase(), Phase::active);
}

TEST_F(ConversationsOnASubject, it_may_be_closed_by_whoever_is_told_of_it) {
  struct Closer final : Party {
    void on_message(Message message) override { static_cast<void>(conversations->close(message.conversation)); }
    void on_over(ConversationId) override { is_over = true; }
    Conversations* conversations = nullptr;
    bool is_over = false;
  } closer;
  closer.conversations = &conversations;
  const Participant who = conversations.add(closer, "closer").value();
  conversations.provide("closes", who).value();
  const ConversationId id = open({.subject = "closes"});
  const Request request = conversations.send(id, say("a"), {}, true).value();
  EXPECT_TRUE(closer.is_over);
  EXPECT_EQ(received(id, request), "<not_found>");
}

TEST_F(ConversationsOnASubject, compensation_undoes_what_was_said_and_then_it_has_failed) {
  const auto opening = [] {
    return Conversations::Opening{.subject = "orders", .on_crash = Conversation::OnCrash::compensate};
  };
  EXPECT_EQ(conversations.open(opening()).error().code, Code::not_found);
  std::vector<std::string> undone;
  Event go_on;
  struct Undoing {
    static Task<void> undo(Conversations::Undo undo, std::vector<std::string>* undone, Event* go_on) {
      co_await go_on->wait();
      for (const auto& each : undo.said) {
        if (each.message) undone->push_back(text_of(*each.message));
      }
    }
  };
  ASSERT_TRUE(conversations.compensate(
      "orders", [&](Conversations::Undo undo) { return Undoing::undo(std::move(undo), &undone, &go_on); }));
  const ConversationId id = open(opening());
  ASSERT_TRUE(conversations.send(id, say("charge")));
  one.reply("charged");
  EXPECT_EQ(received(id), "charged");
  one.crash();
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::active) << "until it is undone";
  go_on.set();
  world.settle();
  EXPECT_THAT(undone, ElementsAre("charge", "charged"));
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::failed);
}

TEST_F(ConversationsOnASubject, compensation_that_throws_or_never_ends_does_not_hold_up_the_end) {
  struct Undoing {
    static Task<void> fail(Conversations::Undo) {
      throw std::runtime_error("no");
      co_return;
    }
    static Task<void> hang(Executor& executor) { co_await Sleep(executor, 1h); }
  };
  conversations.provide("payments", two.who).value();
  ASSERT_TRUE(conversations.compensate("orders", [](Conversations::Undo undo) { return Undoing::fail(undo); }));
  ASSERT_TRUE(
      conversations.compensate("payments", [&](Conversations::Undo) { return Undoing::hang(world.loop.executor()); }));
  const ConversationId throws = open({.subject = "orders", .on_crash = Conversation::OnCrash::compensate});
  const ConversationId hangs = open({.subject = "payments", .on_crash = Conversation::OnCrash::compensate});
  one.crash();
  two.crash();
  world.settle();
  EXPECT_EQ(conversations.find(throws)->machine->phase(), Phase::failed);
  EXPECT_EQ(conversations.counters().compensations_threw, 1u);
  EXPECT_EQ(conversations.find(hangs)->machine->phase(), Phase::created);
  world.pass(30s);
  EXPECT_EQ(conversations.find(hangs)->machine->phase(), Phase::failed);
}

// Whoever is told of the end of one conversation may end another one in which the same participant took part.
TEST_F(ConversationsOnASubject, the_end_of_one_in_several_conversations_may_end_them_from_inside) {
  struct Closing final : ConversationFollower {
    void on_moved(ConversationId, Phase, Phase to) override {
      if (to == Phase::failed) conversations->leave(7);
    }
    void on_ended(ConversationId, Participant, Instant, const ExitReason&) override {}
    void on_rerouted(ConversationId, Request, Participant, Instant) override {}
    void on_over(ConversationId) override {}
    Conversations* conversations = nullptr;
  } closing;
  closing.conversations = &conversations;
  conversations.provide("one", one.who).value();
  open({.subject = "one", .follower = &closing});
  for (int i = 0; i < 3; ++i) open({.subject = "one", .owner = 7});
  one.crash();
  EXPECT_EQ(conversations.size(), 1u);
  EXPECT_TRUE(one.over.empty());
}

TEST_F(ConversationsOnASubject, closing_all_goes_on_when_one_of_them_closes_others) {
  struct Closing final : ConversationFollower {
    void on_moved(ConversationId, Phase, Phase) override {}
    void on_ended(ConversationId, Participant, Instant, const ExitReason&) override {}
    void on_rerouted(ConversationId, Request, Participant, Instant) override {}
    void on_over(ConversationId) override { conversations->leave(7); }
    Conversations* conversations = nullptr;
  } closing;
  closing.conversations = &conversations;
  open({.subject = "orders", .follower = &closing});
  for (int i = 0; i < 3; ++i) open({.subject = "orders", .owner = 7});
  open();
  conversations.close();
  EXPECT_EQ(conversations.size(), 0u);
}

TEST_F(ConversationsOnASubject, what_was_given_up_is_not_waited_for_again) {
  const ConversationId id = open();
  const Request request = conversations.send(id, say("a"), {}, true).value();
  auto first = begin(conversations.receive(id, request, world.loop.now() + 10ms));
  world.pass(10ms);
  EXPECT_EQ(first.take().error().code, Code::deadline);
  EXPECT_EQ(world.run(conversations.receive(id, request)).error().code, Code::not_found);
  one.reply("late");
  EXPECT_EQ(conversations.counters().replies_late, 1u);
}

TEST_F(ConversationsOnASubject, closing_all_tells_all_who_wait_and_refuses_new_ones) {
  // rule: conversations/R-52
  NotedFollower follower;
  const ConversationId id = open({.subject = "orders", .owner = 1, .follower = &follower});
  const ConversationId other = open({.subject = "orders", .deadline = 1h, .owner = 2, .follower = &follower});
  const Request request = conversations.send(id, say("a"), {}, true).value();
  auto any = begin(conversations.receive(id));
  auto reply = begin(conversations.receive(id, request));
  auto elsewhere = begin(conversations.receive(other));
  auto exit = begin(conversations.await_exit(other, two.who));
  auto asked = begin(conversations.ask({.subject = "orders", .message = say("b")}));
  for (int i = 0; i < 2; ++i) conversations.close();
  world.settle();
  EXPECT_EQ(any.take().error().code, Code::closed);
  EXPECT_EQ(kind(reply.take().error()), Kind::unknown) << "it may have been done";
  EXPECT_EQ(elsewhere.take().error().code, Code::closed);
  EXPECT_EQ(exit.take().error().code, Code::closed);
  EXPECT_EQ(kind(asked.take().error()), Kind::unknown);
  EXPECT_THAT(follower.said, ElementsAre("active", "active", "closed", "over", "closed", "over"));
  EXPECT_THAT(one.over, ElementsAre(id));
  EXPECT_THAT(two.over, ElementsAre(other, other + 1));
  EXPECT_EQ(conversations.size(), 0u);
  EXPECT_EQ(conversations.waiting_count(), 0u);
  EXPECT_EQ(conversations.open({.subject = "orders"}).error().code, Code::closed);
  EXPECT_EQ(conversations.add(one, "late").error().code, Code::closed);
  one.reply("late");
  EXPECT_EQ(conversations.counters().replies_strange, 1u);
}

TEST_F(ConversationsOnASubject, what_undoes_a_conversation_may_close_all_of_them) {
  struct Undoing {
    static Task<void> close(Conversations& conversations, Event& never, int& reached) {
      conversations.close();
      ++reached;
      co_await never.wait();
      ++reached;
    }
    static Task<void> wait_and_close(Conversations& conversations, Executor& executor, Event& never, int& reached) {
      co_await Sleep(executor, 1s);
      co_await close(conversations, never, reached);
    }
  };
  for (const bool at_once : {true, false}) {
    Conversations all(world.loop.executor());
    NotedParty party(all, "party");
    Event never;
    int reached = 0;
    for (const std::string_view subject : {"closes", "waits"}) {
      ASSERT_TRUE(all.provide(std::string(subject), party.who));
      ASSERT_TRUE(all.compensate(std::string(subject), [&, subject](Conversations::Undo) {
        if (subject == "waits") return Undoing::wait_and_close(all, world.loop.executor(), never, reached);
        return at_once ? Undoing::close(all, never, reached)
                       : Undoing::wait_and_close(all, world.loop.executor(), never, reached);
      }));
    }
    for (const std::string_view subject : {"waits", "closes"}) {
      ASSERT_TRUE(all.open({.subject = std::string(subject), .on_crash = Conversation::OnCrash::compensate}));
    }
    party.crash();
    world.pass(1s);
    EXPECT_EQ(reached, 1) << "one has closed them, and neither of both goes on";
    EXPECT_EQ(all.size(), 0u);
    never.set();
    world.pass(1s);
    EXPECT_EQ(reached, 1);
  }
}

}  // namespace
}  // namespace parley
