#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/directory/registry_suite.h"

// How commands come into a registry and up to its router, and how they go again.
namespace parley::core {
namespace {

using namespace registry_suite;
using ::testing::HasSubstr;

constexpr Duration second = std::chrono::seconds(1);
const Policy owners_policy = Policy::of_owner(Principal::of_own_process());
const Rights everything(owners_policy, Principal::of_own_process());

TEST(RegistryRegister, the_same_id_again_is_a_duplicate_that_names_its_owner) {
  // rule: commands/REG-06
  RegistryBench bench;
  bench.offer("math.add");
  bench.offer("math.add");
  EXPECT_EQ(bench.last_registered().error().code, Code::in_use);
  EXPECT_THAT(bench.last_registered().error().note, HasSubstr("here already"));
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"workers.own"}));
  bench.offer("workers.own");
  EXPECT_EQ(bench.last_registered().error().code, Code::in_use);
  EXPECT_THAT(bench.last_registered().error().note, HasSubstr("\"worker\""));
}

TEST(RegistryRegister, a_name_is_a_command_or_a_service) {
  RegistryBench bench;
  ASSERT_TRUE(
      bench.directory().offer(1, {.name = "Desk", .service = "Desk", .method_ids = {}}, everything).has_value());
  bench.offer("Desk");
  EXPECT_EQ(bench.last_registered().error().code, Code::in_use);
  bench.offer("math.add");
  EXPECT_EQ(
      bench.directory().offer(1, {.name = "math.add", .service = "Math", .method_ids = {}}, everything).error().code,
      Code::in_use);
  bench.offer("parley.mine");
  EXPECT_EQ(bench.last_registered().error().code, Code::invalid);
  bench.offer("no name");
  EXPECT_EQ(bench.last_registered().error().code, Code::invalid);
}

TEST(RegistryRegister, a_public_one_is_there_when_the_router_has_taken_it) {
  // rule: commands/REG-07
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto child = bench.join({.id = "child"});
  bench.offer("math.add", R"({"request":{}})");
  const std::string asked = bench.next(router);
  EXPECT_EQ(json_at(asked, "type"), "register.command.request");
  EXPECT_EQ(json_at(asked, "command"), R"({"id":"math.add","schema":{"request":{}}})");
  EXPECT_TRUE(bench.registered.empty());
  EXPECT_FALSE(bench.lists("math.add"));
  bench.hear(child, list_request_text("l1"));
  EXPECT_EQ(json_at(bench.next(child), "commands"), "[]");
  bench.execute("math.add");
  EXPECT_TRUE(bench.starts.empty());
  bench.hear(router, registered_text(json_at(asked, "id"), true));
  EXPECT_TRUE(bench.last_registered().has_value());
  EXPECT_TRUE(bench.lists("math.add"));
  bench.execute("math.add");
  EXPECT_EQ(bench.starts.size(), 1u);
}

TEST(RegistryRegister, twice_while_the_router_thinks_is_a_duplicate_at_once) {
  // rule: commands/REG-06, commands/REG-07
  RegistryBench bench;
  bench.join({.id = "router", .is_router = true});
  bench.offer("math.add");
  EXPECT_TRUE(bench.registered.empty());
  bench.offer("math.add");
  ASSERT_EQ(bench.registered.size(), 1u);
  EXPECT_EQ(bench.last_registered().error().code, Code::in_use);
}

TEST(RegistryRegister, whoever_is_refused_is_told_which_it_was) {
  // rule: commands/REG-08, commands/weakness.27
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  bench.offer("duplicate");
  bench.hear(router, registered_text(json_at(bench.next(router), "id"), false));
  EXPECT_EQ(bench.last_registered().error().code, Code::in_use);
  EXPECT_THAT(bench.last_registered().error().note, HasSubstr("\"router\""));

  bench.offer("late");
  const std::string late = json_at(bench.next(router), "id");
  bench.pass(29 * second);
  EXPECT_EQ(bench.registered.size(), 1u);
  bench.pass(second);
  ASSERT_EQ(bench.registered.size(), 2u);
  EXPECT_EQ(kind(bench.last_registered().error()), Kind::timed_out);
  bench.hear(router, registered_text(late, true));
  EXPECT_EQ(bench.counters().responses_late, 1u);

  bench.offer("cut");
  bench.drop(router);
  ASSERT_EQ(bench.registered.size(), 3u);
  EXPECT_EQ(bench.last_registered().error().code, Code::link_lost);
  for (const char* each : {"duplicate", "late", "cut"}) EXPECT_FALSE(bench.lists(each)) << each;
}

