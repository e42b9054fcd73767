#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/kinds.h"

// Types that borrow from the bytes they were decoded from (string_view, ByteView, spans): good for arguments and items,
// whose bytes are kept as long as they are used, and not for results, which outlive theirs.
namespace parley::codec {

namespace detail {

// Seen: the structs around T, so that a type which contains itself is looked into once.
template <class T, class... Seen>
consteval bool find_views() {
  using enum TypeKind;
  if constexpr (std::is_same_v<T, std::string_view> || std::is_same_v<T, ByteView> || is_span<T>) {
    return true;
  } else if constexpr ((std::is_same_v<T, Seen> || ...)) {
    return false;
  } else if constexpr (kind_of<T> == optional || kind_of<T> == array || kind_of<T> == list || kind_of<T> == set ||
                       kind_of<T> == holder) {
    return find_views<ElementOf<T>, Seen...>();
  } else if constexpr (kind_of<T> == map) {
    return find_views<typename T::key_type, Seen...>() || find_views<typename T::mapped_type, Seen...>();
  } else if constexpr (kind_of<T> == tuple || kind_of<T> == variant) {
    return []<template <class...> class Of, class... Elements>(std::type_identity<Of<Elements...>>) {
      return (find_views<std::remove_cvref_t<Elements>, Seen...>() || ...);
    }(std::type_identity<std::remove_cv_t<T>>());
  } else if constexpr (kind_of<T> == either) {
    return find_views<typename T::Value, Seen...>() || find_views<typename T::error_type, Seen...>();
  } else if constexpr (kind_of<T> == structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (find_views<FieldType<T, I>, T, Seen...>() || ...);
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return false;
  }
}

}  // namespace detail

// Recursive types (through a list or a pointer to themselves) are not looked into a second time: pointers end the
// search.
template <class T>
inline constexpr bool has_views = detail::find_views<std::remove_cv_t<T>>();

}  // namespace parley::codec
