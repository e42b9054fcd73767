#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "async/executor.h"
#include "async/frame_pool.h"
#include "base/assert.h"
#include "base/error.h"

namespace parley {

template <class T>
class Task;

namespace async {

enum class Outcome : std::uint8_t { pending, value, threw };

// What every coroutine of ours has: a place in the ready queue, who waits for it, and its executor, which it inherits
// from whoever awaits or starts it.
class PromiseBase : public Ready, public Pooled {
 public:
  using Pooled::operator new;
  using Pooled::operator delete;

  PromiseBase() : Ready(&PromiseBase::resume) {}

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct FinalSuspend {
    bool await_ready() noexcept { return false; }
    template <std::derived_from<PromiseBase> P>
    void await_suspend(std::coroutine_handle<P> handle) noexcept {
      handle.promise().notify();
    }
    void await_resume() noexcept {}
  };
  FinalSuspend final_suspend() noexcept { return {}; }

  Executor& executor() const {
    PARLEY_ASSERT(executor_ != nullptr, "a coroutine runs only where a task, a scope or a loop has started it");
    return *executor_;
  }
  void bind(Executor& executor) { executor_ = &executor; }
  void bind_like(const PromiseBase& parent) { executor_ = parent.executor_; }
  void set_continuation(Ready& waiter) { continuation_ = &waiter; }
  Ready* continuation() const { return continuation_; }
  Outcome outcome() const { return outcome_; }

  // Runs the coroutine in place, from its beginning to its first suspension or its end.
  void start(std::coroutine_handle<> handle) {
    PARLEY_ASSERT(phase_ == Phase::fresh, "a task is awaited or spawned once");
    phase_ = Phase::starting;
    handle.resume();
    phase_ = Phase::started;
  }

  // Whether this coroutine is running now, or waits for the one that is.
  [[gnu::noinline]] bool is_on_the_stack() const {
    if (phase_ == Phase::starting) return true;
    if (!executor_) return false;
    for (const PromiseBase* at = executor_->running(); at; at = of(at->continuation_)) {
      if (at == this) return true;
    }
    return false;
  }

 protected:
  // Whoever awaits goes on through the ready queue. Without one (started in place, or the last of its chain) the
  // starter reads the outcome.
  void notify() noexcept {
    if (continuation_) executor_->post(*continuation_);
  }

 private:
  enum class Phase : std::uint8_t { fresh, starting, started };

  // The coroutine behind a node of the ready queue, or null for a plain callback.
  static const PromiseBase* of(const Ready* node) {
    return node && node->runs(&PromiseBase::resume) ? static_cast<const PromiseBase*>(node) : nullptr;
  }
  static void resume(Ready& node) {
    auto& promise = static_cast<PromiseBase&>(node);
    promise.executor_->running_ = &promise;
    // Right for every promise of ours: none is aligned beyond 16 bytes, so the frame's header has one size.
    std::coroutine_handle<PromiseBase>::from_promise(promise).resume();
  }

  Ready* continuation_ = nullptr;
  Executor* executor_ = nullptr;
  Phase phase_ = Phase::fresh;

 protected:
  Outcome outcome_ = Outcome::pending;
};

// `co_await result` inside a Task<Result<U>>: goes on with the value, or ends the task with the error.
template <class T>
class ResultAwaiter {
 public:
  explicit ResultAwaiter(Result<T> result) : result_(std::move(result)) {}
  bool await_ready() const { return result_.has_value(); }
  template <class P>
  void await_suspend(std::coroutine_handle<P> handle) {
    static_assert(
        requires { handle.promise().finish_with(std::declval<std::unexpected<Error>>()); },
        "parley: co_await of a Result ends the task with its error, so the task returns Task<Result<...>>; "
        "elsewhere look at the Result yourself");
    handle.promise().finish_with(fail(std::move(result_).error()));
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return *std::move(result_);
  }

