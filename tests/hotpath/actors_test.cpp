#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <variant>

#include "async/frame_pool.h"
#include "runtime/actors/actors.h"
#include "runtime/world_suite.h"
#include "support/allocation_count.h"

// What actors leave behind: nothing.
namespace parley {
namespace {

using namespace std::chrono_literals;

class ActorCostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!async::FramePool::is_on()) GTEST_SKIP() << "the frame pool is off in this build; the release build runs this";
  }
};

Task<Result<void>> wait_for_one(Actor& self) {
  static_cast<void>(co_await self.receive<std::monostate>(1h));
  co_return {};
}

// Each way to end, with all that one may have by then: a name, a mailbox, an alarm, a monitor, a link, a question.
void live_and_end(runtime::suite::World& world, Actors& actors, Guest& guest, int way) {
  const ActorRef actor = actors.spawn({.name = "one"}, wait_for_one).value();
  guest->monitor(actor).value();
  guest->link(actor).value();
  world.settle();
  actor.send(4).value();
  const Asking<int> asking = guest->ask<int>(actor, std::string("how many?"), 1h);
  if (way % 2 == 0) {
    actor.exit({.kind = ExitReason::Kind::killed});
  } else {
    actor.send(std::monostate()).value();
  }
  world.settle();
  static constexpr auto take = [](Actor& self) -> Task<void> { co_await self.receive<Exited>(); };
  world.run(take(*guest));
  world.run(take(*guest));
}

TEST_F(ActorCostTest, a_million_lives_leave_memory_and_registries_as_they_were) {
  constexpr int lives = 1'000'000;
  runtime::suite::World world;
  Actors actors(world.loop);
  Guest guest(actors);
  for (int i = 0; i < 100; ++i) live_and_end(world, actors, guest, i);
  const AllocationCount before = allocation_count();
  for (int i = 0; i < lives; ++i) live_and_end(world, actors, guest, i);
  EXPECT_EQ(allocation_count().live_bytes, before.live_bytes);
  EXPECT_EQ(actors.counters().ended, static_cast<std::uint64_t>(lives) + 100);
  EXPECT_EQ(actors.size(), 1u) << "the guest";
  EXPECT_EQ(guest->mailbox_size(), 0u);
  EXPECT_FALSE(actors.find("one"));
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
}

}  // namespace
}  // namespace parley
