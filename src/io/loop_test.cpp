#include "io/loop.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"

namespace parley::io {
namespace {

using namespace std::chrono_literals;

class TestClock final : public Clock {
 public:
  Instant now() override { return at; }
  std::chrono::system_clock::time_point wall() override { return {}; }
  Instant at = Instant::from_ns(1000);
};

class TestRandom final : public Random {
 public:
  std::uint64_t next() override { return 4; }
};

// Sleeps by moving the clock to the end of the wait. News are scripted: each is found by one wait, and reported by the
// dispatch() that follows.
class ScriptedReactor final : public Reactor {
 public:
  explicit ScriptedReactor(TestClock& clock, std::string& log) : clock_(clock), log_(log) {}
  bool wait(Instant until) override {
    waits.push_back(until);
    log_ += "wait ";
    if (!news.empty()) return true;
    if (std::exchange(is_woken, false)) return false;
    if (until.is_never()) {
      is_stuck = true;
      if (on_stuck) on_stuck();
    } else if (until > clock_.at) {
      clock_.at = until;
    }
    return false;
  }
  void dispatch() override {
    log_ += "dispatch ";
    auto report = std::move(news.front());
    news.pop_front();
    report();
  }
  void wake() override { is_woken = true; }
  int fd() const override { return 17; }
  void set_alarm(Instant when) override { alarms.push_back(when); }

  std::deque<std::move_only_function<void()>> news;
  std::vector<Instant> waits;
  std::vector<Instant> alarms;
  std::move_only_function<void()> on_stuck;
  bool is_woken = false;
  bool is_stuck = false;