 private:
  Result<T> result_;
};

template <class T>
inline constexpr bool is_task = false;
template <class T>
inline constexpr bool is_task<Task<T>> = true;

// What co_await means inside a Task.
class TaskPromiseBase : public PromiseBase {
 public:
  template <class Awaited>
  decltype(auto) await_transform(Awaited&& awaited) {
    using Plain = std::remove_cvref_t<Awaited>;
    if constexpr (is_task<Plain>) {
      static_assert(!std::is_lvalue_reference_v<Awaited>, "co_await a task as an rvalue: std::move(task)");
      awaited.promise().bind_like(*this);
      return std::forward<Awaited>(awaited);
    } else if constexpr (is_result<Plain>) {
      return ResultAwaiter<typename Plain::value_type>(std::forward<Awaited>(awaited));
    } else {
      return std::forward<Awaited>(awaited);
    }
  }
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  static_assert(std::is_object_v<T>, "a task gives a value or nothing; return a pointer");
  static_assert(alignof(T) <= 16, "a task's value is aligned to 16 bytes at most; return a pointer");
  TaskPromise() {}
  ~TaskPromise() { clear(); }

  Task<T> get_return_object();
  template <class U = T>
    requires std::constructible_from<T, U>
  void return_value(U&& value) {
    ::new (static_cast<void*>(&value_)) T(std::forward<U>(value));
    outcome_ = Outcome::value;
  }
  // User code may throw; whoever awaits sees it, and the runtime turns it into a response at its barrier.
  void unhandled_exception() noexcept {
    clear();  // a destructor may throw after the co_return
    ::new (static_cast<void*>(&exception_)) std::exception_ptr(std::current_exception());
    outcome_ = Outcome::threw;
  }
  template <class U>
  void finish_with(U&& value) {
    static_assert(is_result<T>, "co_await of a Result ends the task with its error: the task must return a Result");
    return_value(std::forward<U>(value));
    notify();
  }
  T take() {
    if (outcome_ != Outcome::value) [[unlikely]]
      fail_to_take();
    return std::move(value_);
  }

 private:
  void clear() {
    if (outcome_ == Outcome::value) {
      value_.~T();
    } else if (outcome_ == Outcome::threw) [[unlikely]] {
      drop_exception();
    }
  }
  // Kept apart so that its call costs the usual way out no registers.
  [[gnu::cold, gnu::noinline, clang::preserve_most]] void drop_exception() { exception_.~exception_ptr(); }
  [[noreturn]] [[gnu::cold]] [[gnu::noinline]] void fail_to_take() {
    PARLEY_ASSERT(outcome_ == Outcome::threw, "a task that has not ended has no value");
    std::rethrow_exception(exception_);
  }
  union {
    T value_;
    std::exception_ptr exception_;
  };
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() { outcome_ = Outcome::value; }
  void unhandled_exception() noexcept {
    exception_ = std::current_exception();
    outcome_ = Outcome::threw;
  }
  void take() {
    if (outcome_ == Outcome::value) [[likely]]
      return;
    PARLEY_ASSERT(outcome_ == Outcome::threw, "a task that has not ended has no value");
    std::rethrow_exception(exception_);
  }

 private:
  std::exception_ptr exception_;
};

}  // namespace async

// A lazy coroutine, owned by its handle: it starts when it is awaited (or spawned in a Scope), in place, and destroying
// the handle cancels it - frames die, destructors do the cleanup, no code after the co_await runs. Resumed only through
// the ready queue of its executor, on one thread.
template <class T>
class [[nodiscard("co_await it or give it to a Scope: a task that is dropped does not run")]] Task {
 public:
  using promise_type = async::TaskPromise<T>;
  using value_type = T;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { reset(); }

  void reset() {
    if (!handle_) return;
    PARLEY_ASSERT(handle_.done() || !promise().is_on_the_stack(), "a task may not destroy itself or whoever awaits it");
    std::exchange(handle_, {}).destroy();
  }

  // For the runtime: gives the task its executor, runs it in place up to its first suspension, tells whether it ended.
  void bind(Executor& executor) { promise().bind(executor); }
  bool start() {
    promise().start(handle_);
    return is_done();
  }
  bool is_done() const { return promise().outcome() != async::Outcome::pending; }
  promise_type& promise() const { return handle_.promise(); }
  explicit operator bool() const { return static_cast<bool>(handle_); }

  // For co_await. The child starts in place: one that completes at once never suspends its parent.
  bool await_ready() { return start(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> parent) {
    promise().set_continuation(parent.promise());
  }
  T await_resume() { return promise().take(); }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

namespace async {

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace async

}  // namespace parley
