#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/description.h"
#include "codec/json_writer.h"

// From types to their descriptions: templates fill in constant tables, one for each type, and an ordinary function
// walks them.
namespace parley::codec {

struct DescribedType;

struct DescribedPart {
  std::string_view name;
  const DescribedType* type = nullptr;  // null for an alternative without fields and an enumerator
  std::string_view description;
  std::string (*default_json)() = nullptr;
};

// What the compiler knows about a type. Its address says which type it is.
struct DescribedType {
  DescribedKind kind = DescribedKind::unit;
  std::string_view name;
  std::string_view description;
  std::uint32_t count = 0;
  const DescribedPart* parts = nullptr;
  std::size_t part_count = 0;
};

struct DescribedMethod {
  std::string_view name;
  std::uint64_t id = 0;
  std::string_view description;
  bool is_idempotent = false;
  std::string_view argument_names;  // "a, b"; names of fewer or more arguments than there are count as none
  std::span<const DescribedType* const> arguments;
  const DescribedType* result = nullptr;
  const DescribedType* own_error = nullptr;  // null where the method has none
};

ServiceDescription make_description(std::string_view service, std::span<const DescribedMethod> methods);

namespace detail {

template <class T>
struct Describing {
  static const DescribedType type;
};

template <class T>
consteval DescribedKind find_described_kind() {
  using enum DescribedKind;
  constexpr TypeKind kind = kind_of<T>;
  if constexpr (kind == TypeKind::integer) {
    constexpr DescribedKind by_width[2][5] = {{u8, u16, u32, u64, u128}, {i8, i16, i32, i64, i128}};
    return by_width[is_signed_integer<T> ? 1 : 0][std::countr_zero(sizeof(T))];
  } else if constexpr (kind == TypeKind::floating) {
    return sizeof(T) == 4 ? f32 : f64;
  } else if constexpr (kind == TypeKind::unit) {
    if constexpr (std::is_same_v<T, std::tuple<>>) return tuple;
    return std::is_void_v<T> || std::is_same_v<T, std::monostate> ? unit : structure;
  } else if constexpr (kind == TypeKind::structure) {
    if constexpr (!is_positional<T>) return structure;
    return field_count<T> == 1 ? newtype : tuple;
  } else if constexpr (kind == TypeKind::channel) {
    return T::parley_channel::direction == Direction::tx ? tx : rx;
  } else {
    switch (kind) {
      case TypeKind::boolean: return boolean;
      case TypeKind::character: return character;
      case TypeKind::text: return text;
      case TypeKind::bytes: return bytes;
      case TypeKind::duration: return duration;
      case TypeKind::optional: return option;
      case TypeKind::list: return list;
      case TypeKind::set: return set;
      case TypeKind::map: return map;
      case TypeKind::array: return array;
      case TypeKind::tuple: return tuple;
      case TypeKind::holder: return boxed;
      case TypeKind::variant: return variant;
      case TypeKind::enumeration: return enumeration;
      case TypeKind::either: return either;
      default: return unit;
    }
  }
}

template <class T>
consteval DescribedPart described_element() {
  return {.type = &Describing<std::remove_cvref_t<T>>::type};
}
template <class T, std::size_t Index>
consteval DescribedPart described_field() {
  DescribedPart part = described_element<FieldType<T, Index>>();
  if constexpr (is_positional<T>) return part;
  part.name = field_name<T, Index>;
  part.description = field_description<T, Index>;
  if constexpr (field_has_default<T, Index>) part.default_json = [] { return to_json(field_default<T, Index>()); };
  return part;
}
template <class Alternative>
consteval DescribedPart described_alternative() {
  DescribedPart part;
  part.name = type_name<Alternative>;
  part.description = type_description<Alternative>;
  if constexpr (kind_of<Alternative> != TypeKind::unit) part.type = &Describing<Alternative>::type;
  return part;
}

template <class T>
consteval auto find_described_parts() {
  using enum TypeKind;
  constexpr TypeKind kind = kind_of<T>;
  if constexpr (kind == optional || kind == list || kind == set || kind == array || kind == holder) {
    return std::array{described_element<ElementOf<T>>()};
  } else if constexpr (kind == map) {
    return std::array{described_element<typename T::key_type>(), described_element<typename T::mapped_type>()};
  } else if constexpr (kind == either) {
    return std::array{described_element<typename T::value_type>(), described_element<typename T::error_type>()};
  } else if constexpr (kind == channel) {
    return std::array{described_element<typename T::parley_channel::Element>()};
  } else if constexpr (kind == tuple) {
    return []<template <class...> class Of, class... Elements>(std::type_identity<Of<Elements...>>) {
      return std::array{described_element<Elements>()...};
    }(std::type_identity<T>());
  } else if constexpr (kind == variant) {
    return []<class... Alternatives>(std::type_identity<std::variant<Alternatives...>>) {
      return std::array{described_alternative<Alternatives>()...};
    }(std::type_identity<T>());
  } else if constexpr (kind == enumeration) {
    std::array<DescribedPart, enumerator_count<T>> parts;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      parts[i].name = enumerators<T>[i].name;
      parts[i].description = enumerators<T>[i].description;
    }
    return parts;
  } else if constexpr (kind == structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array{described_field<T, I>()...};
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return std::array<DescribedPart, 0>();
  }
}
template <class T>
inline constexpr auto described_parts = find_described_parts<T>();

template <class T>
consteval DescribedType make_described_type() {
  check_type<T>();
  DescribedType type;
  type.kind = find_described_kind<T>();
  type.parts = described_parts<T>.data();
  type.part_count = described_parts<T>.size();
  constexpr TypeKind kind = kind_of<T>;
  if constexpr (kind == TypeKind::structure || kind == TypeKind::enumeration ||
                (kind == TypeKind::unit && find_described_kind<T>() == DescribedKind::structure)) {
    type.name = type_name<T>;
    type.description = type_description<T>;
  }
  if constexpr (kind == TypeKind::array) {
    static_assert(std::tuple_size_v<T> <= DescriptionLimits::array_max, "parley: an array of a service is that long");
    type.count = std::tuple_size_v<T>;
  }
  if constexpr (kind == TypeKind::channel) type.count = T::parley_channel::initial_credit;
  return type;
}

template <class T>
constinit const DescribedType Describing<T>::type = make_described_type<T>();

}  // namespace detail

template <class T>
inline constexpr const DescribedType* described_type = &detail::Describing<T>::type;

}  // namespace parley::codec