TEST(RegistryRegister, only_the_router_answers_what_it_was_asked) {
  // rule: commands/REG-08, commands/weakness.10
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto other = bench.join({.id = "other"});
  bench.offer("math.add");
  bench.hear(other, registered_text(json_at(bench.next(router), "id"), true));
  EXPECT_EQ(bench.counters().responses_of_others, 1u);
  EXPECT_TRUE(bench.registered.empty());
}

TEST(RegistryRegister, without_a_router_it_is_there_at_once_and_is_announced_when_one_comes) {
  // rule: commands/REG-09, commands/weakness.19
  RegistryBench bench;
  bench.offer("early");
  bench.offer("_private");
  EXPECT_EQ(bench.registered.size(), 2u);
  for (int time = 0; time < 2; ++time) {
    const auto router = bench.add({.id = "router", .is_router = true}).value();
    bench.start(router);
    EXPECT_EQ(json_at(bench.next(router), "type"), "list.commands.request");
    const std::string asked = bench.next(router);
    EXPECT_EQ(json_at(asked, "type"), "register.command.request");
    EXPECT_EQ(json_at(asked, "command.id"), "early");
    EXPECT_EQ(bench.unread(router), 0u);
    if (time == 0) bench.hear(router, registered_text(json_at(asked, "id"), true));
    bench.drop(router);
  }
  EXPECT_TRUE(bench.lists("early"));
  EXPECT_EQ(bench.registered.size(), 2u);
}

TEST(RegistryRegister, what_the_router_will_not_take_stays_here) {
  // rule: commands/REG-09
  RegistryBench bench;
  bench.offer("early");
  const auto router = bench.add({.id = "router", .is_router = true}).value();
  bench.start(router);
  bench.next(router);
  bench.hear(router, registered_text(json_at(bench.next(router), "id"), false));
  EXPECT_EQ(bench.counters().announcements_refused, 1u);
  EXPECT_EQ(bench.unannounced, std::vector<std::string>{"early"});
  EXPECT_EQ(bench.unread(router), 0u);
  EXPECT_TRUE(bench.lists("early"));
}

TEST(RegistryRegister, what_a_router_has_from_somebody_else_stands_by_there) {
  // rule: commands/REG-05
  RegistryBench bench;
  bench.offer("early");
  const auto router = bench.add({.id = "router", .is_router = true, .is_extended = true}).value();
  bench.start(router);
  std::string asked = bench.next(router);
  while (json_at(asked, "type") != "register.command.request") asked = bench.next(router);
  bench.read_all();
  bench.hear(router, registered_text(json_at(asked, "id"), false));
  const std::string listed = bench.next(router);
  EXPECT_EQ(json_at(listed, "type"), "list.commands.response");
  EXPECT_EQ(json_at(listed, "commands.0.id"), "early");
  EXPECT_EQ(bench.unannounced, std::vector<std::string>{"early"});
}

TEST(RegistryRegister, what_came_from_one_who_counts_no_hops_stands_by_nowhere) {
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true, .is_extended = true});
  const auto foreign = bench.join({.id = "foreign"});
  bench.read_all();
  bench.hear(foreign, list_text({"f"}));
  std::string asked = bench.next(router);
  while (json_at(asked, "type") != "register.command.request") asked = bench.next(router);
  bench.read_all();
  bench.hear(router, registered_text(json_at(asked, "id"), false));
  EXPECT_EQ(bench.unread(router), 0u) << "in a ring it would never go";
  EXPECT_EQ(bench.unannounced, std::vector<std::string>{"f"});
}

TEST(RegistryRegister, a_grandparent_knows_what_was_there_before_the_link) {
  // rule: commands/weakness.19, commands/REG-09
  RegistryNet net(3);
  net[2].offer("early");
  net[2].answer_with("early", std::string("7"));
  net.connect(2, 1, {.is_extended = false, .is_router = true});
  net.connect(1, 0, {.is_extended = false, .is_router = true});
  net.carry();
  ASSERT_TRUE(net[0].lists("early"));
  const auto call = net[0].execute("early");
  net.carry();
  EXPECT_EQ(net[0].result_of(call).value(), "7");
}

TEST(RegistryRegister, what_others_have_is_a_duplicate) {
  // rule: commands/REG-10
  RegistryBench bench;
  bench.offer("local");
  const auto owner = bench.join({.id = "owner"});
  const auto other = bench.join({.id = "other"});
  bench.hear(owner, register_text("r1", "remote"));
  EXPECT_EQ(json_at(bench.next(owner), "response.ok"), "true");
  for (const char* each : {"local", "remote"}) {
    bench.hear(other, register_text("r2", each));
    const std::string answer = bench.next(other);
    EXPECT_EQ(json_at(answer, "thid"), "r2");
    EXPECT_EQ(json_at(answer, "response"), R"({"ok":false,"error":"duplicate_command"})");
  }
}

