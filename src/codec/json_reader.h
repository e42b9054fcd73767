#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/json_shape.h"
#include "codec/views.h"

namespace parley::codec {

struct JsonOptions {
  std::size_t text_bytes_max = std::size_t{64} << 20;
  std::size_t depth_max = json_depth_default;  // objects and arrays inside of each other
  // What a value may take beyond its own size: a list of large structs must not turn a text into gigabytes.
  std::size_t memory_max = std::size_t{256} << 20;
  // For the envelopes of foreign protocols, which grow fields. Those of users' structs are a mistake.
  bool ignores_unknown_fields = false;
};

// How JSON becomes a T. Which functions there are depends on the shape; parts is null where none can be.
struct JsonReadType {
  JsonShape shape = JsonShape::null;
  bool may_be_null = false;
  bool is_signed = false;
  std::uint8_t number_bytes = 0;
  std::size_t count = 0;        // of parts or enumerators
  std::size_t memory_own = 0;   // taken by being there at all, beside the size of the type
  std::size_t memory_each = 0;  // taken by one more element, or what is held
  const std::string_view* names = nullptr;
  const JsonReadType* const* parts = nullptr;  // null for an alternative without fields
  const JsonPresence* presence = nullptr;

  // Where a part of value is; of a variant, optional or holder one that is made now.
  void* (*part)(void* value, std::size_t index) = nullptr;
  // Makes it empty: containers, optionals.
  void (*clear)(void* value) = nullptr;
  // Enumerations: the enumerator at position. Structs: the default of the field at position.
  void (*set)(void* value, std::size_t position) = nullptr;
  void (*set_text)(void* value, std::string_view text) = nullptr;
  void (*set_bytes)(void* value, std::vector<std::uint8_t>& bytes) = nullptr;
  // Lists: a new last element. Null where elements have no address: these are staged.
  void* (*add)(void* value) = nullptr;
  // An element or key that is read before it goes in: sets, maps, std::vector<bool>.
  void* (*make_staged)(const JsonReadType& container) = nullptr;
  void (*drop_staged)(void* staged) = nullptr;
  // Puts it in and leaves a new one behind. The mapped value in a map, anything else but null in others; null when the
  // key is there already.
  void* (*settle)(void* value, void* staged) = nullptr;
};

namespace detail {

template <class T>
struct JsonReading {
  static const JsonReadType type;
};

template <class T, class... Parts>
consteval auto list_read_parts(JsonParts<Parts...>) {
  return std::array<const JsonReadType*, sizeof...(Parts)>{
      (is_name_alone<T, Parts> ? nullptr : &JsonReading<Parts>::type)...};
}
template <class T>
inline constexpr auto json_read_parts = list_read_parts<T>(find_json_parts<T>());

// Roughly what a node of a set or map, a std::deque without elements and an allocation take.
inline constexpr std::size_t json_node_memory = 48;
inline constexpr std::size_t json_deque_memory = 640;

template <class T>
void* json_part(void* value, std::size_t index) {
  T& whole = *static_cast<T*>(value);
  constexpr JsonShape shape = json_shape<T>;
  if constexpr (shape == JsonShape::array) {
    return &whole[index];
  } else if constexpr (shape == JsonShape::optional) {
    return &whole.emplace();
  } else if constexpr (shape == JsonShape::holder) {
    whole = std::make_unique<ElementOf<T>>();
    return whole.get();
  } else if constexpr (shape == JsonShape::either) {
    if (index == 0) return &whole.emplace_value();
    return &whole.emplace_error();
  } else if constexpr (shape == JsonShape::variant) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      void* at = nullptr;
      ((index == I ? static_cast<void>(at = &whole.template emplace<I>()) : void()), ...);
      return at;
    }(std::make_index_sequence<std::variant_size_v<T>>());
  } else {
    const auto pick = [index](auto&... parts) {
      void* const at[] = {&parts...};
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
void json_set(void* value, std::size_t position) {
  T& whole = *static_cast<T*>(value);
  if constexpr (json_shape<T> == JsonShape::enumeration) {
    whole = enumerators<T>[position].value;
  } else {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto set_one = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index>) {
        if constexpr (field_has_default<T, Index>) {
          if (position == Index) *with_fields(whole, FieldAt<Index>()) = field_default<T, Index>();
        }
      };
      (set_one(std::integral_constant<std::size_t, I>()), ...);
    }(std::make_index_sequence<field_count<T>>());
  }
}

template <class T>
void json_clear(void* value) {
  if constexpr (json_shape<T> == JsonShape::optional) {
    static_cast<T*>(value)->reset();
  } else {
    static_cast<T*>(value)->clear();
  }
}

inline void json_set_text(void* value, std::string_view text) { static_cast<std::string*>(value)->assign(text); }
template <class T>
void json_set_bytes(void* value, std::vector<std::uint8_t>& bytes) {
  if constexpr (std::is_same_v<T, Bytes>) {
    *static_cast<T*>(value) = Bytes::copy_of(bytes);
  } else {
    static_cast<T*>(value)->swap(bytes);
  }
}

template <class T>
void* json_add(void* value) {
  return &static_cast<T*>(value)->emplace_back();
}

template <class Staged>
void* json_make_staged(const JsonReadType&) {
  return std::make_unique<Staged>().release();
}
template <class Staged>
void json_drop_staged(void* staged) {
  std::unique_ptr<Staged>(static_cast<Staged*>(staged));
}
template <class T, class Staged>
void* json_settle(void* value, void* staged) {
  T& whole = *static_cast<T*>(value);
  Staged& one = *static_cast<Staged*>(staged);
  void* at = value;
  if constexpr (kind_of<T> == TypeKind::map) {
    const auto [place, is_new] = whole.try_emplace(std::move(one));
    at = is_new ? &place->second : nullptr;
  } else if constexpr (kind_of<T> == TypeKind::set) {
    if (!whole.insert(std::move(one)).second) at = nullptr;
  } else {
    whole.push_back(std::move(one));
  }
  one = Staged();
  return at;
}

template <class T>
consteval JsonReadType make_json_read_type() {
  constexpr JsonShape shape = json_shape<T>;
  using enum JsonShape;
  JsonReadType type;
  type.shape = shape;
  type.may_be_null = find_may_be_null<T>();
  type.count = find_json_count<T>();
  type.names = json_names<T>.data();
  type.parts = json_read_parts<T>.data();
  type.presence = json_presence<T>.data();
  if constexpr (shape == integer || shape == floating) {
    type.number_bytes = sizeof(T);
    type.is_signed = is_signed_integer<T>;
  }
  if constexpr (shape == optional || shape == holder || shape == newtype || shape == array || shape == variant ||
                shape == either || shape == structure || (shape == tuple && !std::is_same_v<T, std::tuple<>>)) {
    type.part = json_part<T>;
  }
  if constexpr (shape == duration) {
    static_assert(sizeof(T) == 8 && std::is_trivially_copyable_v<T>, "parley: a duration is its count of nanoseconds");
  }
  if constexpr (shape == enumeration || shape == structure) type.set = json_set<T>;
  if constexpr (shape == text) type.set_text = json_set_text;
  if constexpr (shape == bytes) type.set_bytes = json_set_bytes<T>;
  if constexpr (shape == optional || shape == list || shape == map || shape == pairs) type.clear = json_clear<T>;
  if constexpr (shape == holder) type.memory_each = sizeof(ElementOf<T>) + json_node_memory;
  if constexpr (shape == list) {
    using Element = ElementOf<T>;
    type.memory_own = requires(T& list) { list.reserve(1); } || kind_of<T> == TypeKind::set ? 0 : json_deque_memory;
    type.memory_each = sizeof(Element) + (kind_of<T> == TypeKind::set ? json_node_memory : 0);
    if constexpr (kind_of<T> == TypeKind::set || std::is_same_v<Element, bool>) {
      type.make_staged = json_make_staged<Element>;
      type.drop_staged = json_drop_staged<Element>;
      type.settle = json_settle<T, Element>;
    } else {
      type.add = json_add<T>;
    }
  }
  if constexpr (shape == map || shape == pairs) {
    using Key = typename T::key_type;
    type.memory_each = sizeof(Key) + sizeof(typename T::mapped_type) + json_node_memory;
    type.make_staged = json_make_staged<Key>;
    type.drop_staged = json_drop_staged<Key>;
    type.settle = json_settle<T, Key>;
  }
  return type;
}

template <class T>
constinit const JsonReadType JsonReading<T>::type = make_json_read_type<T>();

}  // namespace detail

// Fills value, which is freshly made, from the text.
Result<void> read_json(std::string_view text, const JsonReadType& type, void* value, const JsonOptions& options);

// The value that a whole text is. An error says where in the text and the value, what was expected and what is there.
template <class T>
Result<T> from_json(std::string_view text, JsonOptions options = {}) {
  static_assert(!has_views<T>,
                "parley: a type that borrows (std::string_view, ByteView, std::span) cannot be read from JSON, whose "
                "strings are not in the text as they are; use std::string or std::vector");
  Result<T> result{std::in_place};
  if (auto read = read_json(text, detail::JsonReading<T>::type, &*result, options); !read) {
    return fail(std::move(read).error());
  }
  return result;
}

}  // namespace parley::codec
