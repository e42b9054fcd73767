#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "io/fault_stream.h"
#include "io/memory_stream.h"
#include "io/statistics_stream.h"
#include "net/websocket_stream.h"
#include "runtime/link_dialog_suite.h"
#include "sim/sim_stream.h"

// What every link does, over WebSockets.
namespace parley {
namespace {

using io::suite::StreamPair;
using net::WebSocketStream;
using runtime::suite::Dialog;
using runtime::suite::LinkLog;
using runtime::suite::send;
using runtime::suite::send_control;

const io::WebSocketOptions options{.keepalive = Duration::zero()};

StreamPair over(io::Loop& loop, StreamPair streams) {
  return {std::make_unique<WebSocketStream>(loop, std::move(streams.first), net::UpgradeTarget{"localhost", "/roam"},
                                            options),
          std::make_unique<WebSocketStream>(loop, std::move(streams.second), options)};
}

StreamPair with_faults(io::Loop& loop, StreamPair streams, io::FaultPlan& plan) {
  return {std::make_unique<io::FaultStream>(loop.executor(), std::move(streams.first), plan),
          std::make_unique<io::FaultStream>(loop.executor(), std::move(streams.second), plan)};
}

// The stream below fails at its nth call, or the WebSocket itself does.
void fail_everywhere(bool is_below) {
  Limits limits;
  limits.flush_bytes = 100;
  std::uint64_t failed_at = 0;
  for (bool has_failed = true; has_failed; ++failed_at) {
    ASSERT_LT(failed_at, 5000u);
    io::suite::IdleWorld world;
    io::Loop& loop = world.loop();
    io::FaultPlan plan{.fail_at = failed_at};
    {
      StreamPair streams = io::MemoryStream::make_pair(loop, "mem:", {.pipe_bytes_max = 50});
      if (is_below) streams = with_faults(loop, std::move(streams), plan);
      streams = over(loop, std::move(streams));
      if (!is_below) streams = with_faults(loop, std::move(streams), plan);
      Dialog dialog(loop, std::move(streams), limits);
      dialog.talk();
      for (int i = 0; i < 60; ++i) io::suite::turn_a_little(loop);
      has_failed = plan.has_failed();
      dialog.check();
      if (has_failed) {
        ASSERT_EQ(dialog.log_a.ends + dialog.log_b.ends, 2) << "call " << failed_at;
        ASSERT_TRUE(dialog.log_a.failure || dialog.log_b.failure);
        ASSERT_EQ(loop.blocks().held_count(), 0u) << "call " << failed_at;
      } else {
        ASSERT_EQ(dialog.log_a.messages.size(), static_cast<std::size_t>(Dialog::count));
      }
    }
    ASSERT_EQ(world.loop().executor().timer_count(), 0u);
  }
  EXPECT_GT(failed_at, 30u);
}

TEST(WebSocketLink, a_stream_that_fails_at_its_nth_call_costs_the_link_and_nothing_else) { fail_everywhere(true); }
TEST(WebSocketLink, a_websocket_that_fails_at_its_nth_call_costs_the_link_and_nothing_else) { fail_everywhere(false); }

TEST(WebSocketLink, a_dialog_gets_through_streams_that_delay_and_cut_up) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    sim::World world(seed);
    const sim::FlowOptions flow{.buffer_bytes = 60,
                                .delay_min = std::chrono::microseconds(1),
                                .delay_max = std::chrono::milliseconds(1),
                                .piece_bytes_max = 7,
                                .short_writes = 300};
    Dialog dialog(world.loop(),
                  over(world.loop(), sim::SimStream::make_pair(world, "sim:harsh", {.flows = {flow, flow}})));
    dialog.talk();
    ASSERT_EQ(world.run_until([&] { return dialog.log_a.messages.size() == Dialog::count; }), sim::World::Stop::done);
    dialog.check();
  }
}

// Two links that have shaken hands.
struct Pair {
  explicit Pair(io::MemoryOptions memory = {}, const Limits& limits = {}) {
    StreamPair streams = over(world.loop(), io::MemoryStream::make_pair(world.loop(), "mem:", memory));
    a = std::make_unique<runtime::FramedLink>(world.loop(), std::move(streams.first), limits);
    b = std::make_unique<runtime::FramedLink>(world.loop(), std::move(streams.second), limits);
    a->start(log_a);
    b->start(log_b);
    settle();
  }
  void settle() {
    for (int i = 0; i < 50; ++i) io::suite::turn_a_little(world.loop());
  }
  io::suite::IdleWorld world;
  LinkLog log_a;
  LinkLog log_b;
  std::unique_ptr<runtime::FramedLink> a;
  std::unique_ptr<runtime::FramedLink> b;
};

TEST(WebSocketLink, what_is_ready_together_is_masked_where_it_leaves_from_in_one_write) {
  // rule: calls/zerocopy.send.websocket
  io::suite::IdleWorld world;
  StreamPair streams = io::MemoryStream::make_pair(world.loop());
  io::StreamStatistics statistics;
  streams.first = std::make_unique<io::StatisticsStream>(std::move(streams.first), statistics);
  streams = over(world.loop(), std::move(streams));
  Dialog dialog(world.loop(), std::move(streams));
  io::suite::turn_a_little(world.loop());
  const std::uint64_t writes = statistics.writes;
  const std::uint64_t bytes = statistics.bytes_written;
  dialog.log_b.at_message = nullptr;
  for (int i = 0; i < 100; ++i) send(*dialog.a, "message");
  EXPECT_EQ(statistics.writes, writes);
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(statistics.writes, writes + 1);
  EXPECT_EQ(statistics.bytes_written, bytes + 100 * (2 + 4 + 7));
  EXPECT_EQ(dialog.log_b.messages.size(), 100u);
}