TEST(RegistryRegister, what_another_is_about_to_have_is_a_duplicate) {
  // rule: commands/REG-10
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto first = bench.join({.id = "first"});
  const auto other = bench.join({.id = "other"});
  bench.hear(first, register_text("r1", "math.add"));
  bench.hear(other, register_text("r2", "math.add"));
  EXPECT_EQ(json_at(bench.next(other), "response.error"), "duplicate_command");
  bench.offer("math.add");
  EXPECT_THAT(bench.last_registered().error().note, HasSubstr("\"first\""));
  EXPECT_EQ(bench.unread(router), 1u);
}

TEST(RegistryRegister, the_same_peer_may_say_it_anew) {
  // rule: commands/REG-11
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, register_text("r1", "math.add"));
  bench.hear(router, registered_text(json_at(bench.next(router), "id"), true));
  EXPECT_EQ(json_at(bench.next(worker), "response.ok"), "true");
  bench.hear(worker, register_text("r2", "math.add"));
  EXPECT_EQ(json_at(bench.next(worker), "thid"), "r2");
  EXPECT_EQ(bench.unread(router), 0u);
  bench.hear(worker, register_text("r3", "math.add", R"(,"description":"adds")"));
  EXPECT_EQ(json_at(bench.next(worker), "response.ok"), "true");
  EXPECT_EQ(bench.registry().commands(nullptr).at(0).description, "adds");
  EXPECT_EQ(json_at(bench.next(router), "command.description"), "adds");
}

TEST(RegistryRegister, what_a_peer_has_goes_up_with_a_new_id) {
  // rule: commands/REG-12, commands/REG-27
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, R"({"id":"r1","type":"register.command.request","command":{"id":"math.add","x":[1, 2]},)"
                     R"("_meta":{"baggage":"b"}})");
  EXPECT_EQ(bench.unread(worker), 0u);
  const std::string asked = bench.next(router);
  EXPECT_NE(json_at(asked, "id"), "r1");
  EXPECT_EQ(json_at(asked, "command"), R"({"id":"math.add","x":[1,2]})");
  EXPECT_EQ(json_at(asked, "_meta.baggage"), "b");
  EXPECT_FALSE(bench.lists("math.add"));
  bench.hear(router, registered_text(json_at(asked, "id"), true));
  const std::string answer = bench.next(worker);
  EXPECT_EQ(json_at(answer, "thid"), "r1");
  EXPECT_EQ(json_at(answer, "response.ok"), "true");
  EXPECT_EQ(json_at(answer, "_meta.baggage"), "b");
  EXPECT_TRUE(bench.lists("math.add"));
}

TEST(RegistryRegister, any_failure_above_is_a_duplicate_for_the_peer) {
  // rule: commands/REG-12
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, register_text("r1", "refused"));
  bench.hear(router, registered_text(json_at(bench.next(router), "id"), false));
  bench.hear(worker, register_text("r2", "late"));
  bench.pass(30 * second);
  bench.hear(worker, register_text("r3", "cut"));
  bench.drop(router);
  for (const char* each : {"r1", "r2", "r3"}) {
    const std::string answer = bench.next(worker);
    EXPECT_EQ(json_at(answer, "thid"), each);
    EXPECT_EQ(json_at(answer, "response.error"), "duplicate_command");
  }
  EXPECT_EQ(bench.registry().table().size(), 0u);
}

TEST(RegistryRegister, what_the_router_registers_stays_here) {
  // rule: commands/REG-12
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  bench.hear(router, register_text("r1", "routers.own"));
  EXPECT_EQ(json_at(bench.next(router), "response.ok"), "true");
  EXPECT_EQ(bench.unread(router), 0u);
  EXPECT_TRUE(bench.lists("routers.own"));
}

TEST(RegistryRegister, a_ring_of_routers_registers_nothing_and_rests) {
  // rule: commands/weakness.14
  RegistryNet net(4);
  net.connect(0, 1, {.is_router = true});
  net.connect(1, 2, {.is_router = true});
  net.connect(2, 0, {.is_router = true});
  net.connect(3, 0, {.is_router = true});
  net.carry();
  net[0].offer("own");
  EXPECT_LE(net.carry(20), 6u);
  EXPECT_FALSE(net[0].last_registered().has_value());
  net[3].offer("leafs");
  EXPECT_LE(net.carry(20), 8u);
  EXPECT_FALSE(net[3].last_registered().has_value());
}

