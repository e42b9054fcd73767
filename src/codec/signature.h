#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "codec/channels.h"
#include "codec/enums.h"
#include "codec/kinds.h"
#include "codec/varint.h"

// The signature of a method as the roam 7.x wire hashes it into the method's id: a description of the argument tuple,
// then one of the return type, both in a few bytes and at compile time. Names of structs do not count, names of fields
// and variants do. Neither the initial credit of a channel nor anything inside of an Either counts.
namespace parley::codec {

namespace detail {

enum class SignatureTag : std::uint8_t {
  boolean = 0x01,
  u8 = 0x02,
  u16 = 0x03,
  u32 = 0x04,
  u64 = 0x05,
  u128 = 0x06,
  i8 = 0x07,
  i16 = 0x08,
  i32 = 0x09,
  i64 = 0x0a,
  i128 = 0x0b,
  f32 = 0x0c,
  f64 = 0x0d,
  character = 0x0e,
  text = 0x0f,
  unit = 0x10,
  bytes = 0x11,
  list = 0x20,
  option = 0x21,
  array = 0x22,
  map = 0x23,
  set = 0x24,
  tuple = 0x25,
  tx = 0x26,
  rx = 0x27,
  structure = 0x30,
  enumeration = 0x31,
  back_reference = 0x32,
};

// The address says which type it is.
template <class T>
inline constexpr char type_mark = 0;

// Writes to memory, or with none only counts.
class SignatureWriter {
 public:
  constexpr explicit SignatureWriter(std::uint8_t* to = nullptr) : to_(to) {}

  constexpr std::size_t size() const { return size_; }
  constexpr void put(std::uint8_t byte) {
    if (to_) to_[size_] = byte;
    ++size_;
  }
  constexpr void put(SignatureTag tag) { put(static_cast<std::uint8_t>(tag)); }
  constexpr void put_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) put(static_cast<std::uint8_t>(value | 0x80));
    put(static_cast<std::uint8_t>(value));
  }
  constexpr void put_text(std::string_view text) {
    put_varint(text.size());
    for (const char letter : text) put(static_cast<std::uint8_t>(letter));
  }

  // Around the description of a tuple, struct or enum. A type that is being described already is named by how far up it
  // is instead, and false says that this has been done.
  constexpr bool enter(const char* type) {
    for (std::size_t i = 0; i < depth_; ++i) {
      if (stack_[depth_ - 1 - i] == type) {
        put(SignatureTag::back_reference);
        put_varint(i);
        return false;
      }
    }
    stack_[depth_++] = type;
    return true;
  }
  constexpr void leave() { --depth_; }

 private:
  std::uint8_t* to_;
  std::size_t size_ = 0;
  std::array<const char*, 64> stack_{};
  std::size_t depth_ = 0;
};

template <class T>
constexpr void put_type(SignatureWriter& writer);

template <class T>
consteval SignatureTag integer_tag() {
  using enum SignatureTag;
  constexpr bool is_signed = std::is_signed_v<T> || std::is_same_v<T, __int128>;
  switch (sizeof(T)) {
    case 1: return is_signed ? i8 : u8;
    case 2: return is_signed ? i16 : u16;
    case 4: return is_signed ? i32 : u32;
    case 8: return is_signed ? i64 : u64;
    default: return is_signed ? i128 : u128;
  }
}

template <class... Elements>
constexpr void put_elements(SignatureWriter& writer) {
  writer.put(SignatureTag::tuple);
  writer.put_varint(sizeof...(Elements));
  (put_type<std::remove_cvref_t<Elements>>(writer), ...);
}

// Number of fields, then name and type of each; positions ("0", "1") are the names where there are no others.
template <class T, bool WithNames>
constexpr void put_fields(SignatureWriter& writer) {
  writer.put_varint(field_count<T>);
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto put_field = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index>) {
      if constexpr (WithNames) {
        writer.put_text(is_positional<T> ? field_member_name<T, Index>.substr(1) : field_name<T, Index>);
      }
      put_type<FieldType<T, Index>>(writer);
    };
    (put_field(std::integral_constant<std::size_t, I>()), ...);
  }(std::make_index_sequence<field_count<T>>());
}

template <class Alternative>
constexpr void put_alternative(SignatureWriter& writer) {
  constexpr VariantForm form = variant_form<Alternative>();
  writer.put_text(type_name<Alternative>);
  if constexpr (form == VariantForm::unit) {
    writer.put(std::uint8_t{0});
  } else if constexpr (form == VariantForm::newtype) {
    writer.put(std::uint8_t{1});
    put_type<FieldType<Alternative, 0>>(writer);
  } else {
    writer.put(std::uint8_t{2});
    put_fields<Alternative, true>(writer);
  }
}

