#include "face/introduction.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/postcard.h"
#include "face/descriptor.h"
#include "face/loop.h"
#include "face/server.h"
#include "hub/hub.h"
#include "net/net_world_suite.h"
#include "os/process.h"
#include "os/user.h"
#include "runtime/builtin.h"
#include "runtime/description_service.h"
#include "runtime/probe_suite.h"

// Clients and providers that a hub introduces to each other, over sockets of the system.
namespace parley {

class Doubler {
 public:
  Task<std::int32_t> twice(std::int32_t number) { co_return 2 * number; }
};
PARLEY_SERVICE(Doubler, twice);

namespace {

using net::suite::TemporaryFolder;
using runtime::suite::Probe;

class Introducing : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(services.serve<Probe>("Probe", probe));
    ASSERT_TRUE(services.serve<Doubler>("Doubler", doubler));
  }
  void open_hub(bool introduces = true) {
    HubOptions options{.policy = core::Policy::of_owner(core::Principal::of_user(os::user_id()))};
    if (introduces) options.socket_pair = &parley::socket_pair;
    ASSERT_TRUE(options.policy.add(core::Rule::parse("token:ci call Doubler").value()));
    ASSERT_TRUE(options.tokens.add("ci", "the secret of the token ci"));
    hub = std::make_unique<Hub>(loop, std::move(options));
    ASSERT_TRUE(hub->listen(address));
  }
  std::unique_ptr<Session> worker() { return connected({.services = &services, .offer = true}); }
  std::unique_ptr<Session> connected(Options options = {}) {
    return loop.run_until(connect(loop, address, std::move(options))).value();
  }
  Result<std::unique_ptr<Session>> introduced(Session& session, std::string name = "Probe", Options options = {}) {
    return loop.run_until(introduce(session, std::move(name), std::move(options)));
  }
  template <auto Method, class S, class... Arguments>
  auto outcome(Client<S> client, Arguments... arguments) {
    using Value = service::MethodInfo<Method>::Value;
    return loop.run_until([](Client<S> at, Arguments... given) -> Task<Result<Value>> {
      co_return co_await at.template call<Method>(std::move(given)...);
    }(std::move(client), std::move(arguments)...));
  }
  Result<std::int64_t> sum(Session& session) {
    return outcome<&Probe::add>(session.client<Probe>("Probe"), std::int64_t{2}, std::int64_t{3});
  }
  std::uint64_t introductions(Session& session) {
    for (const builtin::Count& each :
         outcome<&builtin::Hub::counters>(session.client<builtin::Hub>(builtin::hub_name)).value()) {
      if (each.name == "introductions") return each.value;
    }
    return 0;
  }

  const TemporaryFolder folder;
  const std::string address = "unix:" + folder / "hub.sock";
  Loop loop;
  Probe probe;
  Doubler doubler;
  Services services;
  std::unique_ptr<Hub> hub;
};

TEST_F(Introducing, gives_a_session_with_the_provider_that_does_not_need_the_hub) {
  open_hub();
  const auto provider = worker();
  const auto client = connected();
  const auto direct = introduced(*client).value();
  EXPECT_EQ(introductions(*client), 1u);
  EXPECT_EQ(direct->peer().credentials->pid, os::process_id());
  EXPECT_EQ(sum(*direct).value(), 5);
  EXPECT_EQ(hub->relay_count(), 0u);
  // The worker is told whom it talks to, as the hub knows him.
  ASSERT_TRUE(outcome<&Probe::inspect>(direct->client<Probe>("Probe"), std::string("key"), false));
  EXPECT_EQ(probe.peer_seen, address);
  hub.reset();
  EXPECT_EQ(sum(*direct).value(), 5);
}

TEST_F(Introducing, is_off_unless_the_hub_is_told_how) {
  open_hub(false);
  const auto provider = worker();
  const auto client = connected();
  const auto direct = introduced(*client);
  ASSERT_FALSE(direct);
  EXPECT_EQ(direct.error().code, Code::refused);
  EXPECT_NE(direct.error().note.find("parley hub --introduce"), std::string::npos) << direct.error().note;
  EXPECT_EQ(sum(*client).value(), 5) << "through the hub it goes on";
}

TEST_F(Introducing, reaches_the_service_that_was_asked_for_and_no_other) {
  open_hub();
  const auto provider = worker();
  const auto client = connected();
  const auto direct = introduced(*client).value();
  const auto twice = outcome<&Doubler::twice>(direct->client<Doubler>("Doubler"), 3);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::method);
  const auto services_there = outcome<&Describe::services>(direct->client<Describe>("parley.Describe"));
  ASSERT_EQ(services_there.value().size(), 1u);
  EXPECT_EQ(services_there->at(0).name, "Probe");
}

TEST_F(Introducing, asks_the_policy_as_a_call_does) {
  open_hub();
  const auto provider = worker();
  const auto ci = connected({.token = "the secret of the token ci"});
  EXPECT_TRUE(introduced(*ci, "Doubler"));
  const auto refused = introduced(*ci, "Probe");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_found) << "he may not even see it";
  const auto owner = connected();
  const auto audit = outcome<&builtin::Hub::refusals>(owner->client<builtin::Hub>(builtin::hub_name)).value();
  ASSERT_EQ(audit.refusals.size(), 1u);
  EXPECT_EQ(audit.refusals[0].principal, "token:ci");
  EXPECT_EQ(audit.refusals[0].name, "Probe");
}

