#include "io/memory_listener.h"

#include <gtest/gtest.h>

#include "io/stream_end_suite.h"

namespace parley::io::suite {
namespace {

struct Accepted final : ListenerEvents {
  void on_stream(std::unique_ptr<Stream> stream) override {
    streams.push_back(std::move(stream));
    if (at_stream) at_stream();
  }
  void on_listener_failed(Error) override { ADD_FAILURE(); }
  std::vector<std::unique_ptr<Stream>> streams;
  std::move_only_function<void()> at_stream;
};

TEST(MemoryListener, gives_a_stream_for_every_dial) {
  IdleWorld world;
  auto listener = MemoryListener::listen(world.loop(), "door").value();
  EXPECT_EQ(listener->address(), "mem:door");
  MemoryDialer dialer(world.loop(), "door");
  auto early = world.loop().run_until(dialer.dial());
  ASSERT_TRUE(early);
  Accepted accepted;
  listener->start(accepted);
  EXPECT_TRUE(accepted.streams.empty()) << "reported from inside start()";
  auto late = world.loop().run_until(dialer.dial());
  ASSERT_TRUE(late);
  ASSERT_TRUE(turn_until(world.loop(), [&] { return accepted.streams.size() == 2; }));
  ASSERT_EQ((*late)->write_some(as_bytes("late")).bytes, 4u);
  std::uint8_t bytes[8];
  EXPECT_EQ(accepted.streams[0]->read_some(bytes).status, Status::would_block);
  EXPECT_EQ(accepted.streams[1]->read_some(bytes).bytes, 4u);
  EXPECT_EQ((*late)->peer().address, "mem:door");
}

TEST(MemoryListener, a_name_has_one_listener_at_a_time) {
  IdleWorld world;
  auto first = MemoryListener::listen(world.loop(), "door").value();
  auto second = MemoryListener::listen(world.loop(), "door");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::in_use);
  first.reset();
  EXPECT_TRUE(MemoryListener::listen(world.loop(), "door"));
}

TEST(MemoryListener, dialing_where_nobody_listens_says_so) {
  IdleWorld world;
  MemoryDialer dialer(world.loop(), "nobody");
  auto dialed = world.loop().run_until(dialer.dial());
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::address);
  EXPECT_EQ(dialed.error().note, "nothing listens at mem:nobody");
}

TEST(MemoryListener, a_bounded_number_of_streams_waits) {
  IdleWorld world;
  auto listener = MemoryListener::listen(world.loop(), "door").value();
  MemoryDialer dialer(world.loop(), "door");
  std::vector<std::unique_ptr<Stream>> waiting;
  for (std::size_t i = 0; i < MemoryListener::waiting_max; ++i) {
    waiting.push_back(world.loop().run_until(dialer.dial()).value());
  }
  auto one_more = world.loop().run_until(dialer.dial());
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, Code::overloaded);
  listener.reset();
  std::uint8_t byte = 0;
  EXPECT_EQ(waiting[0]->read_some({&byte, 1}).status, Status::ended);
}

TEST(MemoryListener, may_be_destroyed_by_its_own_event) {
  IdleWorld world;
  auto listener = MemoryListener::listen(world.loop(), "door").value();
  MemoryDialer dialer(world.loop(), "door");
  auto first = world.loop().run_until(dialer.dial()).value();
  auto second = world.loop().run_until(dialer.dial()).value();
  Accepted accepted;
  accepted.at_stream = [&] { listener.reset(); };
  listener->start(accepted);
  ASSERT_TRUE(turn_until(world.loop(), [&] { return !listener; }));
  turn_a_little(world.loop());
  EXPECT_EQ(accepted.streams.size(), 1u);
  std::uint8_t byte = 0;
  EXPECT_EQ(first->read_some({&byte, 1}).status, Status::would_block);
  EXPECT_EQ(second->read_some({&byte, 1}).status, Status::ended);
}

}  // namespace
}  // namespace parley::io::suite
