#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/prng.h"
#include "core/channel/channels.h"

// The receiving end: its queue, the credit that it gives back, the window that adapts, and the memory that it keeps.
namespace parley::core {
namespace {

using State = ChannelEnd::State;
using Verdict = Channels::OnItem::Verdict;

class ReceivingTest : public testing::Test {
 protected:
  Channels& make(const Channels::Options& options = {}) { return channels.emplace(limits, counters, options); }
  // Ours: the peer sends on id 1, 3, ...
  void open(ReceivingEnd& end, std::uint32_t credit) { channels->open_own(end, credit); }
  Verdict item(ReceivingEnd& end, ByteView bytes, Block* block = nullptr) {
    last = channels->on_item(end.id(), bytes, block);
    return last.verdict;
  }
  Verdict item(ReceivingEnd& end, std::string_view text = "x") { return item(end, as_bytes(text)); }
  std::string text_of(const Bytes& bytes) { return std::string(as_text(bytes.view())); }

  Limits limits;
  Counters counters;
  std::optional<Channels> channels;
  Channels::OnItem last{.verdict = Verdict::ignored};
};

TEST_F(ReceivingTest, items_come_out_in_order_and_all_that_came_before_the_close) {
  // rule: calls/rpc.channel.item
  // rule: calls/rpc.channel.close
  make();
  ReceivingEnd end;
  open(end, 16);
  for (const char* text : {"a", "b", "c"}) {
    EXPECT_EQ(item(end, text), Verdict::queued);
    EXPECT_EQ(last.end, &end);
  }
  EXPECT_EQ(counters.items_received, 3u);
  ASSERT_TRUE(channels->on_close(1));
  EXPECT_EQ(end.state(), State::closed);
  EXPECT_EQ(item(end, "d"), Verdict::ignored) << "nothing follows a close";
  EXPECT_EQ(counters.items_after_end, 1u);
  for (const char* text : {"a", "b", "c"}) {
    ASSERT_TRUE(end.has_item());
    const ReceivingEnd::Taken taken = end.take();
    EXPECT_EQ(text_of(taken.item), text);
    EXPECT_EQ(taken.grant, 0u) << "no credit for a channel that has ended";
  }
  EXPECT_FALSE(end.has_item());
}

TEST_F(ReceivingTest, the_queue_holds_exactly_the_credit_given_and_one_more_is_a_fault) {
  // rule: calls/weakness.2
  // rule: calls/weakness.4
  // rule: calls/rpc.flow-control.credit.exhaustion
  make();
  ReceivingEnd end;
  open(end, 256);
  for (int i = 0; i < 256; ++i) ASSERT_EQ(item(end), Verdict::queued) << i;
  EXPECT_EQ(end.outstanding(), 0u);
  EXPECT_EQ(end.queued(), 256u);
  EXPECT_EQ(item(end), Verdict::fault);
  EXPECT_EQ(last.fault, Code::item_beyond_credit);
  EXPECT_EQ(end.queued(), 256u);
}

TEST_F(ReceivingTest, whatever_waits_unread_the_close_behind_it_counts) {
  // rule: calls/weakness.4
  make();
  ReceivingEnd end;
  open(end, 256);
  for (int i = 0; i < 256; ++i) ASSERT_EQ(item(end, std::to_string(i)), Verdict::queued) << i;
  ASSERT_TRUE(channels->on_close(end.id()));
  EXPECT_EQ(end.state(), State::closed);
  EXPECT_EQ(channels->size(), 0u);
  for (int i = 0; i < 256; ++i) {
    ASSERT_TRUE(end.has_item()) << i;
    ASSERT_EQ(text_of(end.take().item), std::to_string(i));
  }
  EXPECT_FALSE(end.has_item());
}

TEST_F(ReceivingTest, credit_goes_back_in_batches_of_half_the_window) {
  // rule: calls/weakness.1
  make({.is_peer_foreign = true});  // the window of a foreign peer stays as it is
  for (const std::uint32_t window : {16u, 5u, 1u, 256u}) {
    ReceivingEnd end;
    open(end, window);
    const std::uint32_t batch = (window + 1) / 2;
    std::uint64_t granted = 0;
    std::uint32_t since = 0;
    for (int i = 0; i < 2000; ++i) {
      ASSERT_EQ(item(end), Verdict::queued);
      const std::uint32_t grant = end.take().grant;
      ++since;
      if (since == batch) {
        ASSERT_EQ(grant, batch) << "after " << i;
        since = 0;
      } else {
        ASSERT_EQ(grant, 0u) << "after " << i;
      }
      granted += grant;
    }
    EXPECT_EQ(end.window(), window);
    EXPECT_GE(granted, 2000u - batch);
  }
}

TEST_F(ReceivingTest, a_reader_of_a_channel_without_initial_credit_asks_once) {
  // rule: calls/rpc.flow-control.credit.initial.zero
  make();
  ReceivingEnd end;
  open(end, 0);
  EXPECT_EQ(item(end), Verdict::fault) << "there was no credit yet";
  EXPECT_EQ(end.ask(), 16u);
  EXPECT_EQ(end.outstanding(), 16u);
  EXPECT_EQ(end.ask(), 0u);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(item(end), Verdict::queued);
  EXPECT_EQ(item(end), Verdict::fault);
  ReceivingEnd usual;
  open(usual, 16);
  EXPECT_EQ(usual.ask(), 0u);
  ReceivingEnd unbound;
  EXPECT_EQ(unbound.ask(), 0u);
}

TEST_F(ReceivingTest, the_window_grows_while_the_sender_uses_it_and_the_reader_keeps_up) {
  limits.window_items_max = 1000;
  limits.window_bytes_max = 1 << 20;
  make();
  ReceivingEnd end;
  open(end, 16);
  std::uint64_t credit = 16;  // what the sender has
  std::uint32_t before = 16;
  for (int round = 0; round < 40; ++round) {
    for (; credit != 0; --credit) ASSERT_EQ(item(end), Verdict::queued);
    while (end.has_item()) credit += end.take().grant;
    ASSERT_GE(end.window(), before) << "a window never shrinks";
    before = end.window();
  }
  EXPECT_EQ(end.window(), 1000u);
}

TEST_F(ReceivingTest, the_window_in_bytes_is_bounded_too) {
  limits.window_bytes_max = 64 << 10;
  make();
  ReceivingEnd end;
  open(end, 16);
  const std::string big(1024, 'b');
  std::uint64_t credit = 16;
  for (int round = 0; round < 40; ++round) {
    for (; credit != 0; --credit) ASSERT_EQ(item(end, big), Verdict::queued);
    while (end.has_item()) credit += end.take().grant;
  }
  EXPECT_GT(end.window(), 16u);
  // The size is a moving average that starts at nothing, so it comes near from below.
  EXPECT_LE(end.window(), 128u);
}

TEST_F(ReceivingTest, a_window_that_is_not_used_does_not_grow) {
  make();
  ReceivingEnd end;
  open(end, 16);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(item(end), Verdict::queued);
    static_cast<void>(end.take());
  }
  EXPECT_EQ(end.window(), 16u);
}

TEST_F(ReceivingTest, a_reader_that_falls_behind_gives_no_credit_and_no_larger_window) {
  make();
  ReceivingEnd end;
  open(end, 16);
  for (int i = 0; i < 16; ++i) ASSERT_EQ(item(end), Verdict::queued);
  std::uint64_t granted = 0;
  for (int i = 0; i < 15; ++i) granted += end.take().grant;
  EXPECT_EQ(end.window(), 16u);
  EXPECT_EQ(granted, 8u);
}

TEST_F(ReceivingTest, credit_given_queued_and_taken_is_always_the_window) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng(seed);
    limits.window_items_max = static_cast<std::uint32_t>(prng.between(1, 500));
    limits.window_bytes_max = prng.between(1, 5000);
    make();
    ReceivingEnd end;
    const auto initial = static_cast<std::uint32_t>(prng.between(1, 40));
    open(end, initial);
    std::uint64_t credit = initial;
    std::uint64_t not_granted = 0;  // taken since the last grant
    std::string text;
    std::deque<std::size_t> sizes;
    for (int step = 0; step < 3000; ++step) {
      if (credit != 0 && prng.chance(550)) {
        text.assign(prng.below(40), 'x');
        ASSERT_EQ(item(end, text), Verdict::queued);
        sizes.push_back(text.size());
        --credit;
      } else if (end.has_item()) {
        const ReceivingEnd::Taken taken = end.take();
        ASSERT_EQ(taken.item.size(), sizes.front());
        sizes.pop_front();
        credit += taken.grant;
        not_granted = taken.grant != 0 ? 0 : not_granted + 1;
      }
      ASSERT_EQ(end.outstanding(), credit);
      ASSERT_EQ(end.queued(), sizes.size());
      ASSERT_EQ(credit + sizes.size() + not_granted, end.window());
      ASSERT_LE(not_granted * 2, end.window()) << "a sender would wait for credit while the reader waits for items";
      ASSERT_LE(end.window(), std::max(initial, limits.window_items_max));
      if (credit == 0) {
        ASSERT_EQ(item(end), Verdict::fault);
      }
    }
    channels->fail(end);
    end.drop_items();
    EXPECT_EQ(channels->pinned_bytes(), 0u);
  }
}