TEST_F(Introducing, says_what_does_not_go) {
  open_hub();
  const auto provider = worker();
  const auto client = connected();
  EXPECT_EQ(introduced(*client, "Prob").error().code, Code::not_found);
  EXPECT_EQ(introduced(*client, "not a name").error().code, Code::invalid);
  // A TCP link passes no descriptors.
  const std::string tcp = hub->listen("tcp:127.0.0.1:0").value();
  const auto far = loop.run_until(connect(loop, tcp, {.token = "the secret of the token ci"})).value();
  const auto direct = introduced(*far, "Doubler");
  ASSERT_FALSE(direct);
  EXPECT_EQ(direct.error().code, Code::unsupported) << to_string(direct.error());
  // And who is no hub knows nobody.
  Server server = listen(loop, "unix:" + folder / "server.sock").value();
  const auto plain = loop.run_until(connect(loop, server.address())).value();
  EXPECT_EQ(introduced(*plain).error().code, Code::unsupported);
  EXPECT_EQ(introductions(*client), 0u);
}

TEST_F(Introducing, is_unsupported_by_providers_that_take_none) {
  open_hub();
  const auto provider = worker();
  const auto client = connected();
  // Offered later, by a session that connected to offer nothing.
  const auto plain = connected({.services = &services});
  core::Offer late{.name = "Late", .service = "Probe", .method_ids = {}};
  ASSERT_TRUE(outcome<&builtin::Directory::offer>(plain->client<builtin::Directory>(builtin::directory_name), late));
  const auto direct = introduced(*client, "Late");
  ASSERT_FALSE(direct);
  EXPECT_EQ(direct.error().code, Code::unsupported);
  EXPECT_NE(direct.error().note.find("takes no introductions"), std::string::npos);
  // However often somebody asks, the provider's session does not suffer.
  for (int i = 0; i < 70; ++i) EXPECT_EQ(introduced(*client, "Late").error().code, Code::unsupported);
  EXPECT_TRUE(plain->is_open());
}

TEST_F(Introducing, is_asked_once_of_a_provider_that_does_not_know_the_method) {
  open_hub();
  Options old{.services = &services};
  old.metadata.add(std::string(wire::roam::names::offers), codec::to_postcard(services.offers()));
  const auto provider = connected(old);
  const auto client = connected();
  for (int i = 0; i < 70; ++i) EXPECT_EQ(introduced(*client).error().code, Code::unsupported);
  EXPECT_TRUE(provider->is_open());
  EXPECT_EQ(sum(*client).value(), 5);
}

TEST_F(Introducing, ends_with_the_providers_handle_and_leaves_the_hub_alone) {
  open_hub();
  auto provider = worker();
  const auto client = connected();
  const auto direct = introduced(*client).value();
  ASSERT_TRUE(direct->is_open());
  provider.reset();
  EXPECT_TRUE(loop.run_until(direct->closed()));
  EXPECT_FALSE(sum(*direct));
  EXPECT_TRUE(client->is_open());
}

TEST_F(Introducing, ends_with_the_client_and_makes_room_for_another) {
  open_hub();
  Options options{.services = &services, .offer = true};
  options.limits.sessions_max = 1;
  const auto provider = connected(options);
  const auto client = connected();
  auto direct = introduced(*client).value();
  EXPECT_EQ(introduced(*client).error().code, Code::overloaded);
  direct.reset();
  // The provider learns of it from the socket, on the loop that this turns.
  auto again = introduced(*client);
  while (!again && again.error().code == Code::overloaded) again = introduced(*client);
  EXPECT_EQ(sum(**again).value(), 5);
}

TEST_F(Introducing, gives_one_client_so_many_and_no_more) {
  open_hub();
  const auto provider = worker();
  const auto client = connected();
  std::vector<std::unique_ptr<Session>> direct;
  for (int i = 0; i < 16; ++i) direct.push_back(introduced(*client).value());
  EXPECT_EQ(introduced(*client).error().code, Code::overloaded);
  EXPECT_TRUE(introduced(*connected()));
}

// Whoever is not the hub reaches no method that is for the hub alone.
TEST_F(Introducing, cannot_be_done_by_a_client_past_the_hub) {
  open_hub();
  const auto provider = worker();
  const auto client = connected();
  auto [ours, theirs] = parley::socket_pair().value();
  const builtin::Introduction false_one{.name = "Doubler", .descriptor = 0};
  const auto through =
      outcome<&builtin::Introductions::meet>(client->client<builtin::Introductions>("Probe"), false_one);
  ASSERT_FALSE(through);
  EXPECT_EQ(through.error().code, Code::method);
  // Nor on a session of its own with the provider.
  const auto direct = introduced(*client).value();
  std::vector<Descriptor> passed;
  passed.push_back(std::move(theirs));
  ASSERT_TRUE(direct->pass(std::move(passed)));
  const auto again = outcome<&builtin::Introductions::meet>(direct->client<builtin::Introductions>("Probe"), false_one);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::method);
}

}  // namespace
}  // namespace parley
