#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/instant.h"
#include "base/intrusive_list.h"

namespace parley {

class Executor;
namespace async {
class PromiseBase;
}

// Something that can be resumed once: a suspended coroutine, or a callback embedded in an object. It leaves the ready
// queue by itself when it dies, so what is queued and dropped never runs.
class Ready : public ListNode {
 public:
  using Run = void (*)(Ready&);
  explicit Ready(Run run) : run_(run) {}
  bool runs(Run run) const { return run_ == run; }

 private:
  friend class Executor;
  Run run_;
};

// Fires once at its time by calling its function on the executor's thread. Disarms itself when it dies.
class Timer {
 public:
  using Fire = void (*)(Timer&);
  explicit Timer(Fire fire) : fire_(fire) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { disarm(); }

  bool is_armed() const { return executor_ != nullptr; }
  Instant when() const { return when_; }
  void disarm();

 private:
  friend class Executor;
  Fire fire_;
  Executor* executor_ = nullptr;
  Instant when_;
  std::uint64_t order_ = 0;   // ties of time go by the order of arming
  std::size_t position_ = 0;  // in the executor's heap
};

// Something that may be destroyed only when nothing of it is on the stack; see Executor::bury().
class Mortal : public ListNode {
 public:
  virtual ~Mortal() = default;
};

// A ready queue and a timer heap, told the time by its driver. Resumption goes only through the queue: first in, first
// out, on one thread, with a bounded stack. Owned by a loop; everything that runs on it dies before it.
class Executor {
 public:
  // Who takes the executor's turns. It is asked for the time and told of new work between them: a call made by a
  // foreign main loop, say, which may wait for long before it takes the next turn.
  class Driver {
   public:
    virtual Instant time() = 0;
    virtual void on_work_between_turns() = 0;

   protected:
    ~Driver() = default;
  };

  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor();

  // Queues a node that is not queued yet.
  void post(Ready& node) {
    ready_.push_back(node);
    if (idle_driver_) [[unlikely]]
      idle_driver_->on_work_between_turns();
  }
  // Queues a node to run when the ready queue has drained: one write for all that became ready together.
  void post_after_drain(Ready& node) {
    after_drain_.push_back(node);
    if (idle_driver_) [[unlikely]]
      idle_driver_->on_work_between_turns();
  }

  // Runs what is ready and what that makes ready, until nothing is; false if there was nothing. At most `nodes_max` of
  // them, so that tasks which keep each other ready do not keep the outside world waiting: what was posted to run
  // after the drain then runs, and the rest stays.
  static constexpr std::size_t no_limit = ~std::size_t{0};
  bool run_ready(std::size_t nodes_max = no_limit);
  bool has_ready() const {
    return !ready_.empty() || !after_drain_.empty() || !graves_.empty() || !late_graves_.empty();
  }

  // Owns the object until it is buried; what is left dies with the executor.
  void adopt(std::unique_ptr<Mortal> mortal) { wards_.push_back(*mortal.release()); }
  // Destroys the object after the node that is running now, or with the executor: never from inside itself.
  void bury(std::unique_ptr<Mortal> mortal) {
    graves_.push_back(*mortal.release());
    if (idle_driver_) [[unlikely]]
      idle_driver_->on_work_between_turns();
  }

  // The same at the end of the turn, behind all that runs in it: what takes a while comes behind what others are told.
  void bury_after_drain(std::unique_ptr<Mortal> mortal) {
    late_graves_.push_back(*mortal.release());
    if (idle_driver_) [[unlikely]]
      idle_driver_->on_work_between_turns();
  }

  void bury_ward(Mortal& ward) {
    ward.leave();
    bury(std::unique_ptr<Mortal>(&ward));
  }

  // Arms or re-arms. A time that has passed counts as now and fires at the next advance(), also when armed by one that
  // fires.
  void arm(Timer& timer, Instant when);
  // Sets the time and fires what is due; false if nothing was. Firing posts; it resumes nothing.
  bool advance(Instant now);
  Instant now() const { return idle_driver_ ? idle_driver_->time() : now_; }
  Instant next_deadline() const { return timers_.empty() ? Instant::never() : timers_.front()->when_; }
  std::size_t timer_count() const { return timers_.size(); }

  // A turn begins with null, and ends with whoever will take the next one.
  void set_idle_driver(Driver* driver) { idle_driver_ = driver; }

  // The coroutine that the ready queue is running, or null: to catch a task that destroys itself.
  const async::PromiseBase* running() const { return running_; }

 private:
  friend class Timer;
  friend class async::PromiseBase;
  static bool comes_before(const Timer& a, const Timer& b) {
    return a.when_ != b.when_ ? a.when_ < b.when_ : a.order_ < b.order_;
  }
  void place(Timer* timer, std::size_t position);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);
  void remove(Timer& timer);
  void run(Ready& node);
  void clear_graves();
  void clear_late_graves();

  IntrusiveList<Ready> ready_;
  IntrusiveList<Ready> after_drain_;
  IntrusiveList<Mortal> wards_;
  IntrusiveList<Mortal> graves_;
  IntrusiveList<Mortal> late_graves_;
  Driver* idle_driver_ = nullptr;  // null during a turn
  const async::PromiseBase* running_ = nullptr;
  bool is_draining_ = false;
  std::vector<Timer*> timers_;  // a binary heap
  std::uint64_t timer_order_ = 0;
  Instant now_;
};

}  // namespace parley
