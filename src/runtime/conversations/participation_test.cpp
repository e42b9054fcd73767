#include "runtime/conversations/conversation.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/wait.h"
#include "runtime/conversations/conversation_suite.h"

// Who takes part over a session.
namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::Hold;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ConversationTest, a_behaviour_that_fails_or_throws_ends_its_part_in_that_conversation_alone) {
  // rule: conversations/D-23
  const Participation part = provide(worker, "w1");
  Conversation other = open(client);
  for (const std::string_view text : {"crash", "throw"}) {
    Conversation conversation = open(client);
    EXPECT_THAT(exchanged(conversation, text), HasSubstr(text == "crash" ? "I was asked to" : "thrown"));
    EXPECT_THAT(happened(conversation), ElementsAre("active", "w1: error", "failed"));
  }
  EXPECT_EQ(exchanged(other, "still there"), "STILL THERE");
}

TEST_F(ConversationTest, who_finishes_has_not_crashed) {
  // rule: conversations/D-15, conversations/R-58
  Participation part = provide(worker, "w1");
  Conversation conversation = open(client);
  ASSERT_TRUE(world.run(conversation.send(say("a"))));
  part.finish();
  world.settle();
  EXPECT_TRUE(world.run(part.ended()));
  EXPECT_EQ(text_of(*world.run(conversation.receive()).value().message), "A");
  EXPECT_THAT(happened(conversation), ElementsAre("active", "w1: finished"));
  EXPECT_EQ(world.run(Conversation::open(*client, {.subject = "shout"})).error().code, Code::not_found);
}

TEST_F(ConversationTest, what_runs_when_one_finishes_is_still_answered) {
  struct Slow {
    static Task<Result<std::optional<Envelope>>> hear(Executor& executor, const Party::Message& message) {
      co_await Sleep(executor, 1s);
      co_return *message.content;
    }
  };
  Participation part = provide(
      worker, "w1", [this](const Party::Message& message) { return Slow::hear(world.loop.executor(), message); });
  Conversation conversation = open(client);
  auto asked = begin(conversation.exchange(say("a")));
  part.finish();
  world.pass(1s);
  EXPECT_EQ(text_of(*asked.take().value().message), "a");
  EXPECT_TRUE(world.run(part.ended()));
}

TEST_F(ConversationTest, replies_of_others_to_a_message_for_all_do_not_stay) {
  Hold other = connect();
  Conversation conversation = open(client, {.subject = "", .is_shared = true});
  const Participation one = world.run(Participation::join(*worker, conversation.id(), shout, "w1")).value();
  const Participation two = world.run(Participation::join(*other, conversation.id(), shout, "w2")).value();
  const core::Conversation::To all{.how = core::Conversation::To::How::all};
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(world.run(conversation.exchange(say("a"), {}, all))) << i;
}

TEST_F(ConversationTest, a_behaviour_that_says_nothing_has_acknowledged) {
  // rule: conversations/R-39
  const Participation part = provide(worker, "w1");
  Conversation conversation = open(client);
  EXPECT_EQ(exchanged(conversation, "nothing"), "nothing");
  EXPECT_EQ(world.run(ask(*client, {.subject = "shout", .message = say("nothing")})).error().code, Code::failed);
  EXPECT_EQ(world.run(dispatch(*client, {.subject = "shout", .message = say("nothing")})).value().reply.name, "w1");
}

TEST_F(ConversationTest, messages_of_one_conversation_come_one_after_the_other) {
  // rule: conversations/R-40
  struct Slow {
    static Task<Result<std::optional<Envelope>>> hear(Executor& executor, const Party::Message& message) {
      if (text_of(*message.content) == "slow") co_await Sleep(executor, 1s);
      co_return *message.content;
    }
  };
  const Participation part = provide(
      worker, "w1", [this](const Party::Message& message) { return Slow::hear(world.loop.executor(), message); });
  Conversation conversation = open(client);
  Conversation other = open(client);
  auto first = begin(conversation.exchange(say("slow")));
  auto second = begin(conversation.exchange(say("quick")));
  EXPECT_EQ(exchanged(other, "elsewhere"), "elsewhere");
  EXPECT_FALSE(second.is_done());
  world.pass(1s);
  EXPECT_EQ(text_of(*first.take().value().message), "slow");
  EXPECT_EQ(text_of(*second.take().value().message), "quick");
}

TEST_F(ConversationTest, a_client_may_join_what_is_shared) {
  // rule: conversations/D-6
  Hold other = connect();
  Conversation mine = open(client, {.subject = ""});
  EXPECT_EQ(world.run(Participation::join(*other, mine.id(), shout)).error().code, Code::not_found);
  Conversation shared = open(client, {.subject = "", .is_shared = true});
  const Participation part = world.run(Participation::join(*other, shared.id(), shout, "friend")).value();
  EXPECT_EQ(exchanged(shared, "hello"), "HELLO");
}

