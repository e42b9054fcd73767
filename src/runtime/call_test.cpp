#include "runtime/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/method_id.h"
#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;

// Starts the call, lets everything happen, and gives its outcome.
template <auto Method, class... Given>
auto ask(World& world, Client<Probe> client, Given&&... given) {
  auto call = client.template call<Method>(std::forward<Given>(given)...);
  return world.run(outcome(call));
}

TEST(CallRuntime, both_ends_call_each_other_on_one_session) {
  // rule: calls/session.symmetry
  // rule: calls/session.role
  // rule: calls/rpc.handler
  // rule: calls/rpc.caller
  // rule: calls/rpc.session-setup
  Pair pair;
  EXPECT_EQ(ask<&Probe::add>(pair.world, pair.client_a(), 2, 3).value(), 5);
  EXPECT_EQ(ask<&Probe::add>(pair.world, pair.client_b(), 40, 2).value(), 42);
  EXPECT_EQ(pair.probe_a.calls, 1);
  EXPECT_EQ(pair.probe_b.calls, 1);
  EXPECT_EQ(pair.a->counters().calls_sent, 1u);
  EXPECT_EQ(pair.a->counters().responses_received, 1u);
  EXPECT_EQ(pair.b->counters().calls_received, 1u);
  EXPECT_EQ(pair.b->counters().responses_sent, 1u);
}

TEST(CallRuntime, calls_of_both_ends_cross) {
  Pair pair;
  Client<Probe> a = pair.client_a();
  Client<Probe> b = pair.client_b();
  std::vector<std::unique_ptr<Call<std::int64_t>>> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(std::make_unique<Call<std::int64_t>>(a.call<&Probe::add>(i, 1)));
    calls.push_back(std::make_unique<Call<std::int64_t>>(b.call<&Probe::add>(i, 2)));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pair.world.run(outcome(*calls[static_cast<std::size_t>(2 * i)])).value(), i + 1);
    EXPECT_EQ(pair.world.run(outcome(*calls[static_cast<std::size_t>(2 * i + 1)])).value(), i + 2);
  }
}

TEST(CallRuntime, a_handler_calls_back_while_it_is_called) {
  Pair pair;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the probe keeps the lambda
  pair.probe_b.on_custom = [&pair](std::int64_t number) -> Task<std::int64_t> {
    auto call = pair.client_b().call<&Probe::add>(number, 1000);
    const auto answer = co_await call;
    co_return answer.value();
  };
  EXPECT_EQ(ask<&Probe::custom>(pair.world, pair.client_a(), 7).value(), 1007);
  EXPECT_EQ(pair.probe_a.calls, 1);
}

TEST(CallRuntime, one_call_does_not_hold_up_another) {
  // rule: calls/rpc.pipelining
  // rule: calls/rpc.service.methods
  Pair pair;
  Client<Probe> client = pair.client_a();
  auto slow = client.call<&Probe::hang>("slow");
  auto fast = client.call<&Probe::echo>("fast");
  EXPECT_EQ(pair.world.run(outcome(fast)).value(), "fast");
  EXPECT_FALSE(slow.is_done());
  auto slow_too = client.call<&Probe::hang>("slow too");
  pair.world.settle();
  EXPECT_EQ(pair.probe_b.hanging, 2);
  pair.probe_b.release.set();
  EXPECT_EQ(pair.world.run(outcome(slow_too)).value(), "slow too");
  EXPECT_EQ(pair.world.run(outcome(slow)).value(), "slow");
}

TEST(CallResult, members_of_a_value_are_reached_by_an_arrow) {
  using Pair = std::pair<int, int>;
  CallResult<Pair, MathError> both(Either<Pair, MathError>(Pair(1, 2)));
  both->first = 3;
  EXPECT_EQ(std::as_const(both)->first + both->second, 5);
}

TEST(CallRuntime, a_method_gives_a_value_or_its_own_error) {
  // rule: calls/rpc.fallible
  // rule: calls/rpc.fallible.caller-signature
  Pair pair;
  const CallResult<std::int64_t, MathError> five = ask<&Probe::divide>(pair.world, pair.client_a(), 10, 2);
  ASSERT_TRUE(five.has_value());
  EXPECT_EQ(*five, 5);
  EXPECT_EQ(five.own(), nullptr);
  EXPECT_EQ(five.error(), nullptr);
  const CallResult<std::int64_t, MathError> none = ask<&Probe::divide>(pair.world, pair.client_a(), 10, 0);
  EXPECT_FALSE(none);
  ASSERT_NE(none.own(), nullptr);
  EXPECT_EQ(*none.own(), MathError::division_by_zero);
  EXPECT_EQ(none.error(), nullptr);
}

