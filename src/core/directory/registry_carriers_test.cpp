#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "codec/json_object.h"
#include "core/directory/registry_suite.h"

// Carriers as they come and go, and what each of them has.
namespace parley::core {
namespace {

using namespace registry_suite;
using ::testing::HasSubstr;

constexpr Duration second = std::chrono::seconds(1);

TEST(RegistryCarriers, an_id_that_is_in_use_is_refused_and_the_first_stays) {
  // rule: commands/REG-01, commands/weakness.21
  RegistryBench bench;
  const auto first = bench.join({.id = "worker"});
  bench.hear(first, list_text({"math.add"}));
  const auto second_one = bench.add({.id = "worker"});
  ASSERT_FALSE(second_one.has_value());
  EXPECT_EQ(second_one.error().code, Code::in_use);
  EXPECT_THAT(second_one.error().note, HasSubstr("worker"));
  EXPECT_EQ(bench.registry().carrier_count(), 1u);
  bench.execute("math.add");
  EXPECT_EQ(json_at(bench.next(first), "commandId"), "math.add");
}

TEST(RegistryCarriers, an_id_is_free_again_when_its_carrier_is_gone) {
  // rule: commands/weakness.21
  RegistryBench bench;
  bench.drop(bench.join({.id = "worker"}));
  const auto again = bench.join({.id = "worker"});
  bench.hear(again, list_text({"math.add"}));
  EXPECT_TRUE(bench.lists("math.add"));
}

TEST(RegistryCarriers, one_that_never_started_leaves_no_trace) {
  // rule: commands/REG-02, commands/weakness.22
  RegistryBench bench;
  const auto carrier = bench.add({.id = "router", .is_router = true}).value();
  EXPECT_EQ(bench.execute("far.away"), 1u);
  EXPECT_EQ(bench.code_of(1), Code::not_sent);
  bench.drop(carrier);
  EXPECT_EQ(bench.registry().carrier_count(), 0u);
  EXPECT_EQ(bench.code_of(bench.execute("far.away")), Code::not_found);
  bench.emit("something");
  const auto again = bench.add({.id = "router", .is_router = true});
  ASSERT_TRUE(again.has_value());
  bench.start(*again);
  EXPECT_EQ(json_at(bench.next(*again), "type"), "list.commands.request");
}

TEST(RegistryCarriers, a_router_that_was_lost_is_still_missed_when_another_fails_to_start) {
  // rule: commands/REG-02
  RegistryBench bench;
  bench.drop(bench.join({.id = "router", .is_router = true}));
  EXPECT_EQ(bench.code_of(bench.execute("far.away")), Code::not_sent);
  bench.drop(bench.add({.id = "router", .is_router = true}).value());
  EXPECT_EQ(bench.code_of(bench.execute("far.away")), Code::not_sent);
}

TEST(RegistryCarriers, there_is_one_router) {
  RegistryBench bench;
  bench.join({.id = "first", .is_router = true});
  const auto another = bench.add({.id = "second", .is_router = true});
  ASSERT_FALSE(another.has_value());
  EXPECT_EQ(another.error().code, Code::in_use);
  EXPECT_THAT(another.error().note, HasSubstr("\"first\""));
  EXPECT_TRUE(bench.add({.id = "second"}).has_value());
}

TEST(RegistryCarriers, there_are_only_so_many) {
  RegistryBench bench({.carriers_max = 2});
  bench.join({.id = "a"});
  const auto b = bench.join({.id = "b"});
  EXPECT_EQ(bench.add({.id = "c"}).error().code, Code::overloaded);
  bench.drop(b);
  EXPECT_TRUE(bench.add({.id = "c"}).has_value());
}

TEST(RegistryCarriers, a_start_asks_for_the_list_once) {
  // rule: commands/REG-03
  RegistryBench bench;
  const auto carrier = bench.add({.id = "worker"}).value();
  EXPECT_EQ(bench.unread(carrier), 0u);
  bench.start(carrier);
  EXPECT_EQ(json_at(bench.next(carrier), "type"), "list.commands.request");
  bench.start(carrier);
  EXPECT_EQ(bench.unread(carrier), 0u);
}

TEST(RegistryCarriers, a_list_has_what_is_public_and_here) {
  // rule: commands/REG-03, commands/REG-19
  RegistryBench bench;
  bench.offer("math.add", R"({"request":{"type":"object"}})");
  bench.offer("_secret");
  const auto other = bench.join({.id = "other"});
  bench.hear(other, list_text({"others.own"}));
  const auto carrier = bench.join({.id = "worker"});
  bench.hear(carrier, R"({"id":"ask","type":"list.commands.request","_meta":{"baggage":"x"}})");
  const std::string list = bench.next(carrier);
  EXPECT_EQ(json_at(list, "type"), "list.commands.response");
  EXPECT_EQ(json_at(list, "thid"), "ask");
  EXPECT_EQ(json_at(list, "commands"), R"([{"id":"math.add","schema":{"request":{"type":"object"}}}])");
  EXPECT_EQ(json_at(list, "_meta.baggage"), "x");
}

TEST(RegistryCarriers, a_list_that_nobody_asked_for_makes_commands_known) {
  // rule: commands/REG-04
  RegistryBench bench;
  const auto carrier = bench.join({.id = "worker"});
  bench.hear(carrier, list_text({"math.add"}));
  EXPECT_TRUE(bench.lists("math.add"));
  bench.execute("math.add", R"({"a":1})");
  EXPECT_EQ(json_at(bench.next(carrier), "request"), R"({"a":1})");
}

TEST(RegistryCarriers, a_list_takes_nothing_from_here_and_from_nobody_else) {
  // rule: commands/REG-04, commands/weakness.9
  RegistryBench bench;
  bench.offer("local");
  bench.answer_with("local", std::string("1"));
  const auto owner = bench.join({.id = "owner"});
  bench.hear(owner, list_text({"remote"}));
  const auto thief = bench.join({.id = "thief"});
  bench.hear(thief, list_text({"local", "remote"}, R"(,"description":"mine")"));
  const auto call = bench.execute("local");
  ASSERT_TRUE(bench.has_settled(call));
  EXPECT_EQ(bench.result_of(call).value(), "1");
  bench.execute("remote");
  EXPECT_EQ(bench.unread(owner), 1u);
  EXPECT_EQ(bench.unread(thief), 0u);
  for (const auto& each : bench.registry().commands(nullptr)) EXPECT_FALSE(each.description.has_value()) << each.id;
}

TEST(RegistryCarriers, a_list_does_not_overtake_a_registration_that_waits) {
  // rule: commands/REG-04, commands/weakness.9
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto thief = bench.join({.id = "thief"});
  bench.offer("mine");
  bench.hear(thief, list_text({"mine"}));
  EXPECT_EQ(bench.counters().definitions_refused, 1u);
  bench.hear(router, registered_text(json_at(bench.next(router), "id"), true));
  EXPECT_TRUE(bench.last_registered().has_value());
}

TEST(RegistryCarriers, whoever_lists_later_stands_by) {
  // rule: commands/REG-05, commands/weakness.18
  RegistryBench bench;
  const auto a = bench.join({.id = "a"});
  const auto b = bench.join({.id = "b"});
  const auto c = bench.join({.id = "c"});
  for (const auto each : {a, b, c}) bench.hear(each, list_text({"math.add"}));
  bench.drop(a);
  EXPECT_TRUE(bench.lists("math.add"));
  bench.execute("math.add");
  EXPECT_EQ(bench.unread(b), 1u);
  EXPECT_EQ(bench.unread(c), 0u);
  bench.drop(b);
  bench.execute("math.add");
  EXPECT_EQ(bench.unread(c), 1u);
  bench.drop(c);
  EXPECT_FALSE(bench.lists("math.add"));
}

TEST(RegistryCarriers, when_one_goes_all_who_wait_for_it_are_told_at_once) {
  // rule: commands/REG-23, commands/weakness.15
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  const auto call = bench.execute("math.add");
  bench.hear(asker, execute_text("q1", "math.add"));
  bench.drop(worker);
  ASSERT_TRUE(bench.has_settled(call));
  EXPECT_EQ(bench.code_of(call), Code::sent_then_lost);
  EXPECT_THAT(bench.result_of(call).error().note, HasSubstr("worker"));
  const std::string answer = bench.next(asker);
  EXPECT_EQ(json_at(answer, "thid"), "q1");
  EXPECT_EQ(json_at(answer, "response.error.code"), "channel_disconnected");
  EXPECT_EQ(bench.registry().requests_in_flight(), 0u);
  EXPECT_FALSE(bench.lists("math.add"));
  EXPECT_EQ(bench.code_of(bench.execute("math.add")), Code::not_found);
}

TEST(RegistryCarriers, handlers_that_run_for_one_that_goes_are_stopped_and_not_waited_for) {
  // rule: commands/REG-23, commands/weakness.16, commands/weakness.7
  RegistryBench bench;
  bench.offer("slow");
  const auto asker = bench.join({.id = "asker"});
  bench.hear(asker, list_text({"asked"}));
  bench.hear(asker, execute_text("q1", "slow"));
  const auto call = bench.execute("asked");
  bench.drop(asker);
  EXPECT_TRUE(bench.has_settled(call));
  ASSERT_EQ(bench.stops.size(), 1u);
  EXPECT_EQ(bench.stops[0].call, bench.starts.at(0).call);
  EXPECT_EQ(bench.stops[0].why.code, Code::cancelled);
  EXPECT_EQ(bench.registry().requests_in_flight(), 0u);
  EXPECT_FALSE(bench.finish(bench.starts[0].call, std::string("1")));
}

TEST(RegistryCarriers, a_message_that_is_none_is_answered_where_it_has_an_id) {
  // rule: commands/REG-29, commands/weakness.11
  RegistryBench bench;
  bench.offer("math.add");
  const auto carrier = bench.join({.id = "worker"});
  bench.hear(carrier, R"({"id":"q1","type":"execute.command.request","commandId":"math.add","request":7})");
  const std::string answer = bench.next(carrier);
  EXPECT_EQ(json_at(answer, "thid"), "q1");
  EXPECT_EQ(json_at(answer, "response.error.code"), "invalid_request");
  EXPECT_THAT(json_at(answer, "response.error.message"), HasSubstr("object"));
  bench.hear(carrier, R"({"id":"q2","type":"register.command.request"})");
  EXPECT_EQ(json_at(bench.next(carrier), "response.error"), "duplicate_command");
  for (const char* text : {"null", "[", "{}", R"({"id":"q3","type":"nothing.known"})", R"({"id":"q4","type":"event"})",
                           R"({"id":"q5","type":"list.commands.response","thid":"x"})"}) {
    bench.hear(carrier, text);
    EXPECT_EQ(bench.unread(carrier), 0u) << text;
  }
  EXPECT_EQ(bench.counters().malformed, 8u);
  EXPECT_TRUE(bench.starts.empty());
  bench.hear(carrier, execute_text("q6", "math.add"));
  EXPECT_EQ(bench.starts.size(), 1u);
}

TEST(RegistryCarriers, a_close_ends_all_and_can_be_repeated) {
  // rule: commands/REG-32
  RegistryBench bench;
  bench.offer("slow");
  const auto router = bench.join({.id = "router", .is_router = true, .is_extended = true});
  const auto asker = bench.join({.id = "asker", .is_extended = true, .wants_commands = true});
  bench.hear(asker, interest_text(R"("**")", true));
  bench.read_all();
  bench.offer("registering");
  const auto asked = bench.execute("far.away");
  const auto local = bench.execute("slow");
  bench.hear(asker, execute_text("q1", "slow"));
  bench.hear(asker, register_text("r1", "askers"));
  bench.emit("something");
  while (json_at(bench.next(asker), "type") != "event") ASSERT_NE(bench.unread(asker), 0u);
  bench.close();
  EXPECT_EQ(bench.code_of(asked), Code::closed);
  EXPECT_EQ(bench.code_of(local), Code::closed);
  EXPECT_EQ(bench.last_registered().error().code, Code::closed);
  EXPECT_EQ(bench.stops.size(), 2u);
  EXPECT_EQ(json_at(bench.next(asker), "response.error.code"), "internal_error");
  EXPECT_EQ(json_at(bench.next(asker), "response.error"), "duplicate_command");
  EXPECT_EQ(bench.registry().requests_in_flight(), 0u);
  EXPECT_EQ(bench.registry().carrier_count(), 0u);
  EXPECT_EQ(bench.registry().table().size(), 0u);
  EXPECT_TRUE(bench.registry().next_deadline().is_never());
  const std::size_t said = bench.unread();
  bench.close();
  bench.hear(router, list_request_text("late"));
  bench.hear(asker, execute_text("q2", "slow"));
  EXPECT_EQ(bench.unread(), said);
}

TEST(RegistryCarriers, nothing_begins_after_a_close) {
  // rule: commands/REG-32
  RegistryBench bench;
  bench.close();
  EXPECT_EQ(bench.add({.id = "late"}).error().code, Code::closed);
  EXPECT_EQ(bench.code_of(bench.execute("late")), Code::closed);
  EXPECT_EQ(bench.try_emit("late").error().code, Code::closed);
  bench.offer("late");
  EXPECT_EQ(bench.last_registered().error().code, Code::closed);
  EXPECT_FALSE(bench.lists("late"));
  bench.pass(60 * second);
}

// --- those who want to know all commands

TEST(RegistryCarriers, a_watcher_is_told_of_all_and_of_what_becomes_of_it) {
  // rule: commands/weakness.20, commands/REG-30
  RegistryBench bench;
  bench.offer("early");
  bench.offer("_private");
  const auto watcher = bench.join({.id = "watcher", .is_extended = true});
  bench.hear(watcher, list_text({"watchers.own"}));
  bench.hear(watcher, interest_text("", true));
  const std::string all = bench.next(watcher);
  EXPECT_EQ(json_at(all, "type"), "list.commands.response");
  EXPECT_EQ(json_at(all, "commands"), R"([{"id":"early"}])");
  bench.offer("_also_private");
  bench.offer("late");
  EXPECT_EQ(json_at(bench.next(watcher), "commands"), R"([{"id":"late"}])");
  const auto worker = bench.join({.id = "worker"});
  bench.read_all();
  bench.hear(worker, register_text("r1", "math.add"));
  const std::string new_one = bench.next(watcher);
  EXPECT_EQ(json_at(new_one, "commands.0.id"), "math.add");
  EXPECT_EQ(json_at(new_one, "commands.0.parley-hops"), "1");
  bench.hear(worker, register_text("r2", "math.add", R"(,"description":"adds")"));
  EXPECT_EQ(json_at(bench.next(watcher), "commands.0.description"), "adds");
  bench.hear(worker, register_text("r3", "math.add", R"(,"description":"adds")"));
  EXPECT_EQ(bench.unread(watcher), 0u);
  EXPECT_TRUE(bench.withdraw("late"));
  const std::string gone = bench.next(watcher);
  EXPECT_EQ(json_at(gone, "type"), "parley.unregister");
  EXPECT_EQ(json_at(gone, "commands"), R"(["late"])");
  EXPECT_EQ(bench.unread(watcher), 0u);
  bench.drop(worker);
  EXPECT_EQ(json_at(bench.next(watcher), "commands"), R"(["math.add"])");
  EXPECT_FALSE(bench.withdraw("late"));
}

TEST(RegistryCarriers, a_watcher_is_told_no_more_when_it_says_so) {
  RegistryBench bench;
  const auto watcher = bench.join({.id = "watcher", .is_extended = true});
  bench.hear(watcher, interest_text("", true));
  bench.hear(watcher, interest_text("", false));
  bench.read_all();
  bench.offer("late");
  EXPECT_EQ(bench.unread(watcher), 0u);
}

TEST(RegistryCarriers, when_another_takes_over_the_watcher_learns_what_it_has) {
  // rule: commands/weakness.20
  RegistryBench bench;
  const auto watcher = bench.join({.id = "watcher", .is_extended = true});
  bench.hear(watcher, interest_text("", true));
  const auto a = bench.join({.id = "a"});
  const auto b = bench.join({.id = "b"});
  bench.hear(a, list_text({"math.add"}, R"(,"description":"of a")"));
  bench.hear(b, list_text({"math.add"}, R"(,"description":"of b")"));
  bench.read_all();
  bench.drop(a);
  EXPECT_EQ(json_at(bench.next(watcher), "commands.0.description"), "of b");
}

TEST(RegistryCarriers, lists_that_nobody_asked_for_are_cut_into_parts) {
  RegistryBench bench;
  Registry::Definition large;
  large.description = std::string(30'000, 'x');
  for (int i = 0; i < 20; ++i) {
    large.id = fmt::format("large.{}", i);
    bench.offer(large);
  }
  const auto watcher = bench.join({.id = "watcher", .is_extended = true});
  bench.hear(watcher, interest_text("", true));
  EXPECT_GE(bench.unread(watcher), 4u);
  std::size_t commands = 0;
  while (bench.unread(watcher) != 0) {
    const std::string part = bench.next(watcher);
    EXPECT_LT(part.size(), 200'000u);
    commands += codec::json_elements(json_at(part, "commands")).size();
  }
  EXPECT_EQ(commands, 20u);
}

TEST(RegistryCarriers, watchers_in_a_ring_come_to_rest) {
  // rule: commands/weakness.14, commands/weakness.20
  RegistryNet net(4);
  const RegistryNet::Joint joint{.a_wants_commands = true, .b_wants_commands = true};
  net.connect(1, 2, joint);
  net.connect(2, 3, joint);
  net.connect(3, 1, joint);
  net.connect(0, 1, joint);
  net.carry();
  net[0].offer("math.add");
  net.carry(200);
  for (std::size_t node = 0; node < net.size(); ++node) EXPECT_TRUE(net[node].lists("math.add")) << node;
  EXPECT_TRUE(net[0].withdraw("math.add"));
  net.carry(1000);
  for (std::size_t node = 0; node < net.size(); ++node) EXPECT_FALSE(net[node].lists("math.add")) << node;
}

}  // namespace
}  // namespace parley::core
