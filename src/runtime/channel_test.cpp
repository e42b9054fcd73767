#include "runtime/channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// Channels from the call that announces them to their end.
namespace parley::runtime {
namespace {

using namespace suite;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(ChannelRuntime, items_flow_to_a_handler_that_receives) {
  // rule: calls/rpc.channel
  // rule: calls/rpc.channel.binding.caller-args.rx
  // rule: calls/rpc.channel.binding.callee-args.rx
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = pair.client_a().call<&Probe::sum>(std::move(rx));
  for (std::int32_t i = 1; i <= 10; ++i) ASSERT_TRUE(pair.world.run(send_one(tx, i)));
  tx.close();
  EXPECT_EQ(pair.world.run(outcome(call)).value(), 55);
  EXPECT_FALSE(pair.probe_b.sum_error.has_value());
  EXPECT_EQ(pair.a->counters().items_sent, 10u);
  EXPECT_EQ(pair.b->counters().items_received, 10u);
}

TEST(ChannelRuntime, items_flow_from_a_handler_that_sends) {
  // rule: calls/rpc.channel.binding.caller-args.tx
  // rule: calls/rpc.channel.binding.callee-args.tx
  Pair pair;
  auto [tx, rx] = channel<std::int32_t, 256>();
  auto call = pair.client_a().call<&Probe::generate>(5u, std::move(tx));
  EXPECT_THAT(pair.world.run(receive_all(rx)), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(rx.error(), nullptr);
  EXPECT_TRUE(pair.world.run(outcome(call)));
  EXPECT_FALSE(pair.probe_b.generate_error.has_value());
}

TEST(ChannelRuntime, ids_are_listed_in_the_order_of_the_arguments_and_the_bytes_hold_none) {
  // rule: calls/rpc.channel.discovery
  // rule: calls/rpc.channel.payload-encoding
  // rule: calls/rpc.channel.binding.caller-args
  // rule: calls/rpc.channel.allocation
  Scripted scripted;
  auto [tx_a, rx_a] = channel<std::int32_t>();
  auto [tx_b, rx_b] = channel<std::string>();
  auto [tx_c, rx_c] = channel<std::string>();
  auto [tx_d, rx_d] = channel<std::int32_t>();
  auto all = scripted.client().call<&Probe::both>(
      Nested{{std::move(rx_a)}, std::move(tx_b), Words{"t", std::move(tx_c)}}, std::move(tx_d));
  // An optional that is there is 01, the second alternative 01, the title 0174; the handles have no bytes.
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 2 both [2 4 6 8] 01010174"));

  auto [tx_e, rx_e] = channel<std::int32_t>();
  auto [tx_f, rx_f] = channel<std::int32_t>();
  auto [tx_g, rx_g] = channel<std::int32_t>();
  auto some = scripted.client().call<&Probe::both>(Nested{{std::move(rx_e)}, std::nullopt, Numbers{std::move(rx_f)}},
                                                   std::move(tx_g));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("call 4 both [10 12 14] 0000"));

  // Each id belongs to the handle in its place.
  scripted.peer->says(say::item(4, {1, 'b'}), say::item(6, {1, 'c'}), say::item(8, {8}));
  EXPECT_EQ(scripted.world.run(receive_one(rx_b)), "b");
  EXPECT_EQ(scripted.world.run(receive_one(rx_c)), "c");
  EXPECT_EQ(scripted.world.run(receive_one(rx_d)), 4);
  EXPECT_TRUE(scripted.world.run(send_one(tx_a, 1)));
  EXPECT_TRUE(scripted.world.run(send_one(tx_f, 1)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("item 2 02", "item 12 02"));
}

TEST(ChannelRuntime, the_handler_gets_the_listed_ids_in_the_same_order) {
  // rule: calls/rpc.channel.binding.callee-args
  // rule: calls/rpc.channel.binding
  Scripted scripted;
  scripted.peer->says(say::call(1, service::MethodInfo<&Probe::both>::id, {1, 1, 1, 't'}, {1, 5, 9, 21}));
  ASSERT_TRUE(scripted.probe.kept_nested.has_value());
  Nested& nested = *scripted.probe.kept_nested;
  ASSERT_TRUE(nested.maybe.has_value());
  auto& words = std::get<Words>(nested.either);
  EXPECT_EQ(words.title, "t");
  scripted.peer->heard();
  EXPECT_TRUE(scripted.world.run(send_one(*nested.maybe, std::string("m"))));
  EXPECT_TRUE(scripted.world.run(send_one(words.out, std::string("w"))));
  EXPECT_TRUE(scripted.world.run(send_one(*scripted.probe.kept_tx, 2)));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("item 5 016d", "item 9 0177", "item 21 04"));
  scripted.peer->says(say::item(1, {14}));
  EXPECT_EQ(scripted.world.run(receive_one(nested.numbers.in)), 7);
}

TEST(ChannelRuntime, a_list_that_does_not_fit_the_arguments_fails_the_call_alone) {
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::sum>(1, {}), say::call_of<&Probe::sum>(3, {1, 3}),
                      say::call_of<&Probe::add>(5, {5}, std::int64_t{1}, std::int64_t{2}));
  for (const std::string& line : scripted.peer->heard()) {
    EXPECT_THAT(line, testing::AllOf(testing::StartsWith("response"), testing::EndsWith(" 0102"))) << line;
  }
  EXPECT_EQ(scripted.counters().arguments_malformed, 3u);
  // Their channels have ended; what comes for them is no breach of the rules.
  scripted.peer->says(say::item(1, {2}), say::item(3, {2}), say::close(5), say::grant(1, 1));
  EXPECT_FALSE(scripted.session->has_ended());
  EXPECT_EQ(scripted.counters().items_after_end, 2u);
}

TEST(ChannelRuntime, close_carries_metadata_behind_the_last_item) {
  // rule: calls/weakness.13
  // rule: calls/rpc.channel.close
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  ASSERT_TRUE(pair.world.run(outcome(call)));
  ASSERT_TRUE(pair.world.run(send_one(tx, 8)));
  const Metadata farewell = {{"rows", std::uint64_t{1}}, {"note", "all"}};
  tx.close(farewell);
  EXPECT_FALSE(tx.is_open());
  Rx<std::int32_t>& kept = *pair.probe_b.kept_rx;
  EXPECT_EQ(pair.world.run(receive_one(kept)), 8);
  EXPECT_EQ(pair.world.run(receive_one(kept)), std::nullopt);
  EXPECT_EQ(kept.error(), nullptr);
  EXPECT_EQ(kept.close_metadata(), farewell);
  const auto late = pair.world.run(send_one(tx, 9));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::closed);
  EXPECT_EQ(tx.error(), nullptr) << "it was closed in good order";
}

