#include "net/gathering_stream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "io/memory_stream.h"
#include "io/statistics_stream.h"
#include "io/stream_end_suite.h"
#include "net/net_world_suite.h"
#include "net/socket_stream.h"
#include "net/tls.h"
#include "net/tls_files_suite.h"
#include "net/websocket_stream.h"

// What is long is not copied to put a few bytes before it.
namespace parley::net {
namespace {

using io::suite::End;
using io::suite::Status;
using io::suite::StreamPair;

constexpr std::size_t record_overhead = 22;  // of TLS 1.3 with AES-GCM: head, type, tag

// Takes a little at a time, and breaks at one of its calls.
class NarrowGatherer final : public io::Stream, public GatheringStream {
 public:
  struct Plan {
    int fail_at = -1;
    int calls = 0;
  };
  NarrowGatherer(std::unique_ptr<io::Stream> inner, Plan& plan) : inner_(std::move(inner)), plan_(plan) {}
  using io::Stream::write_some;
  void start(io::StreamEvents& events) override { inner_->start(events); }
  io::Transfer read_some(std::span<std::uint8_t> into) override { return inner_->read_some(into); }
  io::Transfer write_some(ByteView from, std::span<io::Descriptor>) override {
    if (is_dead_ || plan_.calls++ == plan_.fail_at) return die();
    return inner_->write_some(from.first(std::min(from.size(), bytes_max)));
  }
  io::Transfer write_both(ByteView first, ByteView second) override {
    if (is_dead_ || plan_.calls++ == plan_.fail_at) return die();
    std::vector<std::uint8_t> both(first.begin(), first.end());
    both.insert(both.end(), second.begin(), second.end());
    return inner_->write_some(ByteView(both).first(std::min(both.size(), plan_.calls % 3 == 0 ? 3 : bytes_max)));
  }
  void want_writable() override { inner_->want_writable(); }
  void finish() override { inner_->finish(); }
  Error failure() const override { return {Code::link_lost, "a fault was planned here"}; }
  const io::Peer& peer() const override { return inner_->peer(); }

 private:
  static constexpr std::size_t bytes_max = 20'000;
  io::Transfer die() {
    if (!std::exchange(is_dead_, true)) inner_->finish();
    return {Status::failed, 0};
  }
  std::unique_ptr<io::Stream> inner_;
  Plan& plan_;
  bool is_dead_ = false;
};

std::vector<std::uint8_t> messages(Prng& prng, int count, std::size_t size_max) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < count; ++i) {
    const auto size = static_cast<std::uint32_t>(prng.between(0, i % 3 == 0 ? 100 : size_max));
    const std::vector<std::uint8_t> message = io::suite::random_bytes(prng, size);
    const auto* const length = reinterpret_cast<const std::uint8_t*>(&size);
    bytes.insert(bytes.end(), length, length + sizeof size);
    bytes.insert(bytes.end(), message.begin(), message.end());
  }
  return bytes;
}