TEST_F(ReceivingTest, a_foreign_sender_may_ignore_credit_up_to_a_bound_and_is_then_reset) {
  make({.takes_items_beyond_credit = true});
  ReceivingEnd end;
  open(end, 16);
  for (std::uint32_t i = 0; i < Channels::foreign_queue_max; ++i) ASSERT_EQ(item(end), Verdict::queued) << i;
  EXPECT_EQ(counters.items_beyond_credit, Channels::foreign_queue_max - 16);
  EXPECT_EQ(item(end), Verdict::reset);
  EXPECT_EQ(last.end, &end);
  EXPECT_EQ(end.state(), State::failed);
  EXPECT_EQ(channels->size(), 0u);
  EXPECT_EQ(item(end), Verdict::ignored);
  EXPECT_EQ(counters.items_after_end, 1u);
  end.drop_items();
}

// --- memory

TEST_F(ReceivingTest, items_are_views_of_the_received_block_and_end_with_their_reader) {
  // rule: calls/zerocopy.recv
  // rule: calls/zerocopy.backing
  BlockPool pool(4096);
  make();
  ReceivingEnd end;
  open(end, 16);
  {
    BlockHandle block = pool.take();
    block->data()[0] = 'k';
    ASSERT_EQ(item(end, {block->data(), 1}, block.get()), Verdict::queued);
    EXPECT_TRUE(block->is_shared());
  }
  EXPECT_EQ(pool.held_count(), 1u);
  EXPECT_EQ(channels->pinned_bytes(), 4096u);
  {
    const Bytes kept = end.take().item;
    EXPECT_EQ(text_of(kept), "k");
    EXPECT_EQ(channels->pinned_bytes(), 0u);
    EXPECT_EQ(pool.held_count(), 1u);
  }
  EXPECT_EQ(pool.held_count(), 0u);
}

