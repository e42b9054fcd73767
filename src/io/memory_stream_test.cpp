#include "io/memory_stream.h"

#include <gtest/gtest.h>

#include "io/fault_stream.h"
#include "io/statistics_stream.h"
#include "io/stream_descriptors_suite.h"
#include "io/stream_suite.h"

namespace parley::io::suite {
namespace {

struct MemoryWorld : IdleWorld, PretendedDescriptors {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() { return MemoryStream::make_pair(loop()); }
};

struct SmallMemoryWorld : IdleWorld, PretendedDescriptors {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() { return MemoryStream::make_pair(loop(), "mem:small", {.pipe_bytes_max = 1000}); }
};

struct FaultWorld : MemoryWorld {
  FaultPlan plan;
  StreamPair connect() {
    auto [first, second] = MemoryWorld::connect();
    return {std::make_unique<FaultStream>(loop().executor(), std::move(first), plan),
            std::make_unique<FaultStream>(loop().executor(), std::move(second), plan)};
  }
};

struct StatisticsWorld : MemoryWorld {
  StreamStatistics statistics;
  StreamPair connect() {
    auto [first, second] = MemoryWorld::connect();
    return {std::make_unique<StatisticsStream>(std::move(first), statistics),
            std::make_unique<StatisticsStream>(std::move(second), statistics)};
  }
};

using Worlds = testing::Types<MemoryWorld, SmallMemoryWorld, FaultWorld, StatisticsWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StreamSuite, Worlds);
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StreamDescriptorsSuite, Worlds);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamWithoutDescriptorsSuite);  // all of this layer pass them

TEST(MemoryStream, holds_no_more_than_its_bound) {
  MemoryWorld world;
  auto [a, b] = MemoryStream::make_pair(world.loop(), "mem:bounded", {.pipe_bytes_max = 10});
  EXPECT_EQ(a->write_some(as_bytes("0123456789abc")).bytes, 10u);
  EXPECT_EQ(a->write_some(as_bytes("abc")).status, Status::would_block);
  std::uint8_t bytes[4];
  EXPECT_EQ(b->read_some(bytes).bytes, 4u);
  EXPECT_EQ(a->write_some(as_bytes("abcdef")).bytes, 4u);
  EXPECT_EQ(b->peer().address, "mem:bounded");
}

TEST(MemoryStream, leaves_the_loop_to_others_before_it_reports_again_what_is_left_unread) {
  IdleWorld world;
  auto [a, b] = MemoryStream::make_pair(world.loop());
  End reader(std::move(b));
  reader.is_reading = false;
  reader.start();
  ASSERT_EQ(a->write_some(as_bytes("x")).bytes, 1u);
  for (std::size_t turn = 1; turn <= 5; ++turn) {
    EXPECT_TRUE(world.loop().poll_once());
    EXPECT_LE(reader.readable_count, turn * 2);
  }
  EXPECT_GE(reader.readable_count, 4u);
}

// The same work, cut at every read and write in turn: an echo of three lines, which either comes or ends.
TEST(FaultStream, cuts_each_call_in_turn_and_both_ends_notice) {
  std::uint64_t cuts = 0;
  for (FaultPlan plan{.fail_at = 0};; plan = {.fail_at = plan.fail_at + 1}) {
    SCOPED_TRACE(plan.fail_at);
    IdleWorld world;
    auto [first, second] = MemoryStream::make_pair(world.loop(), "mem:", {.pipe_bytes_max = 100});
    End client(std::make_unique<FaultStream>(world.loop().executor(), std::move(first), plan));
    End server(std::make_unique<FaultStream>(world.loop().executor(), std::move(second), plan));
    server.at_readable = [&] {
      std::uint8_t bytes[60];
      const Transfer transfer = server.read(bytes);
      if (transfer.status == Status::moved) server.send({bytes, bytes + transfer.bytes});
      if (server.over == Status::ended) server.finish();
    };
    client.start();
    server.start();
    const std::vector<std::uint8_t> line(50, 'e');
    for (std::size_t lines = 1; lines <= 3 && !client.over; ++lines) {
      client.send(line);
      ASSERT_TRUE(turn_until(world.loop(), [&] { return client.received.size() == lines * 50 || client.over; }));
    }
    if (!client.over) client.finish();
    ASSERT_TRUE(turn_until(world.loop(), [&] { return client.over && server.over; }));
    if (!plan.has_failed()) {
      EXPECT_EQ(client.received.size(), 150u);
      EXPECT_EQ(client.over, Status::ended);
      break;
    }
    ++cuts;
    EXPECT_EQ((client.over == Status::failed) + (server.over == Status::failed), 1);
    End& cut = client.over == Status::failed ? client : server;
    EXPECT_EQ(cut.stream().failure().code, Code::link_lost);
    EXPECT_EQ(cut.write(as_bytes("x")).status, Status::failed);
  }
  EXPECT_GE(cuts, 12u);  // at least a write and a read a line, at both ends
}

TEST(StatisticsStream, counts_what_passes) {
  StatisticsWorld world;
  StreamStatistics statistics;
  auto [first, second] = MemoryStream::make_pair(world.loop(), "mem:", {.pipe_bytes_max = 8});
  StatisticsStream a(std::move(first), statistics);
  auto descriptor = world.make(1);
  EXPECT_EQ(a.write_some(as_bytes("0123456789"), {&descriptor, 1}).bytes, 8u);
  EXPECT_EQ(a.write_some(as_bytes("89")).status, Status::would_block);
  std::uint8_t bytes[16];
  EXPECT_EQ(a.read_some(bytes).status, Status::would_block);
  ASSERT_EQ(second->write_some(as_bytes("abc")).bytes, 3u);
  EXPECT_EQ(a.read_some(bytes).bytes, 3u);
  EXPECT_EQ(statistics.bytes_written, 8u);
  EXPECT_EQ(statistics.writes, 1u);
  EXPECT_EQ(statistics.writes_blocked, 1u);
  EXPECT_EQ(statistics.bytes_read, 3u);
  EXPECT_EQ(statistics.reads, 1u);
  EXPECT_EQ(statistics.reads_blocked, 1u);
  EXPECT_EQ(statistics.descriptors_passed, 1u);
}

}  // namespace
}  // namespace parley::io::suite