// Of struct, tuple, variant and enum: what is inside of enter and leave.
template <class T>
constexpr void put_composite(SignatureWriter& writer) {
  using enum TypeKind;
  if constexpr (kind_of<T> == tuple) {
    [&]<template <class...> class Tuple, class... Elements>(std::type_identity<Tuple<Elements...>>) {
      put_elements<Elements...>(writer);
    }(std::type_identity<T>());
  } else if constexpr (kind_of<T> == variant) {
    writer.put(SignatureTag::enumeration);
    writer.put_varint(std::variant_size_v<T>);
    [&]<class... Alternatives>(std::type_identity<std::variant<Alternatives...>>) {
      (put_alternative<Alternatives>(writer), ...);
    }(std::type_identity<T>());
  } else if constexpr (kind_of<T> == enumeration) {
    writer.put(SignatureTag::enumeration);
    writer.put_varint(enumerator_count<T>);
    for (const auto& enumerator : enumerators<T>) {
      writer.put_text(enumerator.name);
      writer.put(std::uint8_t{0});
    }
  } else {
    writer.put(is_positional<T> ? SignatureTag::tuple : SignatureTag::structure);
    put_fields<T, !is_positional<T>>(writer);
  }
}

template <class T>
constexpr void put_type(SignatureWriter& writer) {
  using enum TypeKind;
  check_type<T>();
  constexpr TypeKind kind = kind_of<T>;
  if constexpr (kind == unit || kind == either) {
    writer.put(SignatureTag::unit);
  } else if constexpr (kind == boolean) {
    writer.put(SignatureTag::boolean);
  } else if constexpr (kind == integer) {
    writer.put(integer_tag<T>());
  } else if constexpr (kind == duration) {
    writer.put(SignatureTag::i64);
  } else if constexpr (kind == floating) {
    writer.put(sizeof(T) == 4 ? SignatureTag::f32 : SignatureTag::f64);
  } else if constexpr (kind == character) {
    writer.put(SignatureTag::character);
  } else if constexpr (kind == text) {
    writer.put(SignatureTag::text);
  } else if constexpr (kind == bytes && !is_span<T>) {
    writer.put(SignatureTag::bytes);
  } else if constexpr (kind == bytes || kind == list) {
    // A borrowed slice of bytes is a list of them and no bytes: so it is in the origin.
    writer.put(SignatureTag::list);
    put_type<ElementOf<T>>(writer);
  } else if constexpr (kind == set) {
    writer.put(SignatureTag::set);
    put_type<ElementOf<T>>(writer);
  } else if constexpr (kind == map) {
    writer.put(SignatureTag::map);
    put_type<typename T::key_type>(writer);
    put_type<typename T::mapped_type>(writer);
  } else if constexpr (kind == array) {
    writer.put(SignatureTag::array);
    writer.put_varint(std::tuple_size_v<T>);
    put_type<ElementOf<T>>(writer);
  } else if constexpr (kind == optional) {
    writer.put(SignatureTag::option);
    put_type<ElementOf<T>>(writer);
  } else if constexpr (kind == holder) {
    put_type<ElementOf<T>>(writer);
  } else if constexpr (kind == channel) {
    using Handle = typename T::parley_channel;
    check_returned<typename Handle::Element>();
    writer.put(Handle::direction == Direction::tx ? SignatureTag::tx : SignatureTag::rx);
    put_type<typename Handle::Element>(writer);
  } else if (writer.enter(&type_mark<T>)) {
    put_composite<T>(writer);
    writer.leave();
  }
}

template <class... Parts>
consteval auto make_signature() {
  constexpr std::size_t size = [] {
    SignatureWriter counter;
    (put_type<Parts>(counter), ...);
    return counter.size();
  }();
  std::array<std::uint8_t, size> bytes{};
  SignatureWriter writer(bytes.data());
  (put_type<Parts>(writer), ...);
  return bytes;
}

template <class Return, class... Arguments>
consteval auto make_method_signature() {
  check_returned<Return>();
  return make_signature<std::tuple<Arguments...>, Return>();
}

}  // namespace detail

template <class T>
inline constexpr auto type_signature = detail::make_signature<std::remove_cvref_t<T>>();

template <class Return, class... Arguments>
inline constexpr auto method_signature =
    detail::make_method_signature<std::remove_cvref_t<Return>, std::remove_cvref_t<Arguments>...>();

}  // namespace parley::codec
