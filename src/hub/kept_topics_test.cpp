#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "hub/hub_suite.h"
#include "runtime/topics/topics_service.h"

// Topics that a hub keeps: who may, how many, and what it counts.
namespace parley::hub {
namespace {

using builtin::Followed;
using builtin::Gap;
using builtin::TopicPosition;
using suite::HubWorld;

HubOptions with_limits() {
  HubOptions options;
  options.kept = {.topics_per_keeper_max = 2, .followers_per_peer_max = 3};
  return options;
}

class Follows {
 public:
  Follows(HubWorld& hub, suite::Party& at, Gap gap, std::optional<TopicPosition> after) : hub_(hub) {
    auto [tx, rx] = channel<Followed, builtin::deliveries_ahead>();
    call_.emplace(at.client<builtin::Topics>(builtin::topics_name)
                      .call<&builtin::Topics::follow>("desk", gap, after, std::move(tx)));
    rx_ = std::move(rx);
    hub.world.settle();
  }
  std::optional<Followed> next() { return hub_.world.run(runtime::suite::receive_one(rx_)); }
  Code end() { return hub_.outcome_of(*call_).error().code; }

 private:
  HubWorld& hub_;
  Rx<Followed, builtin::deliveries_ahead> rx_;
  std::optional<Call<void>> call_;
};

std::uint64_t counted(HubWorld& hub, suite::Party& at, std::string_view name) {
  auto call = at.client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::counters>();
  const auto all = hub.outcome_of(call).value();
  const auto found = std::ranges::find(all, name, &builtin::Count::name);
  return found == all.end() ? 0 : found->value;
}

TEST(KeptTopicsOfAHub, are_followed_over_sessions_and_counted) {
  HubWorld hub(with_limits());
  Topics& topics = hub.hub->topics();
  topics.keep("desk", {.items = 2}).value();
  topics.set_snapshots("desk", [] { return std::vector<std::uint8_t>{'s'}; }).value();
  for (int i = 0; i < 5; ++i) topics.publish("desk", {.payload = {'m'}}).value();
  const auto party = hub.party();
  Follows live(hub, *party, Gap::live, TopicPosition());
  Follows replaying(hub, *party, Gap::replay, TopicPosition());
  EXPECT_TRUE(std::holds_alternative<builtin::FollowBegun>(*live.next()));
  EXPECT_EQ(std::get<builtin::FollowedSnapshot>(*live.next()).position.version, 5u);
  EXPECT_TRUE(std::holds_alternative<builtin::FollowBegun>(*replaying.next()));
  EXPECT_EQ(std::get<builtin::FollowedGap>(*replaying.next()).complete_from, 4u);
  // rule: delivery/W-20
  EXPECT_EQ(counted(hub, *party, "topics_followers"), 2u);
  EXPECT_EQ(counted(hub, *party, "topics_kept_dropped"), 3u);
  EXPECT_EQ(counted(hub, *party, "topics_followers_missed"), 3u);
  EXPECT_EQ(counted(hub, *party, "topics_resyncs_snapshot"), 1u);
  EXPECT_EQ(counted(hub, *party, "topics_resyncs_tail"), 1u);
  EXPECT_EQ(counted(hub, *party, "topics_snapshots_asked"), 1u);
}

TEST(KeptTopicsOfAHub, have_bounds_for_each_principal_whatever_sessions_it_has) {
  // rule: delivery/I-03
  HubWorld hub(with_limits());
  const auto keep = [&](std::string topic) {
    const auto party = hub.party();
    auto call = party->client<builtin::Topics>(builtin::topics_name)
                    .call<&builtin::Topics::keep>(std::move(topic), builtin::KeepOptions());
    return hub.outcome_of(call);
  };
  EXPECT_TRUE(keep("desk"));
  EXPECT_TRUE(keep("news"));
  EXPECT_EQ(keep("more").error().code, Code::overloaded);
  const auto first = hub.party(), second = hub.party();
  Follows a(hub, *first, Gap::live, {}), b(hub, *second, Gap::live, {}), c(hub, *second, Gap::live, {});
  EXPECT_EQ(Follows(hub, *first, Gap::live, {}).end(), Code::overloaded);
}

TEST(KeptTopicsOfAHub, are_kept_by_who_may_publish_and_followed_by_who_may_subscribe) {
  HubOptions options;
  options.policy.add(core::Rule::parse("token:ci see **").value()).value();
  options.tokens.add("ci", "the secret of the token ci").value();
  HubWorld hub(std::move(options));
  hub.hub->topics().keep("desk").value();
  runtime::SessionOptions with_token;
  with_token.metadata.add(std::string(wire::roam::names::token), std::string("the secret of the token ci"),
                          Metadata::sensitive);
  const auto party = hub.party(std::move(with_token));
  auto topics = party->client<builtin::Topics>(builtin::topics_name);
  auto keep = topics.call<&builtin::Topics::keep>("desk", builtin::KeepOptions());
  EXPECT_EQ(hub.outcome_of(keep).error().code, Code::permission);
  auto show = topics.call<&builtin::Topics::snapshot>("desk", std::vector<std::uint8_t>(), std::nullopt);
  EXPECT_EQ(hub.outcome_of(show).error().code, Code::permission);
  EXPECT_EQ(Follows(hub, *party, Gap::live, {}).end(), Code::permission);
  const auto owner = hub.party();
  auto refusals = owner->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::refusals>();
  EXPECT_EQ(hub.outcome_of(refusals).value().refusals.size(), 2u) << "publish, twice, and subscribe";
}

}  // namespace
}  // namespace parley::hub
