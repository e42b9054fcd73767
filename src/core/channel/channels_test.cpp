#include "core/channel/channels.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/prng.h"

namespace parley::core {
namespace {

using State = ChannelEnd::State;
using Verdict = Channels::OnItem::Verdict;

class ChannelsTest : public testing::Test {
 protected:
  Channels& make(const Channels::Options& options = {}) {
    return channels.emplace(limits, counters, options);  // ours odd, the peer's even
  }
  Result<void> announce(std::initializer_list<std::uint64_t> ids) {
    std::uint8_t* cursor = encoded_.data();
    for (const std::uint64_t id : ids) cursor = codec::put_varint(cursor, id);
    return channels->announce(
        wire::roam::ChannelList(static_cast<std::uint32_t>(ids.size()), {encoded_.data(), cursor}));
  }
  Code refusal(std::initializer_list<std::uint64_t> ids) {
    const Result<void> announced = announce(ids);
    return announced ? Code::bug : announced.error().code;
  }
  Verdict item(std::uint64_t id, std::string_view text = "x") {
    last = channels->on_item(id, as_bytes(text), nullptr);
    return last.verdict;
  }
  void open_peer(std::uint64_t id, ChannelEnd& end, std::uint32_t credit) {
    announce({id}).value();
    if (end.is_sender()) {
      channels->open_peer(id, static_cast<SendingEnd&>(end), credit);
    } else {
      channels->open_peer(id, static_cast<ReceivingEnd&>(end), credit);
    }
  }
  template <class T>
  static Code fault_of(const Result<T>& result) {
    return result ? Code::bug : result.error().code;
  }

  Limits limits;
  Counters counters;
  std::optional<Channels> channels;
  Channels::OnItem last{.verdict = Verdict::ignored};

