#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "sim/testing_network.h"

namespace parley::testing {

// Awaited with co_await, and no task: a Call, say, or an Event's wait().
template <class T>
concept Awaitable = !async::is_task<std::remove_cvref_t<T>> && requires(T& awaited) { awaited.await_resume(); };

struct WorldOptions {
  // What becomes of a failed test instead of a message and an abort: throws, or ends the process otherwise.
  std::move_only_function<void(const std::string& what)> on_failure;
  // How long something may take, in the time of the world, before it counts as endless.
  Duration run_max = std::chrono::hours(1);
  bool keeps_lines = false;  // of trace()
};

// A world of one thread in which services are tested: a loop, a clock that moves only when nothing is left to do, a
// network with faults, and one source of randomness behind all of it. The same seed gives the same run. On loop(),
// parley::listen() and parley::connect() take any address but stdio: and fd:, `sim:name` too, and none of them is real.
// Services, sessions and servers made on it die before the world; objects that are served are declared before it.
//
// Everything here is said from the test, never from a task or a handler: it turns the loop.
class World {
 public:
  explicit World(std::uint64_t seed, WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  io::Loop& loop() { return world_.loop(); }
  Instant now() { return world_.now(); }
  // For choices that the test leaves to the seed.
  Prng& prng() { return world_.prng(); }
  std::uint64_t seed() const { return seed_; }

  // --- time
  // The value of a task, or of whatever else is awaited; time passes while there is nothing to do. It fails if nothing
  // can happen any more that would end it, or if it takes longer than WorldOptions::run_max.
  template <class T>
  T run(Task<T> task, std::source_location where = std::source_location::current()) {
    judge(world_.run(task, world_.now() + options_.run_max), where);
    return task.promise().take();
  }
  template <Awaitable A>
  auto run(A awaited, std::source_location where = std::source_location::current()) {
    return run(wait_for(awaited), where);
  }
  // Does what there is to do at this moment, and lets no time pass. Fails if that never ends.
  void settle(std::source_location where = std::source_location::current()) { judge(world_.settle(), where); }
  // Lets this much time pass, with all that happens in it.
  void pass(Duration duration, std::source_location where = std::source_location::current()) {
    judge(world_.pass(duration), where);
  }

  // --- the network
  Links links() { return Links(network_); }
  Links links(std::string address) { return Links(network_, std::move(address)); }
  // What went wrong so far, to be sure that it did.
  Faults faults() const { return network_.faults(); }

  // --- what is expected
  // Ends the test unless it holds, with the seed and the line.
  void expect(bool holds, std::string_view what, std::source_location where = std::source_location::current()) {
    if (!holds) fail(what, where);
  }
  // Lets everything come to its end, and fails if something is left: a session, a listener, a timer, a read block.
  void expect_quiet(std::source_location where = std::source_location::current());
  // "seed 7, 1.25 s after the start": for the messages of a test framework, such as gtest's SCOPED_TRACE.
  std::string replay() const;
  // What happened on the network so far as a number: equal numbers, equal runs.
  const sim::Trace& trace() const { return world_.trace(); }

 private:
  template <class A>
  static auto wait_for(A& awaited) -> Task<decltype(awaited.await_resume())> {
    co_return co_await awaited;
  }
  void judge(sim::World::Stop stop, std::source_location where);
  std::string leftovers();
  void fail(std::string_view what, std::source_location where);

  const std::uint64_t seed_;
  WorldOptions options_;
  sim::World world_;
  Network network_;
};

}  // namespace parley::testing
