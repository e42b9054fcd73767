#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/directory/command_errors.h"
#include "core/directory/registry_suite.h"

// Requests on their way to whoever answers them, and answers on theirs to who asked.
namespace parley::core {
namespace {

using namespace registry_suite;
using ::testing::HasSubstr;

constexpr Duration second = std::chrono::seconds(1);

TEST(RegistryExecute, what_is_here_comes_before_what_is_elsewhere_and_above) {
  // rule: commands/REG-13
  RegistryBench bench;
  bench.offer("local");
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"local", "remote"}));
  bench.hear(router, list_text({"remote", "above"}));
  bench.read_all();
  bench.execute("local", R"({"a":1})");
  ASSERT_EQ(bench.starts.size(), 1u);
  EXPECT_EQ(bench.starts[0].request, R"({"a":1})");
  EXPECT_EQ(bench.unread(), 0u);
  bench.execute("remote");
  EXPECT_EQ(json_at(bench.next(worker), "commandId"), "remote");
  bench.execute("above");
  bench.execute("unknown");
  EXPECT_EQ(json_at(bench.next(router), "commandId"), "above");
  EXPECT_EQ(json_at(bench.next(router), "commandId"), "unknown");
  EXPECT_EQ(bench.unread(), 0u);
}

TEST(RegistryExecute, at_the_root_an_unknown_command_is_not_found) {
  // rule: commands/REG-13
  RegistryBench bench;
  const auto peer = bench.join({.id = "peer"});
  bench.hear(peer, execute_text("q1", "un.known"));
  const std::string answer = bench.next(peer);
  EXPECT_EQ(json_at(answer, "thid"), "q1");
  EXPECT_EQ(json_at(answer, "response.error.code"), "not_found");
  EXPECT_THAT(json_at(answer, "response.error.message"), HasSubstr("un.known"));
  EXPECT_EQ(bench.code_of(bench.execute("un.known")), Code::not_found);
}

TEST(RegistryExecute, what_no_message_can_say_is_asked_of_no_router) {
  RegistryBench bench;
  bench.join({.id = "router", .is_router = true});
  bench.read_all();
  for (const std::string& name : {std::string(), std::string("\xc3"), std::string(257, 'x')}) {
    EXPECT_EQ(bench.code_of(bench.execute(name)), Code::not_found) << name;
  }
  EXPECT_EQ(bench.unread(), 0u);
}

TEST(RegistryExecute, what_is_passed_on_keeps_its_id_and_all_that_is_in_it) {
  // rule: commands/REG-14, commands/REG-27, commands/REG-26
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  bench.hear(asker, execute_text("q1", "math.add", R"(,"request":{"a": [1]},"x":{"y":2},"_meta":{"baggage":"b"})"));
  EXPECT_EQ(bench.next(worker), R"({"id":"q1","type":"execute.command.request","commandId":"math.add",)"
                                R"("request":{"a":[1]},"_meta":{"baggage":"b","parley-hops":1},"x":{"y":2}})");
  bench.hear(worker, result_text("q1", R"({"sum":3})", R"(,"z":1,"_meta":{"tracestate":"t"})"));
  EXPECT_EQ(bench.next(asker), R"({"id":"answer","type":"execute.command.response","thid":"q1",)"
                               R"("response":{"ok":true,"result":{"sum":3}},"_meta":{"tracestate":"t"},"z":1})");
  bench.hear(asker, execute_text("q2", "math.add", R"(,"request":null)"));
  EXPECT_EQ(bench.next(worker), execute_text("q2", "math.add", R"(,"_meta":{"parley-hops":1})"));
  bench.hear(worker, error_text("q2", "timeout", "too slow", R"(,"z":1,"_meta":{"tracestate":"t"})"));
  EXPECT_EQ(bench.next(asker), R"({"id":"answer","type":"execute.command.response","thid":"q2",)"
                               R"("response":{"ok":false,"error":{"code":"timeout","message":"too slow"}},)"
                               R"("_meta":{"tracestate":"t"},"z":1})");
}

TEST(RegistryExecute, meta_goes_from_the_request_to_the_response) {
  // rule: commands/REG-27
  RegistryBench bench;
  bench.offer("math.add");
  const auto asker = bench.join({.id = "asker"});
  const std::string_view meta = R"(,"_meta":{"traceparent":"t","parley-remaining-us":5000000})";
  bench.hear(asker, execute_text("q1", "math.add", meta));
  EXPECT_THAT(bench.starts.at(0).meta, HasSubstr(R"("traceparent":"t")"));
  bench.finish(bench.starts[0].call, std::string("1"));
  EXPECT_EQ(json_at(bench.next(asker), "_meta"), R"({"traceparent":"t"})");
  bench.hear(asker, execute_text("q2", "un.known", meta));
  EXPECT_EQ(json_at(bench.next(asker), "_meta.traceparent"), "t");
}

