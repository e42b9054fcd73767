#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "face/attach.h"
#include "face/server.h"
#include "face/session.h"
#include "hub/hub.h"
#include "runtime/world_suite.h"

// Sessions that dial again.
namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::Running;
using runtime::suite::World;

class Echo {
 public:
  Task<std::string> echo(std::string text) { co_return text; }
  Task<std::string> hang(std::string text) {
    co_await release.wait();
    co_return text;
  }
  Event release;
};
PARLEY_SERVICE(Echo, echo, hang);

Task<Result<std::string>> echo(Client<Echo> client, std::string text) {
  co_return co_await client.call<&Echo::echo>(text);
}

class Redial : public testing::Test {
 protected:
  void open_hub() {
    hub = std::make_unique<Hub>(world.loop);
    ASSERT_TRUE(hub->listen("mem:hub"));
  }
  std::unique_ptr<Session> connected(Options options = {}) {
    options.redial = true;
    auto session = world.run(connect(world.loop, "mem:hub", options));
    EXPECT_TRUE(session);
    return std::move(*session);
  }

  Echo served;
  Services services;
  World world;
  std::unique_ptr<Hub> hub;
};

TEST_F(Redial, a_registry_is_attached_again_and_its_commands_are_there_when_the_hub_is_back) {
  open_hub();
  auto session = connected();
  Registry registry(world.loop);
  world.run(attach(registry, *session)).value();
  world.run(registry.command("t.early", "", [] {})).value();
  hub.reset();
  world.settle();
  EXPECT_EQ(registry.carrier_count(), 0u);
  world.run(registry.command("t.meanwhile", "", [] {})).value();
  open_hub();
  world.pass(10s);
  EXPECT_EQ(registry.carrier_count(), 1u);
  EXPECT_TRUE(world.run(hub->registry().execute("t.early")));
  EXPECT_TRUE(world.run(hub->registry().execute("t.meanwhile")));
  world.run(registry.command("t.late", "", [] {})).value();
  EXPECT_TRUE(hub->registry().definition("t.late"));
  session.reset();
  hub.reset();
  world.settle();
  EXPECT_FALSE(registry.detach("hub")) << "nobody dials for it any more";
}

TEST_F(Redial, a_registry_whose_attachment_ends_alone_is_attached_again_over_the_same_link) {
  open_hub();
  auto session = connected();
  Registry registry(world.loop);
  world.run(attach(registry, *session)).value();
  world.run(registry.command("t.early", "", [] {})).value();
  const auto callers = hub->registry().carrier_count();
  ASSERT_EQ(callers, 1u);
  EXPECT_TRUE(hub->registry().detach("session#1"));
  world.settle();
  EXPECT_FALSE(hub->registry().definition("t.early"));
  world.pass(10s);
  EXPECT_TRUE(world.run(hub->registry().execute("t.early")));
}

TEST_F(Redial, a_registry_that_was_detached_stays_so) {
  open_hub();
  auto session = connected();
  Registry registry(world.loop);
  world.run(attach(registry, *session)).value();
  hub.reset();
  world.settle();
  EXPECT_TRUE(registry.detach("hub"));
  EXPECT_FALSE(registry.detach("hub"));
  open_hub();
  world.pass(10s);
  EXPECT_TRUE(session->is_open());
  EXPECT_EQ(registry.carrier_count(), 0u);
}

TEST_F(Redial, after_the_hub_is_back_offers_are_there_again_and_clients_call_on) {
  ASSERT_TRUE(services.serve<Echo>("Echo", served));
  open_hub();
  auto worker = connected({.services = &services, .offer = true});
  auto session = connected();
  auto client = session->client<Echo>("Echo");
  EXPECT_EQ(world.run(echo(client, "one")).value(), "one");
  auto hanging = client.call<&Echo::hang>("x");
  world.settle();

  hub.reset();
  world.settle();
  ASSERT_TRUE(hanging.is_done());
  EXPECT_FALSE(session->is_open());
  EXPECT_EQ(world.run(echo(client, "two")).error(),
            (Error{Code::not_sent, "there is no link to the peer, which is being dialled again"}));
  world.pass(1s);
  EXPECT_FALSE(session->is_open());

  open_hub();
  world.pass(5s);
  EXPECT_TRUE(session->is_open());
  EXPECT_EQ(hub->directory().size(), 1u);
  EXPECT_EQ(world.run(echo(client, "three")).value(), "three");
}

TEST_F(Redial, pauses_double_up_to_five_seconds_and_begin_anew_after_a_session) {
  open_hub();
  auto session = connected();
  for (int round = 0; round < 2; ++round) {
    hub.reset();
    world.settle();
    world.pass(20s);
    open_hub();
    world.settle();
    EXPECT_FALSE(session->is_open());
    world.pass(5s);
    EXPECT_TRUE(session->is_open());
    world.pass(6s);
    hub.reset();
    open_hub();
    world.pass(100ms);
    EXPECT_TRUE(session->is_open()) << "the first pause is short again";
  }
}

