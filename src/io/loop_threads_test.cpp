#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "async/wait.h"
#include "io/loop.h"
#include "io/threads_suite.h"

namespace parley::io {
namespace {

class LoopThreadsTest : public ::testing::Test {
 protected:
  suite::StandingClock clock_;
  suite::ConstantRandom random_;
  suite::SleepingReactor reactor_;
  Loop loop_{clock_, reactor_, random_};
};

TEST_F(LoopThreadsTest, another_thread_stops_a_loop_that_sleeps) {
  std::jthread other([&] { loop_.stop(); });
  loop_.run();
  EXPECT_TRUE(loop_.is_own_thread());
}

TEST_F(LoopThreadsTest, work_posted_by_many_threads_runs_on_the_loops_thread_in_the_order_of_each) {
  constexpr int threads = 4;
  constexpr int each = 2000;
  std::vector<int> seen[threads];
  int done = 0;
  std::vector<std::jthread> posters;
  for (int thread = 0; thread < threads; ++thread) {
    posters.emplace_back([&, thread] {
      for (int i = 0; i < each; ++i) {
        loop_.post([&, thread, i] {
          EXPECT_TRUE(loop_.is_own_thread());
          seen[thread].push_back(i);
          if (++done == threads * each) loop_.stop();
        });
      }
    });
  }
  loop_.run();
  for (const auto& numbers : seen) {
    ASSERT_EQ(numbers.size(), static_cast<std::size_t>(each));
    for (int i = 0; i < each; ++i) EXPECT_EQ(numbers[static_cast<std::size_t>(i)], i);
  }
  EXPECT_LE(reactor_.wakes(), threads * each + 1);
}

TEST_F(LoopThreadsTest, a_burst_of_posts_wakes_the_loop_once) {
  std::jthread([&] {
    for (int i = 0; i < 100; ++i) loop_.post([] {});
  }).join();
  EXPECT_EQ(reactor_.wakes(), 1);
  loop_.post([&] { loop_.stop(); });
  loop_.run();
}

TEST_F(LoopThreadsTest, a_thread_asks_whether_it_is_the_loops_own_while_the_loop_turns) {
  std::atomic<bool> is_own = true;
  std::jthread other([&] {
    is_own = loop_.is_own_thread();
    loop_.stop();
  });
  loop_.run();
  other.join();
  EXPECT_FALSE(is_own);
}

TEST_F(LoopThreadsTest, a_loop_may_move_to_another_thread_between_two_runs) {
  loop_.post([&] { loop_.stop(); });
  loop_.run();
  EXPECT_TRUE(loop_.is_own_thread());
  std::jthread([&] {
    loop_.post([&] { loop_.stop(); });
    loop_.run();
    EXPECT_TRUE(loop_.is_own_thread());
  }).join();
  EXPECT_FALSE(loop_.is_own_thread());
}

TEST_F(LoopThreadsTest, a_task_awaits_what_another_thread_does) {
  const auto task = [](Loop& loop) -> Task<int> {
    Event event;
    int found = 0;
    std::jthread worker([&] {
      loop.post([&] {
        found = 42;
        event.set();
      });
    });
    co_await event.wait();
    co_return found;
  };
  EXPECT_EQ(loop_.run_until(task(loop_)), 42);
}

// Where other threads put numbers; the loop stops when it has taken so many.
class Numbers final : public Loop::Door {
 public:
  Numbers(Loop& loop, int stop_at) : loop_(loop), signs_(loop.signs()), stop_at_(stop_at) { loop.add_door(*this); }
  void put() {
    if (waiting_.fetch_add(1) == 0 && signs_->is_asleep.load()) loop_.wake();
  }
  bool has_come() const override { return waiting_.load() != 0; }
  void take_in() override {
    taken_ += waiting_.exchange(0);
    if (taken_ >= stop_at_) loop_.stop();
  }
  int taken() const { return taken_; }

 private:
  Loop& loop_;
  const std::shared_ptr<const Loop::Signs> signs_;
  const int stop_at_;
  std::atomic<int> waiting_ = 0;
  int taken_ = 0;
};

TEST_F(LoopThreadsTest, what_is_put_at_a_door_is_never_slept_over) {
  constexpr int all = 20000;
  Numbers numbers(loop_, all);
  std::jthread other([&] {
    for (int i = 0; i < all; ++i) numbers.put();
  });
  loop_.run();
  EXPECT_EQ(numbers.taken(), all);
}

TEST_F(LoopThreadsTest, a_loop_that_does_not_sleep_is_not_woken) {
  Numbers numbers(loop_, 3);
  for (int i = 0; i < 3; ++i) numbers.put();
  EXPECT_EQ(reactor_.wakes(), 0);
  loop_.run();
  EXPECT_EQ(numbers.taken(), 3);
}

TEST_F(LoopThreadsTest, a_loop_that_looks_at_its_doors_again_and_again_is_not_woken) {
  constexpr int all = 1000;
  Numbers numbers(loop_, all);
  loop_.spin_at_doors(std::chrono::seconds(1));  // for ever: no time passes
  std::jthread other([&] {
    for (int i = 0; i < all; ++i) numbers.put();
  });
  loop_.run();
  EXPECT_EQ(numbers.taken(), all);
  EXPECT_EQ(reactor_.wakes(), 1) << "the stop";
}

TEST_F(LoopThreadsTest, a_loop_at_whose_descriptor_somebody_waits_is_woken) {
  Numbers numbers(loop_, 100);
  loop_.fd();
  numbers.put();
  EXPECT_EQ(reactor_.wakes(), 1);
  loop_.poll_once();
  EXPECT_EQ(numbers.taken(), 1);
  numbers.put();
  EXPECT_EQ(reactor_.wakes(), 2);
}

}  // namespace
}  // namespace parley::io
