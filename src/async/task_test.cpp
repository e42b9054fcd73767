#include "async/task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"

namespace parley {
namespace {

// A frame begins with two pointers, and the promise follows. What is added here is paid for by every call.
static_assert(sizeof(async::PromiseBase) <= 48);
static_assert(sizeof(async::TaskPromise<void>) <= 56);
static_assert(sizeof(async::TaskPromise<std::int32_t>) <= 56);
static_assert(alignof(async::TaskPromise<std::int32_t>) <= 16);
static_assert(!std::is_copy_constructible_v<Task<int>>);

// Adds its letter when it dies.
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

// How far the stack reached below the point where this was made.
class StackGauge {
 public:
  [[gnu::noinline]] void look() {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    low_ = std::min(low_, here);
    high_ = std::max(high_, here);
  }
  std::size_t bytes() const { return high_ - low_; }

 private:
  std::uintptr_t low_ = ~std::uintptr_t{0};
  std::uintptr_t high_ = 0;
};

Task<std::int32_t> add(std::int32_t a, std::int32_t b) { co_return a + b; }

Task<void> spell(std::string& log, Event& event, std::string word) {
  co_await event.wait();
  log += word;
}

// Runs the task to its end and gives its value.
template <class T>
T finish(Executor& executor, Task<T> task) {
  task.bind(executor);
  task.start();
  executor.run_ready();
  EXPECT_TRUE(task.is_done());
  return task.promise().take();
}

TEST(Task, it_is_lazy) {
  std::string log;
  const auto say = [](std::string& to) -> Task<void> {
    to += "said";
    co_return;
  };
  {
    const Task<void> task = say(log);
    EXPECT_EQ(log, "");
  }
  EXPECT_EQ(log, "");
}

TEST(Task, a_child_that_completes_at_once_never_suspends_its_parent) {
  Executor executor;
  int sum = 0;
  const auto parent = [](int& into) -> Task<void> { into = co_await add(2, 3) + co_await add(4, 5); };
  Task<void> task = parent(sum);
  task.bind(executor);
  EXPECT_TRUE(task.start());
  EXPECT_EQ(sum, 14);
  EXPECT_FALSE(executor.has_ready());
}

TEST(Task, a_child_that_completes_later_resumes_its_parent_through_the_queue) {
  Executor executor;
  std::string log;
  Event event;
  const auto parent = [](std::string& to, Event& on) -> Task<void> {
    co_await spell(to, on, "child ");
    to += "parent ";
  };
  Scope scope(executor);
  scope.spawn(parent(log, event));
  scope.spawn(spell(log, event, "other "));
  event.set();
  executor.run_ready();
  EXPECT_EQ(log, "child other parent ");
}

TEST(Task, it_carries_values_that_only_move) {
  const auto make = [](int number) -> Task<std::unique_ptr<int>> {
    co_await Yield();
    co_return std::make_unique<int>(number);
  };
  Executor executor;
  EXPECT_EQ(*finish(executor, make(7)), 7);
}

TEST(Task, it_carries_values_aligned_to_sixteen_bytes) {
  struct alignas(16) Wide {
    std::uint64_t low;
    std::uint64_t high;
  };
  const auto make = [](std::uint64_t low) -> Task<Wide> {
    co_await Yield();
    co_return {low, 2};
  };
  Executor executor;
  const Wide wide = finish(executor, make(1));
  EXPECT_EQ(wide.low + wide.high, 3u);
}

TEST(Task, a_value_that_nobody_takes_is_destroyed_with_the_task) {
  const auto watched = std::make_shared<int>(1);
  const auto give = [](std::shared_ptr<int> value) -> Task<std::shared_ptr<int>> { co_return value; };
  Executor executor;
  {
    Task<std::shared_ptr<int>> task = give(watched);
    task.bind(executor);
    EXPECT_TRUE(task.start());
    EXPECT_GT(watched.use_count(), 1);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(Task, a_stored_task_is_awaited_by_moving_it) {
  const auto parent = []() -> Task<int> {
    Task<std::int32_t> first = add(1, 2);
    Task<std::int32_t> second = std::move(first);
    co_return co_await std::move(second);
  };
  Executor executor;
  EXPECT_EQ(finish(executor, parent()), 3);
}

TEST(Task, braces_make_its_value) {
  const auto none = []() -> Task<std::vector<int>> { co_return {}; };
  const auto pair = []() -> Task<std::pair<int, int>> { co_return {1, 2}; };
  Executor executor;
  EXPECT_TRUE(finish(executor, none()).empty());
  EXPECT_EQ(finish(executor, pair()), std::pair(1, 2));
}

// --- cancellation ---

TEST(Task, destroying_it_runs_destructors_and_no_code_after_the_await) {
  Executor executor;
  std::string log;
  Event event;
  const auto child = [](std::string& to, Event& on) -> Task<void> {
    const Ghost ghost(to, 'c');
    co_await on.wait();
    to += "child went on";
  };
  const auto parent = [](auto make, std::string& to, Event& on) -> Task<void> {
    const Ghost outer(to, 'p');
    co_await make(to, on);
    to += "parent went on";
  };
  {
    Task<void> task = parent(child, log, event);
    task.bind(executor);
    EXPECT_FALSE(task.start());
  }
  EXPECT_EQ(log, "cp");
  event.set();
  EXPECT_FALSE(executor.run_ready());
  EXPECT_EQ(log, "cp");
}

TEST(Task, a_queued_resumption_is_dropped_with_its_task) {
  Executor executor;
  std::string log;
  Event event;
  Task<void> task = spell(log, event, "ran");
  task.bind(executor);
  task.start();
  event.set();
  EXPECT_TRUE(executor.has_ready());
  task.reset();
  EXPECT_FALSE(executor.has_ready());
  executor.run_ready();
  EXPECT_EQ(log, "");
}

TEST(Task, assigning_to_it_destroys_what_it_held) {
  Executor executor;
  std::string log;
  const auto hold = [](std::string& to, char letter) -> Task<void> {
    const Ghost ghost(to, letter);
    co_await Yield();
  };
  Task<void> task = hold(log, 'a');
  task.bind(executor);
  task.start();
  task = hold(log, 'b');
  EXPECT_EQ(log, "a");
  EXPECT_FALSE(executor.has_ready());
}

// --- exceptions ---

Task<int> thrower(bool is_late) {
  if (is_late) co_await Yield();
  throw std::runtime_error("thrown");
}

TEST(Task, an_exception_reaches_whoever_awaits) {
  const auto parent = [](bool is_late) -> Task<std::string> {
    try {
      co_await thrower(is_late);
    } catch (const std::runtime_error& error) {
      co_return error.what();
    }
    co_return "nothing";
  };
  Executor executor;
  EXPECT_EQ(finish(executor, parent(false)), "thrown");
  EXPECT_EQ(finish(executor, parent(true)), "thrown");
}

TEST(Task, an_exception_passes_through_tasks_that_do_not_catch_it) {
  const auto middle = []() -> Task<int> { co_return co_await thrower(true) + 1; };
  const auto outer = [](auto make) -> Task<void> { static_cast<void>(co_await make()); };
  Executor executor;
  EXPECT_THROW(finish(executor, outer(middle)), std::runtime_error);
}

TEST(Task, an_exception_that_nobody_takes_is_destroyed_with_the_task) {
  struct Watched : std::runtime_error {
    explicit Watched(std::shared_ptr<int> held_) : std::runtime_error("watched"), held(std::move(held_)) {}
    std::shared_ptr<int> held;
  };
  const auto watched = std::make_shared<int>(1);
  const auto task_of = [](std::shared_ptr<int> held) -> Task<int> {
    co_await Yield();
    throw Watched(std::move(held));
  };
  Executor executor;
  {
    Task<int> task = task_of(watched);
    task.bind(executor);
    task.start();
    executor.run_ready();
    EXPECT_EQ(task.promise().outcome(), async::Outcome::threw);
    EXPECT_GT(watched.use_count(), 1);
  }
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(TaskDeathTest, a_task_that_has_not_ended_has_no_value) {
  Task<std::int32_t> task = add(1, 2);
  EXPECT_DEATH(static_cast<void>(task.promise().take()), "a task that has not ended has no value");
}

// --- results ---

Result<int> checked(int number) {
  if (number < 0) return fail(Code::invalid, "negative");
  return number;
}
Task<Result<int>> checked_later(int number, std::string& log) {
  const Ghost ghost(log, 'i');
  co_await Yield();
  co_return co_await checked(number);
}
Task<Result<int>> doubled(int number, std::string& log) {
  const Ghost ghost(log, 'o');
  const int value = co_await co_await checked_later(number, log);
  log += '+';
  co_return 2 * value;
}

TEST(TaskOfResult, awaiting_a_result_goes_on_with_its_value) {
  Executor executor;
  std::string log;
  EXPECT_EQ(finish(executor, doubled(21, log)).value(), 42);
  EXPECT_EQ(log, "i+o");
}

TEST(TaskOfResult, awaiting_an_error_ends_the_task_with_it) {
  Executor executor;
  std::string log;
  const Result<int> result = finish(executor, doubled(-1, log));
  EXPECT_EQ(result.error(), (Error{Code::invalid, "negative"}));
  EXPECT_EQ(log, "io");
}

TEST(TaskOfResult, an_error_at_once_does_not_suspend_the_parent) {
  const auto inner = [](int number) -> Task<Result<int>> {
    const int value = co_await checked(number);
    ADD_FAILURE() << "went on with " << value;
    co_return value;
  };
  const auto outer = [](auto make) -> Task<Code> { co_return (co_await make(-5)).error().code; };
  Executor executor;
  Task<Code> task = outer(inner);
  task.bind(executor);
  EXPECT_TRUE(task.start());
  EXPECT_EQ(task.promise().take(), Code::invalid);
}

TEST(TaskOfResult, a_result_without_a_value_can_be_awaited) {
  const auto must = [](Result<void> result) -> Task<Result<void>> {
    co_await std::move(result);
    co_return {};
  };
  Executor executor;
  EXPECT_TRUE(finish(executor, must({})));
  EXPECT_EQ(finish(executor, must(fail(Code::closed))).error().code, Code::closed);
}

TEST(TaskOfResult, a_result_moves_its_value_out) {
  const auto open = [](Result<std::unique_ptr<int>> given) -> Task<Result<int>> {
    const std::unique_ptr<int> number = co_await std::move(given);
    co_return *number;
  };
  Executor executor;
  EXPECT_EQ(finish(executor, open(std::make_unique<int>(9))).value(), 9);
}

// --- the stack ---

TEST(TaskStack, a_million_awaits_that_complete_at_once_keep_it_bounded) {
  const auto child = [](StackGauge& gauge, int number) -> Task<int> {
    if (number % 100000 == 0) gauge.look();
    co_return 1;
  };
  const auto parent = [](auto make, StackGauge& gauge) -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 1000000; ++i) sum += co_await make(gauge, i);
    co_return sum;
  };
  Executor executor;
  StackGauge gauge;
  EXPECT_EQ(finish(executor, parent(child, gauge)), 1000000);
  EXPECT_LT(gauge.bytes(), 4096u);
}

TEST(TaskStack, a_million_awaits_that_complete_later_keep_it_bounded) {
  const auto child = [](StackGauge& gauge, int number) -> Task<int> {
    co_await Yield();
    if (number % 100000 == 0) gauge.look();
    co_return 1;
  };
  const auto parent = [](auto make, StackGauge& gauge) -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 1000000; ++i) sum += co_await make(gauge, i);
    co_return sum;
  };
  Executor executor;
  StackGauge gauge;
  EXPECT_EQ(finish(executor, parent(child, gauge)), 1000000);
  EXPECT_LT(gauge.bytes(), 4096u);
}

// Each starts the next from the queue, and all of them wait for the last.
Task<int> chain(StackGauge& gauge, int links) {
  co_await Yield();
  gauge.look();
  if (links == 0) co_return 0;
  const int below = co_await chain(gauge, links - 1);
  gauge.look();
  co_return below + 1;
}

TEST(TaskStack, a_chain_of_a_hundred_thousand_tasks_completes_without_recursion) {
  Executor executor;
  StackGauge gauge;
  EXPECT_EQ(finish(executor, chain(gauge, 100000)), 100000);
  EXPECT_LT(gauge.bytes(), 4096u);
}

TEST(TaskStack, a_chain_dies_from_its_last_link_to_its_first) {
  const auto link = [](auto self, std::string& log, int links) -> Task<void> {
    const Ghost ghost(log, static_cast<char>('0' + links));
    co_await Yield();
    if (links > 0) co_await self(self, log, links - 1);
    co_await Yield();
  };
  Executor executor;
  std::string log;
  Task<void> task = link(link, log, 5);
  task.bind(executor);
  task.start();
  executor.run_ready(6);
  task.reset();
  EXPECT_EQ(log, "012345");
  EXPECT_FALSE(executor.has_ready());
}

}  // namespace
}  // namespace parley
