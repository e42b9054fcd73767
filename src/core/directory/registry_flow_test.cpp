#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/directory/command_errors.h"
#include "core/directory/registry_suite.h"

// What happens between a request and its answer: cancels, progress, bounds, and errors on the wire.
namespace parley::core {
namespace {

using namespace registry_suite;
using ::testing::HasSubstr;

constexpr Duration second = std::chrono::seconds(1);

TEST(RegistryFlow, a_cancel_reaches_the_handler_through_all_hops) {
  // rule: commands/weakness.7
  RegistryNet net(3);
  net.connect(0, 1, {.is_router = true});
  net.connect(1, 2, {.is_router = true});
  net[2].offer("slow");
  net.carry();
  const auto call = net[0].execute("slow");
  net.carry();
  ASSERT_EQ(net[2].starts.size(), 1u);
  net[0].cancel(call);
  EXPECT_EQ(net.carry(), 2u);
  ASSERT_EQ(net[2].stops.size(), 1u);
  EXPECT_EQ(net[2].stops[0].call, net[2].starts[0].call);
  for (std::size_t node = 0; node < 3; ++node) EXPECT_EQ(net[node].registry().requests_in_flight(), 0u);
  EXPECT_FALSE(net[0].has_settled(call));
  EXPECT_FALSE(net[2].finish(net[2].starts[0].call, std::string("1")));
  net[0].cancel(call);
  EXPECT_EQ(net.carry(), 0u);
}

TEST(RegistryFlow, a_peer_that_knows_no_cancel_is_told_none) {
  // rule: commands/weakness.7
  RegistryBench bench;
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  const auto call = bench.execute("math.add");
  const std::string id = json_at(bench.next(worker), "id");
  bench.cancel(call);
  EXPECT_EQ(bench.unread(worker), 0u);
  bench.hear(worker, result_text(id, "1"));
  EXPECT_FALSE(bench.has_settled(call));
  EXPECT_EQ(bench.counters().responses_late, 1u);
}

TEST(RegistryFlow, a_cancel_stops_what_runs_here) {
  // rule: commands/weakness.7
  RegistryBench bench;
  bench.offer("slow");
  const auto asker = bench.join({.id = "asker", .is_extended = true});
  bench.hear(asker, execute_text("q1", "slow"));
  bench.hear(asker, cancel_text("q1"));
  ASSERT_EQ(bench.stops.size(), 1u);
  bench.hear(asker, cancel_text("q1"));
  EXPECT_EQ(bench.stops.size(), 1u);
  EXPECT_EQ(bench.unread(asker), 0u);
}

TEST(RegistryFlow, progress_goes_to_who_asked) {
  // rule: commands/weakness.8
  RegistryNet net(3);
  net.connect(0, 1, {.is_router = true});
  net.connect(1, 2, {.is_router = true});
  net[2].offer("slow");
  net.carry();
  const auto call = net[0].execute("slow");
  const auto quiet = net[0].execute({.command = "slow", .wants_progress = false});
  net.carry();
  for (const auto& start : net[2].starts) {
    EXPECT_TRUE(net[2].progress(start.call, R"({"done":1})"));
    EXPECT_TRUE(net[2].progress(start.call, R"({"done":2})"));
  }
  net.carry();
  ASSERT_EQ(net[0].progressed.size(), 2u);
  EXPECT_EQ(net[0].progressed[0].call, call);
  EXPECT_EQ(net[0].progressed[1].content, R"({"done":2})");
  EXPECT_FALSE(net[0].has_settled(call));
  const auto done = net[2].starts[0].call;
  net[2].finish(done, std::string("3"));
  EXPECT_FALSE(net[2].progress(done, "4"));
  net.carry();
  EXPECT_EQ(net[0].result_of(call).value(), "3");
  EXPECT_FALSE(net[0].has_settled(quiet));
}

TEST(RegistryFlow, progress_here_is_heard_here_and_not_by_foreign_peers) {
  // rule: commands/weakness.8
  RegistryBench bench;
  bench.offer("slow");
  const auto foreign = bench.join({.id = "foreign"});
  const auto call = bench.execute("slow");
  bench.hear(foreign, execute_text("q1", "slow"));
  for (const auto& start : bench.starts) EXPECT_TRUE(bench.progress(start.call, "1"));
  ASSERT_EQ(bench.progressed.size(), 1u);
  EXPECT_EQ(bench.progressed[0].call, call);
  EXPECT_EQ(bench.unread(foreign), 0u);
}

// --- bounds

TEST(RegistryFlow, at_the_cap_calls_back_are_answered) {
  // rule: commands/REG-28, commands/weakness.2
  constexpr std::uint32_t cap = 4;
  RegistryBench bench({.requests_per_carrier_max = cap});
  bench.offer("outer");
  bench.listen("news");
  const auto peer = bench.join({.id = "peer", .is_extended = true});
  bench.hear(peer, interest_text(R"("**")"));
  bench.hear(peer, list_text({"inner"}));
  for (std::uint32_t i = 0; i < cap; ++i) bench.hear(peer, execute_text(fmt::format("q{}", i), "outer"));
  ASSERT_EQ(bench.starts.size(), cap);
  for (const auto& start : std::deque(bench.starts)) {
    const auto call = bench.execute("inner");
    const std::string asked = bench.next(peer);
    EXPECT_EQ(json_at(asked, "commandId"), "inner");
    bench.hear(peer, result_text(json_at(asked, "id"), "1"));
    ASSERT_TRUE(bench.has_settled(call));
    bench.hear(peer, event_text(fmt::format("e{}", start.call), "news"));
  }
  EXPECT_EQ(bench.delivered.size(), cap);
  bench.read_all();
  bench.emit("news");
  EXPECT_EQ(json_at(bench.next(peer), "eventId"), "news");
}

TEST(RegistryFlow, beyond_the_cap_a_request_is_refused_and_others_are_not) {
  // rule: commands/REG-28, commands/weakness.3
  RegistryBench bench({.requests_per_carrier_max = 2});
  bench.offer("slow");
  const auto peer = bench.join({.id = "peer", .is_extended = true});
  const auto other = bench.join({.id = "other"});
  bench.read_all();
  for (const char* id : {"q1", "q2", "q3"}) bench.hear(peer, execute_text(id, "slow"));
  EXPECT_EQ(bench.starts.size(), 2u);
  const std::string refused = bench.next(peer);
  EXPECT_EQ(json_at(refused, "thid"), "q3");
  EXPECT_EQ(json_at(refused, "_meta.parley-error"), "5000");
  EXPECT_EQ(bench.counters().requests_refused, 1u);
  bench.hear(other, execute_text("o1", "slow"));
  EXPECT_EQ(bench.starts.size(), 3u);
  bench.finish(bench.starts[0].call, std::string("1"));
  bench.hear(peer, execute_text("q4", "slow"));
  EXPECT_EQ(bench.starts.size(), 4u);
}

TEST(RegistryFlow, one_principal_has_a_quarter_of_all_requests_through_however_many_carriers) {
  Policy policy;
  policy.add(Rule::parse("uid:1 see,call **").value()).value();
  policy.add(Rule::parse("uid:2 see,call **").value()).value();
  const Rights greedy(policy, Principal::of_user(1)), modest(policy, Principal::of_user(2));
  RegistryBench bench({.requests_max = 8});
  bench.offer("slow");
  const auto first = bench.join({.id = "first", .rights = &greedy});
  const auto again = bench.join({.id = "again", .rights = &greedy});
  const auto other = bench.join({.id = "other", .rights = &modest});
  bench.hear(first, execute_text("q1", "slow"));
  bench.hear(again, execute_text("q2", "slow"));
  bench.hear(again, execute_text("q3", "slow"));
  EXPECT_THAT(json_at(bench.next(again), "response.error.message"), HasSubstr("2 requests of your principal"));
  bench.hear(other, execute_text("q4", "slow"));
  EXPECT_EQ(bench.starts.size(), 3u);
  bench.finish(bench.starts[0].call, std::string("1"));
  bench.hear(again, execute_text("q5", "slow"));
  EXPECT_EQ(bench.starts.size(), 4u);
  bench.drop(again);
  bench.hear(first, execute_text("q6", "slow"));
  EXPECT_EQ(bench.starts.size(), 5u);
}

TEST(RegistryFlow, all_requests_together_are_bounded) {
  RegistryBench bench({.requests_max = 2});
  bench.offer("slow");
  const auto peer = bench.join({.id = "peer"});
  bench.hear(peer, execute_text("q1", "slow"));
  bench.execute("slow");
  EXPECT_EQ(bench.code_of(bench.execute("slow")), Code::overloaded);
  bench.hear(peer, execute_text("q2", "slow"));
  EXPECT_EQ(json_at(bench.next(peer), "response.error.code"), "internal_error");
  EXPECT_EQ(bench.registry().requests_in_flight(), 2u);
}

TEST(RegistryFlow, an_answer_that_comes_while_it_is_sent_is_not_lost) {
  // rule: commands/REG-31, commands/REG-14
  RegistryBench bench;
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  // The request is known before anybody could do the sending.
  Registry::Effects effects;
  const auto call = bench.registry().execute({.command = "math.add"}, bench.now(), effects);
  ASSERT_EQ(effects.size(), 1u);
  const std::string id = std::get<Registry::Send>(effects[0]).message->id;
  bench.hear(worker, result_text(id, "5"));
  ASSERT_TRUE(bench.has_settled(call));
  EXPECT_EQ(bench.result_of(call).value(), "5");

  const auto router = bench.join({.id = "router", .is_router = true});
  effects.clear();
  bench.registry().register_command({.id = "own", .description = {}, .schema = {}, .annotations = {}, .rest = {}},
                                    bench.now(), effects);
  bench.hear(router, registered_text(std::get<Registry::Send>(effects.at(0)).message->id, true));
  EXPECT_TRUE(bench.last_registered().has_value());
}

// --- errors

TEST(RegistryFlow, the_five_codes_pass_unchanged) {
  // rule: commands/REG-25
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto worker = bench.join({.id = "worker"});
  bench.hear(worker, list_text({"math.add"}));
  for (const char* code : {"not_found", "invalid_request", "internal_error", "timeout", "channel_disconnected"}) {
    bench.hear(asker, execute_text("q1", "math.add"));
    bench.next(worker);
    bench.hear(worker, error_text("q1", code, "why"));
    EXPECT_EQ(json_at(bench.next(asker), "response.error"), fmt::format(R"({{"code":"{}","message":"why"}})", code));
    const auto call = bench.execute("math.add");
    bench.hear(worker, error_text(json_at(bench.next(worker), "id"), code, "why"));
    ASSERT_FALSE(bench.result_of(call).has_value());
    const auto again = to_wire(bench.result_of(call).error());
    EXPECT_EQ(wire::command::to_string(again.code), code);
    EXPECT_EQ(again.message, "why");
  }
}

TEST(RegistryFlow, every_other_error_is_internal_with_its_message) {
  // rule: commands/REG-25
  RegistryBench bench;
  bench.offer("broken");
  const auto foreign = bench.join({.id = "foreign"});
  for (const Code code : {Code::permission, Code::overloaded, Code::handler_threw, Code::cancelled, Code::closed}) {
    bench.hear(foreign, execute_text("q1", "broken"));
    bench.finish(bench.starts.back().call, fail(code, "the disk is full"));
    const std::string answer = bench.next(foreign);
    EXPECT_EQ(json_at(answer, "response.error.code"), "internal_error") << answer;
    EXPECT_THAT(json_at(answer, "response.error.message"), HasSubstr("the disk is full"));
    EXPECT_EQ(json_at(answer, "_meta"), "");
  }
}

TEST(RegistryFlow, between_parley_peers_an_error_stays_what_it_is) {
  // rule: commands/weakness.30
  RegistryNet net(3);
  net.connect(0, 1, {.is_router = true});
  net.connect(1, 2, {.is_router = true});
  net[2].offer("broken");
  net.carry();
  for (const Code code : {Code::permission, Code::overloaded, Code::cancelled, Code::not_sent, Code::method}) {
    net[2].answer_with("broken", fail(code, "as it is"));
    const auto call = net[0].execute("broken");
    net.carry();
    ASSERT_TRUE(net[0].has_settled(call));
    EXPECT_EQ(net[0].result_of(call).error(), (Error{code, "as it is"}));
    EXPECT_EQ(net[0].settled.at(call).meta, "");
  }
}

TEST(RegistryFlow, a_code_that_is_none_is_that_of_the_wire) {
  // rule: commands/weakness.30
  RegistryBench bench;
  const auto worker = bench.join({.id = "worker", .is_extended = true});
  bench.hear(worker, list_text({"math.add"}));
  for (const char* said : {R"("4003")", "-1", "{}", "99999999999"}) {
    const auto call = bench.execute("math.add");
    const std::string meta = fmt::format(R"(,"_meta":{{"parley-error":{}}})", said);
    bench.hear(worker, error_text(json_at(bench.next(worker), "id"), "timeout", "why", meta));
    EXPECT_EQ(bench.result_of(call).error(), (Error{Code::deadline, "why"})) << said;
  }
  const auto call = bench.execute("math.add");
  bench.hear(worker, error_text(json_at(bench.next(worker), "id"), "timeout", "why", R"(,"_meta":{"parley-error":0})"));
  EXPECT_EQ(kind(bench.result_of(call).error()), Kind::unknown);
}

TEST(RegistryFlow, a_router_that_is_not_there_is_another_error_than_a_command_that_is_not) {
  // rule: commands/REG-13
  RegistryBench bench;
  const auto asker = bench.join({.id = "asker"});
  const auto router = bench.join({.id = "router", .is_router = true});
  const auto waiting = bench.execute("far.away");
  bench.drop(router);
  EXPECT_EQ(bench.code_of(waiting), Code::sent_then_lost);
  bench.hear(asker, execute_text("q1", "far.away"));
  EXPECT_EQ(json_at(bench.next(asker), "response.error.code"), "channel_disconnected");
  bench.pass(second);
  const auto again = bench.join({.id = "router", .is_router = true});
  bench.execute("far.away");
  EXPECT_EQ(bench.unread(again), 1u);
}

}  // namespace
}  // namespace parley::core
