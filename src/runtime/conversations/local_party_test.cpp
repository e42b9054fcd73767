#include "runtime/conversations/local_party.h"

#include <chrono>
#include <optional>
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

Task<Result<std::optional<Envelope>>> answer(const Party::Message& message) {
  const std::string text = text_of(*message.content);
  if (text == "fail") co_return fail(Code::failed, "as asked");
  if (text == "throw") throw std::runtime_error("thrown");
  if (text == "wait") co_await Sleep(co_await this_executor(), 1h);
  co_return say("re: " + text);
}

Task<Result<void>> answering(Actor& self) {
  for (;;) {
    ConversationAsk ask = co_await self.receive<ConversationAsk>();
    const std::string text = text_of(*ask.question.content);
    if (text == "end") co_return self.finish();
    if (text == "refuse") {
      ask.refuse({Code::failed, "not that"});
    } else if (text != "drop") {
      ask.answer(say("actor: " + text));
    }
  }
}

class LocalPartyTest : public ::testing::Test {
 protected:
  LocalPartyTest() { world.settle(); }
  std::string asked(std::string subject, std::string_view text) {
    auto received = world.run(conversations.ask({.subject = std::move(subject), .message = say(text)}));
    return received ? text_of(*received->message) : to_string(received.error());
  }

  runtime::suite::World world;
  Conversations conversations{world.loop.executor()};
  Actors actors{world.loop};
};

TEST_F(LocalPartyTest, a_behaviour_takes_part_by_an_actor_in_each_conversation) {
  // rule: conversations/R-37
  BehaviourParty party(conversations, actors, answer);
  ASSERT_TRUE(party.start("answers"));
  ASSERT_TRUE(conversations.provide("answers", party.who()));
  EXPECT_EQ(asked("answers", "a"), "re: a");
  const ConversationId one = conversations.open({.subject = "answers"}).value();
  const ConversationId two = conversations.open({.subject = "answers"}).value();
  ASSERT_TRUE(conversations.send(one, say("a")));
  ASSERT_TRUE(conversations.send(two, say("b")));
  world.settle();
  EXPECT_NE(party.actor(one), party.actor(two));
  EXPECT_TRUE(party.actor(one));
  const std::size_t before = actors.size();
  ASSERT_TRUE(conversations.close(one));
  world.settle();
  EXPECT_EQ(actors.size(), before - 1) << "with the conversation its actor ends";
}

TEST_F(LocalPartyTest, one_that_fails_throws_or_is_killed_ends_nothing_else) {
  // rule: conversations/D-23
  BehaviourParty party(conversations, actors, answer);
  ASSERT_TRUE(party.start("answers"));
  ASSERT_TRUE(conversations.provide("answers", party.who()));
  const ConversationId other = conversations.open({.subject = "answers"}).value();
  EXPECT_THAT(asked("answers", "fail"), HasSubstr("as asked"));
  EXPECT_THAT(asked("answers", "throw"), HasSubstr("thrown"));
  const ConversationId killed = conversations.open({.subject = "answers"}).value();
  const Request request = conversations.send(killed, say("wait"), {}, true).value();
  runtime::suite::Running waiting(world, conversations.receive(killed, request));
  party.actor(killed).exit({.kind = ExitReason::Kind::killed});
  world.settle();
  EXPECT_EQ(waiting.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(conversations.find(killed)->machine->participants().at(0).reason.kind, ExitReason::Kind::killed);
  const Request well = conversations.send(other, say("a"), {}, true).value();
  EXPECT_EQ(text_of(*world.run(conversations.receive(other, well)).value().message), "re: a");
}

TEST_F(LocalPartyTest, an_actor_takes_part_and_its_end_is_seen) {
  const ActorRef actor = actors.spawn(answering).value();
  ActorParty party(conversations, actors, actor);
  ASSERT_TRUE(party.start("actor"));
  ASSERT_TRUE(conversations.provide("actor", party.who()));
  EXPECT_EQ(asked("actor", "a"), "actor: a");
  EXPECT_THAT(asked("actor", "refuse"), HasSubstr("not that"));
  EXPECT_THAT(asked("actor", "drop"), HasSubstr("unknown"));
  NotedFollower follower;
  const ConversationId id = conversations.open({.subject = "actor", .follower = &follower}).value();
  actor.exit({.kind = ExitReason::Kind::error, .text = "gone"});
  world.settle();
  EXPECT_THAT(follower.said, ElementsAre(std::to_string(party.who()) + " error", "failed"));
  EXPECT_THAT(to_string(conversations.open({.subject = "actor"}).error()), HasSubstr("nobody takes part"));
  static_cast<void>(conversations.close(id));
}

TEST_F(LocalPartyTest, an_actor_is_watched_before_anything_is_put_to_it) {
  // rule: conversations/R-04, conversations/R-83
  const ActorRef actor = actors.spawn(answering).value();
  world.settle();
  ActorParty party(conversations, actors, actor);
  ASSERT_TRUE(party.start("actor"));
  ASSERT_TRUE(conversations.provide("actor", party.who()));
  const ConversationId id = conversations.open({.subject = "actor"}).value();
  actor.exit({.kind = ExitReason::Kind::killed});
  world.settle();
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::failed) << "nothing was said to it";
  EXPECT_FALSE(conversations.is_provided("actor"));
}

