#include "core/supervisor/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace parley::core {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Strategy = Supervisor::Strategy;
using Restart = Supervisor::Restart;
using Kind = ExitReason::Kind;

// What was done, as "start 1"; a child that is asked to end does so when it is told to.
class Bench {
 public:
  explicit Bench(Supervisor::Options options = {}) : machine(options, 1) {}
  explicit Bench(Strategy strategy) : Bench(Supervisor::Options{.strategy = strategy}) {}

  void add(Supervisor::Child child, Restart restart = Restart::on_crash) {
    Supervisor::Effects effects;
    ASSERT_TRUE(machine.add(child, restart, effects));
    keep(effects);
  }
  void exit(Supervisor::Child child, Kind kind = Kind::killed) {
    Supervisor::Effects effects;
    machine.exited(child, {kind, {}}, now, effects);
    keep(effects);
  }
  void stop() {
    Supervisor::Effects effects;
    machine.stop(now, effects);
    keep(effects);
  }
  bool remove(Supervisor::Child child) {
    Supervisor::Effects effects;
    const bool was_there = machine.remove(child, now, effects);
    keep(effects);
    return was_there;
  }
  void pass(Duration time) {
    now = now + time;
    Supervisor::Effects effects;
    machine.on_time(now, effects);
    keep(effects);
  }
  // Until what waits now is done.
  void wait() {
    ASSERT_FALSE(machine.next_deadline().is_never());
    pass(std::max(machine.next_deadline() - now, Duration::zero()));
  }
  std::vector<std::string> done() { return std::exchange(done_, {}); }

  Instant now = Instant::from_ns(1);
  Supervisor machine;

 private:
  void keep(const Supervisor::Effects& effects) {
    for (const auto& each : effects) {
      if (const auto* start = std::get_if<Supervisor::Start>(&each)) {
        done_.push_back("start " + std::to_string(start->child));
      } else if (const auto* stop = std::get_if<Supervisor::Stop>(&each)) {
        done_.push_back("stop " + std::to_string(stop->child));
      } else if (const auto* kill = std::get_if<Supervisor::Kill>(&each)) {
        done_.push_back("kill " + std::to_string(kill->child));
      } else {
        const auto& why = std::get<Supervisor::Over>(each).why;
        done_.push_back(why ? "over: " + why->note : "over");
      }
    }
  }
  std::vector<std::string> done_;
};

TEST(Supervisor, one_that_crashes_is_started_again_by_itself) {
  Bench bench;
  bench.add(1);
  bench.add(2);
  EXPECT_THAT(bench.done(), ElementsAre("start 1", "start 2"));
  bench.exit(1);
  EXPECT_THAT(bench.done(), IsEmpty()) << "not before some time has passed";
  EXPECT_EQ(bench.machine.running_count(), 1u);
  bench.wait();
  EXPECT_THAT(bench.done(), ElementsAre("start 1"));
  EXPECT_EQ(bench.machine.restarts(), 1u);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
}

TEST(Supervisor, who_is_started_again_depends_on_how_it_ended) {
  Bench bench;
  bench.add(1, Restart::always);
  bench.add(2, Restart::on_crash);
  bench.add(3, Restart::never);
  bench.done();
  bench.exit(3, Kind::error);
  bench.exit(2, Kind::finished);
  EXPECT_TRUE(bench.machine.next_deadline().is_never());
  bench.exit(1, Kind::normal);
  bench.wait();
  EXPECT_THAT(bench.done(), ElementsAre("start 1"));
}

TEST(Supervisor, all_end_the_last_one_first_and_start_again_the_first_one_first) {
  Bench bench(Strategy::one_for_all);
  for (const Supervisor::Child child : {1u, 2u, 3u, 4u}) bench.add(child);
  bench.exit(3, Kind::normal);
  bench.done();
  bench.exit(2);
  EXPECT_THAT(bench.done(), ElementsAre("stop 4"));
  bench.exit(4, Kind::normal);
  EXPECT_THAT(bench.done(), ElementsAre("stop 1"));
  bench.pass(1s);
  EXPECT_THAT(bench.done(), IsEmpty()) << "one has not ended yet";
  bench.exit(1, Kind::killed);
  EXPECT_THAT(bench.done(), ElementsAre("start 1", "start 2", "start 4")) << "3 was done";
  EXPECT_EQ(bench.machine.restarts(), 1u);
}

TEST(Supervisor, those_after_it_end_with_it_and_those_before_go_on) {
  Bench bench(Strategy::rest_for_one);
  for (const Supervisor::Child child : {1u, 2u, 3u}) bench.add(child);
  bench.done();
  bench.exit(2);
  EXPECT_THAT(bench.done(), ElementsAre("stop 3"));
  bench.exit(1);
  EXPECT_THAT(bench.done(), IsEmpty());
  bench.exit(3);
  bench.wait();
  EXPECT_THAT(bench.done(), ElementsAre("start 1", "start 2", "start 3"));
}

TEST(Supervisor, so_many_restarts_within_the_time_and_no_more) {
  Bench bench({.restarts_max = 2, .within = 10s});
  bench.add(1);
  bench.add(2);
  for (int i = 0; i < 2; ++i) {
    bench.exit(1);
    bench.wait();
  }
  bench.pass(10s);
  bench.exit(1);
  bench.wait();
  bench.exit(1);
  bench.wait();
  EXPECT_EQ(bench.machine.restarts(), 4u) << "those from before are forgotten";
  bench.done();
  bench.exit(1);
  EXPECT_THAT(bench.done(), ElementsAre("stop 2"));
  bench.exit(2);
  EXPECT_THAT(bench.done(), ElementsAre(HasSubstr("over: child 1 has ended, and 2 restarts within 10 s are too many")));
  EXPECT_TRUE(bench.machine.is_over());
  Supervisor::Effects effects;
  EXPECT_EQ(bench.machine.add(3, Restart::always, effects).error().code, Code::closed);
}

