#pragma once

#include <concepts>
#include <coroutine>
#include <optional>
#include <utility>

#include "async/task.h"
#include "base/ring.h"

namespace parley {

namespace async {

// A coroutine that waits in some list. It leaves the list when its frame dies, and is never woken when the list dies
// first. Once woken it is in the ready queue, which its promise leaves in turn.
class Waiter : public ListNode {
 public:
  template <std::derived_from<PromiseBase> P>
  void wait_in(IntrusiveList<Waiter>& list, std::coroutine_handle<P> handle) {
    promise_ = &handle.promise();
    list.push_back(*this);
  }
  void wake() {
    leave();
    is_woken_ = true;
    promise_->executor().post(*promise_);
  }
  bool is_woken() const { return is_woken_; }

 private:
  PromiseBase* promise_ = nullptr;
  bool is_woken_ = false;
};

}  // namespace async

// `co_await Sleep(executor, 50ms)`. Cancelled by destruction.
class [[nodiscard]] Sleep {
 public:
  Sleep(Executor& executor, Duration duration) : Sleep(executor, executor.now() + duration) {}
  Sleep(Executor& executor, Instant until) : executor_(executor), until_(until) {}

  bool await_ready() const { return false; }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    timer_.sleeper = &handle.promise();
    executor_.arm(timer_, until_);
  }
  void await_resume() const {}

 private:
  struct Wake final : Timer {
    Wake() : Timer(&Wake::fire) {}
    static void fire(Timer& timer) {
      async::PromiseBase& sleeper = *static_cast<Wake&>(timer).sleeper;
      sleeper.executor().post(sleeper);
    }
    async::PromiseBase* sleeper = nullptr;
  };
  Executor& executor_;
  Instant until_;
  Wake timer_;
};

// `co_await Yield()`: goes to the end of the ready queue, so that others have their turn.
struct [[nodiscard]] Yield {
  bool await_ready() const { return false; }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) const {
    handle.promise().executor().post(handle.promise());
  }
  void await_resume() const {}
};

// `Executor& executor = co_await this_executor();`
struct [[nodiscard]] ThisExecutor {
  bool await_ready() const { return false; }
  template <std::derived_from<async::PromiseBase> P>
  bool await_suspend(std::coroutine_handle<P> handle) {
    executor_ = &handle.promise().executor();
    return false;
  }
  Executor& await_resume() const { return *executor_; }

 private:
  Executor* executor_ = nullptr;
};
inline ThisExecutor this_executor() { return {}; }

// Set once or many times; whoever waits goes on when it is set. On one executor.
class Event {
 public:
  bool is_set() const { return is_set_; }
  void set() {
    is_set_ = true;
    while (!waiters_.empty()) waiters_.front().wake();
  }
  void reset() { is_set_ = false; }

  class [[nodiscard]] Wait {
   public:
    explicit Wait(Event& event) : event_(event) {}
    bool await_ready() const { return event_.is_set_; }
    template <std::derived_from<async::PromiseBase> P>
    void await_suspend(std::coroutine_handle<P> handle) {
      waiter_.wait_in(event_.waiters_, handle);
    }
    void await_resume() const {}

   private:
    Event& event_;
    async::Waiter waiter_;
  };
  Wait wait() { return Wait(*this); }

 private:
  bool is_set_ = false;
  IntrusiveList<async::Waiter> waiters_;
};

// A bounded FIFO between tasks of one executor. push() refuses at the bound or after close(); `co_await queue.pop()`
// waits, and gives nothing once the queue is closed and empty. Outlives whoever pops.
template <class T>
class Queue {
 public:
  explicit Queue(std::size_t size_max) : size_max_(size_max) {}
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  Result<void> push(T item) {
    if (is_closed_) return fail(Code::closed);
    if (items_.size() >= size_max_) return fail(Code::overloaded);
    items_.push(std::move(item));
    wake_one();
    return {};
  }
  void close() {
    is_closed_ = true;
    if (items_.empty()) wake_all();
  }
  bool is_closed() const { return is_closed_; }
  std::size_t size() const { return items_.size(); }

  // Items go to whoever asked first: a waiter that has been woken has an item to itself, and nobody overtakes it.
  class [[nodiscard]] Pop {
   public:
    explicit Pop(Queue& queue) : queue_(queue) {}
    Pop(const Pop&) = delete;
    Pop& operator=(const Pop&) = delete;
    // Destroyed after it was woken and before it could take its item: that goes to the next one.
    ~Pop() {
      if (waiter_.is_woken() && !is_resumed_) queue_.settle();
    }
    bool await_ready() const { return queue_.has_unpromised() || queue_.is_finished(); }
    template <std::derived_from<async::PromiseBase> P>
    void await_suspend(std::coroutine_handle<P> handle) {
      waiter_.wait_in(queue_.waiters_, handle);
    }
    std::optional<T> await_resume() {
      is_resumed_ = true;
      std::optional<T> item = queue_.take();
      if (waiter_.is_woken()) queue_.settle();
      return item;
    }

   private:
    Queue& queue_;
    async::Waiter waiter_;
    bool is_resumed_ = false;
  };
  Pop pop() { return Pop(*this); }

 private:
  // Each woken waiter that has not run yet is promised one item (or, at the end, the news that there are no more).
  bool has_unpromised() const { return items_.size() > promised_; }
  bool is_finished() const { return is_closed_ && items_.empty(); }

  std::optional<T> take() {
    if (items_.empty()) return std::nullopt;
    return items_.pop();
  }
  // A promise is kept or void.
  void settle() {
    --promised_;
    if (has_unpromised()) wake_one();
    if (is_finished()) wake_all();
  }
  void wake_one() {
    if (waiters_.empty()) return;
    ++promised_;
    waiters_.front().wake();
  }
  void wake_all() {
    while (!waiters_.empty()) wake_one();
  }

  Ring<T> items_;
  std::size_t size_max_;
  std::size_t promised_ = 0;
  bool is_closed_ = false;
  IntrusiveList<async::Waiter> waiters_;
};

}  // namespace parley