TEST_F(ConversationTest, one_that_does_not_take_its_messages_is_given_no_more) {
  // rule: conversations/D-11
  Client<builtin::Conversations> caller(*worker);
  auto [theirs, heard] = channel<builtin::Heard, builtin::heard_ahead>();
  auto [replies, ours] = channel<builtin::Reply, builtin::heard_ahead>();
  auto providing = caller.call<&builtin::Conversations::provide>("shout", "deaf", std::move(theirs), std::move(ours));
  world.settle();
  std::vector<Conversation> all;
  std::optional<Error> refused;
  std::size_t sent = 0;
  while (!refused) {
    all.push_back(open(client));
    for (int i = 0; i < 1000 && !refused; ++i) {
      const auto one = world.run(all.back().send(say("a")));
      if (one) ++sent;
      if (!one) refused = one.error();
    }
  }
  EXPECT_EQ(sent, 4096u);
  EXPECT_EQ(refused->code, Code::overloaded);
  EXPECT_TRUE(conversations->is_provided("shout")) << "a client does not drive it out";
}

TEST_F(ConversationTest, what_a_worker_has_not_taken_goes_with_its_conversation) {
  // rule: conversations/D-11
  Client<builtin::Conversations> caller(*worker);
  auto [theirs, heard] = channel<builtin::Heard, builtin::heard_ahead>();
  auto [replies, ours] = channel<builtin::Reply, builtin::heard_ahead>();
  auto providing = caller.call<&builtin::Conversations::provide>("shout", "deaf", std::move(theirs), std::move(ours));
  world.settle();
  for (int i = 0; i < 100; ++i) {
    Conversation conversation = open(client);
    for (int j = 0; j < 100; ++j) ASSERT_TRUE(world.run(conversation.send(say("a"))));
    static_cast<void>(world.run(conversation.close()));
  }
  EXPECT_TRUE(conversations->is_provided("shout")) << "nothing of them waits any more";
  // Now it reads: what was on its way to it, that this is over, and then what is of now.
  Conversation conversation = open(client);
  auto asked = begin(conversation.exchange(say("now")));
  std::size_t of_before = 0;
  for (;;) {
    const auto next = world.run(Hearing::next(heard));
    ASSERT_TRUE(next);
    if (next->conversation == conversation.id()) {
      EXPECT_EQ(text_of(*next->message), "now");
      EXPECT_TRUE(world.run(Hearing::reply(replies, {next->conversation, next->request, say("done"), {}})));
      break;
    }
    ++of_before;
  }
  EXPECT_LE(of_before, builtin::heard_ahead + 2) << "what its channel had taken";
  world.settle();
  EXPECT_EQ(text_of(*asked.take().value().message), "done");
}

struct HurriedConversationTest : ConversationTest {
  HurriedConversationTest() : ConversationTest({.in_flight_per_participant_max = 1'000'000}) {}
};

TEST_F(HurriedConversationTest, what_no_more_room_was_for_to_put_out_was_not_sent) {
  // rule: conversations/R-24, conversations/D-11
  Client<builtin::Conversations> caller(*worker);
  auto [theirs, heard] = channel<builtin::Heard, builtin::heard_ahead>();
  auto [replies, ours] = channel<builtin::Reply, builtin::heard_ahead>();
  auto providing = caller.call<&builtin::Conversations::provide>("shout", "deaf", std::move(theirs), std::move(ours));
  world.settle();
  ConversationId id = 0;
  std::vector<Request> requests;
  for (std::size_t sent = 0; sent < 20'000; ++sent) {
    if (sent % 1000 == 0) {
      id = conversations->open({.subject = "shout"}).value();
      requests.clear();
    }
    requests.push_back(conversations->send(id, say("a"), {}, true).value());
    if (conversations->find(id)->machine->phase() == Phase::failed) break;
  }
  ASSERT_EQ(conversations->find(id)->machine->phase(), Phase::failed) << "there is a bound";
  ASSERT_GE(requests.size(), 2u);
  EXPECT_EQ(world.run(conversations->receive(id, requests.back())).error().code, Code::not_sent);
  EXPECT_EQ(world.run(conversations->receive(id, requests[0])).error().code, Code::sent_then_lost);
}

TEST_F(ConversationTest, who_has_joined_takes_part_as_long_as_the_conversation_lasts) {
  // rule: conversations/R-52
  Hold other = connect();
  Conversation shared = open(client, {.subject = "", .is_shared = true});
  Participation spoke = world.run(Participation::join(*other, shared.id(), shout, "spoke")).value();
  Participation silent = world.run(Participation::join(*worker, shared.id(), shout, "silent")).value();
  EXPECT_EQ(exchanged(shared, "hello"), "HELLO");
  auto spoke_no_more = begin(spoke.ended());
  auto silent_no_more = begin(silent.ended());
  EXPECT_FALSE(spoke_no_more.is_done());
  ASSERT_TRUE(world.run(shared.close()));
  EXPECT_TRUE(spoke_no_more.take());
  EXPECT_TRUE(silent_no_more.take());
  EXPECT_EQ(conversations->participant_count(), 0u);
}

TEST_F(ConversationTest, who_has_joined_and_fails_is_told_that_it_takes_part_no_more) {
  Conversation shared = open(client, {.subject = "", .is_shared = true});
  Participation part = world.run(Participation::join(*worker, shared.id(), shout, "w1")).value();
  auto ended = begin(part.ended());
  EXPECT_THAT(exchanged(shared, "crash"), HasSubstr("I was asked to"));
  world.settle();
  EXPECT_THAT(to_string(ended.take().error()), HasSubstr("I was asked to"));
  EXPECT_EQ(conversations->participant_count(), 0u);
}

}  // namespace
}  // namespace parley
