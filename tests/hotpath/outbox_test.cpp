#include "runtime/outbox/outbox.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "async/frame_pool.h"
#include "core/outbox/outbox_receiver.h"
#include "core/outbox/outbox_suite.h"
#include "runtime/outbox/outbox_suite.h"
#include "support/allocation_count.h"

// What reconnects leave behind.
namespace parley {
namespace {

constexpr std::size_t block_of_a_deque = 512;  // the last results lie in one, here or there

class OutboxCostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!async::FramePool::is_on()) GTEST_SKIP() << "the frame pool is off in this build; the release build runs this";
  }
};

// Both ends, and what one says handed to the other: with each session a command and its result.
class Ends {
 public:
  void reconnect() {
    core::Outbox::Effects effects;
    const auto session = outbox.connect(now, effects);
    core::OutboxReceiver::Effects receiving;
    const auto attached = receiver.attach(outbox.hello(), receiving).value();
    outbox.welcome(session, attached.welcome, now, effects);
    receiver.welcomed(attached.session);
    hand_over(attached.session);
    const auto ticket =
        outbox.send({.frame = frame, .group = "g", .key = "k", .deadline = now + std::chrono::hours(1)}, now, effects);
    ASSERT_TRUE(ticket);
    hand_over(attached.session);
    receiver.begun(*ticket);
    receiver.finished(*ticket, core::applied("{}"), now, receiving);
    hand_back(session);
    // The last acknowledgement is lost with the session.
    outbox.disconnect(session, now, effects);
    receiver.detach(attached.session);
  }
  void hand_over(core::OutboxReceiver::Session attached) {
    core::Outbox::Effects effects;
    core::OutboxReceiver::Effects receiving;
    while (const auto said = outbox.next(now, effects)) {
      const auto* const send = std::get_if<core::Outbox::Send>(&*said);
      if (!send) continue;
      if (send->results) receiver.acknowledged(attached, *send->results, now, receiving);
      receiver.take(attached,
                    {.number = send->number, .ticket = send->ticket, .deadline = send->deadline, .frame = *send->frame},
                    now, receiving);
    }
  }
  void hand_back(core::Outbox::Session session) {
    core::Outbox::Effects effects;
    while (const auto said = receiver.next()) {
      const auto* const answer = std::get_if<core::OutboxReceiver::Answer>(&*said);
      if (!answer) continue;
      if (answer->received) outbox.acknowledged(session, *answer->received, now, effects);
      outbox.finished(session, answer->number, answer->ticket, *answer->result, now, effects);
    }
  }

  Instant now = Instant::from_ns(1'000'000'000);
  core::Outbox::Frame frame = std::make_shared<const std::vector<std::uint8_t>>(20);
  core::Outbox outbox{{}, now};
  core::OutboxReceiver receiver{9, {}};
};

TEST_F(OutboxCostTest, a_million_reconnects_leave_both_machines_where_they_were) {
  // rule: delivery/K-03, delivery/K-04
  Ends ends;
  for (int i = 0; i < 1000; ++i) ends.reconnect();
  const std::size_t live = allocation_count().live_bytes + block_of_a_deque;
  for (int i = 0; i < 1'000'000; ++i) ends.reconnect();
  EXPECT_LE(allocation_count().live_bytes, live);
  EXPECT_EQ(ends.outbox.size(), 0u);
  EXPECT_EQ(ends.receiver.results(), 1u);
  EXPECT_EQ(ends.outbox.counters().results[0], 1'001'000u);
  EXPECT_EQ(ends.outbox.counters().restarts, 0u);
  EXPECT_EQ(ends.receiver.counters().started, 1'001'000u);
}

TEST_F(OutboxCostTest, a_million_sessions_leave_memory_and_tables_where_they_were) {
  // rule: delivery/K-03, delivery/K-09
  runtime::suite::World world;
  runtime::suite::Host host(world);
  Outbox outbox(world.loop);
  std::uint64_t applied = 0;
  outbox.on_result([&applied](std::uint64_t, const TicketResult&) { ++applied; });
  const auto reconnect = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const runtime::suite::Between between(world, outbox, host);
      outbox.send("note", runtime::suite::Note{i}).value();
      world.settle();
      host.noted.clear();
      host.metas.clear();
    }
  };
  reconnect(1000);
  const std::size_t live = allocation_count().live_bytes + block_of_a_deque;
  const std::size_t timers = world.loop.executor().timer_count();
  reconnect(1'000'000);
  EXPECT_LE(allocation_count().live_bytes, live);
  EXPECT_EQ(world.loop.executor().timer_count(), timers);
  EXPECT_EQ(applied, 1'001'000u);
  EXPECT_EQ(host.service->entries().size(), 1u);
}

}  // namespace
}  // namespace parley