 private:
  TestClock& clock_;
  std::string& log_;
};

struct Callback : Ready {
  explicit Callback(std::move_only_function<void()> work_) : Ready(&Callback::run), work(std::move(work_)) {}
  static void run(Ready& node) { static_cast<Callback&>(node).work(); }
  std::move_only_function<void()> work;
};

struct Alarm : Timer {
  explicit Alarm(std::move_only_function<void()> work_) : Timer(&Alarm::fire), work(std::move(work_)) {}
  static void fire(Timer& timer) { static_cast<Alarm&>(timer).work(); }
  std::move_only_function<void()> work;
};

class LoopTest : public ::testing::Test {
 protected:
  std::string log_;
  TestClock clock_;
  TestRandom random_;
  ScriptedReactor reactor_{clock_, log_};
  Loop loop_{clock_, reactor_, random_};
  Executor& executor_ = loop_.executor();
};

TEST_F(LoopTest, a_turn_is_ready_wait_timers_news_posted_ready) {
  Callback ready([&] {
    log_ += "ready ";
    clock_.at = clock_.at + 1ns;
  });
  Callback after([&] { log_ += "after "; });
  Callback flush([&] { log_ += "flush "; });
  Alarm alarm([&] { log_ += "timer "; });
  executor_.post(ready);
  executor_.arm(alarm, clock_.at + 1ns);
  reactor_.news.push_back([&] {
    EXPECT_EQ(executor_.now(), clock_.at);
    log_ += "news ";
    executor_.post_after_drain(flush);
    executor_.post(after);
  });
  loop_.post([&] { log_ += "posted "; });
  EXPECT_TRUE(loop_.poll_once());
  EXPECT_EQ(log_, "ready wait timer dispatch news posted after flush ");
}

TEST_F(LoopTest, it_waits_for_ever_when_it_is_idle) {
  reactor_.on_stuck = [&] { loop_.stop(); };
  loop_.run();
  ASSERT_FALSE(reactor_.waits.empty());
  EXPECT_TRUE(reactor_.waits.front().is_never());
}

TEST_F(LoopTest, an_idle_wait_ends_at_the_next_timer) {
  Alarm alarm([&] { loop_.stop(); });
  executor_.arm(alarm, clock_.at + 5ms);
  loop_.run();
  EXPECT_EQ(reactor_.waits, std::vector{Instant::from_ns(1000) + 5ms});
  EXPECT_FALSE(reactor_.is_stuck);
}

TEST_F(LoopTest, it_only_looks_while_there_is_work) {
  Callback work([] {});
  executor_.post(work);
  loop_.poll_once(Instant::never());
  EXPECT_EQ(reactor_.waits, std::vector{Instant()});
}

TEST_F(LoopTest, poll_once_waits_until_its_deadline_and_no_longer) {
  EXPECT_FALSE(loop_.poll_once(clock_.at + 3ms));
  EXPECT_FALSE(loop_.poll_once());
  Alarm alarm([] {});
  executor_.arm(alarm, clock_.at + 1ms);
  const Instant due = clock_.at + 1ms;
  EXPECT_TRUE(loop_.poll_once(clock_.at + 9ms));
  EXPECT_EQ(reactor_.waits, (std::vector{Instant::from_ns(1000) + 3ms, Instant(), due}));
}

TEST_F(LoopTest, work_that_keeps_itself_ready_does_not_keep_news_waiting) {
  const auto spin = []() -> Task<void> {
    for (;;) co_await Yield();
  };
  Scope scope(executor_);
  scope.spawn(spin());
  reactor_.news.push_back([&] { log_ += "news "; });
  EXPECT_TRUE(loop_.poll_once(Instant::never()));
  EXPECT_TRUE(loop_.poll_once(Instant::never()));
  EXPECT_EQ(log_, "wait dispatch news wait ");
  EXPECT_EQ(reactor_.waits, (std::vector{Instant(), Instant()}));
}

TEST_F(LoopTest, posted_work_runs_in_its_order_and_what_it_posts_in_the_next_turn) {
  loop_.post([&] {
    log_ += "1 ";
    loop_.post([&] { log_ += "3 "; });
  });
  loop_.post([&] { log_ += "2 "; });
  EXPECT_TRUE(reactor_.is_woken);
  loop_.poll_once();
  EXPECT_EQ(log_, "wait 1 2 ");
  EXPECT_TRUE(reactor_.is_woken);
  loop_.poll_once();
  EXPECT_EQ(log_, "wait 1 2 wait 3 ");
}

TEST_F(LoopTest, stop_ends_the_run_after_its_turn_and_only_once) {
  loop_.post([&] {
    loop_.stop();
    loop_.post([&] { log_ += "later "; });
  });
  loop_.run();
  EXPECT_EQ(log_, "wait ");
  loop_.post([&] { loop_.stop(); });
  loop_.run();
  EXPECT_EQ(log_, "wait wait later ");
}

TEST_F(LoopTest, a_stop_before_the_run_ends_it_at_once) {
  loop_.stop();
  loop_.run();
  EXPECT_EQ(log_, "");
}

TEST_F(LoopTest, run_until_gives_the_value_of_a_task) {
  const auto at_once = []() -> Task<int> { co_return 7; };
  EXPECT_EQ(loop_.run_until(at_once()), 7);
  EXPECT_EQ(log_, "");
  const auto later = [](Executor& executor) -> Task<std::unique_ptr<int>> {
    co_await Sleep(executor, 2ms);
    co_return std::make_unique<int>(8);
  };
  EXPECT_EQ(*loop_.run_until(later(executor_)), 8);
  EXPECT_EQ(clock_.at, Instant::from_ns(1000) + 2ms);
}

TEST_F(LoopTest, run_until_gives_the_exception_of_a_task_and_leaves_the_loop_usable) {
  const auto thrower = []() -> Task<void> {
    co_await Yield();
    throw std::runtime_error("thrown");
  };
  EXPECT_THROW(loop_.run_until(thrower()), std::runtime_error);
  const auto fine = []() -> Task<int> { co_return 1; };
  EXPECT_EQ(loop_.run_until(fine()), 1);
}

TEST_F(LoopTest, time_that_passed_outside_is_known_inside) {
  clock_.at = clock_.at + 10s;  // the program did something else
  const auto wake_up = [](Executor& executor) -> Task<Instant> {
    co_await Sleep(executor, 1s);
    co_return executor.now();
  };
  EXPECT_EQ(loop_.run_until(wake_up(executor_)), Instant::from_ns(1000) + 11s);
  clock_.at = clock_.at + 10s;
  EXPECT_EQ(loop_.now(), Instant::from_ns(1000) + 21s);
}

// --- foreign main loops ---

TEST_F(LoopTest, without_its_descriptor_nothing_sets_an_alarm) {
  Callback work([] {});
  executor_.post(work);
  loop_.poll_once();
  EXPECT_TRUE(reactor_.alarms.empty());
}

TEST_F(LoopTest, its_descriptor_tells_of_the_next_timer) {
  Alarm alarm([] {});
  executor_.arm(alarm, clock_.at + 5ms);
  EXPECT_EQ(loop_.fd(), 17);
  EXPECT_EQ(reactor_.alarms, std::vector{Instant::from_ns(1000) + 5ms});
  loop_.poll_once();
  EXPECT_EQ(reactor_.alarms.size(), 1u);
  clock_.at = clock_.at + 6ms;
  loop_.poll_once();
  ASSERT_EQ(reactor_.alarms.size(), 2u);
  EXPECT_TRUE(reactor_.alarms.back().is_never());
}

TEST_F(LoopTest, its_descriptor_tells_of_work_that_begins_between_two_polls) {
  loop_.fd();
  ASSERT_TRUE(reactor_.alarms.back().is_never());
  Callback work([&] { log_ += "work "; });
  Callback flush([&] { log_ += "flush "; });
  executor_.post(work);
  executor_.post_after_drain(flush);
  ASSERT_EQ(reactor_.alarms.size(), 2u);
  EXPECT_EQ(reactor_.alarms.back(), Instant());
  EXPECT_TRUE(loop_.poll_once());
  EXPECT_EQ(log_, "work flush wait ");
  EXPECT_TRUE(reactor_.alarms.back().is_never());
}

TEST_F(LoopTest, its_descriptor_tells_of_an_earlier_timer_that_is_armed_between_two_polls) {
  Alarm late([] {});
  Alarm soon([] {});
  executor_.arm(late, clock_.at + 5s);
  loop_.fd();
  clock_.at = clock_.at + 1s;
  executor_.arm(soon, executor_.now() + 1s);
  EXPECT_EQ(reactor_.alarms.back(), Instant::from_ns(1000) + 2s);
}

TEST_F(LoopTest, its_descriptor_tells_of_work_that_a_turn_left_over) {
  const auto spin = []() -> Task<void> {
    for (;;) co_await Yield();
  };
  Scope scope(executor_);
  loop_.fd();
  scope.spawn(spin());
  loop_.poll_once();
  EXPECT_EQ(reactor_.alarms.back(), Instant());
}

// --- the end ---

// Looks as often as it is asked to, and a moment passes each time; sleeping is what a test says.
class LookingReactor final : public Reactor {
 public:
  explicit LookingReactor(TestClock& clock) : clock_(clock) {}
  bool wait(Instant until) override {
    if (until == Instant()) {
      clock_.at = clock_.at + 1us;
      return on_look && on_look(++looks);
    }
    ++sleeps;
    if (on_sleep) on_sleep();
    return false;
  }
  void dispatch() override { ++dispatched; }
  void wake() override {}  // it is taken by the look that is going on
  int fd() const override { return -1; }
  void set_alarm(Instant) override {}

