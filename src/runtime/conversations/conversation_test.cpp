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

namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::Session;
using runtime::suite::Hold;
using runtime::suite::Running;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ConversationTest, what_is_said_to_a_subject_is_answered_by_who_provides_it) {
  // rule: conversations/R-79
  const Participation part = provide(worker, "w1");
  Conversation conversation = open(client);
  EXPECT_EQ(exchanged(conversation, "hello"), "HELLO");
  ASSERT_TRUE(world.run(conversation.send(say("a"))));
  ASSERT_TRUE(world.run(conversation.send(say("b"))));
  const auto first = world.run(conversation.receive()).value();
  EXPECT_EQ(text_of(*first.message), "A");
  EXPECT_EQ(first.name, "w1");
  EXPECT_EQ(text_of(*world.run(conversation.receive()).value().message), "B");
  EXPECT_THAT(happened(conversation), ElementsAre("active"));
  ASSERT_TRUE(world.run(conversation.close()));
  EXPECT_THAT(happened(conversation), ElementsAre("closed", "over"));
  EXPECT_EQ(conversations->size(), 0u);
  EXPECT_EQ(world.run(conversation.send(say("c"))).error().code, Code::not_found);
}

TEST_F(ConversationTest, who_says_it_and_what_caused_it_goes_along) {
  // rule: conversations/D-16, conversations/R-78, conversations/R-80
  std::optional<Envelope> heard;
  struct Keep {
    static Task<Result<std::optional<Envelope>>> hear(const Party::Message& message, std::optional<Envelope>* heard) {
      *heard = *message.content;
      co_return say("yes");
    }
  };
  const Participation part =
      provide(worker, "w1", [&heard](const Party::Message& message) { return Keep::hear(message, &heard); });
  Conversation conversation = open(client);
  Envelope said = say("a");
  said.id = "m1";
  said.parent = "m0";
  said.publisher = "somebody else";
  said.schema[0] = 7;
  const auto reply = world.run(conversation.exchange(said)).value();
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->id, "m1");
  EXPECT_EQ(heard->parent, "m0");
  EXPECT_EQ(heard->publisher, "token:test") << "nobody says that he is another";
  EXPECT_EQ(heard->schema, said.schema);
  EXPECT_EQ(reply.message->parent, "m1");
  EXPECT_EQ(reply.message->publisher, "token:test");
}

TEST_F(ConversationTest, a_worker_that_goes_is_told_at_once) {
  // rule: conversations/R-92, conversations/D-21, conversations/R-70
  auto part = std::make_optional(
      provide(worker, "w1", [this](const Party::Message&) { return Hang::hang(world.loop.executor()); }));
  Conversation conversation = open(client);
  auto asked = begin(conversation.exchange(say("a")));
  auto crash = begin(conversation.await_crash());
  EXPECT_FALSE(crash.is_done());
  part.reset();
  world.settle();
  EXPECT_EQ(asked.take().error().code, Code::sent_then_lost);
  EXPECT_EQ(crash.take().value().kind, ExitReason::Kind::no_connection);
  EXPECT_EQ(world.run(conversation.await_crash(1ms)).value().kind, ExitReason::Kind::no_connection);
  EXPECT_THAT(happened(conversation), ElementsAre("active", "w1: no connection", "failed"));
  EXPECT_THAT(exchanged(conversation, "b"), HasSubstr("lost")) << "nobody has it";
  EXPECT_EQ(world.run(conversation.close()).error().code, Code::sent_then_lost);
}

TEST_F(ConversationTest, a_session_that_ends_is_a_crash_of_its_worker) {
  auto part = std::make_optional(provide(worker, "w1"));
  Conversation conversation = open(client);
  auto crash = begin(conversation.await_crash());
  worker->close({Code::closed, "gone"});
  world.settle();
  EXPECT_EQ(crash.take().value().kind, ExitReason::Kind::no_connection);
  EXPECT_FALSE(world.run(part->ended()));
  EXPECT_FALSE(conversations->is_provided("shout"));
}

TEST_F(ConversationTest, what_one_worker_had_goes_to_the_next_and_says_so) {
  auto first = std::make_optional(
      provide(worker, "w1", [this](const Party::Message&) { return Hang::hang(world.loop.executor()); }));
  Hold other = connect();
  const Participation second = provide(other, "w2");
  Conversation conversation = open(client, {.subject = "shout", .on_crash = OnCrash::route_to_next});
  auto asked = begin(conversation.exchange(say("a")));
  EXPECT_FALSE(asked.is_done());
  first.reset();
  world.settle();
  const auto reply = asked.take().value();
  EXPECT_EQ(text_of(*reply.message), "A (again)");
  EXPECT_EQ(reply.name, "w2");
  EXPECT_THAT(happened(conversation), ElementsAre("active", "w1: no connection", "to w2"));
  EXPECT_EQ(exchanged(conversation, "b"), "B");
}