TEST_F(ReceivingTest, items_of_one_block_count_it_once) {
  BlockPool pool(4096);
  make();
  ReceivingEnd end;
  open(end, 16);
  BlockHandle first = pool.take();
  BlockHandle second = pool.take();
  for (Block* block : {first.get(), first.get(), second.get(), first.get()}) {
    ASSERT_EQ(item(end, {block->data(), 1}, block), Verdict::queued);
  }
  EXPECT_EQ(channels->pinned_bytes(), 3 * 4096u);
  for (const std::size_t left : {3u, 2u, 1u, 0u}) {
    static_cast<void>(end.take());
    EXPECT_EQ(channels->pinned_bytes(), left * 4096u);
  }
}

TEST_F(ReceivingTest, items_that_would_pin_too_much_are_copied_to_their_own_size) {
  limits.pinned_bytes_max = 3 * 4096;
  BlockPool pool(4096);
  make();
  ReceivingEnd end;
  open(end, 64);
  for (int i = 0; i < 20; ++i) {
    const BlockHandle block = pool.take();
    block->data()[0] = static_cast<std::uint8_t>(i);
    ASSERT_EQ(item(end, {block->data(), 1}, block.get()), Verdict::queued);
  }
  EXPECT_EQ(pool.held_count(), 3u);
  EXPECT_EQ(counters.items_copied, 17u);
  EXPECT_LT(channels->pinned_bytes(), 3 * 4096u + 17 * 64);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(end.take().item.view()[0], i);
  EXPECT_EQ(channels->pinned_bytes(), 0u);
}

