#pragma once

#include "async/scope.h"
#include "base/prng.h"
#include "io/loop.h"
#include "sim/coverage.h"
#include "sim/seeded_random.h"
#include "sim/sim_loop.h"
#include "sim/sim_reactor.h"
#include "sim/trace.h"
#include "sim/virtual_clock.h"

namespace parley::sim {

// One thread's worth of a simulated world: a loop, its outside, and the one source of randomness that decides what
// happens there. Everything of it repeats from the seed.
class World {
 public:
  explicit World(std::uint64_t seed, bool keeps_lines = false)
      : prng_(seed),
        reactor_(clock_),
        random_(prng_.next()),
        trace_(clock_, keeps_lines),
        loop_(clock_, reactor_, random_) {}

  io::Loop& loop() { return loop_; }
  void set_network(SimLoop::Network* network) { loop_.set_network(network); }
  Executor& executor() { return loop_.executor(); }
  SimReactor& reactor() { return reactor_; }
  Prng& prng() { return prng_; }
  Trace& trace() { return trace_; }
  const Trace& trace() const { return trace_; }
  Coverage& coverage() { return coverage_; }
  Instant now() const { return clock_.now(); }

  enum class Stop : std::uint8_t { done, deadlock, time_up, livelock };
  // Turns until `is_done` says so, nothing can happen any more, the time is up, or time stands still while the loop
  // turns and turns.
  template <class Condition>
  Stop run_until(Condition is_done, Instant limit = Instant::never()) {
    reactor_.forget_deadlock();
    Instant turned_at = clock_.now();
    std::uint64_t turns = 0;
    while (!is_done()) {
      if (reactor_.is_deadlocked()) return Stop::deadlock;
      if (clock_.now() >= limit) return Stop::time_up;
      if (clock_.now() != turned_at) turns = 0;
      turned_at = clock_.now();
      if (++turns > turns_at_one_time_max) return Stop::livelock;
      loop_.poll_once(Instant::never());
    }
    return Stop::done;
  }
  // Does what there is to do now, without letting time pass.
  Stop settle() {
    for (std::uint64_t turns = 0; loop_.poll_once(); ++turns) {
      if (turns == turns_at_one_time_max) return Stop::livelock;
    }
    return Stop::done;
  }
  // Lets so much time pass, and does what there is to do meanwhile.
  Stop pass(Duration duration) {
    const Instant end = now() + duration;
    while (settle() == Stop::done) {
      if (now() >= end) return Stop::done;
      loop_.poll_once(end);
    }
    return Stop::livelock;
  }
  // Runs a task to its end; what it came to, if it came to one.
  template <class T>
  Stop run(Task<T>& task, Instant limit = Instant::never()) {
    task.bind(loop_.executor());
    if (task.start()) return Stop::done;
    return run_until([&] { return task.is_done(); }, limit);
  }
  // Until nothing is left to do, now or later.
  Stop run_until_quiet(Instant limit) {
    return run_until([&] { return is_quiet(); }, limit);
  }
  bool is_quiet() { return !executor().has_ready() && executor().timer_count() == 0 && reactor_.planned_count() == 0; }

  static constexpr std::uint64_t turns_at_one_time_max = 100'000;

 private:
  VirtualClock clock_;
  Prng prng_;
  SimReactor reactor_;
  SeededRandom random_;
  Coverage coverage_;
  Trace trace_;
  SimLoop loop_;
};

}  // namespace parley::sim
