#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// The two handles that channel() makes, before, while and after one of them travels.
namespace parley::runtime {
namespace {

using namespace suite;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ChannelPair, a_send_before_the_call_waits_for_it_and_goes_behind_it) {
  // rule: calls/rpc.channel.pair
  // rule: calls/rpc.channel.pair.tx-read
  // rule: calls/rpc.channel.pair.binding-propagation
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  EXPECT_TRUE(tx.is_open());
  EXPECT_EQ(tx.credit(), 0u);
  Running<Result<void>> early(scripted.world, send_one(tx, 5));
  EXPECT_FALSE(early.is_done());
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 sum [2]", "item 2 0a"));
  EXPECT_TRUE(early.take());
  EXPECT_EQ(tx.credit(), 15u);
}

TEST(ChannelPair, a_receive_before_the_call_waits_for_its_items) {
  // rule: calls/rpc.channel.pair.rx-take
  Pair pair;
  auto [tx, rx] = channel<std::int32_t, 256>();
  Running<std::optional<std::int32_t>> early(pair.world, receive_one(rx));
  EXPECT_FALSE(early.is_done());
  auto call = pair.client_a().call<&Probe::generate>(3u, std::move(tx));
  pair.world.settle();
  EXPECT_EQ(early.take(), 0);
  EXPECT_EQ(pair.world.run(receive_one(rx)), 1);
}

TEST(ChannelPair, a_receive_before_the_call_gives_a_channel_without_credit_its_first) {
  // rule: calls/rpc.flow-control.credit.initial.zero
  Scripted scripted;
  auto [tx_in, rx_in] = channel<std::int32_t, 0>();
  auto [tx_out, rx_out] = channel<std::int32_t, 0>();
  Running<std::optional<std::int32_t>> early(scripted.world, receive_one(rx_out));
  auto call = scripted.client().call<&Probe::keep_zero>(std::move(rx_in), std::move(tx_out));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 keep_zero [2 4]", "grant 4 16"));
  scripted.peer->says(say::item(4, {2}));
  EXPECT_EQ(early.take(), 1);
}

TEST(ChannelPair, a_sender_that_closed_before_the_call_closes_right_behind_it) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  tx.close();
  EXPECT_FALSE(tx.is_open());
  const auto late = scripted.world.run(send_one(tx, 1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::closed);
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 sum [2]", "close 2"));
}

TEST(ChannelPair, a_sender_that_was_dropped_before_the_call_is_told_as_such) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  {
    Tx<std::int32_t> gone = std::move(tx);
  }
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 sum [2]", "close 2 {parley-error=7002}"));
}

TEST(ChannelPair, a_receiver_that_was_dropped_before_the_call_resets_right_behind_it) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t, 256>();
  {
    Rx<std::int32_t, 256> gone = std::move(rx);
  }
  auto call = scripted.client().call<&Probe::generate>(4u, std::move(tx));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 generate [2] 04", "reset 2 {parley-error=7002}"));
  // The items that crossed it find the channel ended.
  scripted.peer->says(say::item(2, {0}), say::close(2));
  EXPECT_EQ(scripted.counters().items_after_end, 1u);
}

TEST(ChannelPair, a_handle_whose_twin_is_dropped_is_told_at_once) {
  World world;
  auto [tx, rx] = channel<std::int32_t>();
  Running<std::optional<std::int32_t>> receiving(world, receive_one(rx));
  {
    Tx<std::int32_t> gone = std::move(tx);
  }
  world.settle();
  EXPECT_EQ(receiving.take(), std::nullopt);
  ASSERT_NE(rx.error(), nullptr);
  EXPECT_EQ(rx.error()->code, Code::dropped);

  auto [tx_b, rx_b] = channel<std::int32_t>();
  Running<Result<void>> sending(world, send_one(tx_b, 1));
  {
    Rx<std::int32_t> gone = std::move(rx_b);
  }
  world.settle();
  const auto sent = sending.take();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::dropped);
  EXPECT_FALSE(tx_b.is_open());
}

TEST(ChannelPair, a_reader_whose_twin_closed_sees_a_clean_end) {
  World world;
  auto [tx, rx] = channel<std::int32_t>();
  Running<std::optional<std::int32_t>> receiving(world, receive_one(rx));
  tx.close();
  world.settle();
  EXPECT_EQ(receiving.take(), std::nullopt);
  EXPECT_EQ(rx.error(), nullptr);
}

TEST(ChannelPair, closing_wakes_whoever_waits_to_send) {
  World world;
  auto [tx, rx] = channel<std::int32_t>();
  Running<Result<void>> sending(world, send_one(tx, 1));
  EXPECT_FALSE(sending.is_done());
  tx.close();
  world.settle();
  const auto sent = sending.take();
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::closed);
}

TEST(ChannelPair, closing_twice_is_closing_once) {
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::sum>(std::move(rx));
  tx.close();
  tx.close({{"again", "no"}});
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 sum [2]", "close 2"));
}