TEST(CallRuntime, a_method_may_give_a_value_its_own_error_or_one_of_parleys) {
  Pair pair;
  EXPECT_EQ(ask<&Probe::judge>(pair.world, pair.client_a(), std::uint8_t{0}).value(), 7);
  const auto own = ask<&Probe::judge>(pair.world, pair.client_a(), std::uint8_t{1});
  ASSERT_NE(own.own(), nullptr);
  EXPECT_EQ(*own.own(), MathError::overflow);
  const auto refused = ask<&Probe::judge>(pair.world, pair.client_a(), std::uint8_t{2});
  ASSERT_NE(refused.error(), nullptr);
  EXPECT_EQ(*refused.error(), (Error{Code::permission, "not for you"}));
}

TEST(CallRuntime, an_error_of_a_handler_arrives_with_its_code_and_note) {
  // rule: calls/weakness.16
  Pair pair;
  for (const Code code : {Code::overloaded, Code::refused, Code::not_found, Code::cancelled, Code::lost, Code::bug}) {
    const auto answer =
        ask<&Probe::refuse>(pair.world, pair.client_a(), static_cast<std::uint32_t>(code), std::string("why not"));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), (Error{code, "why not"}));
  }
  const auto bare = ask<&Probe::refuse>(pair.world, pair.client_a(), 4000u, std::string());
  EXPECT_EQ(bare.error(), (Error{Code::refused, ""}));
  // A code of a later version keeps its kind.
  const auto later = ask<&Probe::refuse>(pair.world, pair.client_a(), 6999u, std::string());
  EXPECT_EQ(kind(later.error()), Kind::timed_out);
}

TEST(CallRuntime, a_method_that_nobody_serves_fails_its_call_alone) {
  // rule: calls/rpc.unknown-method
  // rule: calls/rpc.error.scope
  Pair pair;
  Client<Absent> absent(*pair.a);
  auto call = absent.call<&Absent::missing>(4);
  const auto answer = pair.world.run(outcome(call));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::method);
  EXPECT_EQ(pair.b->counters().methods_unknown, 1u);
  EXPECT_EQ(ask<&Probe::add>(pair.world, pair.client_a(), 1, 1).value(), 2);
}

TEST(CallRuntime, a_handler_that_throws_answers_with_what_it_said) {
  // rule: calls/rpc.error.scope
  Pair pair;
  for (const bool is_late : {false, true}) {
    const auto answer = ask<&Probe::blow_up>(pair.world, pair.client_a(), std::string("the fuse"), is_late);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), (Error{Code::handler_threw, "the fuse"}));
  }
  EXPECT_EQ(pair.b->counters().handlers_threw, 2u);
  EXPECT_EQ(pair.b->counters().responses_sent, 2u);
  EXPECT_EQ(ask<&Probe::add>(pair.world, pair.client_a(), 1, 1).value(), 2);
}

TEST(CallRuntime, what_a_handler_throws_cannot_harm_the_session) {
  // Text that is no UTF-8, or longer than metadata may be, may not go out as it is.
  Pair pair;
  for (const std::string& text :
       {std::string("\xff\xfe broken"), std::string(100'000, 'x'), std::string(100'000, '\xe2')}) {
    const auto answer = ask<&Probe::blow_up>(pair.world, pair.client_a(), std::string("x"), false);
    EXPECT_EQ(answer.error().code, Code::handler_threw);
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the probe keeps the lambda
    pair.probe_b.on_custom = [&text](std::int64_t) -> Task<std::int64_t> {
      throw std::runtime_error(text);
      co_return 0;
    };
    const auto harmful = ask<&Probe::custom>(pair.world, pair.client_a(), 1);
    ASSERT_FALSE(harmful.has_value());
    EXPECT_EQ(harmful.error().code, Code::handler_threw) << to_string(harmful.error());
    EXPECT_FALSE(pair.a->has_ended());
  }
  EXPECT_EQ(ask<&Probe::add>(pair.world, pair.client_a(), 1, 1).value(), 2);
}

TEST(CallRuntime, a_thrown_thing_that_is_no_exception_is_an_answer_too) {
  Pair pair;
  pair.probe_b.on_custom = [](std::int64_t) -> Task<std::int64_t> {
    throw 42;
    co_return 0;
  };
  const auto answer = ask<&Probe::custom>(pair.world, pair.client_a(), 1);
  EXPECT_EQ(answer.error().code, Code::handler_threw);
}

