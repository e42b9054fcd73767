#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

// What PARLEY_FIELDS leaves behind, and the words that are written in it.
namespace parley::codec {

namespace words {

struct Name {
  std::string_view text;
};
struct Description {
  std::string_view text;
};
template <class V>
struct Default {
  V value;
};

// What others see instead of the name in the code.
constexpr Name name_(std::string_view text) { return {text}; }
constexpr Description describe(std::string_view text) { return {text}; }
// The value of a field that is left out; a function without parameters gives it where no constant can.
template <class V>
constexpr Default<V> default_(V value) {
  return {value};
}

}  // namespace words

namespace detail {

struct NoDefault {};

struct TypeNote {
  std::string_view name;
  std::string_view description;
};

template <class V>
struct FieldNote {
  std::string_view field;
  std::string_view name;
  std::string_view description;
  V default_value;
};

template <class E>
struct EnumeratorNote {
  E value;
  std::string_view field;
  std::string_view name;
  std::string_view description;
};

template <class... Entries>
struct Notes {
  TypeNote type;
  std::tuple<Entries...> entries;
};

constexpr std::string_view name_among() { return {}; }
template <class Option, class... Options>
constexpr std::string_view name_among(const Option& option, const Options&... options) {
  if constexpr (std::is_same_v<Option, words::Name>) return option.text;
  return name_among(options...);
}
constexpr std::string_view description_among() { return {}; }
template <class Option, class... Options>
constexpr std::string_view description_among(const Option& option, const Options&... options) {
  if constexpr (std::is_same_v<Option, words::Description>) return option.text;
  return description_among(options...);
}
template <class T>
inline constexpr bool is_default = false;
template <class V>
inline constexpr bool is_default<words::Default<V>> = true;

constexpr NoDefault default_among() { return {}; }
template <class Option, class... Options>
constexpr auto default_among(const Option& option, const Options&... options) {
  if constexpr (is_default<Option>) {
    return option.value;
  } else {
    return default_among(options...);
  }
}

template <class... Options>
constexpr TypeNote type_note(const Options&... options) {
  static_assert((!is_default<Options> && ...), "parley: a type has no default_ in PARLEY_FIELDS, its fields have");
  return {name_among(options...), description_among(options...)};
}

// read.operator()<T>() names the member: an enumerator's value is taken from it, a field only needs its name.
template <class T, class Read, class... Options>
constexpr auto member_note(std::string_view field, Read read, const Options&... options) {
  if constexpr (std::is_enum_v<T>) {
    static_assert((!is_default<Options> && ...), "parley: an enumerator has no default_ in PARLEY_FIELDS");
    return EnumeratorNote<T> {
      read.template operator()<T>(),
      field,
      name_among(options...),
      description_among(options...)
    };
  } else {
    auto value = default_among(options...);
    return FieldNote<decltype(value)>{field, name_among(options...), description_among(options...), value};
  }
}

template <class... Entries>
constexpr Notes<Entries...> make_notes(TypeNote type, const Entries&... entries) {
  return {type, std::tuple<Entries...>(entries...)};
}

template <class T>
concept HasNotes = requires { parley_fields(static_cast<T*>(nullptr)); };
template <class T>
inline constexpr bool has_notes = HasNotes<T>;
template <class T>
inline constexpr auto notes_of = parley_fields(static_cast<T*>(nullptr));

}  // namespace detail
}  // namespace parley::codec
