#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "async/frame_pool.h"
#include "runtime/conversations/local_party.h"
#include "runtime/world_suite.h"
#include "support/allocation_count.h"

// What conversations leave behind, and what one costs that nothing happens in.
namespace parley {
namespace {

using namespace std::chrono_literals;

Task<Result<std::optional<Envelope>>> echo(const Party::Message& message) { co_return *message.content; }

class ConversationCostTest : public ::testing::Test {
 protected:
  ConversationCostTest() { world.settle(); }
  void SetUp() override {
    if (!async::FramePool::is_on()) GTEST_SKIP() << "the frame pool is off in this build; the release build runs this";
  }
  // Opened, answered by a behaviour, closed: so many times.
  void converse(int times) {
    for (int i = 0; i < times; ++i) {
      const ConversationId id = conversations.open({.subject = "echo"}).value();
      conversations.send(id, {.payload = {1, 2, 3}}, {}, true).value();
      world.settle();
      ASSERT_EQ(conversations.find(id)->machine->request_count(), 1u);
      ASSERT_TRUE(conversations.close(id));
      world.settle();
    }
  }

  runtime::suite::World world;
  Conversations conversations{world.loop.executor()};
  Actors actors{world.loop};
  BehaviourParty party{conversations, actors, echo};
};

TEST_F(ConversationCostTest, a_million_conversations_leave_memory_and_registries_where_they_were) {
  ASSERT_TRUE(party.start("echo"));
  ASSERT_TRUE(conversations.provide("echo", party.who()));
  converse(1000);
  const std::size_t actors_before = actors.size();
  const std::size_t live = allocation_count().live_bytes;
  converse(1'000'000);
  EXPECT_EQ(allocation_count().live_bytes, live);
  EXPECT_EQ(actors.size(), actors_before);
  EXPECT_EQ(conversations.size(), 0u);
  EXPECT_EQ(conversations.participant_count(), 1u);
  EXPECT_EQ(conversations.waiting_count(), 0u);
  EXPECT_EQ(conversations.counters().opened, 1'001'000u);
  EXPECT_EQ(conversations.counters().closed, 1'001'000u);
}

TEST_F(ConversationCostTest, an_open_conversation_is_small_and_wakes_nobody) {
  constexpr std::size_t count = 1000;
  constexpr std::size_t bytes_max = 4096;
  ASSERT_TRUE(party.start("echo"));
  ASSERT_TRUE(conversations.provide("echo", party.who()));
  converse(10);
  const std::size_t live = allocation_count().live_bytes;
  for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(conversations.open({.subject = "echo", .deadline = 24h}));
  const std::size_t each = (allocation_count().live_bytes - live) / count;
  EXPECT_LE(each, bytes_max);
  EXPECT_GE(each, 500u) << "is anything counted at all?";
  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_EQ(world.loop.executor().timer_count(), 1u);
  EXPECT_FALSE(world.loop.poll_once()) << "there is nothing to do";
  conversations.close();
}

}  // namespace
}  // namespace parley
