#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/channels.h"
#include "codec/enums.h"
#include "codec/kinds.h"
#include "codec/utf8.h"
#include "codec/varint.h"

// How many bytes a type takes in postcard, as far as its type alone can tell.
namespace parley::codec {

inline constexpr std::size_t unbounded = static_cast<std::size_t>(-1);
// Nested lists, sets, maps and pointers of a value, ours or a peer's. Limits::depth_max is the same number.
inline constexpr std::uint32_t depth_default = 64;

constexpr std::size_t varint_bytes(std::uint64_t value) {
  return value == 0 ? 1 : (static_cast<std::size_t>(std::bit_width(value)) + 6) / 7;
}

namespace detail {

template <class T>
inline constexpr bool is_signed = std::is_signed_v<T> || std::is_same_v<T, __int128>;
template <class T>
using UnsignedOf =
    std::conditional_t<sizeof(T) == 16, unsigned __int128,
                       std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                          std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>>;

constexpr std::size_t sum_of_bounds(std::initializer_list<std::size_t> bounds) {
  std::size_t sum = 0;
  for (const std::size_t bound : bounds) sum = bound == unbounded || sum == unbounded ? unbounded : sum + bound;
  return sum;
}
constexpr std::size_t product_of_bounds(std::size_t bound, std::size_t count) {
  if (count == 0) return 0;
  return bound > (unbounded - 1) / count ? unbounded : bound * count;
}

// Fewest (Most = false) or most bytes. Only pointers can make this endless; Fuel ends it.
template <class T, bool Most, int Fuel>
consteval std::size_t find_bound();
template <class T, bool Most, int Fuel>
inline constexpr std::size_t bound = find_bound<T, Most, Fuel>();

template <class T, bool Most, int Fuel>
consteval std::size_t find_bound() {
  using enum TypeKind;
  check_type<T>();
  constexpr TypeKind kind = kind_of<T>;
  if constexpr (kind == unit || kind == channel) {
    return 0;
  } else if constexpr (kind == boolean) {
    return 1;
  } else if constexpr (kind == integer) {
    return sizeof(T) == 1 || !Most ? 1 : (sizeof(T) * 8 + 6) / 7;
  } else if constexpr (kind == floating) {
    return sizeof(T);
  } else if constexpr (kind == character) {
    return Most ? 1 + scalar_bytes_max : 2;
  } else if constexpr (kind == duration) {
    return Most ? varint_bytes_max : 1;
  } else if constexpr (kind == optional) {
    return Most ? sum_of_bounds({1, bound<ElementOf<T>, Most, Fuel>}) : 1;
  } else if constexpr (kind == array) {
    return product_of_bounds(bound<ElementOf<T>, Most, Fuel>, std::tuple_size_v<std::remove_cv_t<T>>);
  } else if constexpr (kind == holder) {
    if constexpr (Most || Fuel == 0) {
      return Most ? unbounded : 0;
    } else {
      return bound<ElementOf<T>, Most, Fuel - 1>;
    }
  } else if constexpr (kind == tuple) {
    return []<template <class...> class Tuple, class... Elements>(std::type_identity<Tuple<Elements...>>) {
      return sum_of_bounds({bound<std::remove_cvref_t<Elements>, Most, Fuel>...});
    }(std::type_identity<std::remove_cv_t<T>>());
  } else if constexpr (kind == variant) {
    return []<class... Elements>(std::type_identity<std::variant<Elements...>>) {
      if constexpr (Most) {
        return sum_of_bounds({varint_bytes(sizeof...(Elements) - 1), std::max({bound<Elements, Most, Fuel>...})});
      } else {
        return sum_of_bounds({1, std::min({bound<Elements, Most, Fuel>...})});
      }
    }(std::type_identity<std::remove_cv_t<T>>());
  } else if constexpr (kind == either) {
    constexpr std::size_t value = bound<typename T::value_type, Most, Fuel>;
    constexpr std::size_t error = bound<typename T::error_type, Most, Fuel>;
    return sum_of_bounds({1, Most ? std::max(value, error) : std::min(value, error)});
  } else if constexpr (kind == enumeration) {
    return Most ? varint_bytes(enumerator_count<T>) : 1;
  } else if constexpr (kind == structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return sum_of_bounds({bound<FieldType<T, I>, Most, Fuel>...});
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return Most ? unbounded : 1;  // text, bytes, list, set, map: a count at least
  }
}

// sizeof(T) if the bytes of T in memory are its encoding, else 0.
template <class T>
consteval std::size_t find_raw_size() {
  using enum TypeKind;
  if constexpr (kind_of<T> == integer) {
    return sizeof(T) == 1 ? 1 : 0;
  } else if constexpr (kind_of<T> == floating) {
    return std::endian::native == std::endian::little ? sizeof(T) : 0;
  } else if constexpr (kind_of<T> == array) {
    return find_raw_size<ElementOf<T>>() * std::tuple_size_v<T>;
  } else if constexpr (kind_of<T> == structure && std::is_trivially_copyable_v<T>) {
    constexpr std::size_t sum = []<std::size_t... I>(std::index_sequence<I...>) {
      return ((find_raw_size<FieldType<T, I>>() != 0) && ...)
                 ? (std::size_t{0} + ... + find_raw_size<FieldType<T, I>>())
                 : 0;
    }(std::make_index_sequence<field_count<T>>());
    return sum == sizeof(T) ? sum : 0;
  } else {
    return 0;
  }
}

}  // namespace detail

template <class T>
inline constexpr std::size_t encoded_bytes_min = detail::bound<std::remove_cv_t<T>, false, 2>;
template <class T>
inline constexpr std::size_t encoded_bytes_max = detail::bound<std::remove_cv_t<T>, true, 0>;

// Types that are written with one check for room in front.
template <class T>
inline constexpr bool is_bounded = encoded_bytes_max<T> <= 4096;

// Types that are copied as they are in memory, alone and in lists.
template <class T>
inline constexpr bool is_raw = detail::find_raw_size<std::remove_cv_t<T>>() != 0;

}  // namespace parley::codec