  std::move_only_function<bool(int)> on_look;
  std::move_only_function<void()> on_sleep;
  int looks = 0;
  int sleeps = 0;
  int dispatched = 0;

 private:
  TestClock& clock_;
};

struct Doorstep final : Loop::Door {
  bool has_come() const override { return count != 0; }
  void take_in() override { taken += std::exchange(count, 0); }
  int count = 0;
  int taken = 0;
};

class LoopSpinTest : public ::testing::Test {
 protected:
  LoopSpinTest() {
    loop_.add_door(door_);
    loop_.spin_at_doors(100us);
  }
  TestClock clock_;
  TestRandom random_;
  LookingReactor reactor_{clock_};
  Loop loop_{clock_, reactor_, random_};
  Doorstep door_;
};

TEST_F(LoopSpinTest, what_comes_from_outside_is_seen_while_it_spins_at_its_doors) {
  reactor_.on_look = [](int look) { return look == 3; };
  EXPECT_TRUE(loop_.poll_once(Instant::never()));
  EXPECT_EQ(reactor_.dispatched, 1);
  EXPECT_EQ(reactor_.sleeps, 0);
}

TEST_F(LoopSpinTest, what_comes_to_a_door_is_taken_in_without_a_sleep) {
  reactor_.on_look = [this](int look) {
    if (look == 3) door_.count = 1;
    return false;
  };
  EXPECT_TRUE(loop_.poll_once(Instant::never()));
  EXPECT_EQ(door_.taken, 1);
  EXPECT_EQ(reactor_.sleeps, 0);
}

TEST_F(LoopSpinTest, a_spin_in_vain_ends_with_a_sleep) {
  reactor_.on_sleep = [this] { door_.count = 1; };
  EXPECT_TRUE(loop_.poll_once(Instant::never()));
  EXPECT_EQ(reactor_.sleeps, 1);
  EXPECT_EQ(clock_.at, Instant::from_ns(1000) + 100us);
}

// A look takes what a wake-up has left in the descriptor: nothing else would end the sleep.
TEST_F(LoopSpinTest, a_wake_up_that_a_look_takes_ends_the_wait_all_the_same) {
  bool has_run = false;
  reactor_.on_sleep = [this] { door_.count = 1; };
  reactor_.on_look = [&](int look) {
    if (look == 3) loop_.post([&] { has_run = true; });
    return false;
  };
  EXPECT_TRUE(loop_.poll_once(Instant::never()));
  EXPECT_TRUE(has_run);
  reactor_.on_look = [this](int) {
    loop_.stop();
    return false;
  };
  loop_.run();
  EXPECT_EQ(reactor_.sleeps, 0);
}

TEST_F(LoopTest, work_that_is_still_posted_at_the_end_is_dropped) {
  const auto watched = std::make_shared<int>(1);
  bool has_run = false;
  {
    Loop loop(clock_, reactor_, random_);
    loop.post([watched, &has_run] { has_run = true; });
  }
  EXPECT_FALSE(has_run);
  EXPECT_EQ(watched.use_count(), 1);
}

TEST_F(LoopTest, work_that_is_dropped_may_post_in_its_destructor) {
  struct PostsAtDeath {
    explicit PostsAtDeath(Loop& loop_) : loop(&loop_) {}
    PostsAtDeath(PostsAtDeath&& other) noexcept : loop(std::exchange(other.loop, nullptr)) {}
    ~PostsAtDeath() {
      if (loop) loop->post([] { FAIL(); });
    }
    Loop* loop;
  };
  Loop loop(clock_, reactor_, random_);
  loop.post([last = PostsAtDeath(loop)] {});
}

using LoopDeathTest = LoopTest;

TEST_F(LoopDeathTest, a_loop_is_not_turned_from_inside_itself) {
  loop_.post([&] { loop_.poll_once(); });
  EXPECT_DEATH(loop_.poll_once(), "a loop is not turned from inside itself");
  const auto nested = [](Loop& loop) -> Task<void> {
    loop.run();
    co_return;
  };
  EXPECT_DEATH(loop_.run_until(nested(loop_)), "a loop is not turned from inside itself");
}

TEST_F(LoopDeathTest, what_posted_work_throws_terminates) {
  loop_.post([] { throw std::runtime_error("posted work threw"); });
  EXPECT_DEATH(loop_.poll_once(), "posted work threw");
}

}  // namespace
}  // namespace parley::io