TEST(Supervisor, it_waits_longer_each_time_and_not_always_the_same) {
  std::set<Duration> firsts;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Supervisor machine({.restarts_max = 20, .backoff_first = 100ms, .backoff_max = 1s}, seed);
    Instant now = Instant::from_ns(1);
    Supervisor::Effects effects;
    ASSERT_TRUE(machine.add(1, Restart::always, effects));
    for (int i = 0; i < 8; ++i) {
      const Duration most = std::min<Duration>(100ms * (1 << i), 1s);
      machine.exited(1, {Kind::killed, {}}, now, effects);
      const Duration wait = machine.next_deadline() - now;
      EXPECT_GE(wait, most / 2);
      EXPECT_LE(wait, most);
      if (i == 0) firsts.insert(wait);
      now = machine.next_deadline();
      machine.on_time(now, effects);
    }
  }
  EXPECT_GT(firsts.size(), 10u);
}

TEST(Supervisor, it_ends_when_all_have_and_kills_who_does_not) {
  Bench bench;
  bench.add(1);
  bench.add(2);
  bench.add(3);
  bench.exit(3);
  bench.done();
  bench.stop();
  bench.stop();
  EXPECT_THAT(bench.done(), ElementsAre("stop 2")) << "3 is started no more";
  bench.pass(5s);
  EXPECT_THAT(bench.done(), ElementsAre("kill 2"));
  bench.pass(5s);
  EXPECT_THAT(bench.done(), IsEmpty()) << "once";
  bench.exit(2);
  EXPECT_THAT(bench.done(), ElementsAre("stop 1"));
  bench.exit(1);
  EXPECT_THAT(bench.done(), ElementsAre("over"));
  bench.exit(1);
  EXPECT_THAT(bench.done(), IsEmpty());
}

TEST(Supervisor, one_that_is_removed_ends_and_is_forgotten) {
  Bench bench;
  bench.add(1, Restart::always);
  bench.add(2);
  bench.exit(2);
  bench.done();
  EXPECT_TRUE(bench.remove(1));
  EXPECT_FALSE(bench.remove(1));
  EXPECT_TRUE(bench.remove(2));
  EXPECT_THAT(bench.done(), ElementsAre("stop 1"));
  EXPECT_EQ(bench.machine.next_deadline(), bench.now + 5s);
  bench.stop();
  EXPECT_THAT(bench.done(), IsEmpty());
  bench.exit(1);
  EXPECT_THAT(bench.done(), ElementsAre("over"));
}

// Whatever happens, none is started that runs, none is asked to end that does not, and it comes to an end.
TEST(Supervisor, whatever_happens_it_starts_and_ends_each_at_its_time) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Prng prng(seed);
    Supervisor machine({.strategy = static_cast<Strategy>(prng.below(3)), .restarts_max = 10}, seed);
    Instant now = Instant::from_ns(1);
    std::map<Supervisor::Child, bool> running;  // whether it was asked to end
    int overs = 0;
    const auto keep = [&](const Supervisor::Effects& effects) {
      for (const auto& each : effects) {
        if (const auto* start = std::get_if<Supervisor::Start>(&each)) {
          ASSERT_TRUE(running.emplace(start->child, false).second) << seed;
        } else if (const auto* stop = std::get_if<Supervisor::Stop>(&each)) {
          ASSERT_TRUE(running.contains(stop->child)) << seed;
          ASSERT_FALSE(std::exchange(running[stop->child], true)) << seed;
        } else if (std::holds_alternative<Supervisor::Over>(each)) {
          ASSERT_TRUE(running.empty()) << seed;
          ++overs;
        }
      }
    };
    for (int step = 0; step < 100; ++step) {
      Supervisor::Effects effects;
      switch (prng.below(8)) {
        case 0: static_cast<void>(machine.add(1 + prng.below(6), static_cast<Restart>(prng.below(3)), effects)); break;
        case 1:
          if (prng.below(4) == 0) machine.remove(1 + prng.below(6), now, effects);
          break;
        case 2:
          if (prng.below(20) == 0) machine.stop(now, effects);
          break;
        case 3:
        case 4:
        case 5:
          if (!running.empty()) {
            auto one = running.begin();
            std::advance(one, static_cast<std::ptrdiff_t>(prng.below(running.size())));
            const auto child = one->first;
            running.erase(one);
            machine.exited(child, {static_cast<Kind>(prng.below(5)), {}}, now, effects);
          }
          break;
        default: now = now + 20ms; machine.on_time(now, effects);
      }
      keep(effects);
    }
    for (int step = 0; step < 100 && overs == 0; ++step) {
      Supervisor::Effects effects;
      machine.stop(now, effects);
      keep(std::exchange(effects, {}));
      if (!running.empty()) {
        const auto child = running.begin()->first;
        running.erase(child);
        machine.exited(child, {}, now, effects);
      }
      keep(effects);
    }
    ASSERT_EQ(overs, 1) << seed;
    ASSERT_TRUE(machine.next_deadline().is_never()) << seed;
  }
}

}  // namespace
}  // namespace parley::core
