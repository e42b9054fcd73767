#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// Credit: who may send how much, and what gives it back.
namespace parley::runtime {
namespace {

using namespace suite;
using testing::ElementsAre;
using testing::IsEmpty;

// Sends the numbers from 0 up until the channel ends or all are sent.
Task<std::optional<Error>> send_numbers(Tx<std::int32_t>& tx, std::int32_t count, std::int32_t& sent) {
  for (sent = 0; sent < count; ++sent) {
    if (auto result = co_await tx.send(sent); !result) co_return result.error();
  }
  co_return std::nullopt;
}
std::size_t count_of(const std::vector<std::string>& lines, std::string_view prefix) {
  std::size_t count = 0;
  for (const std::string& line : lines) count += line.starts_with(prefix) ? 1 : 0;
  return count;
}

TEST(FlowControl, a_sender_stops_when_its_credit_is_used_up_and_goes_on_with_a_grant) {
  // rule: calls/rpc.flow-control.credit.initial
  // rule: calls/rpc.flow-control.credit.exhaustion
  // rule: calls/rpc.flow-control.credit.grant.additive
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(scripted.world, send_numbers(tx, 100, sent));
  EXPECT_EQ(sent, 16);
  EXPECT_EQ(count_of(scripted.peer->heard(), "item 2 "), 16u);
  EXPECT_EQ(tx.credit(), 0u);
  scripted.peer->says(say::grant(2, 3), say::grant(2, 4));
  EXPECT_EQ(sent, 23);
  EXPECT_EQ(count_of(scripted.peer->heard(), "item 2 "), 7u);
  scripted.peer->says(say::grant(2, 0));
  EXPECT_EQ(sent, 23);
  scripted.peer->says(say::grant(2, 1000));
  EXPECT_EQ(sent, 100);
  EXPECT_TRUE(sending.is_done());
  EXPECT_EQ(tx.credit(), 1016u - 93u);
}

TEST(FlowControl, a_handler_that_sends_obeys_the_credit_too) {
  // rule: calls/rpc.flow-control.credit
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::generate>(1, {1}, std::uint32_t{300}));
  EXPECT_EQ(count_of(scripted.peer->heard(), "item 1 "), 256u);
  scripted.peer->says(say::grant(1, 10));
  EXPECT_EQ(count_of(scripted.peer->heard(), "item 1 "), 10u);
  scripted.peer->says(say::grant(1, 100));
  const std::vector<std::string> rest = scripted.peer->heard();
  EXPECT_EQ(count_of(rest, "item 1 "), 34u);
  EXPECT_THAT(rest, testing::IsSupersetOf({"close 1", "response 1 00"}));
}

TEST(FlowControl, with_no_initial_credit_nothing_is_sent_before_the_first_grant) {
  // rule: calls/rpc.flow-control.credit.initial.zero
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t, 0>();
  auto [tx_back, rx_back] = channel<std::int32_t, 0>();
  auto call = scripted.client().call<&Probe::keep_zero>(std::move(rx), std::move(tx_back));
  Running<Result<void>> sending(scripted.world, send_one(tx, 1));
  EXPECT_FALSE(sending.is_done());
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 keep_zero [2 4]"));
  scripted.peer->says(say::grant(2, 1));
  EXPECT_TRUE(sending.take());
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("item 2 02"));
  // And the other way round a reader that waits gives the first credit.
  Running<std::optional<std::int32_t>> receiving(scripted.world, receive_one(rx_back));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("grant 4 16"));
  scripted.peer->says(say::item(4, {10}));
  EXPECT_EQ(receiving.take(), 5);
}

