#pragma once

#include <concepts>
#include <coroutine>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/instant.h"
#include "runtime/actors/actor.h"

namespace parley {
namespace runtime {

template <class... Ts>
struct AnyOf {
  static_assert(sizeof...(Ts) > 0, "receive<Types...>() names what it receives");
  static constexpr bool is_one = sizeof...(Ts) == 1;
  using First = std::tuple_element_t<0, std::tuple<Ts...>>;
  using Value = std::conditional_t<is_one, First, std::variant<Ts...>>;

  bool matches(const Message& message) const noexcept { return ((message.type == &MessageOf<Ts>::type_of) || ...); }
  Value open(Message& message) const { return open_as<Ts...>(message); }

 private:
  template <class T, class... Others>
  static Value open_as(Message& message) {
    if constexpr (sizeof...(Others) != 0) {
      if (message.type != &MessageOf<T>::type_of) return open_as<Others...>(message);
    }
    const std::unique_ptr<MessageOf<T>> owned(&static_cast<MessageOf<T>&>(message));
    if constexpr (is_one) {
      return std::move(owned->value);
    } else {
      return Value(std::in_place_type<T>, std::move(owned->value));
    }
  }
};

template <class T, class Predicate>
struct OneIf {
  static_assert(std::predicate<const Predicate&, const T&>, "receive_if<T>(predicate): bool(const T&)");
  using Value = T;

  bool matches(const Message& message) const noexcept(std::is_nothrow_invocable_v<const Predicate&, const T&>) {
    return message.type == &MessageOf<T>::type_of && predicate(static_cast<const MessageOf<T>&>(message).value);
  }
  Value open(Message& message) const { return AnyOf<T>().open(message); }
  Predicate predicate;
};

// What Actor::receive() returns, to be awaited. When it is dropped before, the message that it has got already is the
// oldest one again.
template <class Match>
class [[nodiscard("co_await it")]] Receive : public Receiving {
 public:
  Receive(Actor& actor, Match match) : Receiving(actor, &Receive::matches), match_(std::move(match)) {}

  bool await_ready() { return look(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    wait(handle.promise());
  }
  typename Match::Value await_resume() {
    rethrow();
    return match_.open(take());
  }

 protected:
  static bool matches(const Receiving& receiving, const Message& message) {
    const auto& self = static_cast<const Receive&>(receiving);
    if constexpr (noexcept(self.match_.matches(message))) {
      return self.match_.matches(message);
    } else {
      try {
        return self.match_.matches(message);
      } catch (...) {
        self.thrown_ = std::current_exception();
        return false;
      }
    }
  }
  void rethrow() {
    if (!thrown_) [[likely]]
      return;
    leave();
    std::rethrow_exception(std::exchange(thrown_, nullptr));
  }
  [[no_unique_address]] Match match_;
};

template <class Match>
class [[nodiscard("co_await it")]] ReceiveWithin : private Receive<Match> {
 public:
  ReceiveWithin(Actor& actor, Match match, Duration within)
      : Receive<Match>(actor, std::move(match)), within_(within), alarm_(*this) {}

  using Receive<Match>::await_ready;
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    this->wait(handle.promise());
    Executor& executor = handle.promise().executor();
    if (!this->has_message()) executor.arm(alarm_, executor.now() + within_);
  }
  Result<typename Match::Value> await_resume() {
    this->rethrow();
    if (this->has_message()) return Receive<Match>::await_resume();
    this->leave();
    return fail(Code::timed_out, "no such message came");
  }

 private:
  struct Alarm final : Timer {
    explicit Alarm(ReceiveWithin& owner) : Timer(&Alarm::fire), owner(owner) {}
    static void fire(Timer& timer) { static_cast<Alarm&>(timer).owner.give_up(); }
    ReceiveWithin& owner;
  };
  const Duration within_;
  Alarm alarm_;
};

}  // namespace runtime

template <class... Ts>
runtime::Receive<runtime::AnyOf<Ts...>> Actor::receive() {
  return {*this, {}};
}
template <class... Ts>
runtime::ReceiveWithin<runtime::AnyOf<Ts...>> Actor::receive(Duration within) {
  return {*this, {}, within};
}
template <class T, class Predicate>
runtime::Receive<runtime::OneIf<T, Predicate>> Actor::receive_if(Predicate predicate) {
  return {*this, {std::move(predicate)}};
}
template <class T, class Predicate>
runtime::ReceiveWithin<runtime::OneIf<T, Predicate>> Actor::receive_if(Predicate predicate, Duration within) {
  return {*this, {std::move(predicate)}, within};
}

}  // namespace parley
