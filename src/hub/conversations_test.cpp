#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/hub_suite.h"
#include "runtime/conversations/conversation.h"
#include "runtime/conversations/conversation_suite.h"

namespace parley::hub {
namespace {

using suite::HubWorld;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Task<Result<std::optional<Envelope>>> echo(const parley::Party::Message& message) { co_return *message.content; }

struct Talks : ::testing::Test {
  template <class T>
  T run(Task<T> task) {
    return hub.world.run(std::move(task));
  }
  Participation provide(suite::Party& at, std::string subject = "orders") {
    return run(Participation::provide(*at.session, std::move(subject), echo)).value();
  }
  HubWorld hub;
};

TEST_F(Talks, a_worker_is_found_by_the_subject_that_it_provides) {
  const auto worker = hub.party();
  const auto client = hub.party();
  auto part = std::make_optional(provide(*worker));
  Conversation conversation = run(Conversation::open(*client->session, {.subject = "orders"})).value();
  EXPECT_EQ(text_of(*run(conversation.exchange(say("a"))).value().message), "a");
  auto directory = client->client<builtin::Directory>(builtin::directory_name);
  auto list = directory.call<&builtin::Directory::list>();
  const auto entries = hub.outcome_of(list).value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "orders");
  EXPECT_EQ(entries[0].service, "parley.Participant");
  part.reset();
  hub.world.settle();
  auto again = directory.call<&builtin::Directory::list>();
  EXPECT_TRUE(hub.outcome_of(again).value().empty());
  EXPECT_EQ(run(conversation.await_crash()).value().kind, ExitReason::Kind::no_connection);
}

TEST_F(Talks, a_name_is_a_subject_or_a_service) {
  const auto worker = hub.worker();
  EXPECT_EQ(run(Participation::provide(*worker->session, "Probe", echo)).error().code, Code::invalid);
  const auto other = hub.party();
  EXPECT_EQ(run(Participation::provide(*other->session, "Probe", echo)).error().code, Code::in_use);
}

TEST_F(Talks, what_takes_part_in_the_hub_itself_is_asked_as_any) {
  NotedParty here(hub.hub->conversations(), "here");
  here.echoes = true;
  ASSERT_TRUE(hub.hub->conversations().provide("echo", here.who));
  const auto client = hub.party();
  EXPECT_EQ(text_of(*run(ask(*client->session, {.subject = "echo", .message = say("a")})).value().message), "a");
  EXPECT_EQ(here.last().content->publisher, to_string(core::Principal::of_own_process()));
}

TEST_F(Talks, with_the_hub_all_conversations_are_over) {
  const auto worker = hub.party();
  const auto client = hub.party();
  Participation part = provide(*worker);
  Participation silent = run(Participation::provide(*worker->session, "silence", [this](const parley::Party::Message&) {
                           return Hang::hang(hub.world.loop.executor());
                         })).value();
  Conversation conversation = run(Conversation::open(*client->session, {.subject = "orders"})).value();
  runtime::suite::Running asked(hub.world, ask(*client->session, {.subject = "silence", .message = say("a")}));
  EXPECT_FALSE(asked.is_done());
  hub.hub.reset();
  hub.world.settle();
  EXPECT_EQ(kind(asked.take().error()), Kind::unknown) << "it may have been done";
  EXPECT_FALSE(run(conversation.exchange(say("a"))));
  EXPECT_FALSE(run(part.ended()));
}

TEST_F(Talks, what_is_asked_when_the_hub_closes_in_good_order_is_unknown) {
  const auto worker = hub.party();
  const auto client = hub.party();
  Participation silent = run(Participation::provide(*worker->session, "silence", [this](const parley::Party::Message&) {
                           return Hang::hang(hub.world.loop.executor());
                         })).value();
  runtime::suite::Running asked(hub.world, ask(*client->session, {.subject = "silence", .message = say("a")}));
  hub.hub->conversations().close();
  hub.world.settle();
  EXPECT_EQ(kind(asked.take().error()), Kind::unknown);
}

TEST(TalksOfOnePrincipal, bytes_are_counted_for_all_sessions_of_a_principal_together) {
  // rule: conversations/D-11
  HubOptions options;
  options.conversations.bytes_per_principal_max = 1000;
  HubWorld hub(std::move(options));
  const auto worker = hub.party();
  Participation silent = hub.world
                             .run(Participation::provide(*worker->session, "silence",
                                                         [&hub](const parley::Party::Message&) {
                                                           return Hang::hang(hub.world.loop.executor());
                                                         }))
                             .value();
  const auto one = hub.party();
  const auto two = hub.party();
  Conversation first = hub.world.run(Conversation::open(*one->session, {.subject = "silence"})).value();
  Conversation second = hub.world.run(Conversation::open(*two->session, {.subject = "silence"})).value();
  ASSERT_TRUE(hub.world.run(first.send(say(std::string(600, 'a')))));
  EXPECT_EQ(hub.world.run(second.send(say("a"))).error().code, Code::overloaded);
  ASSERT_TRUE(hub.world.run(first.close()));
  EXPECT_TRUE(hub.world.run(second.send(say("a"))));
}

TEST(TalksWithRights, whoever_may_not_converse_or_offer_is_refused_and_written_down) {
  HubOptions options;
  ASSERT_TRUE(options.policy.add(core::Rule::parse("token:ci call,see **").value()));
  ASSERT_TRUE(options.tokens.add("ci", "the secret of the token ci"));
  HubWorld hub(std::move(options));
  runtime::SessionOptions with_token;
  with_token.metadata.add(std::string(wire::roam::names::token), std::string("the secret of the token ci"),
                          Metadata::sensitive);
  const auto party = hub.party(std::move(with_token));
  EXPECT_EQ(hub.world.run(Conversation::open(*party->session, {.subject = "orders"})).error().code, Code::permission);
  EXPECT_EQ(hub.world.run(Participation::provide(*party->session, "orders", echo)).error().code, Code::permission);
  const auto owner = hub.party();
  auto refusals = owner->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::refusals>();
  std::vector<std::string> written;
  for (const auto& each : hub.outcome_of(refusals).value().refusals) {
    written.push_back(each.principal + " " + each.verb + " " + each.name);
  }
  EXPECT_THAT(written, ElementsAre("token:ci converse orders", "token:ci offer orders"));
}

}  // namespace
}  // namespace parley::hub
