#include "async/executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "base/prng.h"

namespace parley {
namespace {

using namespace std::chrono_literals;

Instant at(std::int64_t ns) { return Instant::from_ns(ns); }

struct Step : Ready {
  explicit Step(std::string& log_, char name_, std::move_only_function<void()> then_ = {})
      : Ready(&Step::run), log(log_), name(name_), then(std::move(then_)) {}
  static void run(Ready& node) {
    auto& step = static_cast<Step&>(node);
    step.log += step.name;
    if (step.then) step.then();
  }
  std::string& log;
  char name;
  std::move_only_function<void()> then;
};

struct Alarm : Timer {
  explicit Alarm(std::vector<int>& fired_, int number_, std::move_only_function<void(Timer&)> then_ = {})
      : Timer(&Alarm::fire), fired(fired_), number(number_), then(std::move(then_)) {}
  static void fire(Timer& timer) {
    auto& alarm = static_cast<Alarm&>(timer);
    alarm.fired.push_back(alarm.number);
    if (alarm.then) alarm.then(alarm);
  }
  std::vector<int>& fired;
  int number;
  std::move_only_function<void(Timer&)> then;
};

TEST(Executor, it_runs_what_is_ready_in_the_order_of_posting) {
  Executor executor;
  std::string log;
  Step b(log, 'b');
  Step c(log, 'c');
  Step a(log, 'a', [&] { executor.post(c); });
  executor.post(a);
  executor.post(b);
  EXPECT_TRUE(executor.run_ready());
  EXPECT_EQ(log, "abc");
  EXPECT_FALSE(executor.run_ready());
}

TEST(Executor, a_node_that_dies_or_leaves_while_it_is_queued_does_not_run) {
  Executor executor;
  std::string log;
  std::optional<Step> a(std::in_place, log, 'a');
  Step b(log, 'b');
  Step c(log, 'c');
  executor.post(*a);
  executor.post(b);
  executor.post(c);
  a.reset();
  b.leave();
  executor.run_ready();
  EXPECT_EQ(log, "c");
}

TEST(Executor, what_waits_for_the_drain_runs_after_all_that_is_ready) {
  Executor executor;
  std::string log;
  Step late(log, 'L');
  Step more(log, 'm');
  Step flush(log, 'F', [&] { executor.post(late); });
  Step second(log, 'S');
  Step a(log, 'a', [&] { executor.post(more); });
  executor.post_after_drain(flush);
  executor.post_after_drain(second);
  executor.post(a);
  executor.run_ready();
  // What the first flush makes ready comes before the second: each sees a drained queue.
  EXPECT_EQ(log, "amFLS");
}

TEST(Executor, a_share_is_kept_and_ends_with_what_waits_for_the_drain) {
  Executor executor;
  std::string log;
  std::vector<std::unique_ptr<Step>> steps;
  for (const char name : {'a', 'b', 'c', 'd'}) {
    steps.push_back(std::make_unique<Step>(log, name));
    executor.post(*steps.back());
  }
  Step flush(log, 'F', [&] { executor.post_after_drain(flush); });
  executor.post_after_drain(flush);
  EXPECT_TRUE(executor.run_ready(2));
  EXPECT_EQ(log, "abF");
  EXPECT_TRUE(executor.has_ready());
  flush.then = {};
  EXPECT_TRUE(executor.run_ready());
  EXPECT_EQ(log, "abFcdF");
}

TEST(ExecutorDeathTest, the_ready_queue_is_not_run_from_inside_itself) {
  Executor executor;
  std::string log;
  Step b(log, 'b');
  Step a(log, 'a', [&] {
    executor.post(b);
    executor.run_ready();
  });
  executor.post(a);
  EXPECT_DEATH(executor.run_ready(), "the ready queue is not run from inside itself");
}

TEST(ExecutorDeathTest, time_does_not_go_backwards) {
  Executor executor;
  executor.advance(at(10));
  EXPECT_DEATH(executor.advance(at(9)), "\\[9, 10\\]");
}

struct Grave : Mortal {
  explicit Grave(std::string& log_) : log(log_) {}
  ~Grave() override { log += 'X'; }
  std::string& log;
};

TEST(Executor, what_is_buried_dies_after_the_node_that_is_running) {
  std::string log;
  Executor executor;
  Step b(log, 'b');
  Step a(log, 'a', [&] {
    executor.bury(std::make_unique<Grave>(log));
    log += '.';
  });
  executor.post(a);
  executor.post(b);
  executor.run_ready();
  EXPECT_EQ(log, "a.Xb");
}

TEST(Executor, what_is_buried_outside_dies_at_the_next_turn_or_with_the_executor) {
  std::string log;
  {
    Executor executor;
    executor.bury(std::make_unique<Grave>(log));
    EXPECT_EQ(log, "");
    EXPECT_TRUE(executor.run_ready());
    EXPECT_EQ(log, "X");
    executor.bury(std::make_unique<Grave>(log));
  }
  EXPECT_EQ(log, "XX");
}

// Leaves something to be buried when it dies.
struct Heir : Mortal {
  Heir(Executor& executor_, std::string& log_) : executor(executor_), log(log_) {}
  ~Heir() override { executor.bury_after_drain(std::make_unique<Grave>(log)); }
  Executor& executor;
  std::string& log;
};

TEST(Executor, what_is_buried_after_the_drain_dies_behind_all_else_of_the_turn) {
  std::string log;
  {
    Executor executor;
    Step flush(log, 'f');
    Step b(log, 'b', [&] { executor.post_after_drain(flush); });
    Step a(log, 'a', [&] {
      executor.bury_after_drain(std::make_unique<Grave>(log));
      executor.post(b);
    });
    executor.post_after_drain(a);
    executor.run_ready();
    EXPECT_EQ(log, "abfX");
    EXPECT_FALSE(executor.has_ready());

    executor.post(a);
    executor.run_ready(1);
    EXPECT_EQ(log, "abfXaX") << "and not behind what is always ready again";
    executor.run_ready();
    EXPECT_EQ(log, "abfXaXbf");

    executor.adopt(std::make_unique<Heir>(executor, log));
    executor.bury_after_drain(std::make_unique<Grave>(log));
    EXPECT_TRUE(executor.has_ready());
    log.clear();
  }
  EXPECT_EQ(log, "XX");
}

TEST(Executor, what_it_adopted_lives_until_it_is_buried_or_the_executor_ends) {
  std::string log;
  {
    Executor executor;
    auto ward = std::make_unique<Grave>(log);
    Grave& buried = *ward;
    executor.adopt(std::move(ward));
    executor.adopt(std::make_unique<Grave>(log));
    executor.run_ready();
    EXPECT_EQ(log, "");
    executor.bury_ward(buried);
    executor.run_ready();
    EXPECT_EQ(log, "X");
  }
  EXPECT_EQ(log, "XX");
}

struct Watcher : Executor::Driver {
  Instant time() override { return clock; }
  void on_work_between_turns() override { ++told; }
  Instant clock;
  int told = 0;
};

TEST(Executor, an_idle_driver_is_asked_for_the_time_and_told_of_work) {
  std::vector<int> fired;
  std::string log;
  Watcher driver;
  Executor executor;
  Step a(log, 'a');
  Step b(log, 'b');
  Alarm alarm(fired, 1);
  executor.advance(at(5));
  driver.clock = at(100);
  executor.post(a);
  EXPECT_EQ(executor.now(), at(5));
  executor.set_idle_driver(&driver);
  EXPECT_EQ(driver.told, 0);
  executor.post(b);
  EXPECT_EQ(driver.told, 1);
  executor.arm(alarm, executor.now() + 7ns);
  EXPECT_EQ(driver.told, 2);
  EXPECT_EQ(alarm.when(), at(107));
  executor.bury(std::make_unique<Grave>(log));
  EXPECT_EQ(driver.told, 3);
  executor.bury_after_drain(std::make_unique<Grave>(log));
  EXPECT_EQ(driver.told, 4);
  executor.set_idle_driver(nullptr);
  EXPECT_EQ(executor.now(), at(5));
}

TEST(Timer, ties_of_time_go_by_the_order_of_arming) {
  Executor executor;
  std::vector<int> fired;
  Alarm one(fired, 1);
  Alarm two(fired, 2);
  Alarm three(fired, 3);
  executor.arm(two, at(5));
  executor.arm(one, at(5));
  executor.arm(three, at(4));
  executor.arm(two, at(5));  // again: now it is the last of its time
  EXPECT_EQ(executor.timer_count(), 3u);
  EXPECT_EQ(executor.next_deadline(), at(4));
  EXPECT_TRUE(executor.advance(at(5)));
  EXPECT_EQ(fired, (std::vector{3, 1, 2}));
  EXPECT_TRUE(executor.next_deadline().is_never());
  EXPECT_FALSE(executor.advance(at(6)));
}

TEST(Timer, it_fires_no_earlier_than_its_time_and_once) {
  Executor executor;
  std::vector<int> fired;
  Alarm alarm(fired, 1);
  executor.arm(alarm, at(5));
  executor.advance(at(4));
  EXPECT_TRUE(alarm.is_armed());
  EXPECT_TRUE(fired.empty());
  executor.advance(at(5));
  executor.advance(at(100));
  EXPECT_EQ(fired, std::vector{1});
  EXPECT_FALSE(alarm.is_armed());
}

TEST(Timer, one_that_fires_may_disarm_or_destroy_others) {
  Executor executor;
  std::vector<int> fired;
  std::optional<Alarm> second(std::in_place, fired, 2);
  Alarm third(fired, 3);
  Alarm first(fired, 1, [&](Timer&) {
    second.reset();
    third.disarm();
  });
  executor.arm(first, at(1));
  executor.arm(*second, at(1));
  executor.arm(third, at(1));
  executor.advance(at(9));
  EXPECT_EQ(fired, std::vector{1});
  EXPECT_EQ(executor.timer_count(), 0u);
}

TEST(Timer, one_that_rearms_itself_for_a_time_that_has_passed_waits_for_the_next_turn) {
  Executor executor;
  std::vector<int> fired;
  Alarm second(fired, 2);
  Alarm first(fired, 1, [&](Timer& self) { executor.arm(self, at(0)); });
  executor.arm(first, at(1));
  executor.arm(second, at(3));
  executor.advance(at(5));
  EXPECT_EQ(fired, (std::vector{1, 2}));
  EXPECT_EQ(executor.next_deadline(), at(5));
  executor.advance(at(5));
  EXPECT_EQ(fired, (std::vector{1, 2, 1}));
}

TEST(Timer, one_that_dies_leaves_the_executor) {
  Executor executor;
  std::vector<int> fired;
  {
    Alarm alarm(fired, 1);
    executor.arm(alarm, at(1));
  }
  EXPECT_EQ(executor.timer_count(), 0u);
  executor.advance(at(2));
  EXPECT_TRUE(fired.empty());
}

TEST(Timer, it_may_outlive_the_executor) {
  std::vector<int> fired;
  Alarm alarm(fired, 1);
  {
    Executor executor;
    executor.arm(alarm, at(1));
  }
  EXPECT_FALSE(alarm.is_armed());
  alarm.disarm();
}

TEST(Timer, never_does_not_come) {
  Executor executor;
  std::vector<int> fired;
  Alarm alarm(fired, 1);
  executor.arm(alarm, Instant::never());
  executor.advance(at(std::numeric_limits<std::int64_t>::max() - 1));
  EXPECT_TRUE(alarm.is_armed());
  EXPECT_TRUE(executor.next_deadline().is_never());
}

// The model is a list of (time, order of arming), searched from end to end.
TEST(Timer, ten_thousand_random_ones_fire_as_in_a_plain_model) {
  constexpr int count = 200;
  Prng random(20);
  Executor executor;
  std::vector<int> fired;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < count; ++i) alarms.push_back(std::make_unique<Alarm>(fired, i));
  struct Entry {
    Instant when;
    int order;
    int number;
    auto operator<=>(const Entry&) const = default;
  };
  std::vector<Entry> model;
  std::vector<int> expected;
  int order = 0;
  const auto forget = [&](int number) { std::erase_if(model, [&](const Entry& e) { return e.number == number; }); };
  for (int round = 0; round < 20000; ++round) {
    const int number = static_cast<int>(random.below(count));
    Alarm& alarm = *alarms[static_cast<std::size_t>(number)];
    switch (random.below(8)) {
      case 0:
        alarm.disarm();
        forget(number);
        break;
      case 1: {
        const Instant now = executor.now() + Duration(random.below(40));
        executor.advance(now);
        std::ranges::sort(model);
        while (!model.empty() && model.front().when <= now) {
          expected.push_back(model.front().number);
          model.erase(model.begin());
        }
        break;
      }
      default: {
        // Every other one is for a time that others have, and some are for the past.
        const Instant when = executor.now() + Duration(static_cast<std::int64_t>(random.below(100)) - 10);
        executor.arm(alarm, when);
        forget(number);
        model.push_back({std::max(when, executor.now()), order++, number});
      }
    }
    ASSERT_EQ(executor.timer_count(), model.size());
    ASSERT_EQ(fired, expected);
    const auto soonest = std::ranges::min_element(model);
    ASSERT_EQ(executor.next_deadline(), soonest == model.end() ? Instant::never() : soonest->when);
  }
  EXPECT_GT(fired.size(), 5000u);
}

}  // namespace
}  // namespace parley
