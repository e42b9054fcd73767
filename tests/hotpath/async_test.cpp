#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "async/scope.h"
#include "async/task.h"
#include "async/wait.h"
#include "support/allocation_count.h"
#include "support/frame_sizes.h"

namespace parley {
namespace {

using async::FramePool;
using namespace std::chrono_literals;

using Use = std::map<std::size_t, std::size_t>;

class AsyncCostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!FramePool::is_on()) GTEST_SKIP() << "the frame pool is off in this build; the release build runs this";
  }
};

// The compiler forgets what it knew about the object: no call is resolved, no frame and no allocation left out.
template <class T>
T& unknown(T& object) {
  T* pointer = &object;
  asm volatile("" : "+r"(pointer) : : "memory");
  return *pointer;
}

struct Service {
  virtual ~Service() = default;
  virtual Task<std::int32_t> add(std::int32_t a, std::int32_t b) = 0;
};
struct AddsAtOnce final : Service {
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
};
struct AddsLater final : Service {
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override {
    co_await Yield();
    co_return a + b;
  }
};

[[gnu::noinline]] Task<void> call(Service& service, int times) {
  for (int i = 0; i < times; ++i) static_cast<void>(co_await service.add(i, 2));
}

// --- allocations ---

TEST_F(AsyncCostTest, counting_sees_what_is_allocated) {
  EXPECT_EQ(allocations_in([] {}), 0u);
  EXPECT_EQ(allocations_in([] { unknown(*std::make_unique<int>(1)); }), 1u);
  EXPECT_EQ(allocations_in([] { unknown(std::make_unique<int[]>(10)[0]); }), 1u);
  struct alignas(64) Line {
    char bytes[64];
  };
  const std::size_t live = allocation_count().live_bytes;
  reset_peak();
  EXPECT_EQ(allocations_in([] { unknown(std::vector<Line>(100)[0]); }), 1u);
  EXPECT_EQ(allocation_count().live_bytes, live);
  EXPECT_GE(allocation_count().peak_bytes, live + 6400);
}

TEST_F(AsyncCostTest, calls_allocate_nothing_in_the_steady_state) {
  Executor executor;
  AddsAtOnce at_once;
  AddsLater later;
  const auto round = [&] {
    Scope scope(executor);
    scope.spawn(call(at_once, 1000));
    scope.spawn(call(later, 1000));
    executor.run_ready();
  };
  round();
  EXPECT_EQ(allocations_in(round), 0u);
}

[[gnu::noinline]] Task<void> sleeper(Executor& executor, int times) {
  for (int i = 0; i < times; ++i) co_await Sleep(executor, Duration(10 + i % 7));
}
[[gnu::noinline]] Task<void> consumer(Queue<int>& queue) {
  while (co_await queue.pop()) {
  }
}
[[gnu::noinline]] Task<void> waiter(Event& event) { co_await event.wait(); }

TEST_F(AsyncCostTest, timers_events_and_queues_allocate_nothing_in_the_steady_state) {
  Executor executor;
  Queue<int> queue(64);
  const auto round = [&] {
    Scope scope(executor);
    Event event;
    scope.spawn(consumer(queue));
    for (int i = 0; i < 50; ++i) scope.spawn(waiter(event));
    for (int i = 0; i < 50; ++i) scope.spawn(sleeper(executor, 20));
    for (int i = 0; i < 200; ++i) {
      for (int item = 0; item < 40; ++item) ASSERT_TRUE(queue.push(item));
      executor.advance(executor.now() + 3ns);
      executor.run_ready();
    }
    event.set();
    executor.run_ready();
    ASSERT_EQ(scope.size(), 1u);
  };
  round();
  EXPECT_EQ(allocations_in(round), 0u);
}

TEST_F(AsyncCostTest, cancelling_allocates_nothing_in_the_steady_state) {
  Executor executor;
  Event never;
  const auto round = [&] {
    Scope scope(executor);
    for (int i = 0; i < 100; ++i) scope.spawn(waiter(never));
    for (int i = 0; i < 100; ++i) scope.spawn(sleeper(executor, 1));
  };
  round();
  EXPECT_EQ(allocations_in(round), 0u);
}

// --- the pool ---

TEST_F(AsyncCostTest, the_pool_keeps_a_bounded_number_of_pieces) {
  FramePool::trim();
  std::vector<void*> pieces(FramePool::free_max + 100);
  for (void*& piece : pieces) piece = FramePool::allocate(100);
  for (void* piece : pieces) FramePool::free(piece, 100);
  EXPECT_EQ(FramePool::free_count(100), FramePool::free_max);
  EXPECT_EQ(FramePool::free_count(128), FramePool::free_max);
  EXPECT_EQ(FramePool::free_count(64), 0u);
  FramePool::trim();
  EXPECT_EQ(FramePool::free_count(100), 0u);
}

TEST_F(AsyncCostTest, a_piece_begins_at_a_cache_line) {
  for (const std::size_t size : {1u, 64u, 65u, 2000u, 2048u}) {
    void* piece = FramePool::allocate(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 64, 0u) << size;
    FramePool::free(piece, size);
    EXPECT_GT(FramePool::free_count(size), 0u) << size;
  }
}

TEST_F(AsyncCostTest, what_is_larger_than_two_kilobytes_is_not_pooled) {
  const AllocationCount before = allocation_count();
  FramePool::free(FramePool::allocate(2049), 2049);
  EXPECT_EQ(allocation_count().allocations, before.allocations + 1);
  EXPECT_EQ(allocation_count().live_bytes, before.live_bytes);
  EXPECT_EQ(FramePool::free_count(2049), 0u);
}

TEST_F(AsyncCostTest, a_thread_that_ends_gives_its_pieces_back) {
  const auto work = [] {
    Executor executor;
    AddsLater service;
    Scope scope(executor);
    scope.spawn(call(service, 10));
    executor.run_ready();
    EXPECT_GT(FramePool::free_count(128), 0u);
  };
  std::thread(work).join();
  const std::size_t live = allocation_count().live_bytes;
  std::thread(work).join();
  EXPECT_EQ(allocation_count().live_bytes, live);
}

// --- frames ---

TEST_F(AsyncCostTest, the_frame_of_a_handler_takes_two_cache_lines) {
  AddsAtOnce at_once;
  AddsLater later;
  EXPECT_EQ(pool_use_of([&] { static_cast<void>(unknown<Service>(at_once).add(1, 2)); }), (Use{{128, 1}}));
  EXPECT_EQ(pool_use_of([&] { static_cast<void>(unknown<Service>(later).add(1, 2)); }), (Use{{128, 1}}));
}

TEST_F(AsyncCostTest, the_frame_of_a_task_that_calls_takes_two_cache_lines) {
  AddsAtOnce service;
  EXPECT_EQ(pool_use_of([&] { static_cast<void>(call(service, 1)); }), (Use{{128, 1}}));
}

TEST_F(AsyncCostTest, the_frame_of_a_task_that_waits_takes_at_most_three_cache_lines) {
  Executor executor;
  Event event;
  Queue<int> queue(1);
  EXPECT_EQ(pool_use_of([&] { static_cast<void>(waiter(event)); }), (Use{{128, 1}}));
  EXPECT_EQ(pool_use_of([&] { static_cast<void>(consumer(queue)); }), (Use{{192, 1}}));
  EXPECT_EQ(pool_use_of([&] { static_cast<void>(sleeper(executor, 1)); }), (Use{{192, 1}}));
}

}  // namespace
}  // namespace parley
