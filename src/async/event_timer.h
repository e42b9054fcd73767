#pragma once

#include "async/executor.h"
#include "async/wait.h"

namespace parley {

// Sets an event when its time has come, unless it is disarmed or destroyed before. The event outlives it.
class EventTimer final : public Timer {
 public:
  explicit EventTimer(Event& event) : Timer(&EventTimer::fire), event_(event) {}
  // Armed from the start, unless that is never.
  EventTimer(Executor& executor, Event& event, Instant at) : EventTimer(event) {
    if (!at.is_never()) executor.arm(*this, at);
  }

 private:
  static void fire(Timer& timer) { static_cast<EventTimer&>(timer).event_.set(); }
  Event& event_;
};

}  // namespace parley
