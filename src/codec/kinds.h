#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "codec/either.h"
#include "codec/fields.h"

// What a type is to an encoder. Every format (postcard, JSON, signatures, schemas) chooses by kind_of<T>, so a type
// that one of them takes the others take too.
namespace parley::codec {

// Who sends on a channel handle: the one who holds a Tx sends, the one who holds an Rx receives.
enum class Direction : std::uint8_t { tx, rx };

// A channel handle says what it is with a member type: using parley_channel = codec::Channel<Direction::tx, T, 16>.
template <Direction Way, class T, std::uint32_t InitialCredit>
struct Channel {
  static constexpr Direction direction = Way;
  static constexpr std::uint32_t initial_credit = InitialCredit;
  using Element = T;
};

enum class TypeKind : std::uint8_t {
  boolean,
  integer,    // of 8 to 128 bits
  floating,   // float, double
  character,  // char32_t: one Unicode scalar
  text,       // std::string; std::string_view is borrowed from the input
  bytes,      // std::vector<std::uint8_t>, parley::Bytes; ByteView is borrowed from the input
  duration,   // parley::Duration: nanoseconds
  optional,
  list,  // std::vector, std::deque, std::span and whatever looks like them
  set,
  map,
  array,        // std::array
  tuple,        // std::pair, std::tuple
  holder,       // std::unique_ptr, std::shared_ptr: the value inside
  variant,      // std::variant of structs
  enumeration,  // enum class
  either,       // parley::Either
  unit,         // void, std::monostate, a struct without fields, std::tuple<>
  structure,    // any other aggregate
  channel,      // a channel handle: no bytes
  unsupported,
};

namespace detail {

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <template <class...> class Template, class... Arguments>
inline constexpr bool is_a<Template<Arguments...>, Template> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t Count>
inline constexpr bool is_std_array<std::array<T, Count>> = true;

template <class T>
inline constexpr bool is_span = false;
template <class T>
inline constexpr bool is_span<std::span<T>> = true;

template <class T>
inline constexpr bool is_holder = false;
template <class T>
inline constexpr bool is_holder<std::unique_ptr<T>> = !std::is_array_v<T>;
template <class T>
inline constexpr bool is_holder<std::shared_ptr<T>> = !std::is_array_v<T>;

template <class T>
concept Map = requires(T map, typename T::key_type key, typename T::mapped_type value) {
  map.begin(), map.end(), map.size(), map.clear();
  { map.try_emplace(std::move(key)).second } -> std::convertible_to<bool>;
};
template <class T>
concept Set = !requires { typename T::mapped_type; } && requires(T set, typename T::key_type key) {
  set.begin(), set.end(), set.size(), set.clear();
  { set.insert(std::move(key)).second } -> std::convertible_to<bool>;
};
template <class T>
concept List = requires(T list, typename T::value_type value) {
  list.begin(), list.end(), list.size(), list.clear();
  list.emplace_back();
  list.push_back(std::move(value));
};
template <class T>
concept ChannelHandle = requires { typename T::parley_channel; };
// std::chrono::nanoseconds, without its header.
template <class T>
concept Nanoseconds = requires(T duration) {
  typename T::period;
  requires T::period::num == 1 && T::period::den == 1'000'000'000;
  requires std::is_integral_v<typename T::rep> && sizeof(typename T::rep) == 8;
  duration.count();
};

template <class T>
inline constexpr bool is_wide = std::is_same_v<T, __int128> || std::is_same_v<T, unsigned __int128>;
template <class T>
inline constexpr bool is_letter =
    std::is_same_v<T, char> || std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> || std::is_same_v<T, char16_t>;

template <class T>
consteval TypeKind find_kind() {
  using enum TypeKind;
  if constexpr (std::is_void_v<T>)
    return unit;
  else if constexpr (std::is_same_v<T, bool>)
    return boolean;
  else if constexpr (std::is_same_v<T, char32_t>)
    return character;
  else if constexpr (is_letter<T>)
    return unsupported;
  else if constexpr (std::is_integral_v<T> || is_wide<T>)
    return integer;
  else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
    return floating;
  else if constexpr (std::is_same_v<T, std::byte>)
    return unsupported;
  else if constexpr (std::is_enum_v<T>)
    return enumeration;
  else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>)
    return text;
  else if constexpr (std::is_same_v<T, Bytes> || std::is_same_v<T, ByteView>)
    return bytes;
  else if constexpr (std::is_same_v<T, std::vector<std::uint8_t>>)
    return bytes;
  else if constexpr (!std::is_class_v<T> && !std::is_union_v<T>)
    return unsupported;
  else if constexpr (is_a<T, std::optional>)
    return optional;
  else if constexpr (is_std_array<T>)
    return array;
  else if constexpr (std::is_same_v<T, std::tuple<>>)
    return unit;
  else if constexpr (is_a<T, std::pair> || is_a<T, std::tuple>)
    return tuple;
  else if constexpr (is_holder<T>)
    return holder;
  else if constexpr (is_a<T, std::variant>)
    return variant;
  else if constexpr (is_either<T>)
    return either;
  else if constexpr (is_span<T>)
    return list;
  else if constexpr (ChannelHandle<T>)
    return channel;
  else if constexpr (Map<T>)
    return map;
  else if constexpr (Set<T>)
    return set;
  else if constexpr (List<T>)
    return list;
  else if constexpr (Nanoseconds<T>)
    return duration;
  else if constexpr (std::is_union_v<T> || !std::is_aggregate_v<T>)
    return unsupported;
  else if constexpr (std::is_empty_v<T> && field_count<T> == 0)
    return unit;
  else
    return structure;
}

}  // namespace detail

