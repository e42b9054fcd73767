#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"

// A call that is given up: by its caller, by the peer, in line, too late.
namespace parley::runtime {
namespace {

using namespace suite;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(CancelRuntime, dropping_a_call_cancels_it_once_and_keeps_its_slot_until_the_response) {
  // rule: calls/weakness.15
  // rule: calls/rpc.cancel
  Scripted scripted({.peer_requests_max = 1});
  {
    auto call = scripted.client().call<&Probe::hang>("x");
    EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178"));
  }
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("cancel 2"));
  auto next = scripted.client().call<&Probe::add>(1, 2);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "the peer counts the abandoned call still";
  EXPECT_EQ(scripted.session->root().calls().in_line(), 1u);

  scripted.peer->says(say::response(2, {0, 1, 'x'}));
  EXPECT_EQ(scripted.counters().responses_late, 1u);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 4 add 0204"));
  scripted.peer->says(say::response(4, {0, 6}));
  EXPECT_EQ(scripted.world.run(outcome(next)).value(), 3);
  EXPECT_EQ(scripted.counters().cancels_sent, 1u);
}

TEST(CancelRuntime, a_call_that_is_dropped_before_it_left_follows_with_its_cancel) {
  Scripted scripted;
  {
    auto call = scripted.client().call<&Probe::hang>("x");
  }
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178", "cancel 2"));
}

TEST(CancelRuntime, a_call_that_is_dropped_in_line_was_never_there) {
  Scripted scripted({.peer_requests_max = 1});
  auto first = scripted.client().call<&Probe::hang>("a");
  {
    auto second = scripted.client().call<&Probe::hang>("b");
    scripted.world.settle();
  }
  auto third = scripted.client().call<&Probe::hang>("c");
  scripted.peer->says(say::response(2, {0, 1, 'a'}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0161", "call 4 hang 0163"));
  EXPECT_EQ(scripted.counters().cancels_sent, 0u);
}

TEST(CancelRuntime, a_call_that_is_over_is_not_cancelled) {
  Scripted scripted;
  {
    auto call = scripted.client().call<&Probe::add>(1, 2);
    scripted.world.settle();
    scripted.peer->says(say::response(2, {0, 6}));
    EXPECT_TRUE(call.is_done());
  }
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 add 0204"));
}

TEST(CancelRuntime, destroying_the_task_that_awaits_a_call_cancels_it) {
  Scripted scripted;
  const auto ask = [](Client<Probe> client) -> Task<std::string> {
    auto call = client.call<&Probe::hang>("x");
    auto answer = co_await call;
    co_return answer.value();
  };
  Running<std::string> running(scripted.world, ask(scripted.client()));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178"));
  running.cancel();
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("cancel 2"));
}

TEST(CancelRuntime, cancelling_with_metadata_ends_the_call_at_once_and_keeps_its_slot) {
  // rule: calls/weakness.14
  // rule: calls/weakness.15
  Scripted scripted({.peer_requests_max = 1});
  auto call = scripted.client().call<&Probe::hang>("x");
  Running<Result<std::string>> waiting(scripted.world, outcome(call));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178"));
  call.cancel({{"reason", "the tab was closed"}});
  EXPECT_TRUE(call.is_done());
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("cancel 2 {reason=\"the tab was closed\"}"));
  EXPECT_EQ(waiting.take().error(), (Error{Code::cancelled, ""}));
  auto next = scripted.client().call<&Probe::add>(1, 2);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "the peer counts the cancelled call still";
  scripted.peer->says(say::response(2, {1, 3}));
  EXPECT_EQ(scripted.counters().responses_late, 1u);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 4 add 0204"));
  EXPECT_EQ(scripted.counters().cancels_sent, 1u);
}

TEST(CancelRuntime, a_call_is_cancelled_once_and_not_when_it_is_over) {
  Scripted scripted;
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.world.settle();
  call.cancel();
  call.cancel({{"reason", "again"}});
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178", "cancel 2"));
  auto done = scripted.client().call<&Probe::add>(1, 2);
  scripted.world.settle();
  scripted.peer->says(say::response(4, {0, 6}));
  done.cancel();
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 4 add 0204"));
  EXPECT_EQ(scripted.world.run(outcome(done)).value(), 3) << "it had its answer";
}

TEST(CancelRuntime, a_call_that_is_cancelled_in_line_was_never_there_and_its_channels_end) {
  Scripted scripted({.peer_requests_max = 1});
  auto first = scripted.client().call<&Probe::hang>("a");
  auto [tx, rx] = channel<std::int32_t>();
  auto second = scripted.client().call<&Probe::sum>(std::move(rx));
  second.cancel({{"reason", "too slow"}});
  scripted.peer->says(say::response(2, {0, 1, 'a'}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0161"));
  EXPECT_EQ(scripted.world.run(outcome(second)).error(), (Error{Code::cancelled, "before the call was sent"}));
  ASSERT_TRUE(tx.error());
  EXPECT_EQ(tx.error()->code, Code::cancelled);
  EXPECT_EQ(scripted.counters().cancels_sent, 0u);
}

TEST(CancelRuntime, metadata_of_a_cancel_that_no_peer_would_take_becomes_an_error_there) {
  Scripted scripted({.session = {.limits = {.metadata_entries_max = 1}}});
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.world.settle();
  call.cancel({{"a", "1"}, {"b", "2"}});
  EXPECT_THAT(
      scripted.peer->heard(),
      ElementsAre("call 2 hang 0178", "cancel 2 {parley-error=2000 parley-note=\"too many metadata entries\"}"));
}

TEST(CancelRuntime, metadata_of_a_cancel_reaches_foreign_peers_too) {
  // rule: calls/weakness.14
  Scripted scripted({.is_peer_foreign = true});
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.world.settle();
  call.cancel({{"reason", "bored"}});
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178", "cancel 2 {reason=\"bored\"}"));
}

TEST(CancelRuntime, a_cancel_that_ends_its_last_caller_lets_the_session_close) {
  Scripted scripted;
  auto call = scripted.client().call<&Probe::hang>("x");
  scripted.world.settle();
  scripted.session.reset();
  call.cancel({{"reason", "bored"}});
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178", "cancel 2 {reason=\"bored\"}"));
  EXPECT_TRUE(scripted.peer->has_heard_the_end());
}

TEST(CancelRuntime, a_raw_call_is_cancelled_with_metadata_as_a_typed_one_is) {
  // rule: calls/weakness.14
  Scripted scripted;
  const auto arguments = codec::to_postcard(std::string("x"));
  RawCall call = RawCall::start(*scripted.session, method_id<&Probe::hang>, arguments);
  scripted.world.settle();
  call.cancel({{"reason", "bored"}});
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0178", "cancel 2 {reason=\"bored\"}"));
  const auto response = [](RawCall& call) -> Task<Result<RawResponse>> { co_return co_await call; };
  EXPECT_EQ(scripted.world.run(response(call)).error(), (Error{Code::cancelled, ""}));
}