// Looks where messages lie.
struct Placed final : io::LinkEvents {
  bool on_message(ByteView message, Block* block) override {
    in_their_block += block && message.data() >= block->data() &&
                      message.data() + message.size() <= block->data() + block->capacity();
    return true;
  }
  void on_link_ended(const Error*) override {}
  void on_link_drained() override {}
  int in_their_block = 0;
};

TEST(WebSocketLink, a_message_is_read_in_the_block_that_it_was_unmasked_into) {
  // rule: calls/zerocopy.recv.websocket, calls/zerocopy.backing.boxed
  io::suite::IdleWorld world;
  StreamPair streams = over(world.loop(), io::MemoryStream::make_pair(world.loop()));
  Placed log_a;
  Placed log_b;
  runtime::FramedLink a(world.loop(), std::move(streams.first), {});
  runtime::FramedLink b(world.loop(), std::move(streams.second), {});
  a.start(log_a);
  b.start(log_b);
  for (const std::size_t size : {1u, 1000u, 1'000'000u}) {
    send(a, std::string(size, 'm'));
    send(b, std::string(size, 'm'));
  }
  for (int i = 0; i < 20; ++i) io::suite::turn_a_little(world.loop());
  EXPECT_EQ(log_a.in_their_block, 3);
  EXPECT_EQ(log_b.in_their_block, 3);
}

TEST(WebSocketLink, a_message_of_any_size_passes_each_way) {
  Pair pair;
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65'535u, 65'536u, 131'072u, 3'000'000u}) {
    const std::string message(size, 'm');
    send(*pair.a, message);
    send(*pair.b, message);
    pair.settle();
    ASSERT_TRUE(pair.log_a.messages.back() == message && pair.log_b.messages.back() == message) << size;
  }
  EXPECT_EQ(pair.world.loop().blocks().held_count(), 0u);
}

TEST(WebSocketLink, control_overtakes_what_waits_but_no_message_that_was_begun) {
  Pair pair({.pipe_bytes_max = 4096});
  bool is_open = false;
  pair.log_b.at_message = [&](ByteView) { is_open = true; };
  for (int i = 0; i < 40; ++i) send(*pair.a, std::string(50'000, static_cast<char>('a' + i % 26)));
  pair.a->flush();
  ASSERT_TRUE(pair.a->is_blocked());
  send_control(*pair.a, "credit");
  for (int i = 0; i < 200; ++i) pair.settle();
  ASSERT_EQ(pair.log_b.messages.size(), 41u);
  const auto at = std::ranges::find(pair.log_b.messages, "credit") - pair.log_b.messages.begin();
  EXPECT_GE(at, 1) << "it cut a message that was on its way";
  EXPECT_LE(at, 4) << "it waited for the data";
  EXPECT_TRUE(is_open);
  EXPECT_GE(pair.log_a.drains, 1);
}

TEST(WebSocketLink, a_message_above_the_limit_ends_the_link_by_its_head_alone) {
  Limits limits;
  limits.frame_bytes_max = 1000;
  Pair pair({}, limits);
  send(*pair.a, std::string(1000, 'm'));
  pair.settle();
  EXPECT_EQ(pair.log_b.messages.size(), 1u);
  send(*pair.a, std::string(1001, 'm'));
  pair.settle();
  EXPECT_EQ(pair.log_b.messages.size(), 1u);
  ASSERT_TRUE(pair.log_b.failure);
  EXPECT_EQ(pair.log_b.failure->code, Code::frame_too_large);
}

TEST(WebSocketLink, finishing_sends_what_is_committed_and_then_a_goodbye) {
  Pair pair;
  send(*pair.a, "last words");
  pair.a->finish();
  pair.settle();
  EXPECT_THAT(pair.log_b.messages, testing::ElementsAre("last words"));
  EXPECT_EQ(pair.log_b.ends, 1);
  EXPECT_FALSE(pair.log_b.failure);
  send(*pair.b, "an answer");
  pair.b->finish();
  pair.settle();
  EXPECT_THAT(pair.log_a.messages, testing::ElementsAre("an answer"));
  EXPECT_EQ(pair.log_a.ends, 1);
  EXPECT_FALSE(pair.log_a.failure);
}

TEST(WebSocketLink, one_that_is_destroyed_is_lost_for_the_other) {
  Pair pair;
  pair.a.reset();
  pair.settle();
  ASSERT_TRUE(pair.log_b.failure);
  EXPECT_EQ(pair.log_b.failure->code, Code::link_lost);
  EXPECT_EQ(pair.log_a.ends, 0);
}

TEST(WebSocketLink, it_passes_no_descriptors_and_says_which_links_do) {
  Pair pair;
  io::Descriptor descriptor(1000, [](int) {});
  EXPECT_EQ(pair.a->attach({&descriptor, 1}).error().code, Code::unsupported);
  EXPECT_EQ(pair.a->claim_descriptor(0).error().code, Code::unsupported);
}

}  // namespace
}  // namespace parley
