#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "codec/fields_bind.h"
#include "codec/fields_notes.h"
#include "codec/type_text.h"

// The fields of plain structs, without a macro: how many, their names, references to them. Names are read by the
// compiler; PARLEY_FIELDS (codec/fields_macro.h) adds defaults, descriptions and other names.
namespace parley::codec {

inline constexpr std::size_t fields_max = 64;

namespace detail {

inline constexpr std::size_t not_found = static_cast<std::size_t>(-1);

// Stands for a value of any type in an initializer that is never run. The conversions have a body because the compiler
// takes constexpr constructors that call them for uses.
struct AnyField {
  template <class U>
  operator U() const noexcept {
    __builtin_unreachable();
  }
};
// Stands for a value of a base of T.
template <class T>
struct AnyBase {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>)
  operator U() const noexcept {
    __builtin_unreachable();
  }
};

template <class T, class Indices>
inline constexpr bool takes = false;
template <class T, std::size_t... I>
inline constexpr bool takes<T, std::index_sequence<I...>> = requires { T{(static_cast<void>(I), AnyField{})...}; };
template <class T, std::size_t Count>
inline constexpr bool takes_fields = takes<T, std::make_index_sequence<Count>>;

// The most initializers that T takes. Fewer are fine where the rest has defaults, so numbers that T takes are in one
// run.
template <class T, std::size_t Count = 0, bool Found = false>
consteval std::size_t count_initializers() {
  if constexpr (Count > fields_max + 1) {
    return Found ? fields_max + 1 : not_found;
  } else if constexpr (takes_fields<T, Count>) {
    return count_initializers<T, Count + 1, true>();
  } else if constexpr (Found) {
    return Count - 1;
  } else {
    return count_initializers<T, Count + 1, false>();
  }
}

template <class T, class Rest>
inline constexpr bool begins_with_base = false;
template <class T, std::size_t... Rest>
inline constexpr bool begins_with_base<T, std::index_sequence<Rest...>> =
    requires { T{AnyBase<T>{}, (static_cast<void>(Rest), AnyField{})...}; };

// A C array swallows an initializer for each of its elements, unless they stand in braces of their own.
template <class T, class Before, class Behind>
inline constexpr bool takes_braces_at = false;
template <class T, std::size_t... Before, std::size_t... Behind>
inline constexpr bool takes_braces_at<T, std::index_sequence<Before...>, std::index_sequence<Behind...>> =
    requires { T{(static_cast<void>(Before), AnyField{})..., {}, (static_cast<void>(Behind), AnyField{})...}; };

// Whether the field at Index, set by {}, leaves room for fewer others than it should.
template <class T, std::size_t Index, std::size_t Behind>
consteval bool swallows() {
  using Before = std::make_index_sequence<Index>;
  if constexpr (takes_braces_at<T, Before, std::make_index_sequence<Behind>>) {
    return false;
  } else {
    return []<std::size_t... Fewer>(std::index_sequence<Fewer...>) {
      return (takes_braces_at<T, Before, std::make_index_sequence<Fewer>> || ...);
    }(std::make_index_sequence<Behind>());
  }
}
template <class T, std::size_t Count>
consteval bool has_c_array() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (swallows<T, I, Count - 1 - I>() || ...);
  }(std::make_index_sequence<Count>());
}

template <class T>
consteval std::size_t count_fields() {
  static_assert(!std::is_union_v<T>, "parley: a union does not say which of its fields is alive; use std::variant");
  static_assert(
      std::is_union_v<T> || std::is_aggregate_v<T>,
      "parley: fields are read from aggregates only, and this class has constructors, private fields, virtual "
      "functions or virtual bases; use a plain struct");
  if constexpr (std::is_aggregate_v<T> && !std::is_union_v<T>) {
    constexpr std::size_t count = count_initializers<T>();
    static_assert(count != not_found, "parley: the fields of this struct cannot be counted; a reference among them?");
    static_assert(
        count == not_found || count <= fields_max,
        "parley: a struct may have 64 fields (elements of a C array count as such); put some of them into a struct "
        "of their own, arrays into a std::array");
    if constexpr (count == 0 || count > fields_max) {
      return 0;
    } else {
      static_assert(!begins_with_base<T, std::make_index_sequence<count - 1>>,
                    "parley: fields of base classes are not seen; make the base a field");
      static_assert(!has_c_array<T, count>(), "parley: a field is a C array; use std::array");
      return count;
    }
  } else {
    return 0;
  }
}

}  // namespace detail

template <class T>
inline constexpr std::size_t field_count = detail::count_fields<std::remove_cv_t<T>>();

// function(field, field, ...) with references to all fields in their order.
template <class T, class Function>
constexpr decltype(auto) with_fields(T& value, Function&& function) {
  return detail::FieldBinding<field_count<T>>::apply(value, std::forward<Function>(function));
}

template <class T>
constexpr auto tie_fields(T& value) {
  return with_fields(value, [](auto&... fields) { return std::tuple<decltype(fields)...>(fields...); });
}