TEST_F(LocalPartyTest, one_that_ends_well_has_not_crashed) {
  // rule: conversations/D-15
  const ActorRef actor = actors.spawn(answering).value();
  ActorParty party(conversations, actors, actor);
  ASSERT_TRUE(party.start("actor"));
  ASSERT_TRUE(conversations.provide("actor", party.who()));
  const ConversationId id = conversations.open({.subject = "actor"}).value();
  ASSERT_TRUE(conversations.send(id, say("end")));
  world.settle();
  EXPECT_EQ(conversations.find(id)->machine->participants().at(0).reason.kind, ExitReason::Kind::finished);
  EXPECT_EQ(conversations.find(id)->machine->phase(), Phase::active);
}

TEST_F(LocalPartyTest, what_was_put_to_one_whose_end_is_not_seen_yet_is_lost_and_told) {
  // rule: conversations/R-77
  const ActorRef actor = actors.spawn(answering).value();
  world.settle();
  ActorParty party(conversations, actors, actor);
  ASSERT_TRUE(party.start("actor"));
  ASSERT_TRUE(conversations.provide("actor", party.who()));
  const ConversationId id = conversations.open({.subject = "actor"}).value();
  actor.exit({.kind = ExitReason::Kind::killed});
  const Request request = conversations.send(id, say("a"), {}, true).value();
  EXPECT_EQ(world.run(conversations.receive(id, request)).error().code, Code::sent_then_lost);
}

TEST_F(LocalPartyTest, what_a_full_mailbox_refuses_was_not_sent) {
  // rule: conversations/R-24, conversations/D-11
  struct Busy {
    static Task<Result<void>> forever(Actor&) {
      co_await Sleep(co_await this_executor(), 1h);
      co_return Result<void>();
    }
  };
  Actors small(world.loop, {.mailbox_items_max = 2});
  world.settle();
  const ActorRef actor = small.spawn(Busy::forever).value();
  ActorParty full(conversations, small, actor);
  BehaviourParty behaves(conversations, small, answer);
  ASSERT_TRUE(full.start("full"));
  ASSERT_TRUE(behaves.start("behaves"));
  ASSERT_TRUE(conversations.provide("actor", full.who()));
  ASSERT_TRUE(conversations.provide("behaviour", behaves.who()));
  for (const std::string_view subject : {"actor", "behaviour"}) {
    const ConversationId id = conversations.open({.subject = std::string(subject)}).value();
    std::vector<Request> requests;
    while (conversations.find(id)->machine->phase() != Phase::failed) {
      requests.push_back(conversations.send(id, say("wait"), {}, true).value());
      world.settle();
    }
    ASSERT_GE(requests.size(), 3u);
    EXPECT_EQ(world.run(conversations.receive(id, requests.back())).error().code, Code::not_sent) << subject;
    EXPECT_EQ(world.run(conversations.receive(id, requests[0])).error().code, Code::sent_then_lost) << "it may go on";
    static_cast<void>(conversations.close(id));
  }
}

TEST_F(LocalPartyTest, a_message_of_another_kind_in_its_mailbox_is_passed_over) {
  // rule: conversations/R-18
  BehaviourParty party(conversations, actors, answer);
  ASSERT_TRUE(party.start("answers"));
  ASSERT_TRUE(conversations.provide("answers", party.who()));
  const ConversationId id = conversations.open({.subject = "answers"}).value();
  ASSERT_TRUE(conversations.send(id, say("a")));
  ASSERT_TRUE(party.actor(id).send(std::string("what is this")));
  ASSERT_TRUE(conversations.send(id, say("b")));
  EXPECT_EQ(text_of(*world.run(conversations.receive(id)).value().message), "re: a");
  EXPECT_EQ(text_of(*world.run(conversations.receive(id)).value().message), "re: b");
}

TEST_F(LocalPartyTest, an_actor_that_has_ended_before_is_seen_at_once) {
  // rule: conversations/R-05, conversations/D-25
  const ActorRef actor = actors.spawn(answering).value();
  actor.exit();
  world.settle();
  ActorParty party(conversations, actors, actor);
  ASSERT_TRUE(party.start("actor"));
  static_cast<void>(conversations.provide("actor", party.who()));
  world.settle();
  EXPECT_FALSE(conversations.is_provided("actor"));
}

}  // namespace
}  // namespace parley
