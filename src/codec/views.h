#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/kinds.h"

// Types that borrow from the bytes they were decoded from (string_view, ByteView, spans): good for arguments and items,
// whose bytes are kept as long as they are used, and not for results, which outlive theirs. And types with Bytes, which
// share the block that they were decoded from, and with it a thread.
namespace parley::codec {

namespace detail {

struct View {
  template <class T>
  static constexpr bool is = std::is_same_v<T, std::string_view> || std::is_same_v<T, ByteView> || is_span<T>;
};
struct SharedBlock {
  template <class T>
  static constexpr bool is = std::is_same_v<T, Bytes>;
};

// Seen: the structs around T, so that a type which contains itself is looked into once.
template <class What, class T, class... Seen>
consteval bool finds() {
  using enum TypeKind;
  if constexpr (What::template is<T>) {
    return true;
  } else if constexpr ((std::is_same_v<T, Seen> || ...)) {
    return false;
  } else if constexpr (kind_of<T> == optional || kind_of<T> == array || kind_of<T> == list || kind_of<T> == set ||
                       kind_of<T> == holder) {
    return finds<What, ElementOf<T>, Seen...>();
  } else if constexpr (kind_of<T> == map) {
    return finds<What, typename T::key_type, Seen...>() || finds<What, typename T::mapped_type, Seen...>();
  } else if constexpr (kind_of<T> == tuple || kind_of<T> == variant) {
    return []<template <class...> class Of, class... Elements>(std::type_identity<Of<Elements...>>) {
      return (finds<What, std::remove_cvref_t<Elements>, Seen...>() || ...);
    }(std::type_identity<std::remove_cv_t<T>>());
  } else if constexpr (kind_of<T> == either) {
    return finds<What, typename T::Value, Seen...>() || finds<What, typename T::error_type, Seen...>();
  } else if constexpr (kind_of<T> == structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (finds<What, FieldType<T, I>, T, Seen...>() || ...);
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return false;
  }
}

}  // namespace detail

// Recursive types (through a list or a pointer to themselves) are not looked into a second time: pointers end the
// search.
template <class T>
inline constexpr bool has_views = detail::finds<detail::View, std::remove_cv_t<T>>();
template <class T>
inline constexpr bool has_blocks = detail::finds<detail::SharedBlock, std::remove_cv_t<T>>();

}  // namespace parley::codec