TEST(CallRuntime, a_result_larger_than_a_message_is_an_error_of_this_call) {
  SessionOptions small;
  small.limits.frame_bytes_max = 1000;
  Pair pair({.a = small, .b = small});
  const auto answer = ask<&Probe::repeat>(pair.world, pair.client_a(), std::string("0123456789"), 100u);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::too_large);
  EXPECT_EQ(ask<&Probe::echo>(pair.world, pair.client_a(), std::string("ok")).value(), "ok");
}

TEST(CallRuntime, arguments_larger_than_a_message_are_refused_before_they_are_sent) {
  SessionOptions small;
  small.limits.frame_bytes_max = 1000;
  Pair pair({.a = small, .b = small});
  auto call = pair.client_a().call<&Probe::echo>(std::string(2000, 'x'));
  EXPECT_TRUE(call.is_done());
  const auto answer = pair.world.run(outcome(call));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::too_large);
  EXPECT_EQ(pair.a->counters().calls_sent, 0u);
  EXPECT_EQ(ask<&Probe::echo>(pair.world, pair.client_a(), std::string("ok")).value(), "ok");
  EXPECT_EQ(pair.b->counters().calls_received, 1u);
}

TEST(CallRuntime, a_handler_may_look_into_the_received_bytes_while_it_runs) {
  // rule: calls/zerocopy.recv.selfref
  Pair pair;
  Client<Probe> client = pair.client_a();
  auto now = client.call<&Probe::view>("at once");
  EXPECT_EQ(pair.world.run(outcome(now)).value(), "at once");
  auto later = client.call<&Probe::view>("wait for it");
  pair.world.settle();
  // Much traffic over the same blocks before the handler goes on.
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(ask<&Probe::echo>(pair.world, pair.client_a(), std::string(5000, 'z')).value().size(), 5000u);
  }
  pair.probe_b.release.set();
  EXPECT_EQ(pair.world.run(outcome(later)).value(), "wait for it");
}

TEST(CallRuntime, a_pending_call_may_move) {
  Pair pair;
  auto call = pair.client_a().call<&Probe::hang>("here");
  pair.world.settle();
  auto moved = std::make_unique<Call<std::string>>(std::move(call));
  Call<std::string> again(std::move(*moved));
  moved.reset();
  EXPECT_TRUE(again.is_pending());
  EXPECT_FALSE(call.is_pending());  // NOLINT(bugprone-use-after-move): that it is none any more
  pair.probe_b.release.set();
  EXPECT_EQ(pair.world.run(outcome(again)).value(), "here");
  EXPECT_EQ(pair.a->counters().cancels_sent, 0u);
}

TEST(CallRuntime, a_call_that_is_over_may_move_too) {
  Pair pair;
  auto call = pair.client_a().call<&Probe::echo>("done");
  pair.world.settle();
  ASSERT_TRUE(call.is_done());
  Call<std::string> moved(std::move(call));
  EXPECT_EQ(pair.world.run(outcome(moved)).value(), "done");
}

TEST(CallRuntime, a_pending_call_with_a_deadline_moves_with_it) {
  Pair pair;
  auto call = pair.client_a().with({.deadline = 50ms}).call<&Probe::hang>("late");
  pair.world.settle();
  Call<std::string> moved(std::move(call));
  pair.world.pass(51ms);
  const auto answer = pair.world.run(outcome(moved));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Code::deadline);
}

TEST(CallRuntime, a_call_names_its_method_by_the_hash_of_its_names_and_signature) {
  // rule: calls/rpc.method-id
  constexpr std::uint64_t id = codec::method_id<std::int64_t, std::int64_t, std::int64_t>("Probe", "add");
  Scripted scripted({.role = Session::Role::initiator});
  auto call = scripted.client().call<&Probe::add>(1, 2);
  EXPECT_THAT(scripted.peer->heard_bytes(), testing::ElementsAre(say::call(1, id, {2, 4})));
  scripted.peer->says(say::call(2, id, {2, 4}));
  EXPECT_THAT(scripted.peer->heard(), testing::ElementsAre("response 2 0006"));
  static_cast<void>(call);
}

TEST(CallRuntime, two_services_with_a_method_of_one_name_have_two_ids) {
  // rule: calls/rpc.method-id.no-collisions
  static_assert(service::MethodInfo<&Probe::add>::id != service::MethodInfo<&Probe::divide>::id);
  Probe probe;
  MethodTable table;
  ASSERT_TRUE(add_service<Probe>(table, probe));
  const std::size_t size = table.size();
  EXPECT_EQ(size, 19u);
  const Result<void> again = add_service<Probe>(table, probe);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::in_use);
  EXPECT_THAT(again.error().note, testing::HasSubstr("Probe.add"));
  EXPECT_EQ(table.size(), size);
}

}  // namespace
}  // namespace parley::runtime