namespace detail {

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"  // its address is all that is used
#pragma clang diagnostic ignored "-Wundefined-internal"
#pragma clang diagnostic ignored "-Wc++26-extensions"  // clang has had pack indexing since 19
template <class T>
struct Holder {
  T value;
};
template <class T>
extern Holder<T> object;

template <std::size_t Index>
struct FieldAt {
  template <class... Fields>
  constexpr auto* operator()(Fields&... fields) const {
    return &fields...[Index];
  }
};

template <class T, std::size_t Index>
using FieldType = std::remove_cvref_t<decltype(*with_fields(std::declval<T&>(), FieldAt<Index>()))>;

template <auto* Field>
consteval std::string_view field_text() {
  return __PRETTY_FUNCTION__;  // "... [Field = &object.value.name]"
}
template <class T, std::size_t Index>
consteval std::string_view member_name() {
  constexpr std::string_view text = field_text<with_fields(object<T>.value, FieldAt<Index>())>();
  constexpr std::size_t dot = text.rfind('.');
  static_assert(
      dot != std::string_view::npos && text.ends_with(']'),
      "parley: the name of a field cannot be read; give its type a name outside of functions and unnamed namespaces");
  return text.substr(dot + 1, text.size() - dot - 2);
}
#pragma clang diagnostic pop

}  // namespace detail

template <class T, std::size_t Index>
using FieldType = detail::FieldType<std::remove_cv_t<T>, Index>;

// The name in the code; field_name is the one that others see.
template <class T, std::size_t Index>
inline constexpr std::string_view field_member_name = detail::member_name<std::remove_cv_t<T>, Index>();

namespace detail {

// Where PARLEY_FIELDS speaks of the field, or not_found.
template <class T, std::size_t Index>
consteval std::size_t note_index() {
  if constexpr (!has_notes<T>) {
    return not_found;
  } else {
    return std::apply(
        [](const auto&... notes) {
          std::size_t at = 0;
          std::size_t found = not_found;
          ((notes.field == field_member_name<T, Index> ? static_cast<void>(found = at++) : static_cast<void>(++at)),
           ...);
          return found;
        },
        notes_of<T>.entries);
  }
}

template <class T>
consteval bool notes_name_fields() {
  if constexpr (!has_notes<T>) {
    return true;
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      constexpr std::size_t found = (std::size_t{0} + ... + (note_index<T, I>() != not_found ? 1 : 0));
      return found == std::tuple_size_v<decltype(notes_of<T>.entries)>;
    }(std::make_index_sequence<field_count<T>>());
  }
}

template <class T, std::size_t Index>
struct Field {
  static_assert(notes_name_fields<T>(),
                "parley: PARLEY_FIELDS names a field that the struct does not have, or one twice");
  static constexpr std::size_t note = note_index<T, Index>();
  static constexpr bool has_note = note != not_found;

  static constexpr std::string_view name() {
    if constexpr (has_note) {
      if (constexpr auto& entry = std::get<note>(notes_of<T>.entries); !entry.name.empty()) return entry.name;
    }
    return field_member_name<T, Index>;
  }
  static constexpr std::string_view description() {
    if constexpr (has_note) return std::get<note>(notes_of<T>.entries).description;
    return {};
  }
  static constexpr bool has_default() {
    if constexpr (has_note) {
      return !std::is_same_v<std::remove_cvref_t<decltype(std::get<note>(notes_of<T>.entries).default_value)>,
                             NoDefault>;
    } else {
      return false;
    }
  }
  static constexpr FieldType<T, Index> default_value() {
    static_assert(has_default());
    constexpr auto& value = std::get<note>(notes_of<T>.entries).default_value;
    if constexpr (requires { value(); }) {
      return static_cast<FieldType<T, Index>>(value());
    } else {
      static_assert(
          requires { static_cast<FieldType<T, Index>>(value); },
          "parley: default_(...) in PARLEY_FIELDS does not convert to the type of its field");
      return static_cast<FieldType<T, Index>>(value);
    }
  }
};

}  // namespace detail

template <class T, std::size_t Index>
inline constexpr std::string_view field_name = detail::Field<std::remove_cv_t<T>, Index>::name();
template <class T, std::size_t Index>
inline constexpr std::string_view field_description = detail::Field<std::remove_cv_t<T>, Index>::description();
template <class T, std::size_t Index>
inline constexpr bool field_has_default = detail::Field<std::remove_cv_t<T>, Index>::has_default();
template <class T, std::size_t Index>
constexpr FieldType<T, Index> field_default() {
  return detail::Field<std::remove_cv_t<T>, Index>::default_value();
}

// The unqualified name of a type, or what name_ in PARLEY_FIELDS((T, name_("..."))) says.
template <class T>
inline constexpr std::string_view type_name = [] {
  if constexpr (detail::has_notes<T>) {
    if (!detail::notes_of<T>.type.name.empty()) return detail::notes_of<T>.type.name;
  }
  return detail::unqualified(detail::type_text<T>());
}();
template <class T>
inline constexpr std::string_view type_description = [] {
  if constexpr (detail::has_notes<T>) return detail::notes_of<T>.type.description;
  return std::string_view();
}();

// A struct whose fields are named _0, _1, ... in this order has positions and no names: a tuple struct of Rust.
template <class T>
inline constexpr bool is_positional = []<std::size_t... I>(std::index_sequence<I...>) {
  constexpr auto is_position = [](std::string_view name, std::size_t index) {
    if (name.size() < 2 || name.size() > 3 || name[0] != '_') return false;
    if (index < 10) return name.size() == 2 && name[1] == static_cast<char>('0' + index);
    return name.size() == 3 && name[1] == static_cast<char>('0' + index / 10) &&
           name[2] == static_cast<char>('0' + index % 10);
  };
  return sizeof...(I) > 0 && (is_position(field_member_name<T, I>, I) && ...);
}(std::make_index_sequence<field_count<T>>());

}  // namespace parley::codec
