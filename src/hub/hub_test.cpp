#include "hub/hub.h"

#include <gtest/gtest.h>

#include "hub/hub_suite.h"
#include "runtime/scripted_peer_suite.h"

namespace parley::hub {
namespace {

using namespace runtime::suite;
using namespace suite;
using namespace std::chrono_literals;

class HubTest : public testing::Test {
 protected:
  std::int64_t add(Client<Probe>& client, std::int64_t a, std::int64_t b) {
    auto call = client.call<&Probe::add>(a, b);
    const auto sum = at.outcome_of(call);
    return sum ? *sum : -1;
  }
  HubWorld at;
  World& world = at.world;
};

// --- finding each other

TEST_F(HubTest, a_client_calls_a_worker_that_it_finds_by_name) {
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  EXPECT_EQ(add(probe, 20, 22), 42);
  EXPECT_EQ(worker->probe.calls, 1);
  EXPECT_EQ(at.hub->relay_count(), 1u);
  EXPECT_EQ(at.hub->session_count(), 2u);
}

TEST_F(HubTest, a_name_that_nobody_provides_brings_the_nearest) {
  auto worker = at.worker();
  auto client = at.party();
  auto call = client->client("Prob").call<&Probe::add>(1, 1);
  EXPECT_EQ(at.outcome_of(call).error(), (Error{Code::not_found, "nobody provides \"Prob\"; did you mean \"Probe\"?"}));
  EXPECT_TRUE(client->session->is_established());
}

TEST_F(HubTest, the_worker_with_the_fewest_calls_in_flight_is_chosen) {
  auto first = at.worker();
  auto second = at.worker();
  std::vector<std::unique_ptr<Party>> clients;
  std::vector<Client<Probe>> probes;
  std::vector<Call<std::string>> hanging;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(at.party());
    probes.push_back(clients.back()->client());
    hanging.push_back(probes.back().call<&Probe::hang>("x"));
    world.settle();
  }
  EXPECT_EQ(first->probe.hanging, 3);
  EXPECT_EQ(second->probe.hanging, 3);
}

TEST_F(HubTest, an_exclusive_name_is_refused_to_the_second_who_offers_it) {
  auto first = at.worker({probe_offer("Probe", true)});
  auto second = at.stranger(offering({probe_offer()}));
  EXPECT_TRUE(second->session->has_ended());
  EXPECT_EQ(second->session->end_reason()->code, Code::in_use);
  EXPECT_NE(second->session->end_reason()->note.find("\"Probe\" is offered exclusively"), std::string::npos);
  first->session.reset();
  world.settle();
  auto third = at.worker({probe_offer("Probe", true)});
  EXPECT_EQ(at.hub->directory().size(), 1u);
}

TEST_F(HubTest, offers_that_do_not_decode_cost_the_session) {
  for (const MetadataEntry::Value& value :
       {MetadataEntry::Value(std::vector<std::uint8_t>{5}), MetadataEntry::Value(std::string("Probe")),
        MetadataEntry::Value(std::uint64_t{1})}) {
    SessionOptions options;
    options.metadata.add("parley-offers", value);
    EXPECT_TRUE(at.stranger(std::move(options))->session->has_ended());
  }
  EXPECT_EQ(at.hub->session_count(), 0u);
}

TEST_F(HubTest, the_directory_is_asked_and_added_to_as_a_service) {
  auto worker = at.party();
  auto client = at.party();
  Client<builtin::Directory> mine = worker->client<builtin::Directory>(builtin::directory_name);
  auto offered = mine.call<&builtin::Directory::offer>(probe_offer("Late.Probe"));
  ASSERT_TRUE(at.outcome_of(offered));
  auto again = mine.call<&builtin::Directory::offer>(probe_offer("Late.Probe"));
  EXPECT_EQ(at.outcome_of(again).error().code, Code::invalid);

  auto list = client->client<builtin::Directory>(builtin::directory_name).call<&builtin::Directory::list>();
  const auto entries = at.outcome_of(list).value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].name, "Late.Probe");
  EXPECT_EQ(entries[0].service, "Probe");

  auto withdrawn = mine.call<&builtin::Directory::withdraw>("Late.Probe");
  EXPECT_TRUE(at.outcome_of(withdrawn).value());
  EXPECT_EQ(at.hub->directory().size(), 0u);
}

TEST_F(HubTest, who_is_there_is_told) {
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  auto hanging = probe.call<&Probe::hang>("x");
  world.settle();
  auto call = client->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::who>();
  const auto who = at.outcome_of(call).value();
  ASSERT_EQ(who.size(), 2u);
  EXPECT_EQ(who[0].offers, std::vector<std::string>{"Probe"});
  EXPECT_EQ(who[0].calls_in_flight, 1u);
  EXPECT_EQ(who[1].connections, 1u);
  EXPECT_FALSE(who[1].is_foreign);
}

// --- what passes

