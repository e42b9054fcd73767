#pragma once

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/kinds.h"

// Channel handles inside of arguments. They have no bytes; their ids travel beside the arguments, in the order in which
// for_each_channel visits the handles: fields and elements of tuples as declared, the active alternative of a variant,
// nothing for an absent optional, and never into lists, arrays, sets, maps or pointers, where none may be.
namespace parley::codec {

namespace detail {

template <class T>
consteval std::size_t count_channels() {
  using enum TypeKind;
  if constexpr (kind_of<T> == channel) {
    return 1;
  } else if constexpr (kind_of<T> == optional) {
    return count_channels<ElementOf<T>>();
  } else if constexpr (kind_of<T> == tuple || kind_of<T> == variant) {
    return []<template <class...> class Of, class... Elements>(std::type_identity<Of<Elements...>>) {
      if constexpr (kind_of<T> == tuple) return (count_channels<std::remove_cvref_t<Elements>>() + ... + 0);
      return std::max({std::size_t{0}, count_channels<std::remove_cvref_t<Elements>>()...});
    }(std::type_identity<std::remove_cv_t<T>>());
  } else if constexpr (kind_of<T> == either) {
    return std::max(count_channels<typename T::value_type>(), count_channels<typename T::error_type>());
  } else if constexpr (kind_of<T> == structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (count_channels<FieldType<T, I>>() + ... + 0);
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return 0;
  }
}

}  // namespace detail

// How many handles for_each_channel visits at most.
template <class T>
inline constexpr std::size_t channels_max_in = detail::count_channels<std::remove_cv_t<T>>();

template <class T>
inline constexpr bool has_channels = channels_max_in<T> != 0;

// Stops where a channel handle is inside of something that for_each_channel does not look into.
template <class Element>
consteval void check_element() {
  static_assert(!has_channels<Element>,
                "parley: a channel handle (Tx, Rx) cannot be in a list, array, set, map or pointer; make it a field or "
                "an argument");
}

// Stops where a channel handle is in a return type, or in an error or channel item, which are the same to it.
template <class T>
consteval void check_returned() {
  static_assert(!has_channels<T>,
                "parley: a channel handle (Tx, Rx) travels in arguments only, never in a result, an error or an item");
}

// Calls function(handle) for each channel handle in value, in the order of their ids.
template <class T, class Function>
constexpr void for_each_channel(T& value, Function&& function) {
  using enum TypeKind;
  if constexpr (!has_channels<T>) {
    return;
  } else if constexpr (kind_of<T> == channel) {
    function(value);
  } else if constexpr (kind_of<T> == optional) {
    if (value) for_each_channel(*value, function);
  } else if constexpr (kind_of<T> == tuple) {
    std::apply([&](auto&... elements) { (for_each_channel(elements, function), ...); }, value);
  } else if constexpr (kind_of<T> == variant) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((value.index() == I ? for_each_channel(*std::get_if<I>(&value), function) : void()), ...);
    }(std::make_index_sequence<std::variant_size_v<std::remove_cv_t<T>>>());
  } else if constexpr (kind_of<T> == either) {
    if (value.is_ok()) {
      for_each_channel(value.value(), function);
    } else {
      for_each_channel(value.error(), function);
    }
  } else {
    static_assert(kind_of<T> == structure);
    with_fields(value, [&](auto&... fields) { (for_each_channel(fields, function), ...); });
  }
}

}  // namespace parley::codec
