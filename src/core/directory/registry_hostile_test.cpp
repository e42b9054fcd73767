#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/directory/registry_suite.h"

// Peers that want a registry to grow, to turn round and round, or to give them what others have.
namespace parley::core {
namespace {

using namespace registry_suite;
namespace command = wire::command;

constexpr Duration second = std::chrono::seconds(1);
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int very_many = 20'000;
#else
constexpr int very_many = 1'000'000;
#endif

// A registry whose effects nobody keeps.
class Flooded {
 public:
  Flooded() : directory_({}), registry_(directory_, limits(), 1) {}

  static RegistryLimits limits() {
    RegistryLimits limits;
    limits.announcements_max = 5000;
    limits.seen_events_max = 5000;
    return limits;
  }

  Registry::Carrier join(Registry::Terms terms) {
    const Registry::Carrier carrier = registry_.add(std::move(terms)).value();
    registry_.start(carrier, now, effects);
    effects.clear();
    return carrier;
  }
  // How many effects that has.
  std::size_t hear(Registry::Carrier from, command::Body body, std::string id = "x") {
    effects.clear();
    registry_.on_message(from, {.id = std::move(id), .body = std::move(body)}, now, effects);
    return effects.size();
  }
  Registry& registry() { return registry_; }
  const RegistryCounters& counters() const { return registry_.counters(); }

  Instant now = Instant::from_ns(1);
  Registry::Effects effects;

