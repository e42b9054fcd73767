#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/fault_stream.h"
#include "io/memory_stream.h"
#include "runtime/link_dialog_suite.h"
#include "sim/sim_stream.h"

// Two links that talk with each other over streams that delay, cut up and break.
namespace parley::runtime {
namespace {

using namespace suite;

TEST(FramedLink, a_stream_that_fails_at_its_nth_call_costs_the_link_and_nothing_else) {
  Limits limits;
  limits.flush_bytes = 100;
  std::uint64_t failed_at = 0;
  for (bool has_failed = true; has_failed; ++failed_at) {
    ASSERT_LT(failed_at, 2000u);
    io::suite::IdleWorld world;
    io::FaultPlan plan{.fail_at = failed_at};
    auto [first, second] = io::MemoryStream::make_pair(world.loop(), "mem:", {.pipe_bytes_max = 50});
    {
      Executor& executor = world.loop().executor();
      Dialog dialog(world.loop(),
                    {std::make_unique<io::FaultStream>(executor, std::move(first), plan),
                     std::make_unique<io::FaultStream>(executor, std::move(second), plan)},
                    limits);
      dialog.talk();
      for (int i = 0; i < 20; ++i) io::suite::turn_a_little(world.loop());
      has_failed = plan.has_failed();
      dialog.check();
      if (has_failed) {
        ASSERT_EQ(dialog.log_a.ends + dialog.log_b.ends, 2) << "call " << failed_at;
        ASSERT_TRUE(dialog.log_a.failure || dialog.log_b.failure);
        ASSERT_EQ(world.loop().blocks().held_count(), 0u) << "call " << failed_at;
      } else {
        ASSERT_EQ(dialog.log_a.messages.size(), static_cast<std::size_t>(Dialog::count));
      }
    }
    ASSERT_EQ(world.loop().executor().timer_count(), 0u);
  }
  EXPECT_GT(failed_at, 50u);
}

TEST(FramedLink, a_dialog_gets_through_streams_that_delay_and_cut_up) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    sim::World world(seed);
    const sim::FlowOptions flow{.buffer_bytes = 60,
                                .delay_min = std::chrono::microseconds(1),
                                .delay_max = std::chrono::milliseconds(1),
                                .piece_bytes_max = 7,
                                .short_writes = 300};
    Dialog dialog(world.loop(), sim::SimStream::make_pair(world, "sim:harsh", {.flows = {flow, flow}}));
    dialog.talk();
    ASSERT_EQ(world.run_until([&] { return dialog.log_a.messages.size() == Dialog::count; }), sim::World::Stop::done);
    dialog.check();
  }
}

TEST(FramedLink, a_link_that_dies_before_or_in_the_middle_of_anything_tells_nobody) {
  io::suite::IdleWorld world;
  auto [first, second] = io::MemoryStream::make_pair(world.loop());
  Dialog dialog(world.loop(), {std::move(first), std::move(second)});
  dialog.talk();
  dialog.a.reset();
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(dialog.log_a.ends, 0);
  EXPECT_THAT(dialog.log_b.messages, testing::IsEmpty()) << "not yet written";
  EXPECT_EQ(dialog.log_b.ends, 1);
}

}  // namespace
}  // namespace parley::runtime
