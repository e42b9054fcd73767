#include "io/loop.h"

#include <algorithm>

namespace parley::io {

Loop::Loop(Clock& clock, Reactor& reactor, Random& random) : clock_(clock), reactor_(reactor), random_(random) {
  executor_.advance(clock_.now());
  executor_.set_idle_driver(this);
}

Loop::~Loop() {
  PARLEY_ASSERT(!is_inside_, "a loop is not destroyed from inside itself");
  executor_.set_idle_driver(nullptr);
  while (!at_end_.empty()) at_end_.pop_front().on_loop_end();
  // What is dropped may post in its destructor.
  for (;;) {
    std::vector<std::move_only_function<void()>> dropped;
    {
      const std::lock_guard lock(posted_mutex_);
      dropped.swap(posted_);
    }
    if (dropped.empty()) return;
  }
}

void Loop::enter() {
  PARLEY_ASSERT(!is_inside_, "a loop is not turned from inside itself");
  const bool has_moved = !is_own_thread();
  signs_->thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  if (keeps_fd_) signs_->is_asleep.store(false, std::memory_order_relaxed);
  is_inside_ = true;
  executor_.set_idle_driver(nullptr);
  executor_.advance(clock_.now());
  if (has_moved) take_in();  // what this thread sent before comes before what it does now
}

void Loop::leave() {
  is_inside_ = false;
  if (keeps_fd_) {
    const Instant next = next_work();
    if (next != alarm_ || next <= executor_.now()) reactor_.set_alarm(next);
    alarm_ = next;
    signs_->is_asleep.store(true, std::memory_order_seq_cst);
    if (has_come()) reactor_.wake();
  }
  executor_.set_idle_driver(this);
}

void Loop::on_work_between_turns() {
  if (!keeps_fd_ || next_work() >= alarm_) return;
  alarm_ = next_work();
  reactor_.set_alarm(alarm_);
}

void Loop::run() {
  const Inside inside(*this);
  while (!is_stopping_.load(std::memory_order_acquire)) turn(Instant::never());
  is_stopping_.store(false, std::memory_order_relaxed);
}

void Loop::stop() {
  is_stopping_.store(true, std::memory_order_release);
  wake();
}

bool Loop::poll_once(Instant deadline) {
  const Inside inside(*this);
  return turn(deadline);
}

int Loop::fd() {
  if (!keeps_fd_) {
    keeps_fd_ = true;
    alarm_ = next_work();
    reactor_.set_alarm(alarm_);
    if (!is_inside_) {
      signs_->is_asleep.store(true, std::memory_order_seq_cst);
      if (has_come()) reactor_.wake();
    }
  }
  return reactor_.fd();
}

void Loop::post(std::move_only_function<void()> work) {
  bool is_first = false;
  {
    const std::lock_guard lock(posted_mutex_);
    is_first = posted_.empty();
    posted_.push_back(std::move(work));
    has_posted_.store(true, std::memory_order_release);
  }
  if (is_first) wake();
}

bool Loop::run_posted() {
  if (!has_posted_.load(std::memory_order_acquire)) return false;
  {
    const std::lock_guard lock(posted_mutex_);
    std::swap(posted_, running_posted_);
    has_posted_.store(false, std::memory_order_relaxed);
  }
  for (auto& work : running_posted_) work();
  running_posted_.clear();
  return true;
}

namespace {

// Tells the core that this is a spin.
void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

// The doors cost less to look at than the clock and the outside. What is there already costs neither.
Loop::Spin Loop::spin(Instant until) {
  constexpr int tries_per_look = 64;
  Instant end = Instant::never();
  do {
    for (int i = 0; i < tries_per_look; ++i) {
      if (has_come()) return Spin::inside;
      pause();
    }
    if (end.is_never()) end = std::min(clock_.now() + spin_, until);
    unlooked_ = 0;
    if (reactor_.wait(Instant())) return Spin::outside;
    if (is_woken_.exchange(false, std::memory_order_acq_rel)) return Spin::inside;
  } while (clock_.now() < end);
  return Spin::nothing;
}

bool Loop::wait(Instant until) {
  if (until == Instant() || doors_.empty()) return reactor_.wait(until);
  constexpr std::uint32_t unlooked_max = 64;
  if (spin_ > Duration()) {
    // Doors through which something comes all the time do not keep the outside waiting.
    if (++unlooked_ >= unlooked_max) {
      unlooked_ = 0;
      if (reactor_.wait(Instant())) return true;
    }
    if (const Spin ended = spin(until); ended != Spin::nothing) return ended == Spin::outside;
  }
  signs_->is_asleep.store(true, std::memory_order_seq_cst);
  const bool has_news = reactor_.wait(has_come() ? Instant() : until);
  signs_->is_asleep.store(false, std::memory_order_relaxed);
  return has_news;
}

bool Loop::take_in() {
  bool has_come = false;
  for (Door* door = doors_.empty() ? nullptr : &doors_.front(); door; door = doors_.next_of(*door)) {
    if (!door->has_come()) continue;
    has_come = true;
    door->take_in();
  }
  return has_come;
}

bool Loop::turn(Instant deadline) noexcept {
  bool has_worked = executor_.run_ready(share_of_turn);
  const bool may_wait = !has_worked && !executor_.has_ready();
  const bool has_news = wait(may_wait ? std::min(deadline, executor_.next_deadline()) : Instant());
  has_worked |= executor_.advance(clock_.now());
  if (has_news) reactor_.dispatch();
  has_worked |= has_news;
  has_worked |= take_in();
  has_worked |= run_posted();
  has_worked |= executor_.run_ready(share_of_turn);
  return has_worked;
}

}  // namespace parley::io