TEST(RegistryExecute, no_request_is_the_same_in_all_its_forms) {
  // rule: commands/REG-26
  RegistryBench bench;
  bench.offer("void");
  const auto asker = bench.join({.id = "asker"});
  bench.hear(asker, execute_text("q1", "void"));
  bench.hear(asker, execute_text("q2", "void", R"(,"request":null)"));
  bench.hear(asker, execute_text("q3", "void", R"(,"request": { })"));
  ASSERT_EQ(bench.starts.size(), 3u);
  EXPECT_EQ(bench.starts[0].request, "");
  EXPECT_EQ(bench.starts[1].request, "");
  EXPECT_EQ(bench.starts[2].request, "{}");
  bench.finish(bench.starts[0].call, std::string());
  EXPECT_EQ(json_at(bench.next(asker), "response"), R"({"ok":true})");
}

TEST(RegistryExecute, nothing_goes_back_to_where_it_came_from) {
  // rule: commands/REG-15
  RegistryBench bench;
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  bench.read_all();
  bench.hear(worker, execute_text("q1", "math.add"));
  EXPECT_EQ(json_at(bench.next(worker), "response.error.code"), "not_found");
  bench.hear(router, execute_text("q2", "un.known"));
  EXPECT_EQ(json_at(bench.next(router), "response.error.code"), "not_found");
  EXPECT_EQ(bench.unread(), 0u);
}

TEST(RegistryExecute, a_request_that_is_in_flight_already_came_round) {
  // rule: commands/REG-16
  RegistryBench bench;
  bench.offer("slow");
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto other = bench.join({.id = "other"});
  bench.execute("far.away");
  bench.hear(other, execute_text(json_at(bench.next(router), "id"), "far.away"));
  EXPECT_EQ(json_at(bench.next(other), "response.error.code"), "not_found");
  bench.hear(other, execute_text("q1", "slow"));
  bench.hear(router, execute_text("q1", "slow"));
  EXPECT_EQ(json_at(bench.next(router), "response.error.code"), "not_found");
  EXPECT_EQ(bench.starts.size(), 1u);
  EXPECT_EQ(bench.counters().loops, 2u);
  bench.finish(bench.starts[0].call, std::string("1"));
  EXPECT_EQ(json_at(bench.next(other), "response.ok"), "true");
  bench.hear(router, execute_text("q1", "slow"));
  EXPECT_EQ(bench.starts.size(), 2u);
}

TEST(RegistryExecute, routers_of_each_other_do_not_circulate_what_they_do_not_know) {
  // rule: commands/weakness.14, commands/REG-16
  RegistryNet pair(2);
  pair.connect(0, 1, {.is_extended = false, .is_router = true, .is_router_too = true});
  RegistryNet ring(3);
  for (std::size_t i = 0; i < 3; ++i) ring.connect(i, (i + 1) % 3, {.is_extended = false, .is_router = true});
  for (RegistryNet* net : {&pair, &ring}) {
    net->carry();
    const auto call = (*net)[0].execute("un.known");
    EXPECT_LE(net->carry(100), 2 * net->size());
    EXPECT_EQ((*net)[0].code_of(call), Code::not_found);
  }
}

TEST(RegistryExecute, a_child_that_lost_a_command_does_not_bounce_it) {
  // rule: commands/weakness.14
  RegistryNet net(2);
  const auto ends = net.connect(0, 1, {.is_extended = false, .is_router = true});
  net.carry();
  net[1].hear(ends.second, list_text({"forgotten"}));
  const auto call = net[1].execute("forgotten");
  EXPECT_LE(net.carry(100), 2u);
  EXPECT_EQ(net[1].code_of(call), Code::not_found);
}

TEST(RegistryExecute, only_the_one_who_was_asked_answers) {
  // rule: commands/REG-17, commands/weakness.10
  RegistryBench bench;
  const auto worker = bench.join({.id = "worker"});
  const auto other = bench.join({.id = "other", .is_extended = true});
  bench.hear(worker, list_text({"math.add"}));
  const auto call = bench.execute("math.add");
  const std::string id = json_at(bench.next(worker), "id");
  bench.hear(other, result_text(id, "666"));
  bench.hear(other, progress_text(id, "666"));
  bench.hear(other, cancel_text(id));
  EXPECT_FALSE(bench.has_settled(call));
  EXPECT_EQ(bench.counters().responses_of_others, 3u);
  bench.hear(worker, result_text(id, "5"));
  EXPECT_EQ(bench.result_of(call).value(), "5");
  EXPECT_TRUE(bench.progressed.empty());
}