class Gathering : public testing::Test {
 protected:
  StreamPair sockets() { return make_socket_pair(world.reactor()).value(); }
  StreamPair tls(StreamPair below) {
    Tls accepting(files.issue("server"));
    Tls dialing(files.dialer());
    auto near = dialing.dial(world.loop(), below.first, "localhost").value();
    auto far = accepting.accept(world.loop(), below.second).value();
    suite::shake_hands(*near, *far);
    return {std::move(near), std::move(far)};
  }
  static StreamPair websockets(io::Loop& loop, StreamPair below) {
    const io::WebSocketOptions options{.keepalive = Duration::zero()};
    return {
        std::make_unique<WebSocketStream>(loop, std::move(below.first), UpgradeTarget{"localhost", "/roam"}, options),
        std::make_unique<WebSocketStream>(loop, std::move(below.second), options)};
  }
  // Both ends send messages short and long in portions of any size, and the slower reader gets all of them.
  void expect_messages(StreamPair pair) {
    Prng prng(11);
    End a(std::move(pair.first));
    End b(std::move(pair.second));
    a.start();
    b.start();
    a.chunks = b.chunks = &prng;
    a.write_max = b.write_max = std::size_t{300} << 10;
    a.read_max = std::size_t{150} << 10;
    const auto to_a = messages(prng, 40, 200'000);
    const auto to_b = messages(prng, 40, 200'000);
    a.send(to_b);
    b.send(to_a);
    ASSERT_TRUE(world.turn_until(
        [&] { return (a.received.size() >= to_a.size() && b.received.size() >= to_b.size()) || a.over || b.over; }));
    EXPECT_TRUE(a.received == to_a) << to_string(a.stream().failure());
    EXPECT_TRUE(b.received == to_b) << to_string(b.stream().failure());
    b.finish();
    a.finish();
    ASSERT_TRUE(world.turn_until([&] { return a.over && b.over; }));
    EXPECT_EQ(a.over, Status::ended);
    EXPECT_EQ(b.over, Status::ended);
  }
  // What was taken of two pieces arrives, the first before the second.
  void expect_both_in_order(StreamPair pair) {
    auto& gathering = dynamic_cast<GatheringStream&>(*pair.first);
    End a(std::move(pair.first));
    End b(std::move(pair.second));
    a.start();
    b.start();
    Prng prng(5);
    std::vector<std::uint8_t> expected;
    for (int i = 0; i < 50; ++i) {
      const auto first = io::suite::random_bytes(prng, prng.between(1, i % 5 == 0 ? 40'000 : 20));
      const auto second = io::suite::random_bytes(prng, prng.between(1, 300'000));
      const io::Transfer transfer = gathering.write_both(first, second);
      std::vector<std::uint8_t> both = first;
      both.insert(both.end(), second.begin(), second.end());
      ASSERT_TRUE(transfer.status == Status::moved || transfer.status == Status::would_block);
      expected.insert(expected.end(), both.begin(), both.begin() + static_cast<std::ptrdiff_t>(transfer.bytes));
      if (transfer.status == Status::moved && prng.between(0, 1) == 0) continue;
      ASSERT_TRUE(world.turn_until([&] { return b.received.size() >= expected.size(); }));
    }
    ASSERT_TRUE(world.turn_until([&] { return b.received.size() >= expected.size(); }));
    EXPECT_TRUE(b.received == expected);
    a.finish();
    const std::uint8_t byte = 1;
    EXPECT_EQ(gathering.write_both({&byte, 1}, {&byte, 1}).status, Status::failed) << "written after the end";
  }

  suite::EpollWorld world;
  suite::TlsFiles files;
};

TEST_F(Gathering, two_pieces_arrive_in_order_as_far_as_they_were_taken) {
  expect_both_in_order(sockets());
  expect_both_in_order(tls(sockets()));
}

TEST_F(Gathering, whoever_has_gone_is_written_nothing) {
  for (const bool has_tls : {false, true}) {
    StreamPair pair = has_tls ? tls(sockets()) : sockets();
    pair.second.reset();
    const std::vector<std::uint8_t> second(100'000, 's');
    EXPECT_EQ(dynamic_cast<GatheringStream&>(*pair.first).write_both(as_bytes("first"), second).status, Status::failed);
    EXPECT_EQ(pair.first->failure().code, Code::link_lost);
  }
}

TEST_F(Gathering, a_few_bytes_before_many_are_no_record_of_tls_of_their_own) {
  io::StreamStatistics statistics;
  auto [near, far] = sockets();
  auto pair = tls({std::make_unique<io::StatisticsStream>(std::move(near), statistics), std::move(far)});
  const io::StreamStatistics before = statistics;
  const std::vector<std::uint8_t> second(40'000, 's');
  EXPECT_EQ(dynamic_cast<GatheringStream&>(*pair.first).write_both(as_bytes("0123456789"), second).bytes, 40'010u);
  EXPECT_EQ(statistics.bytes_written - before.bytes_written, 40'010 + 3 * record_overhead);
  EXPECT_EQ(statistics.writes - before.writes, 1u);
}

TEST_F(Gathering, websockets_pass_messages_short_and_long_over_sockets_and_tls) {
  expect_messages(websockets(world.loop(), sockets()));
  expect_messages(websockets(world.loop(), tls(sockets())));
}

TEST_F(Gathering, a_long_message_is_no_write_more_than_its_pieces) {
  NarrowGatherer::Plan plan;
  io::suite::IdleWorld idle;
  auto [near, far] = io::MemoryStream::make_pair(idle.loop(), "mem:");
  StreamPair pair = websockets(idle.loop(), {std::move(near), std::make_unique<NarrowGatherer>(std::move(far), plan)});
  End a(std::move(pair.first));
  End b(std::move(pair.second));
  a.start();
  b.start();
  io::suite::turn_a_little(idle.loop());
  plan.calls = 0;
  Prng prng(3);
  std::vector<std::uint8_t> message = io::suite::random_bytes(prng, 40'000);
  const std::uint32_t length = 40'000 - 4;
  std::memcpy(message.data(), &length, sizeof length);
  b.send(message);
  io::suite::turn_a_little(idle.loop());
  EXPECT_TRUE(a.received == message);
  EXPECT_EQ(plan.calls, 2) << "20,000 bytes, and the rest, which is short enough to be copied";
}

// Whatever of it has left: the peer gets the beginning of it, and both ends end.
TEST_F(Gathering, a_stream_below_that_fails_at_its_nth_call_ends_both_ends_and_what_came_is_right) {
  bool has_failed = true;
  int fail_at = 0;
  for (; has_failed; ++fail_at) {
    ASSERT_LT(fail_at, 1000);
    NarrowGatherer::Plan plan{.fail_at = fail_at};
    io::suite::IdleWorld idle;
    auto [near, far] = io::MemoryStream::make_pair(idle.loop(), "mem:", {.pipe_bytes_max = 50'000});
    StreamPair pair =
        websockets(idle.loop(), {std::move(near), std::make_unique<NarrowGatherer>(std::move(far), plan)});
    {
      End a(std::move(pair.first));
      End b(std::move(pair.second));
      a.start();
      b.start();
      io::suite::turn_a_little(idle.loop());
      Prng prng(7);
      const auto bytes = messages(prng, 12, 100'000);
      b.send(bytes);
      for (int i = 0; i < 20; ++i) io::suite::turn_a_little(idle.loop());
      has_failed = plan.calls > fail_at;
      ASSERT_LE(a.received.size(), bytes.size());
      EXPECT_TRUE(std::equal(a.received.begin(), a.received.end(), bytes.begin())) << "call " << fail_at;
      if (has_failed) {
        EXPECT_EQ(a.over, Status::failed) << "call " << fail_at;
        EXPECT_TRUE(b.write_failed || b.has_sent_all()) << "call " << fail_at;
      } else {
        EXPECT_EQ(a.received.size(), bytes.size());
      }
    }
    EXPECT_EQ(idle.loop().blocks().held_count(), 0u) << "call " << fail_at;
  }
  EXPECT_GT(fail_at, 20);
}

}  // namespace
}  // namespace parley::net