TEST(RegistryRegister, private_ones_are_for_here) {
  // rule: commands/REG-19
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  bench.offer("_local");
  EXPECT_TRUE(bench.last_registered().has_value());
  bench.hear(worker, register_text("r1", "_workers"));
  EXPECT_EQ(json_at(bench.next(worker), "response.ok"), "true");
  bench.hear(worker, list_text({"_listed"}));
  EXPECT_EQ(bench.unread(router), 0u);
  EXPECT_TRUE(bench.registry().commands(nullptr).empty());
}

TEST(RegistryRegister, a_peer_offers_what_it_has_the_right_to) {
  // rule: commands/weakness.12
  Policy policy;
  ASSERT_TRUE(policy.add(Rule::parse("uid:1 offer own.**").value()).has_value());
  const Rights rights(policy, Principal::of_user(1));
  RegistryBench bench;
  const auto worker = bench.join({.id = "worker", .rights = &rights});
  bench.hear(worker, register_text("r1", "others.one"));
  EXPECT_EQ(json_at(bench.next(worker), "response.ok"), "false");
  bench.hear(worker, register_text("r2", "own.one"));
  EXPECT_EQ(json_at(bench.next(worker), "response.ok"), "true");
  bench.hear(worker, list_text({"others.two", "own.two"}));
  EXPECT_FALSE(bench.lists("others.two"));
  EXPECT_TRUE(bench.lists("own.two"));
  EXPECT_EQ(bench.counters().definitions_refused, 2u);
}

TEST(RegistryRegister, what_is_gone_is_gone_above) {
  // rule: commands/REG-30, commands/weakness.20
  RegistryNet net(3);
  net.connect(2, 1, {.is_router = true});
  net.connect(1, 0, {.is_router = true});
  net[2].offer("math.add");
  net.carry();
  ASSERT_TRUE(net[0].lists("math.add"));
  EXPECT_TRUE(net[2].withdraw("math.add"));
  net.carry();
  EXPECT_FALSE(net[1].lists("math.add"));
  EXPECT_FALSE(net[0].lists("math.add"));
}

TEST(RegistryRegister, what_goes_while_the_router_thinks_is_taken_back) {
  // rule: commands/REG-30
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true, .is_extended = true});
  const auto worker = bench.join({.id = "worker", .is_extended = true});
  bench.read_all();
  bench.hear(worker, register_text("r1", "unregistered"));
  const std::string first = json_at(bench.next(router), "id");
  bench.hear(worker, unregister_text("unregistered"));
  EXPECT_EQ(json_at(bench.next(worker), "response.ok"), "false");
  EXPECT_EQ(json_at(bench.next(router), "commands"), R"(["unregistered"])");
  bench.hear(router, registered_text(first, true));
  EXPECT_EQ(bench.counters().responses_late, 1u);
  EXPECT_FALSE(bench.lists("unregistered"));

  bench.hear(worker, register_text("r2", "dropped"));
  bench.drop(worker);
  bench.next(router);
  EXPECT_EQ(json_at(bench.next(router), "commands"), R"(["dropped"])");

  bench.offer("late");
  bench.pass(30 * second);
  bench.next(router);
  EXPECT_EQ(json_at(bench.next(router), "commands"), R"(["late"])");
  EXPECT_EQ(bench.unread(router), 0u);
}

TEST(RegistryRegister, what_changes_while_it_is_announced_is_announced_once_more) {
  RegistryBench bench({.announcements_max = 2});
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  for (int i = 0; i < 100; ++i) bench.hear(worker, list_text({"a"}, fmt::format(R"(,"description":"{}")", i)));
  EXPECT_EQ(bench.unread(router), 1u);
  const std::string first = bench.next(router);
  EXPECT_EQ(json_at(first, "command.description"), "0");
  bench.hear(router, registered_text(json_at(first, "id"), true));
  const std::string last = bench.next(router);
  EXPECT_EQ(json_at(last, "command.description"), "99");
  bench.hear(router, registered_text(json_at(last, "id"), true));
  EXPECT_EQ(bench.unread(router), 0u);
  bench.hear(worker, list_text({"b", "c", "d"}));
  EXPECT_EQ(bench.unread(router), 2u);
  EXPECT_EQ(bench.counters().announcements_refused, 1u);
}

}  // namespace
}  // namespace parley::core