TEST(RegistryExecute, the_asker_itself_can_not_answer) {
  // rule: commands/REG-17
  RegistryBench bench;
  bench.offer("slow");
  const auto asker = bench.join({.id = "asker"});
  bench.hear(asker, execute_text("q1", "slow"));
  bench.hear(asker, result_text("q1", "666"));
  EXPECT_EQ(bench.counters().responses_of_others, 1u);
  EXPECT_EQ(bench.registry().requests_in_flight(), 1u);
}

TEST(RegistryExecute, an_answer_ends_its_request_and_a_late_one_is_counted) {
  // rule: commands/REG-18
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  bench.hear(asker, execute_text("q1", "math.add"));
  bench.hear(worker, result_text("q1", "1"));
  EXPECT_EQ(json_at(bench.next(asker), "response.result"), "1");
  EXPECT_EQ(bench.registry().requests_in_flight(), 0u);
  bench.hear(worker, result_text("q1", "2"));
  bench.hear(worker, result_text("never asked", "2"));
  EXPECT_EQ(bench.unread(asker), 0u);
  EXPECT_EQ(bench.counters().responses_late, 2u);
}

TEST(RegistryExecute, private_ones_need_the_right_to_operate) {
  // rule: commands/REG-19, commands/weakness.12
  Policy policy;
  ASSERT_TRUE(policy.add(Rule::parse("uid:1 call,operate **").value()).has_value());
  ASSERT_TRUE(policy.add(Rule::parse("uid:2 call **").value()).has_value());
  const Rights operators(policy, Principal::of_user(1));
  const Rights users(policy, Principal::of_user(2));
  RegistryBench bench;
  bench.offer("_secret");
  const auto plain = bench.join({.id = "plain"});
  const auto caller = bench.join({.id = "user", .rights = &users});
  const auto operating = bench.join({.id = "operator", .rights = &operators});
  for (const auto each : {plain, caller}) {
    bench.hear(each, execute_text("q1", "_secret"));
    EXPECT_EQ(json_at(bench.next(each), "response.error.code"), "not_found");
  }
  EXPECT_EQ(bench.code_of(bench.execute({.command = "_secret", .rights = &users})), Code::not_found);
  EXPECT_TRUE(bench.starts.empty());
  bench.hear(operating, execute_text("q2", "_secret"));
  bench.execute({.command = "_secret", .rights = &operators});
  bench.execute("_secret");
  EXPECT_EQ(bench.starts.size(), 3u);
}

TEST(RegistryExecute, whoever_may_not_is_told_so_where_he_may_see_it) {
  // rule: commands/weakness.12
  Policy policy;
  ASSERT_TRUE(policy.add(Rule::parse("uid:1 see seen").value()).has_value());
  ASSERT_TRUE(policy.add(Rule::parse("uid:1 call allowed").value()).has_value());
  const Rights rights(policy, Principal::of_user(1));
  RegistryBench bench;
  for (const char* each : {"seen", "unseen", "allowed"}) bench.offer(each);
  const auto asker = bench.join({.id = "asker", .is_extended = true, .rights = &rights});
  bench.hear(asker, execute_text("q1", "seen"));
  EXPECT_EQ(json_at(bench.next(asker), "_meta.parley-error"), "4003");
  bench.hear(asker, execute_text("q2", "unseen"));
  const std::string unseen = bench.next(asker);
  bench.hear(asker, execute_text("q2", "absent"));
  EXPECT_EQ(json_at(unseen, "response.error.code"), "not_found");
  EXPECT_EQ(json_at(unseen, "_meta"), json_at(bench.next(asker), "_meta"));
  EXPECT_EQ(bench.code_of(bench.execute({.command = "seen", .rights = &rights})), Code::permission);
  EXPECT_EQ(bench.code_of(bench.execute({.command = "unseen", .rights = &rights})), Code::not_found);
  EXPECT_TRUE(bench.starts.empty());
  bench.hear(asker, execute_text("q3", "allowed"));
  EXPECT_EQ(bench.starts.size(), 1u);
  bench.hear(asker, list_request_text("l1"));
  EXPECT_EQ(json_at(bench.next(asker), "commands"), R"([{"id":"allowed"},{"id":"seen"}])");
}