TEST_F(ReceivingTest, items_without_a_block_are_copied_and_counted) {
  limits.pinned_bytes_max = 100;
  make();
  ReceivingEnd end;
  open(end, 64);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(item(end, "0123456789"), Verdict::queued);
  EXPECT_GE(channels->pinned_bytes(), 50u);
  EXPECT_LT(channels->pinned_bytes(), 1000u);
  while (end.has_item()) static_cast<void>(end.take());
  EXPECT_EQ(channels->pinned_bytes(), 0u);
}

TEST_F(ReceivingTest, what_is_unread_when_the_channel_ends_counts_until_it_is_read_or_dropped) {
  BlockPool pool(4096);
  make();
  ReceivingEnd closed, failed, taken_down;
  for (ReceivingEnd* end : {&closed, &failed, &taken_down}) {
    open(*end, 16);
    const BlockHandle block = pool.take();
    ASSERT_EQ(item(*end, {block->data(), 1}, block.get()), Verdict::queued);
  }
  ASSERT_TRUE(channels->on_close(closed.id()));
  channels->fail(failed);
  EXPECT_EQ(channels->take_any(), &taken_down);
  EXPECT_EQ(channels->pinned_bytes(), 3 * 4096u);
  closed.drop_items();
  static_cast<void>(failed.take());
  EXPECT_EQ(channels->pinned_bytes(), 4096u);
  taken_down.drop_items();
  EXPECT_EQ(channels->pinned_bytes(), 0u);
}

TEST_F(ReceivingTest, channels_that_end_unread_pin_no_more_than_open_ones) {
  limits.pinned_bytes_max = 3 * 4096;
  BlockPool pool(4096);
  make();
  std::array<ReceivingEnd, 20> ends;
  for (ReceivingEnd& end : ends) {
    open(end, 16);
    {
      const BlockHandle block = pool.take();
      ASSERT_EQ(item(end, {block->data(), 1}, block.get()), Verdict::queued);
    }
    ASSERT_TRUE(channels->on_close(end.id()));
  }
  EXPECT_EQ(pool.held_count(), 3u);
}

TEST_F(ReceivingTest, what_is_unread_can_be_read_when_the_connection_is_long_gone) {
  BlockPool pool(4096);
  make();
  ReceivingEnd end, dropped;
  open(end, 16);
  open(dropped, 16);
  const BlockHandle block = pool.take();
  for (ReceivingEnd* each : {&end, &dropped}) {
    ASSERT_EQ(item(*each, {block->data(), 1}, block.get()), Verdict::queued);
  }
  ASSERT_TRUE(channels->on_close(end.id()));
  channels->fail(dropped);
  auto gone = std::make_unique<Channels>(limits, counters, Channels::Options{});
  ReceivingEnd of_gone;
  gone->open_own(of_gone, 16);
  ASSERT_EQ(gone->on_item(1, {block->data(), 2}, block.get()).verdict, Verdict::queued);
  gone->fail(of_gone);
  gone.reset();
  channels.reset();
  EXPECT_EQ(end.take().item.size(), 1u);
  EXPECT_EQ(of_gone.take().item.size(), 2u);
  dropped.drop_items();
  EXPECT_FALSE(dropped.has_item());
}

}  // namespace
}  // namespace parley::core