TEST(FlowControl, a_reader_grants_in_batches_as_it_reads_and_not_before) {
  // rule: calls/weakness.1
  // rule: calls/rpc.flow-control.credit.grant
  Scripted scripted({.is_peer_foreign = true});
  scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}));
  scripted.peer->heard();
  for (std::uint8_t i = 0; i < 16; ++i) scripted.peer->put(say::item(1, {i}));
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "nobody has read anything";
  Rx<std::int32_t>& rx = *scripted.probe.kept_rx;
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(scripted.world.run(receive_one(rx)));
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  ASSERT_TRUE(scripted.world.run(receive_one(rx)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("grant 1 8"));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(scripted.world.run(receive_one(rx)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("grant 1 8"));
  EXPECT_EQ(rx.window(), 16u) << "the window toward a foreign peer stays";
  EXPECT_EQ(scripted.counters().grants_sent, 2u);
}

TEST(FlowControl, far_more_items_than_the_window_pass_each_way) {
  // rule: calls/weakness.1
  // rule: calls/rpc.flow-control
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_back, rx_back] = channel<std::int32_t, 256>();
  auto sum = pair.client_a().call<&Probe::sum>(std::move(rx));
  auto generate = pair.client_a().call<&Probe::generate>(5000u, std::move(tx_back));
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(pair.world, send_numbers(tx, 5000, sent));
  const std::vector<std::int32_t> received = pair.world.run(receive_all(rx_back));
  ASSERT_EQ(received.size(), 5000u);
  for (std::int32_t i = 0; i < 5000; ++i) ASSERT_EQ(received[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(sending.take(), std::nullopt);
  tx.close();
  EXPECT_EQ(pair.world.run(outcome(sum)).value(), 5000 * 4999 / 2);
  EXPECT_TRUE(pair.world.run(outcome(generate)));
}

TEST(FlowControl, the_window_grows_with_a_fast_reader_up_to_its_bound) {
  SessionOptions bounded;
  bounded.limits.window_items_max = 100;
  Pair pair({.a = bounded, .b = {}});
  auto [tx, rx] = channel<std::int32_t, 256>();
  auto [tx_small, rx_small] = channel<std::int32_t>();
  auto keep = pair.client_a().call<&Probe::keep_tx>(std::move(tx_small));
  ASSERT_TRUE(pair.world.run(outcome(keep)));
  EXPECT_EQ(rx_small.window(), 16u);
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(pair.world, send_numbers(*pair.probe_b.kept_tx, 3000, sent));
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(pair.world.run(receive_one(rx_small)), i);
  EXPECT_EQ(rx_small.window(), 100u);
  EXPECT_TRUE(sending.is_done());
  // Nobody has more under way than the window.
  EXPECT_LE(pair.probe_b.kept_tx->credit(), 100u);
}

TEST(FlowControl, a_slow_reader_slows_the_writer) {
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto keep = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  ASSERT_TRUE(pair.world.run(outcome(keep)));
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(pair.world, send_numbers(tx, 1'000'000, sent));
  EXPECT_EQ(sent, 16);
  for (std::int32_t i = 0; i < 40; ++i) {
    ASSERT_EQ(pair.world.run(receive_one(*pair.probe_b.kept_rx)), i);
    pair.world.settle();
    EXPECT_LE(sent - i, 1 + static_cast<std::int32_t>(pair.probe_b.kept_rx->window()));
  }
  EXPECT_LT(sent, 200);
}

TEST(FlowControl, a_full_queue_loses_neither_items_nor_the_close_behind_them) {
  // rule: calls/weakness.2
  // rule: calls/weakness.3
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}));
  for (std::uint8_t i = 0; i < 16; ++i) scripted.peer->put(say::item(1, {static_cast<std::uint8_t>(2 * i)}));
  scripted.peer->says(say::close(1, {{"end", std::uint64_t{1}}}));
  Rx<std::int32_t>& rx = *scripted.probe.kept_rx;
  const std::vector<std::int32_t> items = scripted.world.run(receive_all(rx));
  ASSERT_EQ(items.size(), 16u);
  for (std::int32_t i = 0; i < 16; ++i) EXPECT_EQ(items[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(rx.error(), nullptr);
  EXPECT_NE(rx.close_metadata().find_number("end"), nullptr);
}

TEST(FlowControl, an_abort_behind_a_full_queue_is_no_clean_end) {
  // rule: calls/weakness.3
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto keep = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  ASSERT_TRUE(pair.world.run(outcome(keep)));
  {
    Tx<std::int32_t> gone = std::move(tx);
    for (std::int32_t i = 0; i < 16; ++i) ASSERT_TRUE(pair.world.run(send_one(gone, i)));
  }
  pair.world.settle();
  EXPECT_EQ(pair.world.run(receive_all(*pair.probe_b.kept_rx)).size(), 16u);
  ASSERT_NE(pair.probe_b.kept_rx->error(), nullptr);
  EXPECT_EQ(pair.probe_b.kept_rx->error()->code, Code::dropped);
}

TEST(FlowControl, items_that_come_right_behind_their_call_are_all_there) {
  // rule: calls/weakness.4
  // rule: calls/weakness.5
  Scripted scripted;
  scripted.peer->put(say::call_of<&Probe::sum>(1, {1}));
  for (std::uint8_t i = 1; i <= 16; ++i) scripted.peer->put(say::item(1, {static_cast<std::uint8_t>(2 * i)}));
  scripted.peer->says(say::close(1));
  const std::vector<std::string> lines = scripted.peer->heard();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back(), "response 1 009002");  // 136
}

