#include "async/wait.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.h"
#include "base/prng.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

// --- Yield, this_executor ---

Task<void> count_to(int limit, char name, std::string& log) {
  for (int i = 0; i < limit; ++i) {
    log += name;
    co_await Yield();
  }
}

TEST(Yield, tasks_that_yield_take_turns) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  scope.spawn(count_to(3, 'a', log));
  scope.spawn(count_to(3, 'b', log));
  scope.spawn(count_to(2, 'c', log));
  executor.run_ready();
  EXPECT_EQ(log, "abcabcab");
}

TEST(Yield, one_that_yields_for_ever_does_not_keep_the_executor) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  scope.spawn(count_to(1 << 30, '.', log));
  EXPECT_TRUE(executor.run_ready(100));
  EXPECT_EQ(log.size(), 101u);
  EXPECT_TRUE(executor.has_ready());
}

TEST(ThisExecutor, a_task_knows_where_it_runs) {
  Executor executor;
  Scope scope(executor);
  Executor* found = nullptr;
  const auto child = []() -> Task<Executor*> { co_return &co_await this_executor(); };
  const auto task = [](auto make, Executor*& into) -> Task<void> { into = co_await make(); };
  scope.spawn(task(child, found));
  EXPECT_EQ(found, &executor);
}

// --- Sleep ---

Task<void> doze(Executor& executor, Duration duration, char name, std::string& log) {
  co_await Sleep(executor, duration);
  log += name;
}

TEST(Sleep, sleepers_wake_in_the_order_of_their_times) {
  Executor executor;
  Scope scope(executor);
  std::string log;
  scope.spawn(doze(executor, 30ms, 'c', log));
  scope.spawn(doze(executor, 10ms, 'a', log));
  scope.spawn(doze(executor, 20ms, 'b', log));
  scope.spawn(doze(executor, 10ms, 'A', log));
  executor.advance(Instant() + 9ms);
  EXPECT_FALSE(executor.run_ready());
  executor.advance(Instant() + 10ms);
  executor.run_ready();
  EXPECT_EQ(log, "aA");
  executor.advance(Instant() + 1s);
  executor.run_ready();
  EXPECT_EQ(log, "aAbc");
}

TEST(Sleep, a_time_that_has_passed_wakes_at_the_next_turn) {
  Executor executor;
  executor.advance(Instant() + 5ms);
  Scope scope(executor);
  std::string log;
  scope.spawn(doze(executor, -3ms, 'a', log));
  EXPECT_EQ(executor.next_deadline(), Instant() + 5ms);
  executor.advance(Instant() + 5ms);
  executor.run_ready();
  EXPECT_EQ(log, "a");
}

TEST(Sleep, a_sleeper_that_dies_takes_its_timer_along) {
  Executor executor;
  std::string log;
  {
    Scope scope(executor);
    scope.spawn(doze(executor, 1ms, 'a', log));
    scope.spawn(doze(executor, 1ms, 'b', log));
    EXPECT_EQ(executor.timer_count(), 2u);
  }
  EXPECT_EQ(executor.timer_count(), 0u);
  EXPECT_TRUE(executor.next_deadline().is_never());
}

TEST(Sleep, a_sleeper_that_was_woken_and_dies_before_it_runs_never_runs) {
  Executor executor;
  std::string log;
  Scope scope(executor);
  scope.spawn(doze(executor, 1ms, 'a', log));
  executor.advance(Instant() + 1ms);
  EXPECT_TRUE(executor.has_ready());
  scope.cancel_all();
  EXPECT_FALSE(executor.has_ready());
  EXPECT_EQ(log, "");
}

// --- Event ---

Task<void> wait_for(Event& event, char name, std::string& log) {
  co_await event.wait();
  log += name;
}

TEST(Event, all_who_wait_go_on_in_the_order_of_waiting) {
  Executor executor;
  Scope scope(executor);
  Event event;
  std::string log;
  scope.spawn(wait_for(event, 'a', log));
  scope.spawn(wait_for(event, 'b', log));
  event.set();
  event.set();
  executor.run_ready();
  EXPECT_EQ(log, "ab");
}

TEST(Event, one_that_is_set_does_not_make_anybody_wait) {
  Executor executor;
  Scope scope(executor);
  Event event;
  std::string log;
  event.set();
  scope.spawn(wait_for(event, 'a', log));
  EXPECT_EQ(log, "a");
  event.reset();
  EXPECT_FALSE(event.is_set());
  scope.spawn(wait_for(event, 'b', log));
  EXPECT_EQ(log, "a");
}

TEST(Event, who_was_woken_goes_on_even_if_it_is_reset_before_that) {
  Executor executor;
  Scope scope(executor);
  Event event;
  std::string log;
  scope.spawn(wait_for(event, 'a', log));
  event.set();
  event.reset();
  scope.spawn(wait_for(event, 'b', log));
  executor.run_ready();
  EXPECT_EQ(log, "a");
}

TEST(Event, a_waiter_that_dies_is_not_woken) {
  Executor executor;
  Event event;
  std::string log;
  Scope staying(executor);
  {
    Scope scope(executor);
    scope.spawn(wait_for(event, 'a', log));
    staying.spawn(wait_for(event, 'b', log));
  }
  event.set();
  executor.run_ready();
  EXPECT_EQ(log, "b");
}

// --- Queue ---

Task<void> take_one(Queue<int>& queue, char name, std::string& log) {
  const std::optional<int> item = co_await queue.pop();
  log += name;
  log += item ? std::to_string(*item) : "-";
}

TEST(Queue, an_item_that_is_there_is_taken_at_once) {
  Executor executor;
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  ASSERT_TRUE(queue.push(1));
  scope.spawn(take_one(queue, 'a', log));
  EXPECT_EQ(log, "a1");
  EXPECT_EQ(queue.size(), 0u);
}

