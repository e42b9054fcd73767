#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "face/server.h"
#include "face/session.h"
#include "hub/hub.h"
#include "io/memory_listener.h"
#include "runtime/world_suite.h"

// A first connect() that waits for a peer that is not there yet.
namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::Running;
using runtime::suite::World;
using Connected = Result<std::unique_ptr<Session>>;

class ConnectWait : public testing::Test {
 protected:
  World world;
};

TEST_F(ConnectWait, nobody_is_waited_for_unless_told) {
  EXPECT_EQ(world.run(connect(world.loop, "mem:nobody")).error().code, Code::address);
}

TEST_F(ConnectWait, connects_when_the_peer_has_come) {
  Running<Connected> connecting(world, connect(world.loop, "mem:late", {.connect_wait_max = 60s}));
  world.pass(20s);
  EXPECT_FALSE(connecting.is_done());
  Server server = listen(world.loop, "mem:late").value();
  world.pass(5s);
  ASSERT_TRUE(connecting.is_done());
  EXPECT_TRUE(connecting.take().value()->is_open());
}

TEST_F(ConnectWait, pauses_double_from_a_tenth_of_a_second_to_five_somewhat_at_random) {
  // One that lets nobody in, and writes down when they came.
  struct Closed final : io::ListenerEvents {
    explicit Closed(World& world) : world(world) {}
    void on_stream(std::unique_ptr<io::Stream>) override { came.push_back(world.clock.at); }
    void on_listener_failed(Error) override {}
    World& world;
    std::vector<Instant> came;
  } closed(world);
  auto listener = world.loop.listen("mem:closed").value();
  listener->start(closed);
  Running<Connected> connecting(world, connect(world.loop, "mem:closed", {.connect_wait_max = 60s}));
  while (!connecting.is_done()) world.pass(10ms);
  EXPECT_EQ(connecting.take().error().code, Code::link_lost);
  ASSERT_GE(closed.came.size(), 12u);
  Duration pause = 100ms;
  for (std::size_t i = 1; i < closed.came.size(); ++i) {
    const Duration passed = closed.came[i] - closed.came[i - 1];
    EXPECT_GE(passed, pause / 2) << i;
    EXPECT_LE(passed, pause + 10ms) << i;
    pause = std::min<Duration>(2 * pause, 5s);
  }
}

TEST_F(ConnectWait, ends_at_the_deadline_with_the_last_error) {
  Running<Connected> connecting(world, connect(world.loop, "mem:nobody", {.connect_wait_max = 7s}));
  world.pass(7s - 1ms);
  EXPECT_FALSE(connecting.is_done());
  world.pass(1ms);
  ASSERT_TRUE(connecting.is_done());
  const Error error = connecting.take().error();
  EXPECT_EQ(error.code, Code::address);
  EXPECT_NE(error.note.find("waited 7 s"), std::string::npos) << error.note;
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
}

TEST_F(ConnectWait, a_peer_that_never_answers_the_handshake_does_not_outlast_the_deadline) {
  struct Silent final : io::ListenerEvents {
    void on_stream(std::unique_ptr<io::Stream> stream) override { streams.push_back(std::move(stream)); }
    void on_listener_failed(Error) override {}
    std::vector<std::unique_ptr<io::Stream>> streams;
  } silent;
  auto listener = world.loop.listen("mem:silent").value();
  listener->start(silent);
  Running<Connected> connecting(world, connect(world.loop, "mem:silent", {.connect_wait_max = 2s}));
  world.pass(2s);
  ASSERT_TRUE(connecting.is_done());
  EXPECT_EQ(connecting.take().error(), (Error{Code::timed_out, "waited 2 s"}));
}

TEST_F(ConnectWait, what_no_waiting_mends_ends_it_at_once) {
  EXPECT_EQ(world.run(connect(world.loop, "nonsense", {.connect_wait_max = 60s})).error().code, Code::uri);
  Hub hub(world.loop);
  ASSERT_TRUE(hub.listen("mem:hub"));
  const auto refused =
      world.run(connect(world.loop, "mem:hub", {.token = "of-nobody-at-all", .connect_wait_max = 60s}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission);
}

TEST_F(ConnectWait, dropping_the_task_gives_up) {
  {
    Running<Connected> connecting(world, connect(world.loop, "mem:nobody", {.connect_wait_max = 60s}));
    world.pass(3s);
    connecting.cancel();
  }
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
}

}  // namespace
}  // namespace parley
