#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>

#include "core/outbox/outbox_storm_suite.h"
#include "core/outbox/outbox_suite.h"

// Anything in any order, and what must hold after each step.
namespace parley::core {
namespace {

using namespace outbox_suite;
using namespace std::chrono_literals;
using outbox_storm::Storm;

TEST(OutboxStorm, in_a_hundred_thousand_steps_no_bound_is_passed_and_each_ticket_ends_once) {
  // rule: delivery/W-02, delivery/K-06, delivery/K-08, delivery/K-03, delivery/K-11, delivery/W-09, delivery/W-15
  constexpr int storms = 50;
  constexpr int steps = 2000;
  std::array<std::uint64_t, 6> results = {};
  std::uint64_t restarts = 0;
  std::uint64_t stale = 0;
  std::uint64_t doubled = 0;
  for (std::uint64_t seed = 1; seed <= storms; ++seed) {
    Storm storm(seed);
    for (int step = 0; step < steps; ++step) {
      storm.step();
      ASSERT_EQ(storm.failure(), "") << "seed " << seed << ", step " << step;
    }
    storm.rest(seed % 2 == 0);
    ASSERT_EQ(storm.failure(), "") << "seed " << seed << ", at the end";
    for (std::size_t kind = 0; kind < results.size(); ++kind) results[kind] += storm.results()[kind];
    restarts += storm.outbox().counters().restarts;
    stale += storm.outbox().counters().sessions_stale;
    doubled += storm.doubled() + storm.outbox().counters().results_repeated;
  }
  // It has been everywhere.
  for (std::size_t kind = 0; kind < results.size(); ++kind) EXPECT_GT(results[kind], 100u) << kind;
  EXPECT_GT(restarts, 100u);
  EXPECT_GT(stale, 100u);
  EXPECT_GT(doubled, 50u);
}

// Whoever sends again what broke adds nothing: it has been counted since it was taken.
TEST(OutboxStorm, writes_that_fail_all_at_once_leave_no_more_than_the_bound) {
  // rule: delivery/W-02
  Bench bench({.waiting_max = 10});
  std::size_t rejected = 0;
  for (int round = 0; round < 10; ++round) {
    const auto session = bench.connected(1, std::nullopt);
    for (int i = 0; i < 50; ++i) rejected += bench.send("x") ? 0 : 1;
    EXPECT_EQ(bench.machine.unacknowledged(), bench.machine.commands());
    bench.disconnect(session);
    rejected += bench.send({.text = "x", .when_full = static_cast<WhenFull>(round % 3)}) ? 0 : 1;
    ASSERT_LE(bench.machine.commands(), 64u);
    ASSERT_LE(bench.machine.size(), 74u);
  }
  EXPECT_EQ(bench.machine.commands(), 64u);
  EXPECT_EQ(bench.machine.commands_peak(), 64u);
  EXPECT_EQ(rejected + bench.machine.size(), 510u);
}

TEST(OutboxStorm, a_clock_that_jumps_ahead_ends_what_is_over_and_nothing_else) {
  // rule: delivery/K-07
  Bench bench({.outage_max = 100h});
  const auto session = bench.connected();
  const Ticket sent = bench.send({.text = "a", .deadline = 1h}).value();
  bench.acknowledge(session, 0);
  const Ticket later = bench.send({.text = "b", .deadline = 50h}).value();
  bench.acknowledge(session, 1);
  bench.disconnect(session);
  const Ticket queued = bench.send({.text = "c", .deadline = 2h}).value();
  bench.taken();
  bench.now = bench.now + 10h;
  bench.on_time();
  EXPECT_EQ(bench.kind_of(sent), Kind::unknown);
  EXPECT_EQ(bench.kind_of(queued), Kind::expired);
  EXPECT_FALSE(bench.kind_of(later));
  const auto next = bench.connected(1, 1);
  bench.finish(next, 0, later);
  EXPECT_EQ(bench.kind_of(later), Kind::applied);
  EXPECT_EQ(bench.repeated_results, 0u);
}

TEST(OutboxStorm, while_time_stands_still_everything_but_time_goes_on) {
  // rule: delivery/K-07
  Bench bench;
  for (int i = 0; i < 100; ++i) {
    const auto session = bench.connected(1, i == 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(i - 1)));
    const Ticket ticket = bench.sent("a");
    bench.on_time();
    bench.acknowledge(session, static_cast<std::uint32_t>(i));
    bench.finish(session, static_cast<std::uint32_t>(i), ticket);
    EXPECT_EQ(bench.kind_of(ticket), Kind::applied);
    bench.disconnect(session);
  }
  EXPECT_EQ(bench.machine.counters().restarts, 0u);
  EXPECT_EQ(bench.machine.disconnected(), 0s);
}

}  // namespace
}  // namespace parley::core