// --- time

TEST(RegistryExecute, one_that_waits_alone_ends_by_the_timer_and_not_late) {
  // rule: commands/REG-24, commands/weakness.4, commands/weakness.5
  RegistryBench bench;
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  const Instant begun = bench.now();
  const auto call = bench.execute("math.add");
  EXPECT_EQ(bench.registry().next_deadline(), begun + 30 * second);
  bench.pass(30 * second - Duration(1));
  EXPECT_FALSE(bench.has_settled(call));
  bench.pass(Duration(1));
  ASSERT_TRUE(bench.has_settled(call));
  EXPECT_EQ(bench.code_of(call), Code::deadline);
  EXPECT_TRUE(bench.registry().next_deadline().is_never());
  EXPECT_EQ(bench.counters().timeouts, 1u);
  bench.hear(worker, result_text(json_at(bench.next(worker), "id"), "1"));
  EXPECT_EQ(bench.counters().responses_late, 1u);
}

TEST(RegistryExecute, one_that_was_passed_on_is_answered_timeout) {
  // rule: commands/REG-24
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  bench.hear(asker, execute_text("q1", "math.add"));
  bench.pass(30 * second);
  const std::string answer = bench.next(asker);
  EXPECT_EQ(json_at(answer, "thid"), "q1");
  EXPECT_EQ(json_at(answer, "response.error.code"), "timeout");
  EXPECT_EQ(bench.registry().requests_in_flight(), 0u);
}

TEST(RegistryExecute, the_handler_is_stopped_when_time_is_up) {
  // rule: commands/weakness.7, commands/REG-24
  RegistryBench bench({.answer_max = second});
  bench.offer("slow");
  const auto asker = bench.join({.id = "asker"});
  bench.hear(asker, execute_text("q1", "slow"));
  EXPECT_EQ(bench.starts.at(0).deadline, bench.now() + second);
  bench.pass(second);
  ASSERT_EQ(bench.stops.size(), 1u);
  EXPECT_EQ(bench.stops[0].why.code, Code::deadline);
  EXPECT_EQ(json_at(bench.next(asker), "response.error.code"), "timeout");
  EXPECT_FALSE(bench.finish(bench.starts[0].call, std::string("1")));
  EXPECT_EQ(bench.unread(asker), 0u);
}

TEST(RegistryExecute, a_deadline_travels_and_is_shorter_at_each_hop) {
  // rule: commands/weakness.6
  RegistryNet net(3);
  net.connect(0, 1, {.is_router = true});
  net.connect(1, 2, {.is_router = true});
  net.carry();
  net[1].offer("middle");
  net[2].offer("last");
  net.carry();
  const auto call = net[0].execute({.command = "middle", .deadline = net[0].now() + 10 * second});
  net.carry();
  ASSERT_EQ(net[1].starts.size(), 1u);
  EXPECT_EQ(net[1].starts[0].deadline, net[1].now() + 10 * second);
  net.pass(4 * second);
  net[1].execute({.command = "last", .deadline = net[1].starts[0].deadline});
  net.carry();
  ASSERT_EQ(net[2].starts.size(), 1u);
  EXPECT_EQ(net[2].starts[0].deadline, net[2].now() + 6 * second);
  EXPECT_EQ(net[2].starts[0].meta, "") << "what registries tell each other is nothing for a handler";
  net.pass(6 * second);
  EXPECT_EQ(net[0].code_of(call), Code::deadline);
  EXPECT_EQ(net[2].stops.size(), 1u);
}

TEST(RegistryExecute, a_deadline_that_is_none_is_that_of_the_registry) {
  // rule: commands/weakness.6
  RegistryBench bench;
  bench.offer("slow");
  const auto asker = bench.join({.id = "asker"});
  int asked = 0;
  for (const char* said : {R"("1s")", "-1", "1e3", "99999999999999999999", "{}", "null"}) {
    const std::string meta = fmt::format(R"(,"_meta":{{"parley-remaining-us":{}}})", said);
    bench.hear(asker, execute_text(fmt::format("q{}", ++asked), "slow", meta));
    EXPECT_EQ(bench.starts.back().deadline, bench.now() + 30 * second) << said;
  }
  bench.hear(asker, execute_text("q0", "slow", R"(,"_meta":{"parley-remaining-us":18446744073709551615})"));
  EXPECT_EQ(bench.starts.back().deadline, bench.now() + std::chrono::hours(24));
}

}  // namespace
}  // namespace parley::core