TEST_F(Redial, closed_waits_until_it_is_closed_here) {
  open_hub();
  auto session = connected();
  Running<Result<void>> closed(world, session->closed());
  hub.reset();
  world.pass(1s);
  EXPECT_FALSE(closed.is_done());
  open_hub();
  world.pass(5s);
  ASSERT_TRUE(session->is_open());
  session->close();
  world.pass(10s);
  ASSERT_TRUE(closed.is_done());
  EXPECT_TRUE(closed.take());
  EXPECT_EQ(hub->session_count(), 0u) << "nobody dials any more";
}

TEST_F(Redial, closed_between_two_links_it_has_ended_in_good_order) {
  open_hub();
  auto session = connected();
  Running<Result<void>> closed(world, session->closed());
  hub.reset();
  world.pass(1s);
  session->close();
  world.settle();
  ASSERT_TRUE(closed.is_done());
  EXPECT_TRUE(closed.take());
}

TEST_F(Redial, closed_returns_when_the_handle_is_gone_and_the_link_with_it) {
  for (const bool is_away : {false, true}) {
    open_hub();
    auto session = connected();
    Running<Result<void>> closed(world, session->closed());
    if (is_away) hub.reset();
    world.pass(1s);
    session.reset();
    world.settle();
    EXPECT_EQ(closed.is_done(), is_away);
    hub.reset();
    world.pass(1s);
    EXPECT_TRUE(closed.is_done());
  }
}

TEST_F(Redial, counts_what_passes_over_all_its_links) {
  ASSERT_TRUE(services.serve<Echo>("Echo", served));
  open_hub();
  auto worker = connected({.services = &services, .offer = true});
  const auto statistics = std::make_shared<io::StreamStatistics>();
  auto session = connected({.statistics = statistics});
  auto client = session->client<Echo>("Echo");
  const std::string text(1000, 'x');
  for (std::uint64_t round = 1; round <= 2; ++round) {
    EXPECT_EQ(world.run(echo(client, text)).value(), text);
    EXPECT_GT(statistics->bytes_written, round * text.size());
    EXPECT_GT(statistics->bytes_read, round * text.size());
    hub.reset();
    open_hub();
    world.pass(10s);
  }
}

TEST_F(Redial, nothing_is_no_offer) {
  open_hub();
  for (const Services* offered : {static_cast<const Services*>(nullptr), static_cast<const Services*>(&services)}) {
    const auto session = world.run(connect(world.loop, "mem:hub", {.services = offered, .offer = true}));
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().code, Code::invalid);
  }
}

TEST_F(Redial, waits_for_its_turn_where_an_offer_is_refused) {
  ASSERT_TRUE(services.serve<Echo>("Echo", served, {.exclusive = true}));
  open_hub();
  auto session = connected({.services = &services, .offer = true});
  hub.reset();
  world.settle();
  open_hub();
  auto usurper = world.run(connect(world.loop, "mem:hub", {.services = &services, .offer = true}));
  ASSERT_TRUE(usurper);
  world.pass(20s);
  EXPECT_FALSE(session->is_open());
  EXPECT_EQ(hub->session_count(), 1u);
  (*usurper)->close();
  world.pass(10s);
  EXPECT_TRUE(session->is_open());
  EXPECT_EQ(hub->directory().size(), 1u);
}

TEST_F(Redial, a_client_that_is_made_in_between_finds_its_service) {
  ASSERT_TRUE(services.serve<Echo>("Echo", served));
  open_hub();
  auto worker = connected({.services = &services, .offer = true});
  auto session = connected();
  hub.reset();
  world.settle();
  auto client = session->client<Echo>("Echo");
  open_hub();
  world.pass(10s);
  EXPECT_EQ(world.run(echo(client, "again")).value(), "again");
}

TEST_F(Redial, what_is_no_hub_takes_no_offers) {
  ASSERT_TRUE(services.serve<Echo>("Echo", served));
  Server server = listen(world.loop, "mem:hub").value();
  const auto offered = world.run(connect(world.loop, "mem:hub", {.services = &services, .offer = true}));
  EXPECT_EQ(offered.error().code, Code::unsupported);
}

TEST_F(Redial, stops_when_the_handle_goes) {
  open_hub();
  auto session = connected();
  hub.reset();
  world.settle();
  session.reset();
  open_hub();
  world.pass(20s);
  EXPECT_EQ(hub->session_count(), 0u);
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
}

}  // namespace
}  // namespace parley