TEST(FlowControl, a_reset_wakes_a_sender_that_waits_for_credit) {
  // rule: calls/weakness.7
  // rule: calls/weakness.8
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(scripted.world, send_numbers(tx, 100, sent));
  EXPECT_FALSE(sending.is_done());
  scripted.peer->says(say::reset(2));
  const std::optional<Error> error = sending.take();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, Code::reset);
  EXPECT_EQ(sent, 16);
}

TEST(FlowControl, the_end_of_the_session_wakes_senders_and_readers_with_the_reason) {
  // rule: calls/weakness.7
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_back, rx_back] = channel<std::int32_t, 256>();
  auto sum = scripted.client().call<&Probe::sum>(std::move(rx));
  auto generate = scripted.client().call<&Probe::generate>(1u, std::move(tx_back));
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(scripted.world, send_numbers(tx, 100, sent));
  Running<std::optional<std::int32_t>> receiving(scripted.world, receive_one(rx_back));
  scripted.peer->finishes();
  const std::optional<Error> error = sending.take();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, Code::link_lost);
  EXPECT_EQ(receiving.take(), std::nullopt);
  ASSERT_NE(rx_back.error(), nullptr);
  EXPECT_EQ(rx_back.error()->code, Code::link_lost);
  EXPECT_FALSE(tx.is_open());
  EXPECT_EQ(scripted.world.run(send_one(tx, 1)).error().code, Code::link_lost);
}

TEST(FlowControl, a_sender_that_is_cancelled_while_it_waits_takes_no_credit_with_it) {
  // rule: calls/weakness.11
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  std::int32_t sent = 0;
  Running<std::optional<Error>> sending(scripted.world, send_numbers(tx, 100, sent));
  EXPECT_EQ(sent, 16);
  sending.cancel();
  scripted.peer->heard();
  scripted.peer->says(say::grant(2, 5));
  EXPECT_EQ(tx.credit(), 5u);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  ASSERT_TRUE(scripted.world.run(send_one(tx, 1)));
  EXPECT_EQ(tx.credit(), 4u);
}

TEST(FlowControl, a_sender_that_is_cancelled_after_its_credit_came_has_sent_its_item) {
  // rule: calls/weakness.11
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t, 0>();
  auto [tx_back, rx_back] = channel<std::int32_t, 0>();
  auto call = scripted.client().call<&Probe::keep_zero>(std::move(rx), std::move(tx_back));
  std::optional<Running<Result<void>>> sending;
  sending.emplace(scripted.world, send_one(tx, 7));
  scripted.peer->heard();
  scripted.peer->put(say::grant(2, 1));
  scripted.peer->put(say::call_of<&Probe::custom>(1, {}, std::int64_t{0}));
  // The handler of the next message runs between the grant and the sender's resumption, and destroys the sender.
  scripted.probe.on_custom = [&sending](std::int64_t number) -> Task<std::int64_t> {
    sending.reset();
    co_return number;
  };
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("item 2 0e", "response 1 0000"));
  EXPECT_EQ(tx.credit(), 0u);
}

TEST(FlowControl, two_tasks_that_send_on_one_channel_are_both_served) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  std::int32_t sent_a = 0;
  std::int32_t sent_b = 0;
  Running<std::optional<Error>> a(scripted.world, send_numbers(tx, 10, sent_a));
  Running<std::optional<Error>> b(scripted.world, send_numbers(tx, 10, sent_b));
  EXPECT_TRUE(a.is_done());
  EXPECT_EQ(sent_b, 6);
  Running<Result<void>> c(scripted.world, send_one(tx, 99));
  scripted.peer->says(say::grant(2, 100));
  EXPECT_TRUE(b.is_done());
  EXPECT_TRUE(c.is_done());
  EXPECT_EQ(count_of(scripted.peer->heard(), "item 2 "), 21u);
}

// --- toward foreign peers

TEST(FlowControl, a_foreign_sender_may_ignore_credit_up_to_a_bound) {
  Scripted scripted({.is_peer_foreign = true});
  scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}));
  for (int i = 0; i < 4096; ++i) scripted.peer->put(say::item(1, {2}));
  scripted.world.settle();
  EXPECT_EQ(scripted.counters().items_beyond_credit, 4096u - 16u);
  EXPECT_EQ(scripted.counters().items_received, 4096u);
  scripted.peer->heard();
  scripted.peer->says(say::item(1, {2}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("reset 1"));
  EXPECT_FALSE(scripted.session->has_ended());
  Rx<std::int32_t>& rx = *scripted.probe.kept_rx;
  ASSERT_NE(rx.error(), nullptr);
  EXPECT_EQ(rx.error()->code, Code::overloaded);
  EXPECT_EQ(scripted.world.run(receive_all(rx)).size(), 4096u) << "what came before is not lost";
}

}  // namespace
}  // namespace parley::runtime
