#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "codec/fields_notes.h"
#include "codec/type_text.h"

// The enumerators of an enum class. What counts on the wire is the position in the declaration, not the value. Without
// PARLEY_FIELDS the compiler is asked for the values 0 to 127, and ascending values are taken for the order of
// declaration. An enum of which that is not true lists its enumerators in PARLEY_FIELDS, which then gives the order.
namespace parley::codec {

template <class E>
struct Enumerator {
  E value;
  std::string_view name;  // that others see
  std::string_view description;
};

namespace detail {

inline constexpr std::size_t enumerators_scanned = 128;

template <class E, E... Values>
consteval std::string_view enumerators_text() {
  return __PRETTY_FUNCTION__;  // "... [E = Color, Values = <Color::red, (Color)1, Color::blue>]"
}

// The name in one entry of that list, or nothing for a value without a name.
constexpr std::string_view enumerator_in(std::string_view entry) {
  const std::size_t before = entry.find_last_of(":)");
  const std::string_view name = before == std::string_view::npos ? entry : entry.substr(before + 1);
  const bool is_number = name.empty() || name[0] == '-' || (name[0] >= '0' && name[0] <= '9');
  return is_number ? std::string_view() : name;
}

// Calls found(value, name) for each named value; the text of one function tells all of them.
template <class E, class Found>
consteval void scan_enumerators(Found found) {
  [&]<std::size_t... Value>(std::index_sequence<Value...>) {
    std::string_view rest = enumerators_text<E, static_cast<E>(Value)...>();
    rest.remove_prefix(rest.find("Values = <") + 10);
    for (std::size_t value = 0; value < sizeof...(Value); ++value) {
      std::size_t end = 0;
      for (std::size_t depth = 0;; ++end) {
        const char letter = rest[end];
        if (depth == 0 && (letter == ',' || letter == '>')) break;
        if (letter == '<' || letter == '(') ++depth;
        if (letter == '>' || letter == ')') --depth;
      }
      if (const std::string_view name = enumerator_in(rest.substr(0, end)); !name.empty()) {
        found(static_cast<E>(value), name);
      }
      rest.remove_prefix(end + 2 < rest.size() ? end + 2 : end);
    }
  }(std::make_index_sequence<std::is_same_v<std::underlying_type_t<E>, bool> ? 2 : enumerators_scanned>());
}

template <class E>
consteval std::size_t count_scanned() {
  std::size_t count = 0;
  scan_enumerators<E>([&](E, std::string_view) { ++count; });
  return count;
}
template <class E>
consteval auto scanned() {
  std::array<Enumerator<E>, count_scanned<E>()> found{};
  std::size_t count = 0;
  scan_enumerators<E>([&](E value, std::string_view name) { found[count++] = {value, name, {}}; });
  return found;
}

template <class E>
consteval auto listed() {
  return std::apply(
      [](const auto&... notes) {
        return std::array<Enumerator<E>, sizeof...(notes)>{
            Enumerator<E>{notes.value, notes.name.empty() ? notes.field : notes.name, notes.description}...};
      },
      notes_of<E>.entries);
}
template <class E, std::size_t Count>
constexpr std::size_t position_in(const std::array<Enumerator<E>, Count>& list, E value) {
  std::size_t at = 0;
  while (at < Count && list[at].value != value) ++at;
  return at;
}
template <class E>
consteval bool lists_all() {
  bool all = true;
  scan_enumerators<E>(
      [&](E value, std::string_view) { all = all && position_in(listed<E>(), value) < listed<E>().size(); });
  for (std::size_t i = 0; i < listed<E>().size(); ++i) all = all && position_in(listed<E>(), listed<E>()[i].value) == i;
  return all;
}
template <class E>
consteval bool has_list() {
  if constexpr (has_notes<E>) {
    return std::tuple_size_v<decltype(notes_of<E>.entries)> != 0;
  } else {
    return false;
  }
}

template <class E>
consteval auto enumerators_of() {
  static_assert(std::is_scoped_enum_v<E>, "parley: an enum on the wire is an enum class");
  if constexpr (has_list<E>()) {
    static_assert(lists_all<E>(),
                  "parley: PARLEY_FIELDS of an enum lists all its enumerators once, in the order of declaration");
    return listed<E>();
  } else {
    static_assert(count_scanned<E>() != 0,
                  "parley: no enumerators with values from 0 to 127 were found; list them with PARLEY_FIELDS");
    return scanned<E>();
  }
}

}  // namespace detail

// In wire order.
template <class E>
inline constexpr auto enumerators = detail::enumerators_of<E>();
template <class E>
inline constexpr std::size_t enumerator_count = enumerators<E>.size();

// The position of an enumerator on the wire; enumerator_count<E> for a value that has no name.
template <class E>
constexpr std::size_t enumerator_position(E value) {
  constexpr bool is_identity = [] {
    for (std::size_t i = 0; i < enumerator_count<E>; ++i) {
      if (static_cast<std::uint64_t>(enumerators<E>[i].value) != i) return false;
    }
    return true;
  }();
  if constexpr (is_identity) {
    const auto number = static_cast<std::uint64_t>(value);
    return number < enumerator_count<E> ? static_cast<std::size_t>(number) : enumerator_count<E>;
  } else {
    return detail::position_in(enumerators<E>, value);
  }
}

template <class E>
constexpr std::string_view enumerator_name(E value) {
  const std::size_t position = enumerator_position(value);
  return position < enumerator_count<E> ? enumerators<E>[position].name : std::string_view();
}
template <class E>
constexpr std::optional<E> enumerator_named(std::string_view name) {
  for (const auto& enumerator : enumerators<E>) {
    if (enumerator.name == name) return enumerator.value;
  }
  return std::nullopt;
}

}  // namespace parley::codec
