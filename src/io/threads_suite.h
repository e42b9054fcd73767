#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "io/clock.h"
#include "io/reactor.h"

// What loops are made of whose threads only wake each other: no time passes, and nothing comes from outside.
namespace parley::io::suite {

class StandingClock final : public Clock {
 public:
  Instant now() override { return {}; }
  std::chrono::system_clock::time_point wall() override { return {}; }
};

class ConstantRandom final : public Random {
 public:
  std::uint64_t next() override { return 4; }
};

// Knows no descriptors and no time; sleeps until somebody wakes it.
class SleepingReactor final : public Reactor {
 public:
  bool wait(Instant until) override {
    std::unique_lock lock(mutex_);
    if (until.is_never()) condition_.wait(lock, [this] { return is_woken_; });
    is_woken_ = false;
    return false;
  }
  void dispatch() override {}
  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      is_woken_ = true;
      ++wakes_;
    }
    condition_.notify_one();
  }
  int fd() const override { return -1; }
  void set_alarm(Instant) override {}
  int wakes() {
    const std::lock_guard lock(mutex_);
    return wakes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  bool is_woken_ = false;
  int wakes_ = 0;
};

}  // namespace parley::io::suite
