#include "async/scope.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "async/wait.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

class Ghost {
 public:
  Ghost(std::string& log, char letter) : log_(log), letter_(letter) {}
  Ghost(const Ghost&) = delete;
  Ghost& operator=(const Ghost&) = delete;
  ~Ghost() { log_ += letter_; }

 private:
  std::string& log_;
  char letter_;
};

Task<void> wait_for(Event& event, std::string& log, char letter) {
  const Ghost ghost(log, letter);
  co_await event.wait();
  log += '!';
}

TEST(Scope, a_task_that_ends_at_once_leaves_nothing_behind) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  const auto say = [](std::string& to) -> Task<void> {
    to += "said";
    co_return;
  };
  scope.spawn(say(log));
  EXPECT_EQ(log, "said");
  EXPECT_EQ(scope.size(), 0u);
  EXPECT_FALSE(executor.has_ready());
}

TEST(Scope, a_task_that_ends_later_is_removed_then) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  Event event;
  scope.spawn(wait_for(event, log, 'a'));
  scope.spawn(wait_for(event, log, 'b'));
  EXPECT_EQ(scope.size(), 2u);
  event.set();
  EXPECT_EQ(log, "");
  executor.run_ready();
  EXPECT_EQ(log, "!a!b");
  EXPECT_EQ(scope.size(), 0u);
}

TEST(Scope, destroying_it_cancels_its_tasks_in_the_order_of_spawning) {
  Executor executor;
  std::string log;
  Event event;
  {
    Scope scope(executor);
    scope.spawn(wait_for(event, log, 'a'));
    scope.spawn(wait_for(event, log, 'b'));
    scope.spawn(wait_for(event, log, 'c'));
  }
  EXPECT_EQ(log, "abc");
  event.set();
  EXPECT_FALSE(executor.run_ready());
}

TEST(Scope, cancel_all_leaves_it_usable) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  Event event;
  scope.spawn(wait_for(event, log, 'a'));
  scope.cancel_all();
  EXPECT_EQ(scope.size(), 0u);
  EXPECT_EQ(log, "a");
  scope.spawn(wait_for(event, log, 'b'));
  event.set();
  executor.run_ready();
  EXPECT_EQ(log, "a!b");
}

TEST(Scope, a_task_of_it_may_cancel_the_others_and_goes_on) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  Event event;
  const auto cancels = [](Scope& in, Event& on, std::string& to, bool is_late) -> Task<void> {
    if (is_late) co_await Yield();
    const Ghost ghost(to, 'c');
    in.cancel_others();
    to += '.';
    co_await on.wait();
    to += '!';
  };
  for (const bool is_late : {false, true}) {
    log.clear();
    event.reset();
    scope.spawn(wait_for(event, log, 'a'));
    scope.spawn(cancels(scope, event, log, is_late));
    if (is_late) scope.spawn(wait_for(event, log, 'b'));
    executor.run_ready();
    EXPECT_EQ(log, is_late ? "ab." : "a.");
    EXPECT_EQ(scope.size(), 1u);
    event.set();
    executor.run_ready();
    EXPECT_EQ(log, is_late ? "ab.!c" : "a.!c");
    EXPECT_EQ(scope.size(), 0u);
  }
}

TEST(Scope, a_task_that_has_ended_and_not_been_removed_yet_is_cancelled_as_well) {
  Executor executor;
  std::string log;
  Event event;
  {
    Scope scope(executor);
    scope.spawn(wait_for(event, log, 'a'));
    event.set();
    executor.run_ready(1);  // the task ends, its removal is queued
    EXPECT_EQ(log, "!a");
    EXPECT_EQ(scope.size(), 1u);
  }
  EXPECT_FALSE(executor.has_ready());
}

TEST(Scope, a_task_may_spawn_others_and_end_before_them) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  Event event;
  const auto parent = [](Scope& in, Event& on, std::string& to) -> Task<void> {
    in.spawn(wait_for(on, to, 'a'));
    in.spawn(wait_for(on, to, 'b'));
    co_return;
  };
  scope.spawn(parent(scope, event, log));
  EXPECT_EQ(scope.size(), 2u);
  event.set();
  executor.run_ready();
  EXPECT_EQ(log, "!a!b");
}

TEST(Scope, what_a_dying_task_spawns_dies_with_it) {
  Executor executor;
  std::string log;
  Event event;
  struct SpawnsAtDeath {
    Scope& in;
    Event& on;
    std::string& to;
    ~SpawnsAtDeath() { in.spawn(wait_for(on, to, 'z')); }
  };
  const auto task = [](Scope& in, Event& on, std::string& to) -> Task<void> {
    const SpawnsAtDeath last{in, on, to};
    co_await on.wait();
  };
  {
    Scope scope(executor);
    scope.spawn(task(scope, event, log));
  }
  EXPECT_EQ(log, "z");
}

TEST(Scope, a_task_of_one_scope_may_destroy_another) {
  Executor executor;
  std::string log;
  Event event;
  std::optional<Scope> victim(std::in_place, executor);
  Scope scope(executor);
  const auto killer = [](std::optional<Scope>& which) -> Task<void> {
    co_await Yield();
    which.reset();
  };
  victim->spawn(wait_for(event, log, 'a'));
  scope.spawn(killer(victim));
  executor.run_ready();
  EXPECT_EQ(log, "a");
  EXPECT_EQ(scope.size(), 0u);
}

// As in an object that owns its background work: the scope comes last and dies first.
class Pinger {
 public:
  Pinger(Executor& executor, int& sent) : executor_(executor), sent_(sent), scope_(executor) { scope_.spawn(run()); }

 private:
  Task<void> run() {
    for (;;) {
      co_await Sleep(executor_, 1s);
      ++sent_;
    }
  }
  Executor& executor_;
  int& sent_;
  Scope scope_;
};

TEST(Scope, background_work_ends_with_its_owner) {
  Executor executor;
  int sent = 0;
  auto pinger = std::make_unique<Pinger>(executor, sent);
  for (int second = 1; second <= 3; ++second) {
    executor.advance(Instant() + std::chrono::seconds(second));
    executor.run_ready();
  }
  EXPECT_EQ(sent, 3);
  pinger.reset();
  EXPECT_EQ(executor.timer_count(), 0u);
}

TEST(ScopeDeathTest, an_exception_that_leaves_a_spawned_task_terminates_and_is_named) {
  Executor executor;
  const auto thrower = [](bool is_late) -> Task<void> {
    if (is_late) co_await Yield();
    throw std::runtime_error("nobody catches this");
  };
  EXPECT_DEATH(Scope(executor).spawn(thrower(false)), "nobody catches this");
  EXPECT_DEATH(
      {
        Scope scope(executor);
        scope.spawn(thrower(true));
        executor.run_ready();
      },
      "nobody catches this");
}

TEST(ScopeDeathTest, a_moved_from_task_is_not_spawned) {
  Executor executor;
  Event event;
  std::string log;
  Task<void> task = wait_for(event, log, 'a');
  const Task<void> other = std::move(task);
  EXPECT_DEATH(Scope(executor).spawn(std::move(task)), "task");  // NOLINT(bugprone-use-after-move)
}

}  // namespace
}  // namespace parley