TEST_F(HubTest, channels_credit_metadata_and_own_errors_pass_through) {
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  auto [tx, rx] = channel<std::int32_t>();
  auto sum = probe.call<&Probe::sum>(std::move(rx));
  for (int i = 1; i <= 1000; ++i) ASSERT_TRUE(world.run(send_one(tx, i)));
  tx.close();
  EXPECT_EQ(at.outcome_of(sum).value(), 500500);

  auto [out, in] = channel<std::int32_t, 256>();
  auto generated = probe.call<&Probe::generate>(1000, std::move(out));
  EXPECT_EQ(world.run(receive_all(in)).size(), 1000u);
  EXPECT_TRUE(at.outcome_of(generated));

  auto divided = probe.call<&Probe::divide>(1, 0);
  EXPECT_EQ(*at.outcome_of(divided).own(), MathError::division_by_zero);

  auto inspected = probe.with({.metadata = {{"key", std::string("value")}}}).call<&Probe::inspect>("key", false);
  EXPECT_EQ(at.outcome_of(inspected).value(), "value");
}

TEST_F(HubTest, a_deadline_passes_on_both_sides_and_a_cancel_stops_the_handler) {
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  auto late = probe.with({.deadline = 50ms}).call<&Probe::hang>("late");
  std::optional<Call<std::string>> dropped = probe.call<&Probe::hang>("dropped");
  world.settle();
  EXPECT_EQ(worker->probe.hanging, 2);
  dropped.reset();
  world.settle();
  EXPECT_EQ(worker->probe.hanging, 1);
  world.pass(50ms);
  EXPECT_EQ(at.outcome_of(late).error().code, Code::deadline);
  EXPECT_EQ(worker->probe.hanging, 0);
}

TEST_F(HubTest, a_worker_calls_its_client_back) {
  auto worker = at.worker();
  auto client = at.party();
  std::optional<Call<std::int64_t>> back;
  worker->probe.on_guarded = [&back](Context& context) {
    back.emplace(context.client<Probe>("Probe").call<&Probe::add>(20, 22));
  };
  Client<Probe> probe = client->client();
  auto call = probe.call<&Probe::guarded>("x");
  world.settle();
  ASSERT_TRUE(back);
  EXPECT_EQ(at.outcome_of(*back).value(), 42);
  EXPECT_EQ(client->probe.calls, 1);
}

TEST_F(HubTest, clients_do_not_see_each_other) {
  auto worker = at.worker();
  auto one = at.party();
  auto two = at.party();
  Client<Probe> first = one->client();
  Client<Probe> second = two->client();
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 50; ++i) {
    calls.push_back(first.call<&Probe::echo>("one " + std::to_string(i)));
    calls.push_back(second.call<&Probe::echo>("two " + std::to_string(i)));
  }
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(at.outcome_of(calls[i]).value(), (i % 2 == 0 ? "one " : "two ") + std::to_string(i / 2));
  }
}

// --- foreign clients

TEST_F(HubTest, a_foreign_client_is_bound_by_the_method_of_its_first_call) {
  auto worker = at.worker();
  auto client = at.party({.is_foreign = true});
  Client<Probe> root(*client->session);
  EXPECT_EQ(add(root, 20, 22), 42);
  EXPECT_EQ(at.hub->relay_count(), 1u);
  auto [tx, rx] = channel<std::int32_t>();
  auto sum = root.call<&Probe::sum>(std::move(rx));
  for (int i = 1; i <= 100; ++i) ASSERT_TRUE(world.run(send_one(tx, i)));
  tx.close();
  EXPECT_EQ(at.outcome_of(sum).value(), 5050);
  // What is built in answers there too, and binds nothing.
  auto list = Client<builtin::Directory>(*client->session).call<&builtin::Directory::list>();
  EXPECT_EQ(at.outcome_of(list).value().size(), 1u);
}

TEST_F(HubTest, a_foreign_client_whose_method_nobody_provides_is_told_and_bound_by_the_next) {
  auto client = at.party({.is_foreign = true});
  Client<Probe> root(*client->session);
  auto early = root.call<&Probe::add>(1, 1);
  EXPECT_EQ(at.outcome_of(early).error().code, Code::method);
  auto worker = at.worker();
  EXPECT_EQ(add(root, 1, 2), 3);
}

TEST_F(HubTest, the_session_of_a_foreign_client_ends_with_its_worker) {
  auto worker = at.worker();
  auto client = at.party({.is_foreign = true});
  Client<Probe> root(*client->session);
  auto hanging = root.call<&Probe::hang>("x");
  world.settle();
  worker->session->close({Code::closed, "test"});
  world.settle();
  EXPECT_FALSE(at.outcome_of(hanging));
  EXPECT_TRUE(client->session->has_ended());
  EXPECT_EQ(at.hub->session_count(), 0u);
}

// --- who goes

