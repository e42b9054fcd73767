#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <type_traits>

// PARLEY_ASSERT(condition, value, ...) states what our own code guarantees. It stays on in release builds: it prints
// file, line, the condition and the values, and aborts. What a peer sends or a user passes is never asserted on.
namespace parley {

struct AssertValue {
  template <class T>
  static AssertValue of(const T& value) {
    if constexpr (std::is_convertible_v<const T&, std::string_view>) {
      return {0, value, true, false};
    } else if constexpr (std::is_enum_v<T>) {
      return of(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_pointer_v<T>) {
      return {reinterpret_cast<std::uintptr_t>(value), {}, false, false};
    } else if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
      return {static_cast<std::uint64_t>(value), {}, false, true};
    } else {
      static_assert(std::is_integral_v<T>, "an assert prints texts, pointers, enumerators and whole numbers");
      return {static_cast<std::uint64_t>(value), {}, false, false};
    }
  }
  std::uint64_t number;
  std::string_view text;
  bool is_text;
  bool is_signed;
};

[[noreturn]] [[gnu::cold]] void assert_failed(const char* condition, const char* file, int line,
                                              std::initializer_list<AssertValue> values);

template <class... Values>
[[noreturn]] [[gnu::cold]] [[gnu::noinline]] void assert_failed_with(const char* condition, const char* file, int line,
                                                                     const Values&... values) {
  assert_failed(condition, file, line, {AssertValue::of(values)...});
}

}  // namespace parley

#define PARLEY_ASSERT(condition, ...)                                                          \
  do {                                                                                         \
    if (!(condition)) [[unlikely]]                                                             \
      ::parley::assert_failed_with(#condition, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__); \
  } while (false)
