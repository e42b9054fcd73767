#include "runtime/conversations/conversation.h"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/wait.h"
#include "runtime/conversations/conversations_suite.h"
#include "runtime/memory_link.h"
#include "runtime/pair_suite.h"
#include "runtime/services.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::Session;
using runtime::suite::Hold;
using runtime::suite::Running;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Task<Result<std::optional<Envelope>>> shout(const Party::Message& message) {
  std::string text = text_of(*message.content);
  if (text == "crash") co_return fail(Code::failed, "I was asked to");
  if (text == "throw") throw std::runtime_error("thrown");
  if (text == "nothing") co_return std::nullopt;
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (message.is_repeated) text += " (again)";
  co_return say(text);
}

// Sessions to a place that keeps conversations; sees nobody's rights but what the test forbids.
class ConversationTest : public ::testing::Test {
 protected:
  struct Access final : ConversationsAccess {
    Result<void> may(const Session&, core::Verb verb, std::string_view name) override {
      if (name == forbidden) return fail(Code::permission, std::string(to_string(verb)));
      return {};
    }
    bool sees_all(const Session&) override { return is_open; }
    Conversations::Owner owner(const Session& session) override { return reinterpret_cast<std::uintptr_t>(&session); }
    std::string principal(const Session&) override { return "token:test"; }
    Result<std::shared_ptr<void>> offer(const Session&, std::string_view) override { return nullptr; }
    std::string forbidden = "forbidden";
    bool is_open = false;
  };

  ConversationTest() { services.serve<builtin::Conversations>("parley.Conversations", service).value(); }
  ~ConversationTest() override { world.settle(); }

  // A session of its own.
  Hold connect() {
    auto [near, far] = runtime::make_memory_links(world.loop);
    Session& server = Session::start(world.loop, std::move(far), Session::Role::acceptor, {}, &services.table());
    servers.emplace_back(server);
    Hold made(Session::start(world.loop, std::move(near), Session::Role::initiator, {}, nullptr));
    world.settle();
    return made;
  }
  template <class T>
  Running<T> begin(Task<T> task) {
    return {world, std::move(task)};
  }
  Participation provide(Hold& at, std::string name, Behaviour behaviour = shout) {
    return world.run(Participation::provide(*at, "shout", std::move(behaviour), std::move(name))).value();
  }
  Conversation open(Hold& at, ConversationOpening opening = {.subject = "shout"}) {
    return world.run(Conversation::open(*at, std::move(opening))).value();
  }
  std::string exchanged(Conversation& conversation, std::string_view text) {
    auto received = world.run(conversation.exchange(say(text)));
    if (!received) return to_string(received.error());
    return received->message ? text_of(*received->message) : "nothing";
  }
  std::vector<std::string> happened(Conversation& conversation) {
    std::vector<std::string> all;
    for (;;) {
      auto next = begin(conversation.happening());
      if (!next.is_done()) return all;
      const auto happening = next.take();
      if (!happening) {
        all.emplace_back("over");
        return all;
      }
      switch (happening->what) {
        case Happening::What::opened: all.emplace_back("opened"); break;
        case Happening::What::moved: all.emplace_back(to_string(happening->phase)); break;
        case Happening::What::ended:
          all.push_back(happening->end.name + ": " + std::string(to_string(happening->end.kind)));
          break;
        case Happening::What::rerouted: all.push_back("to " + happening->name); break;
      }
    }
  }

  runtime::suite::World world;
  std::shared_ptr<Conversations> conversations = std::make_shared<Conversations>(world.loop.executor());
  std::shared_ptr<Access> access = std::make_shared<Access>();
  ConversationsService service{conversations, access};
  Services services;
  std::vector<Hold> servers;
  Hold client = connect();
  Hold worker = connect();
};

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
  auto part = std::make_optional(provide(worker, "w1", [this](const Party::Message&) {
    struct Hang {
      static Task<Result<std::optional<Envelope>>> hang(Executor& executor) {
        co_await Sleep(executor, 1h);
        co_return std::nullopt;
      }
    };
    return Hang::hang(world.loop.executor());
  }));
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
  EXPECT_THAT(exchanged(conversation, "b"), HasSubstr("unknown"));
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
  struct Hang {
    static Task<Result<std::optional<Envelope>>> hang(Executor& executor) {
      co_await Sleep(executor, 1h);
      co_return std::nullopt;
    }
  };
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

TEST_F(ConversationTest, a_client_may_join_what_is_shared) {
  // rule: conversations/D-6
  Hold other = connect();
  Conversation mine = open(client, {.subject = ""});
  EXPECT_EQ(world.run(Participation::join(*other, mine.id(), shout)).error().code, Code::not_found);
  Conversation shared = open(client, {.subject = "", .is_shared = true});
  const Participation part = world.run(Participation::join(*other, shared.id(), shout, "friend")).value();
  EXPECT_EQ(exchanged(shared, "hello"), "HELLO");
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

TEST_F(ConversationTest, what_was_said_is_read_in_pages) {
  // rule: conversations/D-24
  const Participation part = provide(worker, "w1");
  Conversation conversation = open(client);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(exchanged(conversation, "a"), "A");
  Client<builtin::Conversations> caller(*client);
  auto first = caller.call<&builtin::Conversations::context>(conversation.id(), std::uint64_t{1});
  const auto page = world.run(runtime::suite::outcome(first)).value();
  ASSERT_EQ(page.size(), 256u);
  EXPECT_EQ(page[0].what, core::Context::What::sent);
  EXPECT_EQ(page[1].what, core::Context::What::received);
  auto rest = caller.call<&builtin::Conversations::context>(conversation.id(), std::uint64_t{257});
  EXPECT_EQ(world.run(runtime::suite::outcome(rest)).value().size(), 400u - 256u);
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
}

TEST_F(ConversationTest, deadlines_end_waits) {
  // rule: conversations/R-81, conversations/R-34
  struct Hang {
    static Task<Result<std::optional<Envelope>>> hang(Executor& executor) {
      co_await Sleep(executor, 1h);
      co_return std::nullopt;
    }
  };
  const Participation part =
      provide(worker, "w1", [this](const Party::Message&) { return Hang::hang(world.loop.executor()); });
  Conversation conversation = open(client);
  auto asked = begin(conversation.exchange(say("a"), 20ms));
  auto received = begin(conversation.receive(20ms));
  auto crash = begin(conversation.await_crash(20ms));
  world.pass(20ms);
  EXPECT_EQ(kind(asked.take().error()), Kind::timed_out);
  EXPECT_EQ(kind(received.take().error()), Kind::timed_out);
  EXPECT_EQ(kind(crash.take().error()), Kind::timed_out);
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
