#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "codec/postcard_bounds.h"

// Types whose values may be nested, so that reading them counts against Limits::depth_max: lists of what is not bounded
// itself, sets, maps and pointers. All others are as deep as their type says.
namespace parley::codec {

namespace detail {

template <class T>
consteval bool find_nesting() {
  using enum TypeKind;
  if constexpr (kind_of<T> == list) {
    return !is_bounded<ElementOf<T>>;
  } else if constexpr (kind_of<T> == set || kind_of<T> == map || kind_of<T> == holder) {
    return true;
  } else if constexpr (kind_of<T> == optional || kind_of<T> == array) {
    return find_nesting<ElementOf<T>>();
  } else if constexpr (kind_of<T> == tuple || kind_of<T> == variant) {
    return []<template <class...> class Of, class... Elements>(std::type_identity<Of<Elements...>>) {
      return (find_nesting<std::remove_cvref_t<Elements>>() || ...);
    }(std::type_identity<std::remove_cv_t<T>>());
  } else if constexpr (kind_of<T> == either) {
    return find_nesting<typename T::Value>() || find_nesting<typename T::error_type>();
  } else if constexpr (kind_of<T> == structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (find_nesting<FieldType<T, I>>() || ...);
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return false;
  }
}

}  // namespace detail

template <class T>
inline constexpr bool may_nest = detail::find_nesting<std::remove_cv_t<T>>();

}  // namespace parley::codec