template <class T>
inline constexpr TypeKind kind_of = detail::find_kind<std::remove_cv_t<T>>();

namespace detail {

template <class T>
struct Inside;  // the types inside of a container
template <class T>
struct Inside<std::optional<T>> {
  using Element = T;
};
template <class T>
struct Inside<std::unique_ptr<T>> {
  using Element = T;
};
template <class T>
struct Inside<std::shared_ptr<T>> {
  using Element = T;
};
template <class T>
  requires requires { typename T::value_type; }
struct Inside<T> {
  using Element = std::remove_cv_t<typename T::value_type>;
};

}  // namespace detail

// What a list, set, array, optional or holder contains.
template <class T>
using ElementOf = std::remove_cv_t<typename detail::Inside<std::remove_cv_t<T>>::Element>;

namespace detail {

template <class T>
inline constexpr bool has_struct_alternatives = true;
template <class... Alternatives>
inline constexpr bool has_struct_alternatives<std::variant<Alternatives...>> =
    ((kind_of<Alternatives> == TypeKind::structure ||
      (kind_of<Alternatives> == TypeKind::unit && std::is_class_v<Alternatives>)) &&
     ...);

}  // namespace detail

// Stops with a message that says why T is no message, and what to use instead.
template <class T>
consteval void check_type() {
  using U = std::remove_cv_t<T>;
  static_assert(!std::is_array_v<U>, "parley: a C array cannot be a message; use std::array");
  static_assert(
      !std::is_pointer_v<U> && !std::is_reference_v<U>,
      "parley: a pointer or reference cannot be a message; hold the value, or use std::optional or std::unique_ptr");
  static_assert(!detail::is_letter<U>,
                "parley: char types say nothing about an encoding; use char32_t or std::string, or an integer");
  static_assert(!std::is_same_v<U, std::byte>, "parley: std::byte cannot be a message; use std::uint8_t");
  static_assert(!std::is_same_v<U, long double>, "parley: long double differs between machines; use double");
  static_assert(!std::is_union_v<U>, "parley: a union does not say which of its fields is alive; use std::variant");
  static_assert(
      !std::is_class_v<U> || std::is_aggregate_v<U> || kind_of<U> != TypeKind::unsupported,
      "parley: this class cannot be a message: it is neither a plain struct (no constructors, private fields or "
      "virtual functions) nor a known container");
  static_assert(kind_of<U> != TypeKind::unsupported, "parley: this type cannot be a message");
  static_assert(
      detail::has_struct_alternatives<U>,
      "parley: the alternatives of a std::variant are structs, whose names tell them apart; wrap others, as in "
      "struct Number { std::int64_t _0; }");
}

// The alternatives of a variant are structs; this is how Rust would write them down.
enum class VariantForm : std::uint8_t {
  unit,     // a struct without fields
  newtype,  // one field, _0
  tuple,    // fields _0, _1, ...
  structure,
};
template <class Alternative>
consteval VariantForm variant_form() {
  if constexpr (kind_of<Alternative> == TypeKind::unit) {
    return VariantForm::unit;
  } else if constexpr (is_positional<Alternative>) {
    return field_count<Alternative> == 1 ? VariantForm::newtype : VariantForm::tuple;
  } else {
    return VariantForm::structure;
  }
}

}  // namespace parley::codec