TEST(CancelRuntime, a_cancel_of_the_peer_destroys_the_handler_and_answers_at_once) {
  // rule: calls/weakness.27
  // rule: calls/rpc.cancel
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
  EXPECT_EQ(scripted.probe.hanging, 1);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  scripted.peer->says(say::cancel(1));
  EXPECT_EQ(scripted.probe.hanging, 0);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103"));
  EXPECT_EQ(scripted.counters().cancels_received, 1u);
  EXPECT_EQ(scripted.session->root().calls().handling(), 0u);
  // The frame is gone: what it waited for wakes nobody.
  scripted.probe.release.set();
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  // Once more, or for what was never asked: nothing is left to cancel.
  scripted.peer->says(say::cancel(1), say::cancel(33));
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  EXPECT_EQ(scripted.counters().cancels_too_late, 2u);
}

TEST(CancelRuntime, a_cancel_that_comes_with_its_call_finds_it) {
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")), say::cancel(1),
                      say::call_of<&Probe::add>(3, {}, std::int64_t{1}, std::int64_t{2}));
  EXPECT_EQ(scripted.probe.hanging, 0);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 {parley-error=7000} 0103", "response 3 0006"));
}

TEST(CancelRuntime, a_cancel_between_a_handlers_end_and_its_response_leaves_one_response) {
  // rule: calls/weakness.28
  // rule: calls/rpc.response.one-per-request
  // So much leaves at once, not when the ready queue has drained: one time the handler is about to go on when the
  // cancel comes, the other time it has ended and is about to be answered for.
  const auto put_cancel = [](Scripted& scripted) {
    for (const std::uint64_t id : {1u, 33u}) {
      scripted.peer->put(say::cancel(id, {{"why", std::string(40'000, 'x')}}));
    }
  };
  for (const bool is_cancel_first : {true, false}) {
    Scripted scripted;
    scripted.peer->says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
    if (is_cancel_first) put_cancel(scripted);
    scripted.probe.release.set();
    if (!is_cancel_first) put_cancel(scripted);
    EXPECT_EQ(scripted.peer->heard().size(), 1u) << is_cancel_first;
    EXPECT_EQ(scripted.counters().responses_sent, 1u);
    EXPECT_EQ(scripted.probe.hanging, 0);
  }
}

TEST(CancelRuntime, the_caller_of_a_cancelled_call_gets_nothing_and_the_callee_is_free_again) {
  Pair pair;
  {
    auto call = pair.client_a().call<&Probe::hang>("x");
    pair.world.settle();
    EXPECT_EQ(pair.probe_b.hanging, 1);
  }
  pair.world.settle();
  EXPECT_EQ(pair.probe_b.hanging, 0);
  EXPECT_EQ(pair.a->counters().responses_late, 1u);
  EXPECT_EQ(pair.a->root().calls().in_flight(), 0u);
}

TEST(CancelRuntime, cancel_leaves_the_channels_of_the_call_alone) {
  // rule: calls/rpc.cancel.channels
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_back, rx_back] = channel<std::int32_t, 256>();
  {
    auto sum = scripted.client().call<&Probe::sum>(std::move(rx));
    auto generate = scripted.client().call<&Probe::generate>(9u, std::move(tx_back));
    EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 sum [2]", "call 4 generate [4] 09"));
  }
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("cancel 4", "cancel 2"));
  EXPECT_TRUE(tx.is_open());
  EXPECT_EQ(tx.credit(), 16u);
  const auto send = [](Tx<std::int32_t>& to) -> Task<bool> { co_return (co_await to.send(1)).has_value(); };
  EXPECT_TRUE(scripted.world.run(send(tx)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("item 2 02"));
  scripted.peer->says(say::response(2, {1, 3}), say::response(4, {1, 3}), say::item(4, {10}));
  const auto receive = [](Rx<std::int32_t, 256>& from) -> Task<std::optional<std::int32_t>> {
    co_return co_await from.recv();
  };
  EXPECT_EQ(scripted.world.run(receive(rx_back)), 5);
  tx.close();
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("close 2"));
}

TEST(CancelRuntime, a_cancelled_handler_gives_up_its_channels) {
  // rule: calls/weakness.10
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::sum>(1, {1}), say::item(1, {2}));
  EXPECT_EQ(scripted.probe.hanging, 1);
  scripted.peer->says(say::cancel(1));
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("response 1 {parley-error=7000} 0103", "reset 1 {parley-error=7002}"));
  EXPECT_EQ(scripted.probe.hanging, 0);
  scripted.peer->says(say::item(1, {2}), say::close(1));
  EXPECT_EQ(scripted.counters().items_after_end, 1u);
  EXPECT_EQ(scripted.counters().closes_after_end, 1u);
}

TEST(CancelRuntime, a_handler_that_waits_for_a_call_of_its_own_passes_the_cancel_on) {
  Pair pair;
  const auto ask = [](Client<Probe> client) -> Task<std::int64_t> {
    auto call = client.call<&Probe::hang>("deep");
    static_cast<void>(co_await call);
    co_return 0;
  };
  pair.probe_b.on_custom = [&](std::int64_t) { return ask(pair.client_b()); };
  {
    auto call = pair.client_a().call<&Probe::custom>(1);
    pair.world.settle();
    EXPECT_EQ(pair.probe_a.hanging, 1);
  }
  pair.world.settle();
  EXPECT_EQ(pair.probe_a.hanging, 0);
  EXPECT_EQ(pair.b->counters().cancels_sent, 1u);
}

TEST(CancelRuntime, a_cancelled_response_of_a_foreign_peer_is_cancelled_and_nothing_else) {
  // rule: calls/rpc.fallible.roam-error
  Scripted scripted({.is_peer_foreign = true});
  auto call = scripted.client().call<&Probe::add>(1, 2);
  scripted.world.settle();
  scripted.peer->says(say::response(2, {1, 3}));
  const auto answer = scripted.world.run(outcome(call));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error(), (Error{Code::cancelled, ""}));
}

}  // namespace
}  // namespace parley::runtime