TEST(ChannelRuntime, metadata_of_a_close_that_no_peer_would_take_becomes_an_error_there) {
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  ASSERT_TRUE(pair.world.run(outcome(call)));
  tx.close({{"much", std::string(100'000, 'x')}});
  Rx<std::int32_t>& kept = *pair.probe_b.kept_rx;
  EXPECT_EQ(pair.world.run(receive_one(kept)), std::nullopt);
  ASSERT_NE(kept.error(), nullptr);
  EXPECT_EQ(kept.error()->code, Code::invalid);
  EXPECT_FALSE(pair.b->has_ended());
}

TEST(ChannelRuntime, a_dropped_receiver_resets_and_the_sender_stops) {
  // rule: calls/weakness.10
  // rule: calls/weakness.8
  // rule: calls/rpc.channel.reset
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  ASSERT_TRUE(pair.world.run(outcome(call)));
  ASSERT_TRUE(pair.world.run(send_one(tx, 1)));
  pair.probe_b.kept_rx.reset();
  pair.world.settle();
  EXPECT_FALSE(tx.is_open());
  ASSERT_NE(tx.error(), nullptr);
  EXPECT_EQ(tx.error()->code, Code::reset);
  ASSERT_NE(tx.reset_metadata().find_number("parley-error"), nullptr);
  const auto late = pair.world.run(send_one(tx, 2));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::reset);
  EXPECT_EQ(pair.b->counters().resets_sent, 1u);
  EXPECT_EQ(pair.a->counters().resets_received, 1u);
  EXPECT_EQ(pair.a->root().channels().size(), 0u);
  EXPECT_EQ(pair.b->root().channels().size(), 0u);
}

TEST(ChannelRuntime, metadata_of_a_reset_is_shown_to_the_sender) {
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::keep_tx>(1, {1}));
  scripted.peer->says(say::reset(1, {{"why", "enough"}}));
  const Tx<std::int32_t>& tx = *scripted.probe.kept_tx;
  EXPECT_FALSE(tx.is_open());
  ASSERT_NE(tx.reset_metadata().find_text("why"), nullptr);
  EXPECT_EQ(*tx.reset_metadata().find_text("why"), "enough");
}

TEST(ChannelRuntime, a_sender_that_is_dropped_without_a_close_is_an_error_to_the_reader) {
  // rule: calls/weakness.13
  Pair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  ASSERT_TRUE(pair.world.run(outcome(call)));
  {
    Tx<std::int32_t> gone = std::move(tx);
    ASSERT_TRUE(pair.world.run(send_one(gone, 1)));
  }
  Rx<std::int32_t>& kept = *pair.probe_b.kept_rx;
  EXPECT_EQ(pair.world.run(receive_one(kept)), 1) << "what was sent before is there";
  EXPECT_EQ(pair.world.run(receive_one(kept)), std::nullopt);
  ASSERT_NE(kept.error(), nullptr);
  EXPECT_EQ(kept.error()->code, Code::dropped);
}

TEST(ChannelRuntime, the_code_of_a_close_that_is_no_code_stands_for_dropped) {
  // Cut to 32 bits the first two would be `invalid` and nothing at all.
  for (const std::uint64_t code : {(std::uint64_t{1} << 32) + 2000, std::uint64_t{1} << 32, std::uint64_t{7}}) {
    Scripted scripted;
    scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}), say::close(1, {{"parley-error", code}}));
    ASSERT_NE(scripted.probe.kept_rx->error(), nullptr) << "no clean end";
    EXPECT_EQ(scripted.probe.kept_rx->error()->code, Code::dropped);
  }
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}), say::close(1, {{"parley-error", std::uint64_t{99'123}}}));
  EXPECT_EQ(scripted.probe.kept_rx->error()->code, static_cast<Code>(99'123)) << "one of a later version is kept";
}

TEST(ChannelRuntime, a_handler_that_throws_leaves_its_channels_with_an_error) {
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::generate>(1, {1}, std::uint32_t{300}));
  EXPECT_EQ(scripted.probe.hanging, 1) << "it waits for credit";
  scripted.peer->heard();
  scripted.peer->says(say::cancel(1));
  EXPECT_THAT(scripted.peer->heard(),
              ElementsAre("response 1 {parley-error=7000} 0103", "close 1 {parley-error=7002}"));
}

TEST(ChannelRuntime, channels_outlive_the_response) {
  // rule: calls/rpc.channel.lifecycle
  Pair pair;
  auto [tx_in, rx_in] = channel<std::int32_t>();
  auto [tx_out, rx_out] = channel<std::int32_t>();
  auto keep_rx = pair.client_a().call<&Probe::keep_rx>(std::move(rx_in));
  auto keep_tx = pair.client_a().call<&Probe::keep_tx>(std::move(tx_out));
  ASSERT_TRUE(pair.world.run(outcome(keep_rx)));
  ASSERT_TRUE(pair.world.run(outcome(keep_tx)));
  for (std::int32_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(pair.world.run(send_one(tx_in, i)));
    ASSERT_EQ(pair.world.run(receive_one(*pair.probe_b.kept_rx)), i);
    ASSERT_TRUE(pair.world.run(send_one(*pair.probe_b.kept_tx, -i)));
    ASSERT_EQ(pair.world.run(receive_one(rx_out)), -i);
  }
  pair.probe_b.kept_tx->close();
  EXPECT_EQ(pair.world.run(receive_one(rx_out)), std::nullopt);
  EXPECT_EQ(rx_out.error(), nullptr);
  tx_in.close();
  EXPECT_EQ(pair.world.run(receive_one(*pair.probe_b.kept_rx)), std::nullopt);
}

TEST(ChannelRuntime, an_item_that_does_not_decode_resets_its_channel_alone) {
  Scripted scripted;
  scripted.peer->says(say::call_of<&Probe::keep_rx>(1, {1}));
  scripted.peer->heard();
  Rx<std::int32_t>& kept = *scripted.probe.kept_rx;
  scripted.peer->says(say::item(1, {2}), say::item(1, {0xff}), say::item(1, {4}));
  EXPECT_EQ(scripted.world.run(receive_one(kept)), 1);
  EXPECT_EQ(scripted.world.run(receive_one(kept)), std::nullopt);
  ASSERT_NE(kept.error(), nullptr);
  EXPECT_EQ(kept.error()->code, Code::response);
  EXPECT_EQ(scripted.world.run(receive_one(kept)), std::nullopt) << "nothing after it";
  EXPECT_THAT(scripted.peer->heard(), ElementsAre(testing::StartsWith("reset 1 {parley-error=9002")));
  EXPECT_EQ(scripted.counters().items_malformed, 1u);
  // Too much is malformed as well as too little.
  scripted.peer->says(say::call_of<&Probe::keep_rx>(3, {3}), say::item(3, {2, 2}));
  EXPECT_EQ(scripted.world.run(receive_one(*scripted.probe.kept_rx)), std::nullopt);
  EXPECT_EQ(scripted.counters().items_malformed, 2u);
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST(ChannelRuntime, an_item_that_is_none_of_its_type_or_too_large_costs_no_credit) {
  // rule: calls/weakness.11
  SessionOptions small;
  small.limits.frame_bytes_max = 1000;
  Scripted scripted({.session = small});
  scripted.peer->says(say::call_of<&Probe::keep_text>(1, {1}));
  scripted.peer->heard();
  Tx<std::string, 256>& tx = *scripted.probe.kept_text;
  const auto refused = scripted.world.run(send_one(tx, std::string(2000, 'x')));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::too_large);
  EXPECT_TRUE(tx.is_open());
  EXPECT_EQ(tx.credit(), 256u);
  EXPECT_TRUE(scripted.world.run(send_one(tx, std::string("ok"))));
  EXPECT_EQ(tx.credit(), 255u);
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("item 1 026f6b"));
  EXPECT_EQ(scripted.counters().items_sent, 1u);
}

}  // namespace
}  // namespace parley::runtime
