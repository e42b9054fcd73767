#include <gtest/gtest.h>

#include <array>

#include "hub/bus/bus_client_suite.h"
#include "hub/bus/bus_gate.h"

// Streams that break at any read or write of the hub, one after the other.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace bus_suite;

class Place {
 public:
  explicit Place(std::uint64_t fail_at) { plan.fail_at = fail_at; }

  // One that comes in, and says this.
  std::unique_ptr<io::Stream> join(std::initializer_list<bus::Frame> frames) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop);
    bus.admit({.stream = std::make_unique<io::FaultStream>(world.loop.executor(), std::move(far), plan),
               .seen = core::Principal::of_own_process(),
               .until = world.loop.now() + 5s});
    say(*near, {{0, bus::Connect{{1, 0}, {1, 0}, {}}}});
    say(*near, frames);
    return std::move(near);
  }
  void say(io::Stream& stream, std::initializer_list<bus::Frame> frames) {
    for (const bus::Frame& frame : frames) static_cast<void>(stream.write_some(bus::encoded(frame)));
    world.settle();
  }
  std::size_t read_all(io::Stream& stream) {
    std::array<std::uint8_t, 4096> piece;
    std::size_t size = 0;
    for (;;) {
      world.settle();
      const io::Transfer moved = stream.read_some(piece);
      if (moved.status != io::Transfer::Status::moved) return size;
      size += moved.bytes;
    }
  }
  // A day at the bus. How much everybody has heard.
  std::size_t work() {
    const std::string text(std::size_t{120} << 10, 'x');
    const auto subscriber = join({{1, bus::Subscribe{.topic = "orders"}}});
    const auto worker = join({{0, bus::WorkerRegister{.activity_types = {"work"}, .identity = "w"}}});
    const auto client = join({{1, bus::ConversationOpen{7, "work"}},
                              {2, bus::ConversationMessage{7, bus_suite::say("q"), true}},
                              {3, bus::ConversationMessage{7, bus_suite::say("r"), true}}});
    for (std::uint32_t i = 4; i < 12; ++i) {
      const bus::Publish publish{"orders", bus_suite::say(text), {}};
      say(*client, {{i, publish}});
    }
    std::size_t heard = read_all(*worker);
    say(*worker, {{1, bus::PushReply{1, as_bytes(std::string_view(text))}}});
    client->finish();
    subscriber->finish();
    say(*worker, {{1, bus::PushReply{2, as_bytes(std::string_view(text))}}, {0, bus::Disconnect()}});
    for (io::Stream* const each : {subscriber.get(), client.get(), worker.get()}) heard += read_all(*each);
    return heard;
  }
  void expect_nothing_left() {
    world.pass(10s);
    EXPECT_EQ(bus.connection_count() + bus.newcomer_count() + bus.leaving_count(), 0u);
    EXPECT_EQ(bus.counters().workers_registered, bus.counters().workers_ended);
    EXPECT_EQ(topics.machine().peer_count(), 0u);
    EXPECT_EQ(topics.machine().waiting_bytes(), 0u);
    EXPECT_EQ(conversations.size() + conversations.participant_count() + conversations.subject_count(), 0u);
    EXPECT_EQ(world.loop.executor().timer_count(), 0u);
    EXPECT_EQ(world.loop.blocks().held_count(), 0u);
  }

  runtime::suite::World world;
  io::FaultPlan plan;
  const Gate gate{core::Policy::of_owner(core::Principal::of_own_process()), {}};
  Topics topics{world.loop, {.takes_unknown = true}};
  Conversations conversations{world.loop.executor()};
  BusGate bus{{world.loop, gate, topics, conversations, [] {}}, BusOptions(), [](auto&&...) {}, 16};
};

TEST(BusFaults, a_stream_that_breaks_anywhere_costs_its_connection_and_leaves_nothing_behind) {
  // rule: conversations/R-105
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    SCOPED_TRACE(fail_at);
    Place place(fail_at);
    const std::size_t heard = place.work();
    place.expect_nothing_left();
    if (!place.plan.has_failed()) {
      EXPECT_GT(heard, std::size_t{10 * 120} << 10) << "eight deliveries and two replies, and nothing was lost";
      EXPECT_GT(fail_at, 20u);
      break;
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace parley::hub