TEST(ChannelPair, both_ends_of_one_channel_in_one_call_are_one_channel_to_nobody) {
  // A mistake of the caller; it costs that channel and nothing else.
  Scripted scripted;
  auto [tx, rx] = channel<std::int32_t, 0>();
  {
    auto call = scripted.client().call<&Probe::keep_zero>(std::move(rx), std::move(tx));
    scripted.world.settle();
  }
  EXPECT_FALSE(scripted.session->has_ended());
  auto answer = scripted.client().call<&Probe::add>(1, 2);
  scripted.world.settle();
  scripted.peer->says(say::response(4, {0, 6}));
  EXPECT_EQ(scripted.world.run(outcome(answer)).value(), 3);
}

TEST(ChannelPair, a_channel_in_a_call_that_waits_in_line_sends_nothing_before_it) {
  Scripted scripted({.peer_requests_max = 1});
  auto first = scripted.client().call<&Probe::hang>("a");
  auto [tx, rx] = channel<std::int32_t>();
  auto sum = scripted.client().call<&Probe::sum>(std::move(rx));
  Running<Result<void>> sending(scripted.world, send_one(tx, 5));
  EXPECT_FALSE(sending.is_done());
  EXPECT_EQ(tx.credit(), 0u);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0161"));
  scripted.peer->says(say::response(2, {0, 1, 'a'}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 4 sum [2]", "item 2 0a"));
  EXPECT_TRUE(sending.take());
}

TEST(ChannelPair, what_happens_to_a_channel_while_its_call_waits_in_line_is_told_behind_it) {
  Scripted scripted({.peer_requests_max = 1});
  auto first = scripted.client().call<&Probe::hang>("a");
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_back, rx_back] = channel<std::int32_t, 256>();
  auto sum = scripted.client().call<&Probe::sum>(std::move(rx));
  auto generate = scripted.client().call<&Probe::generate>(1u, std::move(tx_back));
  tx.close();
  {
    Rx<std::int32_t, 256> gone = std::move(rx_back);
  }
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 hang 0161"));
  scripted.peer->says(say::response(2, {0, 1, 'a'}), say::response(4, {0, 0}));
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("call 4 sum [2]", "close 2", "call 6 generate [4] 01", "reset 4 {parley-error=7002}"));
}

TEST(ChannelPair, channels_of_a_call_that_nobody_handled_end_with_its_error) {
  Scripted scripted;
  Client<Absent> absent(*scripted.session);
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_back, rx_back] = channel<std::int32_t>();
  auto call = absent.call<&Absent::missing_channels>(std::move(rx), std::move(tx_back));
  scripted.peer->heard();
  Running<std::optional<std::int32_t>> receiving(scripted.world, receive_one(rx_back));
  scripted.peer->says(say::response(2, {1, 1}));
  EXPECT_EQ(receiving.take(), std::nullopt);
  ASSERT_NE(rx_back.error(), nullptr);
  EXPECT_EQ(rx_back.error()->code, Code::method);
  const auto sent = scripted.world.run(send_one(tx, 1));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::method);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty()) << "the peer knows";
}

TEST(ChannelPair, channels_of_a_call_that_is_one_too_many_end_where_the_caller_knows_no_codes_of_ours_too) {
  for (const bool is_foreign : {false, true}) {
    SessionOptions one;
    one.limits.concurrent_requests_max = 1;
    one.requests_max = 64;
    Pair pair({.a = {.is_foreign = is_foreign}, .b = one});
    auto first = pair.client_a().call<&Probe::hang>("first");
    auto [tx, rx] = channel<std::int32_t, 256>();
    auto second = pair.client_a().call<&Probe::generate>(3u, std::move(tx));
    EXPECT_EQ(pair.world.run(receive_one(rx)), std::nullopt);
    ASSERT_NE(rx.error(), nullptr) << is_foreign;
    EXPECT_EQ(rx.error()->code, is_foreign ? Code::arguments : Code::too_many_calls);
    pair.probe_b.release.set();
    EXPECT_TRUE(pair.world.run(outcome(first)));
  }
}

TEST(ChannelPair, channels_of_a_call_that_could_not_be_sent_end_with_its_error) {
  SessionOptions small;
  small.limits.frame_bytes_max = 100;
  Scripted scripted({.session = small});
  auto [tx, rx] = channel<std::int32_t>();
  auto [tx_b, rx_b] = channel<std::string>();
  auto [tx_c, rx_c] = channel<std::string>();
  auto [tx_d, rx_d] = channel<std::int32_t>();
  auto call = scripted.client().call<&Probe::both>(
      Nested{{std::move(rx)}, std::move(tx_b), Words{std::string(200, 'x'), std::move(tx_c)}}, std::move(tx_d));
  EXPECT_EQ(scripted.world.run(outcome(call)).error().code, Code::too_large);
  EXPECT_EQ(scripted.world.run(send_one(tx, 1)).error().code, Code::too_large);
  EXPECT_EQ(scripted.world.run(receive_one(rx_c)), std::nullopt);
  EXPECT_EQ(rx_c.error()->code, Code::too_large);
  EXPECT_EQ(scripted.session->root().channels().size(), 0u);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
}

}  // namespace
}  // namespace parley::runtime