TEST_F(ConversationTest, asking_and_dispatching_take_one_call) {
  const Participation part = provide(worker, "w1");
  EXPECT_EQ(text_of(*world.run(ask(*client, {.subject = "shout", .message = say("a")})).value().message), "A");
  EXPECT_EQ(conversations->size(), 0u);
  EXPECT_EQ(world.run(ask(*client, {.subject = "nobody", .message = say("a")})).error().code, Code::not_found);
  EXPECT_EQ(world.run(ask(*client, {.subject = "forbidden", .message = say("a")})).error().code, Code::permission);
  EXPECT_EQ(world.run(dispatch(*client, {.subject = "forbidden", .message = say("a")})).error().code, Code::permission);
}

TEST_F(ConversationTest, a_dispatch_tells_whom_it_went_to) {
  const Participation first = provide(worker, "w1");
  Hold other = connect();
  const Participation second = provide(other, "w2");
  // Each in turn is asked first, so that of two one begins with the one that crashes.
  const Participation broken = world
                                   .run(Participation::provide(
                                       *worker, "mixed",
                                       [](const Party::Message&) {
                                         struct Break {
                                           static Task<Result<std::optional<Envelope>>> now() {
                                             co_return fail(Code::failed, "broken");
                                           }
                                         };
                                         return Break::now();
                                       },
                                       "w3"))
                                   .value();
  const Participation whole = world.run(Participation::provide(*other, "mixed", shout, "w4")).value();
  const auto done = world.run(dispatch(*client, {.subject = "mixed", .message = say("a")})).value();
  EXPECT_EQ(text_of(*done.reply.message), "A (again)");
  ASSERT_EQ(done.reroutes.size(), 1u);
  EXPECT_EQ(done.reroutes[0].end.name, "w3");
  EXPECT_GE(done.reroutes[0].end.ago, done.reroutes[0].rerouted_ago);
}

TEST_F(ConversationTest, dropping_it_closes_it) {
  // rule: conversations/R-91
  const Participation part = provide(worker, "w1");
  {
    Conversation conversation = open(client);
  }
  world.settle();
  EXPECT_EQ(conversations->size(), 0u);
  Hold another = connect();
  Conversation conversation = open(another);
  EXPECT_EQ(conversations->size(), 1u);
  another->close({Code::closed, "gone"});
  world.settle();
  EXPECT_EQ(conversations->size(), 0u);
}

TEST_F(ConversationTest, what_others_have_opened_is_not_there) {
  const Participation part = provide(worker, "w1");
  Conversation conversation = open(client);
  ASSERT_EQ(exchanged(conversation, "a"), "A");
  Hold other = connect();
  Client<builtin::Conversations> stranger(*other);
  auto sent = stranger.call<&builtin::Conversations::send>(conversation.id(), say("x"), core::Conversation::To());
  EXPECT_EQ(world.run(runtime::suite::outcome(sent)).error().code, Code::not_found);
  auto listed = stranger.call<&builtin::Conversations::list>(ConversationId{0});
  EXPECT_THAT(world.run(runtime::suite::outcome(listed)).value(), IsEmpty());
  const auto unknown = [&](auto call) {
    const auto outcome = world.run(runtime::suite::outcome(call));
    return !outcome && outcome.error().code == Code::not_found;
  };
  using Service = builtin::Conversations;
  const core::Conversation::To next;
  EXPECT_TRUE(unknown(stranger.call<&Service::exchange>(conversation.id(), say("x"), next)));
  EXPECT_TRUE(unknown(stranger.call<&Service::receive>(conversation.id())));
  EXPECT_TRUE(unknown(stranger.call<&Service::await_crash>(conversation.id())));
  EXPECT_TRUE(unknown(stranger.call<&Service::complete>(conversation.id())));
  EXPECT_TRUE(unknown(stranger.call<&Service::close>(conversation.id())));
  EXPECT_TRUE(unknown(stranger.call<&Service::context>(conversation.id(), std::uint64_t{1})));
  access->is_open = true;
  EXPECT_TRUE(unknown(stranger.call<&Service::exchange>(conversation.id(), say("x"), next))) << "to look is all";
  auto seen = stranger.call<&builtin::Conversations::list>(ConversationId{0});
  const auto all = world.run(runtime::suite::outcome(seen)).value();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].subject, "shout");
  EXPECT_EQ(all[0].participants.at(0).name, "w1");
  EXPECT_EQ(all[0].entries, 2u);
}

