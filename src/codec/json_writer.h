#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/error.h"
#include "codec/json_shape.h"

namespace parley::codec {

enum class JsonStyle : std::uint8_t {
  compact,  // one line without blanks
  pretty,   // a line for each element, two blanks a level
};

// Is called with each element of a list, or each key and value of a map. False ends the walk.
using JsonVisit = bool (*)(void* context, const void* element, const void* mapped);

// How a T becomes JSON. Which functions there are depends on the shape.
struct JsonWriteType {
  JsonShape shape = JsonShape::null;
  bool may_be_null = false;
  bool is_signed = false;
  std::uint8_t number_bytes = 0;
  std::size_t count = 0;  // of parts or enumerators
  const std::string_view* names = nullptr;
  const JsonWriteType* const* parts = nullptr;  // null for an alternative without fields
  const JsonPresence* presence = nullptr;

  // Where a part is; of an optional or holder what is in it, null for nothing; of a variant the alternative it holds.
  const void* (*part)(const void* value, std::size_t index) = nullptr;
  // Of the enumerator or alternative; count or more for what is none.
  std::size_t (*position)(const void* value) = nullptr;
  std::string_view (*text)(const void* value) = nullptr;  // of texts and bytes
  void (*each)(const void* value, void* context, JsonVisit visit) = nullptr;
};

namespace detail {

template <class T>
struct JsonWriting {
  static const JsonWriteType type;
};

template <class T, class... Parts>
consteval auto list_write_parts(JsonParts<Parts...>) {
  return std::array<const JsonWriteType*, sizeof...(Parts)>{
      (is_name_alone<T, Parts> ? nullptr : &JsonWriting<Parts>::type)...};
}
template <class T>
inline constexpr auto json_write_parts = list_write_parts<T>(find_json_parts<T>());

template <class T>
const void* json_part(const void* value, std::size_t index) {
  const T& whole = *static_cast<const T*>(value);
  constexpr JsonShape shape = json_shape<T>;
  if constexpr (shape == JsonShape::array) {
    return &whole[index];
  } else if constexpr (shape == JsonShape::optional) {
    return whole ? &*whole : nullptr;
  } else if constexpr (shape == JsonShape::holder) {
    return whole.get();
  } else if constexpr (shape == JsonShape::either) {
    if (whole.is_ok()) return &whole.value();
    return &whole.error();
  } else if constexpr (shape == JsonShape::variant) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const void* at = nullptr;
      ((index == I ? static_cast<void>(at = std::get_if<I>(&whole)) : void()), ...);
      return at;
    }(std::make_index_sequence<std::variant_size_v<T>>());
  } else {
    const auto pick = [index](const auto&... parts) {
      const void* const at[] = {&parts...};
      return at[index];
    };
    if constexpr (kind_of<T> == TypeKind::tuple) {
      return std::apply(pick, whole);
    } else {
      return with_fields(whole, pick);
    }
  }
}

template <class T>
std::size_t json_position(const void* value) {
  const T& whole = *static_cast<const T*>(value);
  if constexpr (json_shape<T> == JsonShape::enumeration) {
    return enumerator_position(whole);
  } else if constexpr (json_shape<T> == JsonShape::either) {
    return whole.is_ok() ? 0 : 1;
  } else {
    return whole.index();
  }
}

template <class T>
std::string_view json_text(const void* value) {
  const T& whole = *static_cast<const T*>(value);
  if constexpr (json_shape<T> == JsonShape::bytes) {
    return as_text({whole.data(), whole.size()});
  } else {
    return whole;
  }
}

template <class T>
void json_each(const void* value, void* context, JsonVisit visit) {
  const T& whole = *static_cast<const T*>(value);
  if constexpr (kind_of<T> == TypeKind::map) {
    for (const auto& [key, mapped] : whole) {
      if (!visit(context, &key, &mapped)) return;
    }
  } else {
    for (const ElementOf<T>& element : whole) {
      if (!visit(context, &element, nullptr)) return;
    }
  }
}

template <class T>
consteval JsonWriteType make_json_write_type() {
  constexpr JsonShape shape = json_shape<T>;
  using enum JsonShape;
  JsonWriteType type;
  type.shape = shape;
  type.may_be_null = find_may_be_null<T>();
  type.count = find_json_count<T>();
  type.names = json_names<T>.data();
  type.parts = json_write_parts<T>.data();
  type.presence = json_presence<T>.data();
  if constexpr (shape == integer || shape == floating) {
    type.number_bytes = sizeof(T);
    type.is_signed = is_signed_integer<T>;
  }
  if constexpr (shape == duration) {
    static_assert(sizeof(T) == 8 && std::is_trivially_copyable_v<T>, "parley: a duration is its count of nanoseconds");
  }
  if constexpr (shape == optional || shape == holder || shape == newtype || shape == array || shape == variant ||
                shape == either || shape == structure || (shape == tuple && !std::is_same_v<T, std::tuple<>>)) {
    type.part = json_part<T>;
  }
  if constexpr (shape == enumeration || shape == variant || shape == either) type.position = json_position<T>;
  if constexpr (shape == text || shape == bytes) type.text = json_text<T>;
  if constexpr (shape == list || shape == map || shape == pairs) type.each = json_each<T>;
  return type;
}

template <class T>
constinit const JsonWriteType JsonWriting<T>::type = make_json_write_type<T>();

}  // namespace detail

// Appends the value to out, or leaves out as it was. Where that is bounded, out ends about there at the latest.
Result<void> write_json(std::string& out, const JsonWriteType& type, const void* value, JsonStyle style,
                        std::size_t text_bytes_max = static_cast<std::size_t>(-1));

// Appends the JSON of a value. Refuses what has none: text that is not UTF-8, an enum without a name, a null pointer,
// nesting deeper than from_json reads; the error says where.
template <class T>
Result<void> append_json(std::string& out, const T& value, JsonStyle style = JsonStyle::compact) {
  return write_json(out, detail::JsonWriting<T>::type, &value, style);
}

// The JSON of a value that has one: anything else is a bug of the caller.
template <class T>
std::string to_json(const T& value, JsonStyle style = JsonStyle::compact) {
  std::string text;
  append_json(text, value, style).value();
  return text;
}

}  // namespace parley::codec
