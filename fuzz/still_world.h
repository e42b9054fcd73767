#pragma once

#include <chrono>
#include <cstdint>

#include "io/clock.h"
#include "io/reactor.h"

// What a loop of a fuzz target is made of: nothing comes from outside, and time passes when it is told to.
class StillClock final : public parley::io::Clock {
 public:
  parley::Instant now() override { return now_; }
  std::chrono::system_clock::time_point wall() override { return {}; }
  void pass(parley::Duration duration) { now_ = now_ + duration; }

 private:
  parley::Instant now_ = parley::Instant::from_ns(1);
};

class NoReactor final : public parley::io::Reactor {
 public:
  bool wait(parley::Instant) override { return false; }
  void dispatch() override {}
  void wake() override {}
  int fd() const override { return -1; }
  void set_alarm(parley::Instant) override {}
};

class FixedRandom final : public parley::io::Random {
 public:
  std::uint64_t next() override { return 7; }
};