struct LongConversationTest : ConversationTest {
  LongConversationTest() : ConversationTest({.limits = {.context_entries_max = 2000, .context_bytes_max = 1 << 20}}) {}
};

TEST_F(LongConversationTest, what_was_said_is_read_in_pages) {
  // rule: conversations/D-24
  const Participation part = provide(worker, "w1");
  Conversation conversation = open(client);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(exchanged(conversation, std::to_string(i)), std::to_string(i));
  Client<builtin::Conversations> caller(*client);
  std::vector<std::size_t> pages;
  std::uint64_t number = 1;
  for (bool is_last = false; !is_last;) {
    auto call = caller.call<&builtin::Conversations::context>(conversation.id(), number);
    const auto page = world.run(runtime::suite::outcome(call)).value();
    pages.push_back(page.size());
    for (const auto& entry : page) {
      ASSERT_EQ(entry.number, number);
      const bool is_said = number % 2 == 1;
      EXPECT_EQ(entry.what, is_said ? core::Context::What::sent : core::Context::What::received);
      EXPECT_EQ(text_of(*entry.message), std::to_string((number - 1) / 2));
      ++number;
    }
    is_last = page.empty();
  }
  EXPECT_THAT(pages, ElementsAre(256, 256, 600 - 512, 0));
}

TEST_F(ConversationTest, what_is_closed_before_it_was_answered_is_unknown) {
  // rule: conversations/R-46
  const Participation part =
      provide(worker, "w1", [this](const Party::Message&) { return Hang::hang(world.loop.executor()); });
  Conversation conversation = open(client);
  auto asked = begin(conversation.exchange(say("a")));
  auto any = begin(conversation.receive());
  ASSERT_TRUE(world.run(conversation.close()));
  EXPECT_EQ(kind(asked.take().error()), Kind::unknown);
  EXPECT_EQ(any.take().error().code, Code::closed);
  auto question = begin(ask(*client, {.subject = "shout", .message = say("a")}));
  auto order = begin(dispatch(*client, {.subject = "shout", .message = say("a")}));
  conversations->close();
  world.settle();
  EXPECT_EQ(kind(question.take().error()), Kind::unknown);
  EXPECT_EQ(kind(order.take().error()), Kind::unknown);
}

TEST_F(ConversationTest, deadlines_end_waits) {
  // rule: conversations/R-81, conversations/R-34
  const Participation part =
      provide(worker, "w1", [this](const Party::Message&) { return Hang::hang(world.loop.executor()); });
  Conversation conversation = open(client);
  const core::Conversation& machine = *conversations->find(conversation.id())->machine;
  auto asked = begin(conversation.exchange(say("a"), 20ms));
  EXPECT_EQ(machine.next_deadline(), world.loop.now() + 20ms) << "it is known where the reply is waited for";
  auto received = begin(conversation.receive(10ms));
  EXPECT_EQ(machine.next_deadline(), world.loop.now() + 10ms);
  auto crash = begin(conversation.await_crash(20ms));
  EXPECT_EQ(machine.waiter_count(), 2u);
  EXPECT_EQ(machine.watch_count(), 1u);
  world.pass(10ms);
  EXPECT_EQ(kind(received.take().error()), Kind::timed_out);
  EXPECT_EQ(machine.waiter_count(), 1u);
  world.pass(10ms);
  EXPECT_EQ(kind(asked.take().error()), Kind::timed_out);
  EXPECT_EQ(kind(crash.take().error()), Kind::timed_out);
  EXPECT_EQ(machine.waiter_count() + machine.watch_count(), 0u) << "nobody waits on behind the back of who asked";
  auto question = begin(ask(*client, {.subject = "shout", .message = say("a"), .within = 150ms}));
  world.pass(150ms);
  EXPECT_EQ(kind(question.take().error()), Kind::timed_out);
}

TEST_F(ConversationTest, a_peer_without_conversations_says_so) {
  Services none;
  auto [near, far] = runtime::make_memory_links(world.loop);
  const Hold server(Session::start(world.loop, std::move(far), Session::Role::acceptor, {}, &none.table()));
  Hold caller(Session::start(world.loop, std::move(near), Session::Role::initiator, {}, nullptr));
  world.settle();
  EXPECT_EQ(world.run(Conversation::open(*caller, {.subject = "a"})).error().code, Code::unsupported);
  EXPECT_EQ(world.run(ask(*caller, {.subject = "a", .message = {}})).error().code, Code::unsupported);
  EXPECT_EQ(world.run(Participation::provide(*caller, "a", shout)).error().code, Code::unsupported);
}

}  // namespace
}  // namespace parley
