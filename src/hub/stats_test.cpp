#include <gtest/gtest.h>

#include <algorithm>

#include "hub/hub_suite.h"

// What the hub tells of its sessions' work.
namespace parley::hub {
namespace {

using namespace runtime::suite;
using namespace suite;
using namespace std::chrono_literals;

class StatsTest : public testing::Test {
 protected:
  StatsTest() : at({.limits = {.outbound_bytes_max = std::size_t{64} << 10}}) {
    worker = at.worker();
    client = at.party();
  }
  builtin::HubStats stats() {
    auto call = client->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::stats>();
    return at.outcome_of(call).value();
  }
  builtin::SessionStats of_worker() { return stats().sessions.at(0); }
  builtin::SessionStats of_client() { return stats().sessions.at(1); }
  void answer_after(Duration duration) {
    auto call = client->client().call<&Probe::hang>("x");
    world.settle();
    world.pass(duration);
    worker->probe.release.set();
    EXPECT_TRUE(at.outcome_of(call));
    worker->probe.release.reset();
  }

  HubWorld at;
  World& world = at.world;
  std::unique_ptr<Party> worker;
  std::unique_ptr<Party> client;
};

TEST_F(StatsTest, begin_with_nothing) {
  const builtin::HubStats all = stats();
  EXPECT_FALSE(all.version.empty());
  EXPECT_EQ(all.sessions_max, 16384u);
  ASSERT_EQ(all.sessions.size(), 2u);
  EXPECT_EQ(all.sessions[0].session.offers, std::vector<std::string>{"Probe"});
  EXPECT_TRUE(all.sessions[0].answered.empty());
  EXPECT_FALSE(all.sessions[0].oldest_call_us);
}

TEST_F(StatsTest, latency_is_the_time_between_a_call_and_its_response_at_the_hub) {
  for (int i = 0; i < 98; ++i) answer_after(10ms);
  for (int i = 0; i < 2; ++i) answer_after(500ms);
  const builtin::SessionStats worked = of_worker();
  ASSERT_EQ(worked.answered.size(), 1u);
  const builtin::OfferStats& probe = worked.answered[0];
  EXPECT_EQ(probe.name, "Probe");
  EXPECT_EQ(probe.calls_answered, 100u);
  EXPECT_GE(probe.latency_p50_us, 10'000u);
  EXPECT_LE(probe.latency_p50_us, 10'625u);
  EXPECT_GE(probe.latency_p99_us, 500'000u);
  EXPECT_LE(probe.latency_p99_us, 531'250u);
  ASSERT_EQ(probe.latency.size(), 2u);
  EXPECT_EQ(probe.latency[0].calls, 98u);
  EXPECT_EQ(probe.latency[1].up_to_us, probe.latency_p99_us);
}

TEST_F(StatsTest, a_call_without_an_answer_grows_old_and_is_seen_at_both_ends) {
  auto old = client->client().call<&Probe::hang>("x");
  world.pass(2s);
  auto young = client->client().call<&Probe::hang>("y");
  world.pass(1s);
  EXPECT_EQ(of_worker().oldest_call_us, 3'000'000u);
  EXPECT_EQ(of_worker().session.calls_in_flight, 2u);
  EXPECT_EQ(of_client().calls_waiting, 2u);
  EXPECT_EQ(of_client().calls_asked, 2u);
  worker->probe.release.set();
  EXPECT_TRUE(at.outcome_of(old));
  EXPECT_TRUE(at.outcome_of(young));
  EXPECT_FALSE(of_worker().oldest_call_us);
  EXPECT_EQ(of_client().calls_waiting, 0u);
}

TEST_F(StatsTest, what_was_asked_of_a_worker_that_died_waits_no_more) {
  auto call = client->client().call<&Probe::hang>("x");
  world.settle();
  worker->session->close({Code::closed, "it died"});
  EXPECT_FALSE(at.outcome_of(call));
  const builtin::HubStats all = stats();
  ASSERT_EQ(all.sessions.size(), 1u);
  EXPECT_EQ(all.sessions[0].calls_waiting, 0u);
  EXPECT_EQ(all.sessions[0].calls_asked, 1u);
}

TEST_F(StatsTest, bytes_and_the_clock_go_forward) {
  const builtin::HubStats before = stats();
  world.pass(5s);
  auto call = client->client().call<&Probe::echo>(std::string(1000, 'x'));
  EXPECT_TRUE(at.outcome_of(call));
  const builtin::HubStats after = stats();
  EXPECT_EQ(after.at_us - before.at_us, 5'000'000u);
  for (const std::size_t i : {0, 1}) {
    EXPECT_GE(after.sessions[i].bytes_sent - before.sessions[i].bytes_sent, 1000u) << i;
  }
}

TEST(StatsBounds, a_provider_that_offers_ever_new_names_has_a_bound_of_them) {
  HubWorld at({.directory = {.offers_per_provider_max = 2}});
  auto worker = at.worker({});
  auto client = at.party();
  auto directory = worker->client<builtin::Directory>(builtin::directory_name);
  for (const std::string name : {"A", "B", "C", "D"}) {
    auto offer = directory.call<&builtin::Directory::offer>(probe_offer(name));
    EXPECT_TRUE(at.outcome_of(offer));
    auto add = client->client(name).call<&Probe::add>(1, 2);
    EXPECT_FALSE(at.outcome_of(add)) << "the worker serves Probe alone, and was asked";
    auto withdraw = directory.call<&builtin::Directory::withdraw>(name);
    EXPECT_TRUE(at.outcome_of(withdraw).value());
  }
  auto stats = client->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::stats>();
  const auto answered = at.outcome_of(stats).value().sessions.at(0).answered;
  ASSERT_EQ(answered.size(), 3u);
  EXPECT_EQ(answered[0].name, "");
  EXPECT_EQ(answered[1].name, "A");
  EXPECT_EQ(answered[2].name, "B");
}

TEST_F(StatsTest, providers_of_one_name_are_told_apart) {
  auto second = at.worker();
  auto other = at.party();
  for (Party* each : {client.get(), other.get()}) {
    auto call = each->client().call<&Probe::add>(1, 2);
    EXPECT_TRUE(at.outcome_of(call));
  }
  const builtin::HubStats all = stats();
  const auto providers = std::ranges::count_if(
      all.sessions, [](const auto& each) { return each.answered.size() == 1 && each.answered[0].calls_answered == 1; });
  EXPECT_EQ(providers, 2);
}

}  // namespace
}  // namespace parley::hub
