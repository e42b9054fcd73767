#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/bus/bus_client_suite.h"
#include "runtime/builtin.h"

// What a session is told of the bus.
namespace parley::hub {
namespace {

using namespace bus_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr io::Peer::Credentials stranger{.pid = 1, .uid = 4711, .gid = 4711};

HubOptions with_reader() {
  HubOptions options = with_topics();
  options.tokens.add("reader", "the secret of the reader").value();
  options.policy.add(core::Rule::parse("token:reader converse,subscribe shown.**").value()).value();
  return options;
}

class BusListed : public testing::Test {
 protected:
  std::unique_ptr<suite::Party> reader() {
    suite::SessionOptions options;
    options.metadata.add(std::string(wire::roam::names::token), std::string("the secret of the reader"));
    return hub.stranger(std::move(options), stranger);
  }
  std::vector<builtin::WorkerEntry> workers(suite::Party& party, std::uint64_t from = 0) {
    auto call = party.client<builtin::Directory>(builtin::directory_name).call<&builtin::Directory::workers>(from);
    return hub.outcome_of(call).value();
  }
  std::vector<std::string> topics(suite::Party& party, std::string after = {}) {
    auto call = party.client<builtin::Directory>(builtin::directory_name).call<&builtin::Directory::topics>(after);
    std::vector<std::string> all;
    for (const builtin::TopicEntry& each : hub.outcome_of(call).value()) {
      all.push_back(each.name + ":" + std::to_string(each.subscriptions));
    }
    return all;
  }
  HubWorld hub{with_reader()};
};

TEST_F(BusListed, workers_with_what_they_do) {
  const auto party = hub.party();
  EXPECT_THAT(workers(*party), IsEmpty());
  BusClient worker(hub), client(hub);
  worker.enrol({"shown.work", "play"});
  client.open(7, "play");
  client.ask(7, "q", 3);
  client.ask(7, "r", 4);
  const auto all = workers(*party);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].identity, "w1");
  EXPECT_EQ(all[0].principal, "process:self");
  EXPECT_EQ(all[0].address, "mem:hub");
  EXPECT_THAT(all[0].subjects, ElementsAre("shown.work", "play"));
  EXPECT_EQ(all[0].in_flight, 2u);
  EXPECT_THAT(workers(*party, all[0].connection + 1), IsEmpty());
  EXPECT_THAT(workers(*reader()).at(0).subjects, ElementsAre("shown.work"));
  worker.vanish();
  EXPECT_THAT(workers(*party), IsEmpty());
}

TEST_F(BusListed, workers_of_which_nothing_may_be_seen_are_not_there) {
  BusClient worker(hub);
  worker.enrol({"play"});
  EXPECT_THAT(workers(*reader()), IsEmpty());
}

TEST_F(BusListed, many_workers_page_by_page) {
  const auto party = hub.party();
  std::vector<std::unique_ptr<BusClient>> all;
  for (int i = 0; i < 150; ++i) {
    all.push_back(std::make_unique<BusClient>(hub));
    if (i % 3 != 0) all.back()->enrol({"work"});
  }
  std::size_t seen = 0;
  std::uint64_t from = 0;
  for (auto page = workers(*party); !page.empty(); page = workers(*party, from)) {
    for (const builtin::WorkerEntry& each : page) {
      EXPECT_GE(each.connection, from);
      from = each.connection + 1;
      ++seen;
    }
  }
  EXPECT_EQ(seen, 100u);
}

TEST_F(BusListed, topics_to_which_one_may_say_or_hear_something) {
  const auto party = hub.party();
  hub.hub->topics().declare("orders").value();
  BusClient subscriber(hub);
  subscriber.subscribe("shown.news");
  EXPECT_THAT(topics(*party), ElementsAre("orders:0", "shown.news:1"));
  EXPECT_THAT(topics(*party, "orders"), ElementsAre("shown.news:1"));
  EXPECT_THAT(topics(*reader()), ElementsAre("shown.news:1"));
}

}  // namespace
}  // namespace parley::hub
