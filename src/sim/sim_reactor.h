#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "io/reactor.h"
#include "sim/virtual_clock.h"

namespace parley::sim {

class SimReactor;

// Something of the simulated outside world that happens once at its time. It is no longer planned when it happens, and
// when it dies.
class SimEvent {
 public:
  SimEvent() = default;
  SimEvent(const SimEvent&) = delete;
  SimEvent& operator=(const SimEvent&) = delete;
  virtual ~SimEvent() { cancel(); }

  bool is_planned() const { return reactor_ != nullptr; }
  Instant when() const { return when_; }
  void cancel();

 private:
  friend class SimReactor;
  virtual void happen() = 0;

  SimReactor* reactor_ = nullptr;
  Instant when_;
  std::uint64_t order_ = 0;
};

// An event that calls a member function of its owner.
template <class Owner, void (Owner::*Function)()>
class SimEventOf final : public SimEvent {
 public:
  explicit SimEventOf(Owner& owner) : owner_(owner) {}

 private:
  void happen() override { (owner_.*Function)(); }
  Owner& owner_;
};

// The outside world of one loop: events planned for virtual times. Waiting moves the clock to the next of them, or to
// the time until which the loop would wait. Ties of time go by the order of planning.
class SimReactor final : public io::Reactor {
 public:
  // Told before the clock moves: at this moment nothing is left to do at the present time.
  class Watcher {
   public:
    virtual void on_time_passes() = 0;

   protected:
    ~Watcher() = default;
  };

  explicit SimReactor(VirtualClock& clock) : clock_(clock) {}

  // Plans or re-plans. A time that has passed counts as now.
  void plan(SimEvent& event, Instant when);
  std::size_t planned_count() const { return events_.size(); }
  void set_watcher(Watcher* watcher) { watcher_ = watcher; }
  // The loop waited without limit while nothing was planned: nothing will ever happen again by itself.
  bool is_deadlocked() const { return is_deadlocked_; }
  void forget_deadlock() { is_deadlocked_ = false; }

  bool wait(Instant until) override;
  void dispatch() override;
  void wake() override { is_woken_ = true; }
  int fd() const override { return -1; }
  void set_alarm(Instant) override {}

 private:
  friend class SimEvent;
  using Key = std::pair<Instant, std::uint64_t>;
  bool is_due() const { return !events_.empty() && events_.begin()->first.first <= clock_.now(); }

  VirtualClock& clock_;
  std::map<Key, SimEvent*> events_;
  std::uint64_t order_ = 0;
  Watcher* watcher_ = nullptr;
  bool is_woken_ = false;
  bool is_deadlocked_ = false;
};

}  // namespace parley::sim
