#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "base/prng.h"
#include "io/loop.h"
#include "runtime/session.h"

// A loop for the tests of the runtime: time passes only when the test says so, and nothing comes from outside.
namespace parley::runtime::suite {

class FakeClock final : public io::Clock {
 public:
  Instant now() override { return at; }
  std::chrono::system_clock::time_point wall() override { return {}; }
  Instant at = Instant::from_ns(1'000'000'000);
};

class FakeReactor final : public io::Reactor {
 public:
  bool wait(Instant) override { return false; }
  void dispatch() override {}
  void wake() override {}
  int fd() const override { return -1; }
  void set_alarm(Instant) override {}
};

class FakeRandom final : public io::Random {
 public:
  std::uint64_t next() override { return prng.next(); }
  Prng prng{4711};
};

class World {
 public:
  // Runs until nothing is left to do at this time.
  void settle() {
    for (int turns = 0; loop.poll_once(); ++turns) {
      if (turns == 1'000'000) throw std::runtime_error("the loop never comes to rest");
    }
  }
  void pass(Duration duration) {
    settle();
    clock.at = clock.at + duration;
    settle();
  }
  // The value of a task that ends without any time passing.
  template <class T>
  T run(Task<T> task) {
    task.bind(loop.executor());
    if (!task.start()) settle();
    if (!task.is_done()) throw std::runtime_error("the task waits for something that does not come");
    return task.promise().take();
  }

  FakeClock clock;
  FakeReactor reactor;
  FakeRandom random;
  io::Loop loop{clock, reactor, random};
};

// A task that goes on beside the test: started at once, destroyed with this.
template <class T>
class Running {
 public:
  Running(World& world, Task<T> task) : world_(world), task_(std::move(task)) {
    task_.bind(world.loop.executor());
    task_.start();
    world.settle();
  }
  bool is_done() const { return task_.is_done(); }
  T take() {
    if (!is_done()) throw std::runtime_error("the task waits for something that does not come");
    return task_.promise().take();
  }
  void cancel() {
    task_.reset();
    world_.settle();
  }

 private:
  World& world_;
  Task<T> task_;
};

// A caller of a session, dropped with this.
class Hold {
 public:
  Hold() = default;
  explicit Hold(Session& started) : session_(&started) {}
  Hold(Hold&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
  Hold& operator=(Hold&& other) noexcept {
    if (this != &other) {
      reset();
      session_ = std::exchange(other.session_, nullptr);
    }
    return *this;
  }
  ~Hold() { reset(); }
  void reset() {
    if (session_) std::exchange(session_, nullptr)->drop_caller();
  }
  Session* operator->() const { return session_; }
  Session& operator*() const { return *session_; }

 private:
  Session* session_ = nullptr;
};

// A link that tells when it is gone, which is when its session is.
class TrackedLink final : public io::Link {
 public:
  TrackedLink(std::unique_ptr<io::Link> inner, bool& is_gone) : inner_(std::move(inner)), is_gone_(is_gone) {}
  ~TrackedLink() override { is_gone_ = true; }
  void start(io::LinkEvents& events) override { inner_->start(events); }
  OutBuffer& out() override { return inner_->out(); }
  OutBuffer& control() override { return inner_->control(); }
  void committed() override { inner_->committed(); }
  void committed_later() override { inner_->committed_later(); }
  void flush() override { inner_->flush(); }
  bool is_blocked() const override { return inner_->is_blocked(); }
  void finish() override { inner_->finish(); }
  const io::Peer& peer() const override { return inner_->peer(); }
  bool outlives_streams() const override { return inner_->outlives_streams(); }
  std::uint64_t bytes_received() const override { return inner_->bytes_received(); }
  Result<std::uint64_t> attach(std::span<io::Descriptor> with) override { return inner_->attach(with); }
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) override { return inner_->claim_descriptor(number); }
  void set_frame_bytes_max(std::size_t bytes) override { inner_->set_frame_bytes_max(bytes); }

 private:
  std::unique_ptr<io::Link> inner_;
  bool& is_gone_;
};

}  // namespace parley::runtime::suite