 private:
  Directory directory_;
  Registry registry_;
};

command::Definition definition_of(std::string id) {
  command::Definition definition;
  definition.id = std::move(id);
  return definition;
}

TEST(RegistryHostile, very_many_registrations_fill_a_share_and_no_more) {
  Flooded flooded;
  const auto peer = flooded.join({.id = "peer"});
  for (int i = 0; i < very_many; ++i) {
    const std::size_t effects = flooded.hear(peer, command::RegisterRequest{definition_of("c" + std::to_string(i))});
    ASSERT_LE(effects, 2u);
  }
  EXPECT_EQ(flooded.registry().table().size(), 4096u);
  EXPECT_EQ(flooded.counters().definitions_refused, very_many - 4096u);
  flooded.registry().register_command(definition_of("own"), flooded.now, flooded.effects);
  EXPECT_NE(flooded.registry().table().find("own"), nullptr);
  flooded.registry().drop(peer, flooded.effects);
  EXPECT_EQ(flooded.registry().table().size(), 1u);
}

TEST(RegistryHostile, very_many_registrations_do_not_all_wait_for_the_router) {
  Flooded flooded;
  flooded.join({.id = "router", .is_router = true});
  const auto peer = flooded.join({.id = "peer"});
  std::size_t to_router = 0;
  for (int i = 0; i < very_many; ++i) {
    flooded.hear(peer, command::RegisterRequest{definition_of("c" + std::to_string(i))});
    ASSERT_EQ(flooded.effects.size(), 1u);
    to_router += std::get<Registry::Send>(flooded.effects[0]).to != peer;
  }
  EXPECT_EQ(to_router, 256u);
  EXPECT_EQ(flooded.counters().requests_refused, very_many - 256u);
  EXPECT_EQ(flooded.registry().table().size(), 0u);
}

TEST(RegistryHostile, very_many_in_lists_fill_a_share_and_no_more) {
  Flooded flooded;
  flooded.join({.id = "router", .is_router = true});
  const auto peer = flooded.join({.id = "peer"});
  for (int part = 0; part < very_many / 1000; ++part) {
    command::ListResponse list{.thread = "nothing", .commands = {}};
    for (int i = 0; i < 1000; ++i) list.commands.push_back(definition_of(fmt::format("c{}", part * 1000 + i)));
    flooded.hear(peer, std::move(list));
  }
  EXPECT_EQ(flooded.registry().table().size(), 4096u);
  EXPECT_EQ(flooded.counters().definitions_refused, very_many - 4096u);
}

TEST(RegistryHostile, commands_that_come_and_go_do_not_pile_up_at_the_router) {
  Flooded flooded;
  flooded.join({.id = "router", .is_router = true});
  const auto peer = flooded.join({.id = "peer", .is_extended = true});
  std::size_t to_router = 0;
  for (int i = 0; i < very_many; ++i) {
    const std::string name = "c" + std::to_string(i);
    to_router += flooded.hear(peer, command::ListResponse{.thread = "x", .commands = {definition_of(name)}}) - 1;
    flooded.hear(peer, command::Unregister{{name}});
  }
  EXPECT_EQ(to_router, Flooded::limits().announcements_max);
  EXPECT_EQ(flooded.counters().announcements_refused, very_many - Flooded::limits().announcements_max);
  EXPECT_EQ(flooded.registry().table().size(), 0u);
}

TEST(RegistryHostile, definitions_that_are_enormous_are_refused) {
  RegistryBench bench;
  const auto peer = bench.join({.id = "peer"});
  const std::string large(70'000, 'x');
  bench.hear(peer, register_text("r1", "large", fmt::format(R"(,"description":"{}")", large)));
  EXPECT_EQ(json_at(bench.next(peer), "response.ok"), "false");
  bench.hear(peer, list_text({"large"}, fmt::format(R"(,"schema":{{"request":{{"a":"{}"}}}})", large)));
  bench.hear(peer, list_text({"large"}, fmt::format(R"(,"unknown":"{}")", large)));
  EXPECT_EQ(bench.counters().definitions_refused, 3u);
  const std::string half(40'000, 'x');
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back(fmt::format("c{}", i));
  bench.hear(peer, list_text(names, fmt::format(R"(,"description":"{}")", half)));
  EXPECT_LE(bench.registry().table().size(), 210u);
  EXPECT_GE(bench.registry().table().size(), 200u);
}

TEST(RegistryHostile, ids_that_are_enormous_are_malformed) {
  // rule: commands/REG-29
  RegistryBench bench;
  const auto peer = bench.join({.id = "peer", .is_extended = true});
  const std::string large(257, 'x');
  bench.hear(peer, execute_text(large, "a"));
  bench.hear(peer, event_text(large, "a"));
  bench.hear(peer, cancel_text(large));
  EXPECT_EQ(bench.counters().malformed, 3u);
  EXPECT_EQ(bench.unread(peer), 0u);
  bench.hear(peer, execute_text("q1", large));
  EXPECT_EQ(json_at(bench.next(peer), "response.error.code"), "invalid_request");
  bench.hear(peer, register_text("r1", large));
  EXPECT_EQ(json_at(bench.next(peer), "response.ok"), "false");
}

TEST(RegistryHostile, a_flood_of_requests_holds_so_many_and_no_more) {
  Flooded flooded;
  flooded.registry().register_command(definition_of("slow"), flooded.now, flooded.effects);
  const auto peer = flooded.join({.id = "peer"});
  for (int i = 0; i < very_many; ++i) {
    ASSERT_EQ(flooded.hear(peer, command::ExecuteRequest{"slow", {}}, std::to_string(i)), 1u);
  }
  EXPECT_EQ(flooded.registry().requests_in_flight(), 1024u);
  EXPECT_EQ(flooded.counters().requests_refused, very_many - 1024u);
  flooded.effects.clear();
  flooded.registry().on_time(flooded.now + 30 * second, flooded.effects);
  EXPECT_EQ(flooded.registry().requests_in_flight(), 0u);
}

TEST(RegistryHostile, a_flood_of_what_nobody_waits_for_is_counted) {
  // rule: commands/REG-18
  Flooded flooded;
  const auto peer = flooded.join({.id = "peer", .is_extended = true});
  for (int i = 0; i < very_many; ++i) {
    const std::string id = std::to_string(i);
    ASSERT_EQ(flooded.hear(peer, command::Cancel{id}), 0u);
    ASSERT_EQ(flooded.hear(peer, command::Progress{id, "1"}), 0u);
    ASSERT_EQ(flooded.hear(peer, command::ExecuteResponse{id, {}, {}}), 0u);
    ASSERT_EQ(flooded.hear(peer, command::RegisterResponse{id, true}), 0u);
    ASSERT_EQ(flooded.hear(peer, command::Unregister{{id}}), 0u);
  }
  EXPECT_EQ(flooded.counters().responses_late, 3u * very_many);
  EXPECT_EQ(flooded.counters().responses_of_others, static_cast<std::uint64_t>(very_many));
}

TEST(RegistryHostile, a_flood_of_events_is_remembered_within_the_bound) {
  // rule: commands/weakness.17
  Flooded flooded;
  const auto peer = flooded.join({.id = "peer"});
  for (int i = 0; i < very_many; ++i) {
    ASSERT_EQ(flooded.hear(peer, command::Event{"news", {}}, std::to_string(i)), 0u);
  }
  EXPECT_EQ(flooded.counters().seen_evicted, very_many - Flooded::limits().seen_events_max);
}

TEST(RegistryHostile, one_that_changes_its_mind_all_the_time_makes_the_others_hear_each_change_once) {
  RegistryBench bench;
  const auto peer = bench.join({.id = "peer", .is_extended = true});
  const auto other = bench.join({.id = "other", .is_extended = true});
  for (int i = 0; i < 100; ++i) bench.hear(peer, interest_text(R"("a","b")"));
  EXPECT_EQ(bench.unread(other), 1u);
  EXPECT_EQ(bench.unread(peer), 0u);
}

TEST(RegistryHostile, what_one_says_before_and_after_its_time_is_nothing) {
  RegistryBench bench;
  bench.offer("slow");
  const auto peer = bench.join({.id = "peer", .is_extended = true});
  bench.drop(peer);
  bench.drop(peer);
  for (const std::string& text :
       {execute_text("q1", "slow"), register_text("r1", "x"), list_text({"x"}), std::string("{"), event_text("e1", "x"),
        list_request_text("l1"), execute_text("q1", "slow")}) {
    bench.hear(peer, text);
  }
  EXPECT_TRUE(bench.starts.empty());
  EXPECT_EQ(bench.registry().table().size(), 1u);
}

TEST(RegistryHostile, a_request_that_was_passed_on_too_often_goes_round_in_a_ring) {
  // rule: commands/REG-16
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  bench.hear(asker, execute_text("q1", "math.add", R"(,"_meta":{"parley-hops":16})"));
  EXPECT_EQ(bench.next(worker), execute_text("q1", "math.add", R"(,"_meta":{"parley-hops":17})"));
  bench.hear(asker, execute_text("q2", "math.add", R"(,"_meta":{"parley-hops":17})"));
  EXPECT_EQ(json_at(bench.next(asker), "response.error.code"), "not_found");
  EXPECT_EQ(bench.unread(worker), 0u);
  EXPECT_EQ(bench.registry().counters().loops, 1u);
}

// The ring has no memory of what was given up, so the request runs ahead of the cancel.
TEST(RegistryHostile, a_request_that_was_given_up_does_not_run_round_a_ring_for_ever) {
  // rule: commands/REG-16
  RegistryNet net(3);
  const auto to_1 = net.connect(0, 1, {});
  const auto to_2 = net.connect(1, 2, {});
  const auto to_0 = net.connect(2, 0, {});
  net.carry();
  // Each believes that the next has it.
  net[0].hear(to_1.first, list_text({"c"}));
  net[1].hear(to_2.first, list_text({"c"}));
  net[2].hear(to_0.first, list_text({"c"}));
  const auto call = net[0].execute("c");
  net[0].cancel(call);
  EXPECT_LT(net.carry(), 100u);
}

TEST(RegistryHostile, two_definitions_do_not_chase_each_other_through_a_router_that_counts_no_hops) {
  // rule: commands/REG-12
  for (const bool is_extended : {false, true}) {
    RegistryBench bench;
    const auto router = bench.join({.id = "router", .is_router = true, .is_extended = is_extended});
    const auto worker = bench.join({.id = "worker"});
    std::size_t asked = 0;
    for (int i = 0; i < 100; ++i) {
      bench.hear(worker, register_text("r", "c", fmt::format(R"(,"description":"{}")", i)));
      for (std::string said = bench.next(router); !said.empty(); said = bench.next(router)) {
        if (json_at(said, "type") != "register.command.request") continue;
        ++asked;
        bench.hear(router, registered_text(json_at(said, "id"), true));
      }
    }
    EXPECT_EQ(asked, is_extended ? 100u : 34u);
    EXPECT_EQ(bench.registry().counters().announcements_refused, is_extended ? 0u : 66u);
  }
}

}  // namespace
}  // namespace parley::core
