#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/enums.h"
#include "codec/fields.h"
#include "codec/kinds.h"

// What a type looks like in JSON. Reader and writer are ordinary functions that walk tables, one for each type, which
// templates fill in: a new type costs a table and no code of a parser.
namespace parley::codec {

enum class JsonShape : std::uint8_t {
  null,         // void, std::monostate
  empty,        // {}: a struct without fields
  boolean,      //
  integer,      // a number; of 64 bits and more beyond 2^53-1 a string of decimal digits, and both are read
  floating,     // a number, "NaN", "Infinity", "-Infinity"
  character,    // a string of one character
  text,         // a string
  bytes,        // a string of base64
  duration,     // "1.5s"
  enumeration,  // the name of the enumerator
  optional,     // null or the value; where a value may itself be null, null or {"some": value}
  holder,       // what is held
  newtype,      // a struct of one position, _0: what it is
  list,         // an array of any size: lists and sets
  array,        // an array of a fixed size and one type
  tuple,        // an array of a fixed size: tuples, structs of several positions (_0, _1, ...)
  map,          // an object: keys are texts, integers or enumerators
  pairs,        // [[key, value], ...]: a map with other keys
  pair,         // one of these
  structure,    // an object of its fields
  variant,      // {"Name": alternative}; "Name" for one without fields
  either,       // {"ok": value} or {"error": error}
};

// Objects and arrays inside of each other, in texts that are written and read. A list of variants takes three of them
// where postcard counts one of 64.
inline constexpr std::size_t json_depth_default = 256;

// May a field be left out?
enum class JsonPresence : std::uint8_t { required, optional, has_default };

namespace detail {

template <class T>
consteval JsonShape find_json_shape() {
  check_type<T>();
  constexpr TypeKind kind = kind_of<T>;
  static_assert(kind != TypeKind::channel,
                "parley: a JSON value cannot hold a channel handle (Tx, Rx); streams travel beside it");
  switch (kind) {
    case TypeKind::boolean: return JsonShape::boolean;
    case TypeKind::integer: return JsonShape::integer;
    case TypeKind::floating: return JsonShape::floating;
    case TypeKind::character: return JsonShape::character;
    case TypeKind::text: return JsonShape::text;
    case TypeKind::bytes: return JsonShape::bytes;
    case TypeKind::duration: return JsonShape::duration;
    case TypeKind::optional: return JsonShape::optional;
    case TypeKind::list:
    case TypeKind::set: return JsonShape::list;
    case TypeKind::array: return JsonShape::array;
    case TypeKind::tuple: return JsonShape::tuple;
    case TypeKind::holder: return JsonShape::holder;
    case TypeKind::variant: return JsonShape::variant;
    case TypeKind::enumeration: return JsonShape::enumeration;
    case TypeKind::either: return JsonShape::either;
    default: break;
  }
  if constexpr (kind == TypeKind::map) {
    constexpr TypeKind key = kind_of<typename T::key_type>;
    const bool is_name = key == TypeKind::text || key == TypeKind::integer || key == TypeKind::enumeration;
    return is_name ? JsonShape::map : JsonShape::pairs;
  } else if constexpr (kind == TypeKind::structure) {
    if (!is_positional<T>) return JsonShape::structure;
    return field_count<T> == 1 ? JsonShape::newtype : JsonShape::tuple;
  } else if constexpr (std::is_same_v<T, std::tuple<>>) {
    return JsonShape::tuple;
  } else {
    return std::is_void_v<T> || std::is_same_v<T, std::monostate> ? JsonShape::null : JsonShape::empty;
  }
}

}  // namespace detail

template <class T>
inline constexpr JsonShape json_shape = detail::find_json_shape<std::remove_cv_t<T>>();

namespace detail {

template <class T, int Steps = 64>
consteval bool find_may_be_null() {
  static_assert(Steps != 0, "parley: a type that holds itself and nothing else has no JSON, nor any value");
  constexpr JsonShape shape = json_shape<T>;
  if constexpr (Steps == 0) {
    return false;
  } else if constexpr (shape == JsonShape::holder) {
    return find_may_be_null<ElementOf<T>, Steps - 1>();
  } else if constexpr (shape == JsonShape::newtype) {
    return find_may_be_null<FieldType<T, 0>, Steps - 1>();
  } else {
    return shape == JsonShape::null || shape == JsonShape::optional;
  }
}

// Of fields, alternatives or enumerators; none for other types.
template <class T>
consteval auto find_json_names() {
  if constexpr (json_shape<T> == JsonShape::structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<std::string_view, sizeof...(I)>{field_name<T, I>...};
    }(std::make_index_sequence<field_count<T>>());
  } else if constexpr (json_shape<T> == JsonShape::variant) {
    return []<class... Alternatives>(std::type_identity<std::variant<Alternatives...>>) {
      return std::array<std::string_view, sizeof...(Alternatives)>{type_name<Alternatives>...};
    }(std::type_identity<T>());
  } else if constexpr (json_shape<T> == JsonShape::enumeration) {
    std::array<std::string_view, enumerator_count<T>> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = enumerators<T>[i].name;
    return names;
  } else if constexpr (json_shape<T> == JsonShape::either) {
    return std::array<std::string_view, 2>{"ok", "error"};
  } else {
    return std::array<std::string_view, 0>();
  }
}
template <class T>
inline constexpr auto json_names = find_json_names<T>();

// What a type is made of, in the order of its names where it has any.
template <class... Parts>
struct JsonParts {};
template <class T>
consteval auto find_json_parts() {
  constexpr JsonShape shape = json_shape<T>;
  if constexpr (shape == JsonShape::optional || shape == JsonShape::holder || shape == JsonShape::list ||
                shape == JsonShape::array) {
    return JsonParts<ElementOf<T>>();
  } else if constexpr (shape == JsonShape::map || shape == JsonShape::pairs) {
    return JsonParts<typename T::key_type, typename T::mapped_type>();
  } else if constexpr (shape == JsonShape::either) {
    return JsonParts<typename T::Value, typename T::error_type>();
  } else if constexpr (shape == JsonShape::variant || kind_of<T> == TypeKind::tuple) {
    return []<template <class...> class Of, class... Elements>(std::type_identity<Of<Elements...>>) {
      return JsonParts<std::remove_cvref_t<Elements>...>();
    }(std::type_identity<T>());
  } else if constexpr (kind_of<T> == TypeKind::structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return JsonParts<FieldType<T, I>...>();
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return JsonParts<>();
  }
}
// The number of parts that a value has; arrays have as many of their one part.
template <class T>
consteval std::size_t find_json_count() {
  if constexpr (json_shape<T> == JsonShape::array) {
    return std::tuple_size_v<T>;
  } else if constexpr (json_shape<T> == JsonShape::enumeration) {
    return enumerator_count<T>;
  } else {
    return []<class... Parts>(JsonParts<Parts...>) { return sizeof...(Parts); }(find_json_parts<T>());
  }
}

template <class T>
consteval auto find_json_presence() {
  if constexpr (json_shape<T> == JsonShape::structure) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<JsonPresence, sizeof...(I)>{(field_has_default<T, I> ? JsonPresence::has_default
                                                     : json_shape<FieldType<T, I>> == JsonShape::optional
                                                         ? JsonPresence::optional
                                                         : JsonPresence::required)...};
    }(std::make_index_sequence<field_count<T>>());
  } else {
    return std::array<JsonPresence, 0>();
  }
}
template <class T>
inline constexpr auto json_presence = find_json_presence<T>();

// An alternative of a variant that is written as its name alone.
template <class Variant, class Alternative>
inline constexpr bool is_name_alone =
    json_shape<Variant> == JsonShape::variant && kind_of<Alternative> == TypeKind::unit;

template <class T>
inline constexpr bool is_signed_integer = std::is_signed_v<T> || std::is_same_v<T, __int128>;

}  // namespace detail
}  // namespace parley::codec