TEST_F(HubTest, when_a_worker_goes_sent_calls_are_unknown_and_the_next_call_finds_another) {
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  auto hanging = probe.call<&Probe::hang>("x");
  auto [tx, rx] = channel<std::int32_t>();
  auto sum = probe.call<&Probe::sum>(std::move(rx));
  world.settle();
  worker->session->close({Code::closed, "test"});
  world.settle();
  EXPECT_EQ(at.outcome_of(hanging).error().code, Code::sent_then_lost);
  EXPECT_EQ(at.outcome_of(sum).error().code, Code::sent_then_lost);
  EXPECT_EQ(kind(world.run(send_one(tx, 1)).error()), Kind::lost);
  EXPECT_TRUE(client->session->is_established());
  EXPECT_EQ(at.hub->relay_count(), 0u);
  EXPECT_EQ(at.hub->directory().size(), 0u);

  auto nobody = probe.call<&Probe::add>(1, 1);
  EXPECT_EQ(at.outcome_of(nobody).error().code, Code::not_found);
  auto next = at.worker();
  EXPECT_EQ(add(probe, 1, 2), 3);
}

TEST_F(HubTest, when_a_client_goes_its_handlers_are_stopped_and_the_worker_stays) {
  auto worker = at.worker();
  auto client = at.party();
  std::optional<Client<Probe>> probe = client->client();
  std::optional<Call<std::string>> hanging = probe->call<&Probe::hang>("x");
  world.settle();
  EXPECT_EQ(worker->probe.hanging, 1);
  client->session->close({Code::closed, "test"});
  world.settle();
  EXPECT_EQ(worker->probe.hanging, 0);
  EXPECT_TRUE(worker->session->is_established());
  EXPECT_EQ(at.hub->session_count(), 1u);
  EXPECT_EQ(at.hub->relay_count(), 0u);
}

TEST_F(HubTest, a_client_that_lets_go_of_a_service_frees_its_connection_there) {
  auto worker = at.worker();
  auto client = at.party();
  {
    Client<Probe> probe = client->client();
    EXPECT_EQ(add(probe, 1, 1), 2);
    EXPECT_EQ(worker->session->connection_count(), 1u);
  }
  world.settle();
  EXPECT_EQ(worker->session->connection_count(), 0u);
  EXPECT_EQ(at.hub->relay_count(), 0u);
}

TEST(HubBounds, one_client_does_not_take_all_connections_of_a_provider) {
  HubWorld at({.limits = {.connections_max = 16}});
  auto worker = at.worker({probe_offer(), probe_offer("Two")});
  auto greedy = at.party();
  auto other = at.party();
  Client<Probe> one = greedy->client();
  Client<Probe> two = greedy->client("Two");
  auto first = one.call<&Probe::hang>("x");
  at.world.settle();
  auto second = two.call<&Probe::add>(1, 1);
  EXPECT_EQ(at.outcome_of(second).error().code, Code::overloaded);
  auto of_other = other->client("Probe").call<&Probe::add>(1, 1);
  EXPECT_EQ(at.outcome_of(of_other).value(), 2);
}

TEST(HubBounds, calls_in_flight_on_a_connection_are_bounded) {
  HubWorld at({.limits = {.concurrent_requests_max = 2}});
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(probe.call<&Probe::hang>("x"));
    at.world.settle();  // so that the worker has said how many it takes
  }
  EXPECT_EQ(worker->probe.hanging, 2);
  ASSERT_TRUE(calls.back().is_done());
  EXPECT_EQ(at.outcome_of(calls.back()).error().code, Code::too_many_calls);
  worker->probe.release.set();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(at.outcome_of(calls[static_cast<std::size_t>(i)]));
}

TEST_F(HubTest, a_worker_that_hangs_is_given_up_and_its_callers_learn_that_it_may_have_happened) {
  Metadata offers = runtime::suite::parley_mark;
  offers.add(std::string(wire::roam::names::offers), codec::to_postcard(std::vector{probe_offer()}));
  runtime::suite::ScriptedPeer hung(world, std::make_unique<runtime::FramedLink>(world.loop, at.dial(), Limits()));
  hung.says(runtime::suite::say::hello(7, wire::roam::Parity::odd, 64, offers));
  ASSERT_EQ(at.hub->directory().size(), 1u);
  auto client = at.party();
  auto call = client->client().call<&Probe::hang>("x");
  world.settle();
  EXPECT_EQ(hung.heard().size(), 3u) << "the answer to its hello, an open and a call";
  for (int quarter = 0; quarter < 2; ++quarter) {
    EXPECT_FALSE(call.is_done());
    world.pass(std::chrono::seconds(15));
  }
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(kind(at.outcome_of(call).error()), Kind::unknown);
  EXPECT_EQ(at.hub->directory().size(), 0u);
  EXPECT_TRUE(client->session->is_established());
}

TEST_F(HubTest, closing_it_ends_every_session) {
  auto worker = at.worker();
  auto client = at.party();
  Client<Probe> probe = client->client();
  auto hanging = probe.call<&Probe::hang>("x");
  world.settle();
  at.hub->close();
  world.settle();
  EXPECT_TRUE(worker->session->has_ended());
  EXPECT_TRUE(client->session->has_ended());
  EXPECT_EQ(at.outcome_of(hanging).error().code, Code::sent_then_lost);
  EXPECT_EQ(at.hub->session_count(), 0u);
}

}  // namespace
}  // namespace parley::hub
