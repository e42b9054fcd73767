#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "async/scope.h"
#include "async/task.h"
#include "async/wait.h"

// What goes wrong in programs, and what becomes of it here: an assert that names it, or nothing at all. The build with
// sanitizers proves the second half.
namespace parley {
namespace {

using Holder = std::optional<Task<void>>;

constexpr char self_destruction[] = "a task may not destroy itself or whoever awaits it";

void start(Executor& executor, Holder& holder, Task<void> task) {
  holder.emplace(std::move(task));
  holder->bind(executor);
  holder->start();
}

Task<void> reset_after(bool is_later, Holder& victim) {
  if (is_later) co_await Yield();
  victim.reset();
}

TEST(MisuseDeathTest, a_task_that_destroys_itself) {
  for (const bool is_later : {false, true}) {
    EXPECT_DEATH(
        {
          Executor executor;
          Holder holder;
          start(executor, holder, reset_after(is_later, holder));
          executor.run_ready();
        },
        self_destruction);
  }
}

TEST(MisuseDeathTest, a_task_that_destroys_itself_on_its_way_out) {
  struct ResetsAtDeath {
    Holder& victim;
    ~ResetsAtDeath() { victim.reset(); }
  };
  const auto task = [](bool is_later, Holder& victim) -> Task<void> {
    const ResetsAtDeath last{victim};
    if (is_later) co_await Yield();
    co_return;
  };
  for (const bool is_later : {false, true}) {
    EXPECT_DEATH(
        {
          Executor executor;
          Holder holder;
          start(executor, holder, task(is_later, holder));
          executor.run_ready();
        },
        self_destruction);
  }
}

TEST(MisuseDeathTest, a_task_that_destroys_whoever_awaits_it) {
  const auto parent = [](bool is_later, Holder& victim) -> Task<void> {
    co_await Yield();
    co_await reset_after(is_later, victim);
  };
  const auto grandparent = [](auto make, bool is_later, Holder& victim) -> Task<void> {
    co_await make(is_later, victim);
  };
  for (const bool is_later : {false, true}) {
    EXPECT_DEATH(
        {
          Executor executor;
          Holder holder;
          start(executor, holder, grandparent(parent, is_later, holder));
          executor.run_ready();
        },
        self_destruction);
  }
}

// The one in the middle was started in place, and nobody has suspended yet.
TEST(MisuseDeathTest, a_task_that_destroys_one_which_is_being_started) {
  const auto middle = [](Holder& self) -> Task<void> { co_await reset_after(false, self); };
  const auto outer = [](Holder& child) -> Task<void> { co_await std::move(*child); };
  EXPECT_DEATH(
      {
        Executor executor;
        Holder child;
        Holder holder;
        child.emplace(middle(child));
        start(executor, holder, outer(child));
      },
      self_destruction);
}

TEST(MisuseDeathTest, a_spawned_task_that_destroys_its_spawner) {
  const auto spawner = [](Scope& scope, Holder& self) -> Task<void> {
    co_await Yield();
    scope.spawn(reset_after(false, self));
  };
  EXPECT_DEATH(
      {
        Executor executor;
        Scope scope(executor);
        Holder holder;
        start(executor, holder, spawner(scope, holder));
        executor.run_ready();
      },
      self_destruction);
}

TEST(MisuseDeathTest, a_scope_destroyed_by_its_own_task) {
  const auto task = [](bool is_later, std::optional<Scope>& scope) -> Task<void> {
    if (is_later) co_await Yield();
    scope.reset();
  };
  const auto parent = [](auto make, bool is_later, std::optional<Scope>& scope) -> Task<void> {
    co_await make(is_later, scope);
  };
  for (const bool is_later : {false, true}) {
    EXPECT_DEATH(
        {
          Executor executor;
          std::optional<Scope> scope(std::in_place, executor);
          scope->spawn(parent(task, is_later, scope));
          executor.run_ready();
        },
        "a task may not destroy its own scope");
  }
}

TEST(MisuseDeathTest, a_task_that_is_awaited_twice) {
  const auto child = []() -> Task<void> { co_await Yield(); };
  const auto parent = [](auto make) -> Task<void> {
    Task<void> task = make();
    co_await std::move(task);
    co_await std::move(task);  // NOLINT(bugprone-use-after-move): that is the mistake
  };
  EXPECT_DEATH(
      {
        Executor executor;
        Scope scope(executor);
        scope.spawn(parent(child));
        executor.run_ready();
      },
      "a task is awaited or spawned once");
}

TEST(MisuseDeathTest, a_task_that_waits_where_nobody_started_it) {
  const auto task = []() -> Task<void> { co_await Yield(); };
  Task<void> loose = task();
  EXPECT_DEATH(loose.start(), "a coroutine runs only where a task, a scope or a loop has started it");
}

// --- what must do nothing ---

Task<void> wait_for(Event& event, std::string& log) {
  co_await event.wait();
  log += "woken";
}

TEST(Misuse, a_waiter_whose_event_dies_first_is_never_woken) {
  Executor executor;
  std::string log;
  Scope scope(executor);
  {
    Event event;
    scope.spawn(wait_for(event, log));
  }
  executor.run_ready();
  scope.cancel_all();
  EXPECT_EQ(log, "");
}

TEST(Misuse, a_waiter_that_was_woken_before_its_event_died_runs) {
  Executor executor;
  std::string log;
  Scope scope(executor);
  {
    Event event;
    scope.spawn(wait_for(event, log));
    event.set();
  }
  executor.run_ready();
  EXPECT_EQ(log, "woken");
}

TEST(Misuse, a_waiter_whose_queue_dies_first_is_never_woken) {
  const auto take = [](Queue<int>& queue, std::string& log) -> Task<void> {
    static_cast<void>(co_await queue.pop());
    log += "woken";
  };
  Executor executor;
  std::string log;
  Scope scope(executor);
  {
    Queue<int> queue(1);
    scope.spawn(take(queue, log));
  }
  executor.run_ready();
  scope.cancel_all();
  EXPECT_EQ(log, "");
}

TEST(Misuse, a_callback_that_destroys_its_own_node_disturbs_nobody) {
  struct Node : Ready {
    explicit Node(std::unique_ptr<Node>& owner_, Holder& victim_) : Ready(&Node::run), owner(owner_), victim(victim_) {}
    static void run(Ready& node) {
      auto& self = static_cast<Node&>(node);
      Holder& task = self.victim;
      self.owner.reset();
      task.reset();  // asks who is running
    }
    std::unique_ptr<Node>& owner;
    Holder& victim;
  };
  Executor executor;
  std::string log;
  Event event;
  Holder holder;
  start(executor, holder, wait_for(event, log));
  std::unique_ptr<Node> node;
  node = std::make_unique<Node>(node, holder);
  executor.post(*node);
  executor.run_ready();
  EXPECT_EQ(node, nullptr);
  EXPECT_FALSE(holder.has_value());
}

}  // namespace
}  // namespace parley
