#include "sim/sim_reactor.h"

#include <algorithm>

namespace parley::sim {

void SimEvent::cancel() {
  if (!reactor_) return;
  reactor_->events_.erase({when_, order_});
  reactor_ = nullptr;
}

void SimReactor::plan(SimEvent& event, Instant when) {
  event.cancel();
  event.reactor_ = this;
  event.when_ = std::max(when, clock_.now());
  event.order_ = ++order_;
  events_.emplace(Key(event.when_, event.order_), &event);
}

bool SimReactor::wait(Instant until) {
  if (std::exchange(is_woken_, false) || is_due()) return is_due();
  const Instant next = events_.empty() ? Instant::never() : events_.begin()->first.first;
  const Instant target = std::min(next, until);
  if (target.is_never()) {
    is_deadlocked_ = true;
    return false;
  }
  if (target > clock_.now()) {
    if (watcher_) watcher_->on_time_passes();
    clock_.advance_to(target);
  }
  return is_due();
}

// What is planned meanwhile waits for the next round, so that events which keep each other going hold up nobody. It
// comes behind what was due before: no event is planned for the past.
void SimReactor::dispatch() {
  const std::uint64_t last = order_;
  while (is_due() && events_.begin()->first.second <= last) {
    SimEvent& event = *events_.begin()->second;
    event.cancel();
    event.happen();
  }
}

}  // namespace parley::sim
