#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "net/net_world_suite.h"

namespace parley::net::suite {
namespace {

TEST(EpollReactorThreads, posting_from_another_thread_ends_a_wait_without_limit) {
  EpollWorld world;
  constexpr int posts = 2000;
  int run = 0;  // on this thread alone
  std::thread poster([&] {
    for (int i = 0; i < posts; ++i) {
      world.loop().post([&, i] {
        EXPECT_EQ(run, i) << "out of order";
        ++run;
      });
    }
  });
  while (run < posts) world.loop().poll_once(Instant::never());
  poster.join();
  EXPECT_EQ(run, posts);
}

TEST(EpollReactorThreads, stopping_from_another_thread_ends_run) {
  EpollWorld world;
  for (int i = 0; i < 50; ++i) {
    std::thread stopper([&] { world.loop().stop(); });
    world.loop().run();
    stopper.join();
  }
  EXPECT_GE(world.reactor().stats().waits, 1u);
}

std::atomic<int> signals = 0;

TEST(EpollReactorThreads, a_signal_does_not_end_a_wait) {
  SystemClock clock;
  auto reactor = EpollReactor::make(clock).value();
  struct sigaction before{};
  struct sigaction counting{};
  counting.sa_handler = [](int) { signals.fetch_add(1); };
  ASSERT_EQ(::sigaction(SIGUSR1, &counting, &before), 0);
  const pthread_t waiting = ::pthread_self();
  std::atomic<bool> is_over = false;
  std::thread disturber([&] {
    while (!is_over.load()) {
      const int seen = signals.load();
      ::pthread_kill(waiting, SIGUSR1);
      while (signals.load() == seen && !is_over.load()) std::this_thread::yield();
    }
  });
  // Until both happened: signals came, and the time was kept nevertheless.
  do {
    const Instant until = clock.now() + std::chrono::milliseconds(5);
    EXPECT_FALSE(reactor->wait(until));
    EXPECT_GE(clock.now(), until);
  } while (signals.load() < 3);
  is_over.store(true);
  disturber.join();
  EXPECT_EQ(::sigaction(SIGUSR1, &before, nullptr), 0);
}

}  // namespace
}  // namespace parley::net::suite