 private:
  std::array<std::uint8_t, 1024> encoded_;
};

// --- opening

TEST_F(ChannelsTest, the_caller_gives_out_ids_of_its_parity_from_the_first_up) {
  // rule: calls/rpc.channel.allocation
  for (const Parity parity : {Parity::odd, Parity::even}) {
    make({.parity = parity});
    const std::uint64_t first = parity == Parity::odd ? 1 : 2;
    SendingEnd a, c;
    ReceivingEnd b;
    EXPECT_EQ(a.state(), State::unbound);
    channels->open_own(a, 16);
    channels->open_own(b, 16);
    EXPECT_EQ(channels->skip_own(), first + 4);
    channels->open_own(c, 16);
    EXPECT_EQ(a.id(), first);
    EXPECT_EQ(b.id(), first + 2);
    EXPECT_EQ(c.id(), first + 6);
    EXPECT_TRUE(a.is_open());
    EXPECT_EQ(channels->size(), 3u);
  }
}

TEST_F(ChannelsTest, ids_of_the_wrong_parity_zero_twice_or_used_before_are_refused) {
  // rule: calls/weakness.21
  make();
  EXPECT_EQ(refusal({1}), Code::channel_id);
  EXPECT_EQ(refusal({0}), Code::channel_id);
  EXPECT_EQ(refusal({2, 2}), Code::channel_id);
  EXPECT_EQ(refusal({2, 3}), Code::channel_id);
  EXPECT_TRUE(announce({2, 6}));
  EXPECT_EQ(refusal({6}), Code::channel_id);
  EXPECT_EQ(refusal({4}), Code::channel_id) << "below what was announced";
  EXPECT_TRUE(announce({8}));
  EXPECT_TRUE(announce({}));
}

TEST_F(ChannelsTest, calls_of_a_foreign_peer_may_overtake_each_other_but_not_share_a_channel) {
  make({.accepts_any_order = true});
  ASSERT_TRUE(announce({6}));
  ReceivingEnd early, late;
  channels->open_peer(6, early, 16);
  ASSERT_TRUE(announce({2, 4})) << "bound before 6 was, and sent after it";
  channels->open_peer(2, late, 16);
  EXPECT_EQ(item(2), Verdict::queued);
  EXPECT_EQ(refusal({2}), Code::channel_id);
  EXPECT_EQ(refusal({6}), Code::channel_id);
  EXPECT_EQ(refusal({4, 4}), Code::channel_id);
  EXPECT_EQ(refusal({8, 10, 8}), Code::channel_id);
  EXPECT_EQ(refusal({5}), Code::channel_id);
  EXPECT_EQ(item(8), Verdict::fault);
  EXPECT_TRUE(announce({8, 10}));
}

TEST_F(ChannelsTest, a_refused_list_announces_none_of_its_ids) {
  make();
  EXPECT_EQ(refusal({2, 4, 4}), Code::channel_id);
  EXPECT_EQ(item(2), Verdict::fault);
  EXPECT_EQ(last.fault, Code::channel_id);
  EXPECT_TRUE(announce({2}));
}

TEST_F(ChannelsTest, channels_of_the_peer_have_a_bound) {
  limits.channels_max = 2;
  make();
  ReceivingEnd a;
  open_peer(2, a, 16);
  EXPECT_EQ(refusal({4, 6}), Code::too_many_channels);
  SendingEnd b;
  open_peer(4, b, 16);
  EXPECT_EQ(refusal({6}), Code::too_many_channels);
  channels->fail(a);
  EXPECT_TRUE(announce({6})) << "one that has ended does not count";
  // Ours are not the peer's to bound.
  std::deque<SendingEnd> ours(5);
  for (SendingEnd& end : ours) channels->open_own(end, 16);
  EXPECT_EQ(channels->size(), 6u);
}

TEST_F(ChannelsTest, an_end_of_the_peers_parity_lives_beside_ours_of_the_same_number) {
  // rule: calls/weakness.9
  make();
  SendingEnd ours;
  ReceivingEnd theirs;
  channels->open_own(ours, 16);  // 1
  open_peer(2, theirs, 16);
  const std::uint64_t credit = ours.credit();
  ASSERT_TRUE(channels->on_close(2));
  EXPECT_EQ(theirs.state(), State::closed);
  EXPECT_TRUE(ours.is_open());
  EXPECT_EQ(ours.credit(), credit);
  // A close of what we send is no close of ours: it comes from the wrong end.
  EXPECT_EQ(fault_of(channels->on_close(1)), Code::channel_direction);
  EXPECT_TRUE(ours.is_open());
  EXPECT_EQ(ours.credit(), credit);
}

// --- sending

TEST_F(ChannelsTest, each_item_takes_one_of_the_initial_credit_and_at_zero_none_may_be_sent) {
  // rule: calls/rpc.flow-control.credit.initial
  // rule: calls/rpc.flow-control.credit
  make();
  SendingEnd end;
  EXPECT_FALSE(end.may_send());
  channels->open_own(end, 3);
  for (int left = 3; left > 0; --left) {
    EXPECT_EQ(end.credit(), static_cast<std::uint64_t>(left));
    ASSERT_TRUE(end.may_send());
    end.spend_one();
  }
  EXPECT_FALSE(end.may_send());
  EXPECT_TRUE(end.is_open());
}

TEST_F(ChannelsTest, a_channel_that_starts_with_no_credit_waits_for_a_grant) {
  // rule: calls/rpc.flow-control.credit.initial.zero
  make();
  SendingEnd end;
  channels->open_own(end, 0);
  EXPECT_FALSE(end.may_send());
  ASSERT_TRUE(channels->on_grant(1, 2));
  EXPECT_EQ(end.credit(), 2u);
  EXPECT_TRUE(end.may_send());
}

TEST_F(ChannelsTest, grants_add_up) {
  // rule: calls/rpc.flow-control.credit.grant.additive
  // rule: calls/rpc.flow-control.credit.grant
  make();
  SendingEnd end;
  open_peer(2, end, 16);
  for (const std::uint32_t more : {1u, 0u, 7u}) {
    const Result<SendingEnd*> granted = channels->on_grant(2, more);
    ASSERT_TRUE(granted);
    EXPECT_EQ(*granted, &end);
  }
  EXPECT_EQ(end.credit(), 24u);
}

TEST_F(ChannelsTest, a_grant_that_lifts_the_credit_above_the_limit_is_a_fault) {
  // rule: calls/weakness.12
  limits.credit_max = 100;
  make();
  SendingEnd end;
  channels->open_own(end, 16);
  ASSERT_TRUE(channels->on_grant(1, 84));
  EXPECT_EQ(end.credit(), 100u);
  EXPECT_EQ(fault_of(channels->on_grant(1, 1)), Code::credit_overflow);
  EXPECT_EQ(fault_of(channels->on_grant(1, ~std::uint32_t{0})), Code::credit_overflow);
  EXPECT_EQ(end.credit(), 100u);
  end.spend_one();
  EXPECT_TRUE(channels->on_grant(1, 1));
}

TEST_F(ChannelsTest, an_initial_credit_above_the_limit_is_kept_and_grants_to_it_refused) {
  limits.credit_max = 10;
  make();
  SendingEnd end;
  channels->open_own(end, 16);
  EXPECT_EQ(end.credit(), 16u);
  EXPECT_EQ(fault_of(channels->on_grant(1, 1)), Code::credit_overflow);
  EXPECT_TRUE(channels->on_grant(1, 0));
}

TEST_F(ChannelsTest, credit_is_held_back_until_the_call_has_left) {
  make();
  SendingEnd end;
  channels->open_own(end, 16);
  channels->hold_back(end);
  EXPECT_FALSE(end.may_send());
  channels->let_go(end);
  EXPECT_EQ(end.credit(), 16u);
  channels->let_go(end);
  EXPECT_EQ(end.credit(), 16u);
}

TEST_F(ChannelsTest, a_foreign_receiver_gets_no_more_than_it_can_hold) {
  make({.is_peer_foreign = true});
  SendingEnd wide, narrow, theirs;
  channels->open_own(wide, 256);
  channels->open_own(narrow, 16);
  open_peer(2, theirs, 256);
  EXPECT_EQ(wide.credit(), 64u);
  EXPECT_EQ(theirs.credit(), 64u);
  EXPECT_EQ(narrow.credit(), 16u);
}

TEST_F(ChannelsTest, a_reset_ends_the_sender_and_its_credit) {
  // rule: calls/weakness.8
  // rule: calls/rpc.channel.reset
  make();
  SendingEnd end;
  channels->open_own(end, 16);
  const Result<SendingEnd*> reset = channels->on_reset(1);
  ASSERT_TRUE(reset);
  EXPECT_EQ(*reset, &end);
  EXPECT_EQ(end.state(), State::failed);
  EXPECT_FALSE(end.may_send());
  EXPECT_EQ(counters.resets_received, 1u);
  // Later ones find nothing, which is no fault.
  const Result<SendingEnd*> again = channels->on_reset(1);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, nullptr);
  const Result<SendingEnd*> granted = channels->on_grant(1, 5);
  ASSERT_TRUE(granted);
  EXPECT_EQ(*granted, nullptr);
  EXPECT_EQ(counters.grants_after_end, 1u);
  EXPECT_FALSE(end.may_send());
}

TEST_F(ChannelsTest, a_sender_that_closes_leaves_the_table) {
  // rule: calls/weakness.26
  make();
  for (int i = 0; i < 1000; ++i) {
    SendingEnd end;
    channels->open_own(end, 16);
    EXPECT_EQ(channels->size(), 1u);
    channels->close(end);
    EXPECT_EQ(end.state(), State::closed);
    EXPECT_FALSE(end.may_send());
    EXPECT_EQ(channels->size(), 0u);
  }
  EXPECT_TRUE(channels->on_grant(7, 1));
  EXPECT_TRUE(channels->on_reset(7));
}

// --- what the peer may not do

TEST_F(ChannelsTest, messages_for_ids_that_nobody_announced_are_faults) {
  // rule: calls/weakness.6
  // rule: calls/weakness.21
  make();
  for (const std::uint64_t id : {0u, 1u, 2u, 3u, 4u, 1000u, 1001u}) {
    EXPECT_EQ(item(id), Verdict::fault) << id;
    EXPECT_EQ(last.fault, Code::channel_id) << id;
    EXPECT_EQ(fault_of(channels->on_close(id)), Code::channel_id) << id;
    EXPECT_EQ(fault_of(channels->on_reset(id)), Code::channel_id) << id;
    EXPECT_EQ(fault_of(channels->on_grant(id, 1)), Code::channel_id) << id;
  }
  EXPECT_EQ(channels->size(), 0u);
  EXPECT_EQ(channels->pinned_bytes(), 0u);
}

TEST_F(ChannelsTest, messages_from_the_wrong_end_are_faults) {
  // rule: calls/weakness.21
  // rule: calls/rpc.channel.direction
  make();
  SendingEnd sender, theirs_sender;
  ReceivingEnd receiver, theirs_receiver;
  channels->open_own(sender, 16);    // 1
  channels->open_own(receiver, 16);  // 3
  open_peer(2, theirs_sender, 16);
  open_peer(4, theirs_receiver, 16);
  for (const std::uint64_t id : {1u, 2u}) {
    EXPECT_EQ(item(id), Verdict::fault) << id;
    EXPECT_EQ(last.fault, Code::channel_direction) << id;
    EXPECT_EQ(fault_of(channels->on_close(id)), Code::channel_direction) << id;
  }
  for (const std::uint64_t id : {3u, 4u}) {
    EXPECT_EQ(fault_of(channels->on_reset(id)), Code::channel_direction) << id;
    EXPECT_EQ(fault_of(channels->on_grant(id, 1)), Code::channel_direction) << id;
  }
  EXPECT_EQ(channels->size(), 4u);
  EXPECT_TRUE(sender.is_open() && receiver.is_open() && theirs_sender.is_open() && theirs_receiver.is_open());
}

TEST_F(ChannelsTest, items_for_a_channel_that_has_ended_here_are_counted_and_cost_nothing) {
  // rule: calls/weakness.6
  make();
  ReceivingEnd end;
  open_peer(2, end, 2);
  channels->fail(end);  // its reader is gone
  for (int i = 0; i < 100; ++i) EXPECT_EQ(item(2), Verdict::ignored);
  EXPECT_EQ(counters.items_after_end, 100u);
  EXPECT_EQ(end.queued(), 0u);
  const Result<ReceivingEnd*> closed = channels->on_close(2);
  ASSERT_TRUE(closed);
  EXPECT_EQ(*closed, nullptr);
  EXPECT_EQ(counters.closes_after_end, 1u);
  // Announced by a call that was then refused: nobody ever opened it.
  ASSERT_TRUE(announce({4}));
  EXPECT_EQ(item(4), Verdict::ignored);
  EXPECT_TRUE(channels->on_close(4));
}

TEST_F(ChannelsTest, taking_down_gives_every_end_once_as_failed) {
  make();
  SendingEnd a, b;
  ReceivingEnd c, d;
  channels->open_own(a, 16);
  channels->open_own(c, 16);
  open_peer(2, b, 16);
  open_peer(4, d, 16);
  std::set<ChannelEnd*> taken;
  while (ChannelEnd* end = channels->take_any()) {
    EXPECT_EQ(end->state(), State::failed);
    EXPECT_TRUE(taken.insert(end).second);
  }
  EXPECT_EQ(taken, (std::set<ChannelEnd*>{&a, &b, &c, &d}));
  EXPECT_EQ(channels->size(), 0u);
}

}  // namespace
}  // namespace parley::core