TEST(Queue, items_go_to_whoever_asked_first) {
  Executor executor;
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  scope.spawn(take_one(queue, 'a', log));
  scope.spawn(take_one(queue, 'b', log));
  ASSERT_TRUE(queue.push(1));
  ASSERT_TRUE(queue.push(2));
  executor.run_ready();
  EXPECT_EQ(log, "a1b2");
}

TEST(Queue, nobody_overtakes_a_waiter_that_has_been_woken) {
  Executor executor;
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  scope.spawn(take_one(queue, 'a', log));
  ASSERT_TRUE(queue.push(1));
  scope.spawn(take_one(queue, 'b', log));  // the item is there, and a has not run yet
  EXPECT_EQ(log, "");
  ASSERT_TRUE(queue.push(2));
  executor.run_ready();
  EXPECT_EQ(log, "a1b2");
}

TEST(Queue, it_refuses_items_beyond_its_bound) {
  Queue<int> queue(2);
  EXPECT_TRUE(queue.push(1));
  EXPECT_TRUE(queue.push(2));
  EXPECT_EQ(queue.push(3).error().code, Code::overloaded);
  EXPECT_EQ(queue.size(), 2u);
}

TEST(Queue, after_close_it_gives_what_it_has_and_then_nothing) {
  Executor executor;
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  ASSERT_TRUE(queue.push(1));
  queue.close();
  EXPECT_EQ(queue.push(2).error().code, Code::closed);
  scope.spawn(take_one(queue, 'a', log));
  scope.spawn(take_one(queue, 'b', log));
  EXPECT_EQ(log, "a1b-");
}

TEST(Queue, close_wakes_all_who_wait) {
  Executor executor;
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  scope.spawn(take_one(queue, 'a', log));
  scope.spawn(take_one(queue, 'b', log));
  queue.close();
  executor.run_ready();
  EXPECT_EQ(log, "a-b-");
}

TEST(Queue, close_does_not_take_an_item_from_a_waiter_that_was_woken_for_it) {
  Executor executor;
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  scope.spawn(take_one(queue, 'a', log));
  scope.spawn(take_one(queue, 'b', log));
  ASSERT_TRUE(queue.push(1));
  queue.close();
  scope.spawn(take_one(queue, 'c', log));
  executor.run_ready();
  EXPECT_EQ(log, "a1b-c-");
}

TEST(Queue, a_woken_waiter_that_dies_hands_its_item_on) {
  Executor executor;
  Scope dying(executor);
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  dying.spawn(take_one(queue, 'a', log));
  scope.spawn(take_one(queue, 'b', log));
  ASSERT_TRUE(queue.push(1));
  dying.cancel_all();
  executor.run_ready();
  EXPECT_EQ(log, "b1");
}

TEST(Queue, the_item_of_a_woken_waiter_that_dies_stays_for_the_next_who_asks) {
  Executor executor;
  Scope dying(executor);
  Scope scope(executor);
  Queue<int> queue(4);
  std::string log;
  dying.spawn(take_one(queue, 'a', log));
  ASSERT_TRUE(queue.push(1));
  queue.close();
  dying.cancel_all();
  EXPECT_FALSE(executor.has_ready());
  scope.spawn(take_one(queue, 'b', log));
  EXPECT_EQ(log, "b1");
}

TEST(Queue, it_carries_items_that_only_move) {
  Executor executor;
  Scope scope(executor);
  Queue<std::unique_ptr<int>> queue(4);
  int found = 0;
  const auto take = [](Queue<std::unique_ptr<int>>& from, int& into) -> Task<void> { into = **co_await from.pop(); };
  scope.spawn(take(queue, found));
  ASSERT_TRUE(queue.push(std::make_unique<int>(7)));
  executor.run_ready();
  EXPECT_EQ(found, 7);
}

// Consumers come, wait, are cancelled in every state, and the queue is closed at the end. Whatever happens, items are
// handed out in their order, each once, and nobody who still waits is forgotten.
TEST(Queue, under_random_cancellation_no_item_is_lost_or_doubled) {
  struct Consumer {
    explicit Consumer(Executor& executor) : scope(executor) {}
    Scope scope;
  };
  const auto consume = [](Queue<int>& queue, std::vector<int>& got, int& finished) -> Task<void> {
    while (const std::optional<int> item = co_await queue.pop()) got.push_back(*item);
    ++finished;
  };
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng random(seed);
    Executor executor;
    Queue<int> queue(8);
    std::vector<int> got;
    int pushed = 0;
    int finished = 0;
    std::deque<Consumer> consumers;
    for (int step = 0; step < 300; ++step) {
      switch (random.below(5)) {
        case 0:
          if (consumers.size() < 5) consumers.emplace_back(executor).scope.spawn(consume(queue, got, finished));
          break;
        case 1:
          if (!consumers.empty()) consumers.pop_front();
          break;
        case 2: executor.run_ready(random.between(1, 3)); break;
        default:
          if (queue.push(pushed)) ++pushed;
      }
    }
    if (random.chance(500)) executor.run_ready();
    queue.close();
    if (!consumers.empty() && random.chance(500)) consumers.pop_front();
    consumers.emplace_back(executor).scope.spawn(consume(queue, got, finished));
    executor.run_ready();
    ASSERT_EQ(finished, static_cast<int>(consumers.size())) << "seed " << seed;
    ASSERT_EQ(queue.size(), 0u) << "seed " << seed;
    std::vector<int> all;
    for (int i = 0; i < pushed; ++i) all.push_back(i);
    ASSERT_EQ(got, all) << "seed " << seed;
  }
}

}  // namespace
}  // namespace parley
