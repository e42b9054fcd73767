#include "async/executor.h"

#include <algorithm>

#include "base/assert.h"

namespace parley {

void Timer::disarm() {
  if (executor_) executor_->remove(*this);
}

Executor::~Executor() {
  clear_late_graves();
  while (!wards_.empty()) {
    bury_ward(wards_.front());
    clear_late_graves();
  }
  for (Timer* timer : timers_) timer->executor_ = nullptr;
}

void Executor::clear_graves() {
  running_ = nullptr;
  while (!graves_.empty()) std::unique_ptr<Mortal>(&graves_.pop_front()).reset();
}

void Executor::clear_late_graves() {
  do {
    graves_.take_all(late_graves_);
    clear_graves();
  } while (!late_graves_.empty());
}

inline void Executor::run(Ready& node) {
  node.run_(node);
  running_ = nullptr;
  if (!graves_.empty()) [[unlikely]]
    clear_graves();
}

bool Executor::run_ready(std::size_t nodes_max) {
  if (!has_ready()) return false;
  PARLEY_ASSERT(!is_draining_, "the ready queue is not run from inside itself");
  is_draining_ = true;
  if (!graves_.empty()) clear_graves();
  for (; nodes_max != 0; --nodes_max) {
    if (!ready_.empty()) [[likely]] {
      run(ready_.pop_front());
    } else if (!after_drain_.empty()) {
      run(after_drain_.pop_front());
    } else if (!late_graves_.empty()) {
      clear_late_graves();
    } else {
      break;
    }
  }
  if (nodes_max == 0) {
    IntrusiveList<Ready> last;  // what is posted by these waits for the next turn
    last.take_all(after_drain_);
    while (!last.empty()) run(last.pop_front());
    clear_late_graves();
  }
  is_draining_ = false;
  return true;
}

void Executor::arm(Timer& timer, Instant when) {
  timer.disarm();
  timer.executor_ = this;
  timer.when_ = std::max(when, now_);
  timer.order_ = ++timer_order_;
  timers_.push_back(&timer);
  sift_up(timers_.size() - 1);
  if (idle_driver_) [[unlikely]]
    idle_driver_->on_work_between_turns();
}

// A timer that is armed by one that fires comes behind all that were due before, and ends the round: its owner may
// re-arm it for a time that has passed without holding up the loop.
bool Executor::advance(Instant now) {
  PARLEY_ASSERT(now >= now_, now.ns(), now_.ns());
  now_ = now;
  const std::uint64_t last_order = timer_order_;
  bool has_fired = false;
  while (!timers_.empty() && timers_.front()->when_ <= now && timers_.front()->order_ <= last_order) {
    Timer& timer = *timers_.front();
    remove(timer);
    timer.fire_(timer);
    has_fired = true;
  }
  return has_fired;
}

void Executor::place(Timer* timer, std::size_t position) {
  timers_[position] = timer;
  timer->position_ = position;
}

void Executor::sift_up(std::size_t position) {
  Timer* timer = timers_[position];
  while (position > 0) {
    const std::size_t parent = (position - 1) / 2;
    if (!comes_before(*timer, *timers_[parent])) break;
    place(timers_[parent], position);
    position = parent;
  }
  place(timer, position);
}

void Executor::sift_down(std::size_t position) {
  Timer* timer = timers_[position];
  for (;;) {
    std::size_t child = position * 2 + 1;
    if (child >= timers_.size()) break;
    if (child + 1 < timers_.size() && comes_before(*timers_[child + 1], *timers_[child])) ++child;
    if (!comes_before(*timers_[child], *timer)) break;
    place(timers_[child], position);
    position = child;
  }
  place(timer, position);
}

void Executor::remove(Timer& timer) {
  const std::size_t position = timer.position_;
  PARLEY_ASSERT(position < timers_.size() && timers_[position] == &timer, position);
  timer.executor_ = nullptr;
  Timer* last = timers_.back();
  timers_.pop_back();
  if (last == &timer) return;
  place(last, position);
  sift_up(position);
  sift_down(last->position_);
}

}  // namespace parley
