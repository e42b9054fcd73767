#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace parley {

// An error of a method's own type, on its way into an Either: return own_error(MathError::overflow).
template <class E>
struct OwnError {
  E error;
};
template <class E>
constexpr OwnError<std::decay_t<E>> own_error(E&& error) {
  return {std::forward<E>(error)};
}

template <class T>
inline constexpr bool is_own_error = false;
template <class E>
inline constexpr bool is_own_error<OwnError<E>> = true;

// The value or the own error of a method: Rust's Result. T and E may be the same type, and T may be void.
template <class T, class E>
class [[nodiscard]] Either {
 public:
  using value_type = T;
  using error_type = E;
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  constexpr Either()
    requires std::is_default_constructible_v<Value>
  = default;
  template <class Given = Value>
    requires(!std::is_void_v<T> && !is_own_error<std::remove_cvref_t<Given>> &&
             !std::is_same_v<std::remove_cvref_t<Given>, Either> && std::is_convertible_v<Given, Value>)
  constexpr Either(Given&& value) : either_(std::in_place_index<0>, std::forward<Given>(value)) {}
  template <class Given>
    requires std::is_convertible_v<Given, E>
  constexpr Either(OwnError<Given> given) : either_(std::in_place_index<1>, std::move(given.error)) {}

  constexpr bool is_ok() const { return either_.index() == 0; }
  constexpr explicit operator bool() const { return is_ok(); }

  // Only when is_ok().
  template <class Self>
  constexpr auto&& value(this Self&& self) {
    PARLEY_ASSERT(self.is_ok());
    return std::get<0>(std::forward<Self>(self).either_);
  }
  // Only when not is_ok().
  template <class Self>
  constexpr auto&& error(this Self&& self) {
    PARLEY_ASSERT(!self.is_ok());
    return std::get<1>(std::forward<Self>(self).either_);
  }

  // Starts over with a default value or error, for a decoder to fill.
  constexpr Value& emplace_value() { return either_.template emplace<0>(); }
  constexpr E& emplace_error() { return either_.template emplace<1>(); }

  friend constexpr bool operator==(const Either&, const Either&) = default;

 private:
  std::variant<Value, E> either_;
};

template <class T>
inline constexpr bool is_either = false;
template <class T, class E>
inline constexpr bool is_either<Either<T, E>> = true;

}  // namespace parley
