#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/out_buffer.h"
#include "codec/fault.h"
#include "codec/postcard_bounds.h"

namespace parley::codec {

// A position in what an OutBuffer has not committed yet. Made for one message; whoever made it commits cursor() at the
// end, or nothing when fault() says that a value was none of its type.
class Writer {
 public:
  explicit Writer(OutBuffer& out) : Writer(out, out.back()) {}
  Writer(OutBuffer& out, std::uint8_t* cursor) : out_(&out), cursor_(cursor) {}

  std::uint8_t* cursor() const { return cursor_; }
  // Up to size bytes may be written from the result on; move_to() says how far that went.
  std::uint8_t* room(std::size_t size) { return cursor_ = out_->more(cursor_, size); }
  void move_to(std::uint8_t* cursor) { cursor_ = cursor; }

  void put_varint(std::uint64_t value) { move_to(codec::put_varint(room(varint_bytes_max), value)); }
  void put_raw(ByteView bytes) {
    room(bytes.size());
    append(bytes);
  }
  void put_bytes(ByteView bytes) {
    move_to(codec::put_varint(room(varint_bytes_max + bytes.size()), bytes.size()));
    append(bytes);
  }
  void put_text(std::string_view text) { put_bytes(as_bytes(text)); }

  // The first thing that was wrong with a value. What was written for it is no encoding of it.
  Fault fault() const { return fault_; }
  [[gnu::cold]] void fail(Fault fault) {
    if (fault_ == Fault::none) fault_ = fault;
  }

  bool enter() {
    if (depth_left_ == 0) [[unlikely]] {
      fail(Fault::depth);
      return false;
    }
    --depth_left_;
    return true;
  }
  void leave() { ++depth_left_; }

 private:
  void append(ByteView bytes) {
    if (bytes.empty()) return;
    std::memcpy(cursor_, bytes.data(), bytes.size());
    cursor_ += bytes.size();
  }

  OutBuffer* out_;
  std::uint8_t* cursor_;
  std::uint32_t depth_left_ = depth_default;
  Fault fault_ = Fault::none;
};

namespace detail {

template <class T>
constexpr UnsignedOf<T> to_unsigned(T value) {
  if constexpr (!is_signed<T>) {
    return static_cast<UnsignedOf<T>>(value);
  } else {
    const auto bits = static_cast<UnsignedOf<T>>(value);
    return static_cast<UnsignedOf<T>>(static_cast<UnsignedOf<T>>(bits << 1) ^ (value < 0 ? ~UnsignedOf<T>{0} : 0));
  }
}

template <class T>
inline std::uint8_t* put_integer(std::uint8_t* cursor, T value) {
  if constexpr (sizeof(T) == 1) {
    *cursor = static_cast<std::uint8_t>(value);
    return cursor + 1;
  } else {
    auto rest = to_unsigned(value);
    while (rest >= 0x80) {
      *cursor++ = static_cast<std::uint8_t>(static_cast<std::uint8_t>(rest) | 0x80);
      rest >>= 7;
    }
    *cursor++ = static_cast<std::uint8_t>(rest);
    return cursor;
  }
}

template <class T>
inline std::uint8_t* put_floating(std::uint8_t* cursor, T value) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  auto bits = std::bit_cast<Bits>(value);
  if constexpr (std::endian::native != std::endian::little) bits = std::byteswap(bits);
  std::memcpy(cursor, &bits, sizeof bits);
  return cursor + sizeof bits;
}

inline std::uint8_t* put_character(Writer& writer, std::uint8_t* cursor, char32_t value) {
  if (!is_scalar(value)) [[unlikely]] {
    writer.fail(Fault::char_value);
    value = U'\ufffd';
  }
  std::uint8_t* end = put_scalar(cursor + 1, value);
  *cursor = static_cast<std::uint8_t>(end - cursor - 1);
  return end;
}

template <class E>
inline std::uint8_t* put_enumerator(Writer& writer, std::uint8_t* cursor, E value) {
  const std::size_t position = enumerator_position(value);
  if (position == enumerator_count<E>) [[unlikely]]
    writer.fail(Fault::enumerator);
  return put_integer(cursor, static_cast<std::uint32_t>(position));
}

// function(alternative, index) for the active one.
template <class Variant, class Function>
inline void with_alternative(Variant& variant, Function&& function) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    static_cast<void>(((variant.index() == I && (function(*std::get_if<I>(&variant), I), true)) || ...));
  }(std::make_index_sequence<std::variant_size_v<std::remove_cv_t<Variant>>>());
}

}  // namespace detail

// Writes a value of a bounded type to memory that has room for encoded_bytes_max<T>.
template <class T>
inline std::uint8_t* put(Writer& writer, std::uint8_t* cursor, const T& value) {
  using enum TypeKind;
  static_assert(encoded_bytes_max<T> != unbounded);
  if constexpr (kind_of<T> == unit || kind_of<T> == channel) {
    return cursor;
  } else if constexpr (is_raw<T>) {
    std::memcpy(cursor, &value, sizeof value);
    return cursor + sizeof value;
  } else if constexpr (kind_of<T> == boolean) {
    *cursor = value ? 1 : 0;
    return cursor + 1;
  } else if constexpr (kind_of<T> == integer) {
    return detail::put_integer(cursor, value);
  } else if constexpr (kind_of<T> == floating) {
    return detail::put_floating(cursor, value);
  } else if constexpr (kind_of<T> == character) {
    return detail::put_character(writer, cursor, value);
  } else if constexpr (kind_of<T> == duration) {
    return detail::put_integer(cursor, static_cast<std::int64_t>(value.count()));
  } else if constexpr (kind_of<T> == enumeration) {
    return detail::put_enumerator(writer, cursor, value);
  } else if constexpr (kind_of<T> == optional) {
    *cursor++ = value ? 1 : 0;
    return value ? put(writer, cursor, *value) : cursor;
  } else if constexpr (kind_of<T> == array) {
    check_element<ElementOf<T>>();
    for (const auto& element : value) cursor = put(writer, cursor, element);
    return cursor;
  } else if constexpr (kind_of<T> == tuple) {
    std::apply([&](const auto&... elements) { ((cursor = put(writer, cursor, elements)), ...); }, value);
    return cursor;
  } else if constexpr (kind_of<T> == variant) {
    detail::with_alternative(value, [&](const auto& alternative, std::size_t index) {
      cursor = put(writer, codec::put_varint(cursor, index), alternative);
    });
    return cursor;
  } else if constexpr (kind_of<T> == either) {
    *cursor++ = value.is_ok() ? 0 : 1;
    return value.is_ok() ? put(writer, cursor, value.value()) : put(writer, cursor, value.error());
  } else {
    static_assert(kind_of<T> == structure);
    with_fields(value, [&](const auto&... fields) { ((cursor = put(writer, cursor, fields)), ...); });
    return cursor;
  }
}

template <class T>
inline void encode(Writer& writer, const T& value);

// Values one after another, as the arguments of a call are.
template <class... Values>
inline void encode_each(Writer& writer, const Values&... values) {
  constexpr std::size_t most = detail::sum_of_bounds({encoded_bytes_max<Values>...});
  if constexpr (most <= 4096) {
    std::uint8_t* cursor = writer.room(most);
    ((cursor = put(writer, cursor, values)), ...);
    writer.move_to(cursor);
  } else {
    (encode(writer, values), ...);
  }
}

namespace detail {

template <class List>
inline void encode_list(Writer& writer, const List& list) {
  using Element = ElementOf<List>;
  check_element<Element>();
  if constexpr (is_raw<Element> && requires { list.data(); }) {
    const std::size_t size = list.size() * sizeof(Element);
    std::uint8_t* cursor = codec::put_varint(writer.room(varint_bytes_max + size), list.size());
    if (size != 0) std::memcpy(cursor, list.data(), size);
    writer.move_to(cursor + size);
  } else if constexpr (is_bounded<Element>) {
    // Room for a few at a time: the sum of the most that each may take would be far too much for a long list.
    constexpr std::size_t batch = 4096 / (encoded_bytes_max<Element> + 1) + 1;
    writer.put_varint(list.size());
    std::size_t left = 0;
    std::uint8_t* cursor = writer.cursor();
    for (const Element& element : list) {
      if (left == 0) {
        writer.move_to(cursor);
        cursor = writer.room(batch * encoded_bytes_max<Element>);
        left = batch;
      }
      cursor = put(writer, cursor, element);
      --left;
    }
    writer.move_to(cursor);
  } else {
    writer.put_varint(list.size());
    if (!writer.enter()) return;
    for (const Element& element : list) encode(writer, element);
    writer.leave();
  }
}

template <class Map>
inline void encode_map(Writer& writer, const Map& map) {
  check_element<typename Map::key_type>();
  check_element<typename Map::mapped_type>();
  writer.put_varint(map.size());
  if (!writer.enter()) return;
  for (const auto& [key, value] : map) encode_each(writer, key, value);
  writer.leave();
}

template <class Holder>
inline void encode_held(Writer& writer, const Holder& holder) {
  check_element<ElementOf<Holder>>();
  if (!holder) [[unlikely]]
    return writer.fail(Fault::null_pointer);
  if (!writer.enter()) return;
  encode(writer, *holder);
  writer.leave();
}

}  // namespace detail

// Appends the postcard encoding of value.
template <class T>
inline void encode(Writer& writer, const T& value) {
  using enum TypeKind;
  check_type<T>();
  if constexpr (is_bounded<T>) {
    writer.move_to(put(writer, writer.room(encoded_bytes_max<T>), value));
  } else if constexpr (kind_of<T> == text) {
    writer.put_text(value);
  } else if constexpr (kind_of<T> == bytes) {
    writer.put_bytes({value.data(), value.size()});
  } else if constexpr (kind_of<T> == list || kind_of<T> == set) {
    detail::encode_list(writer, value);
  } else if constexpr (kind_of<T> == map) {
    detail::encode_map(writer, value);
  } else if constexpr (kind_of<T> == holder) {
    detail::encode_held(writer, value);
  } else if constexpr (kind_of<T> == optional) {
    encode(writer, value.has_value());
    if (value) encode(writer, *value);
  } else if constexpr (kind_of<T> == array) {
    check_element<ElementOf<T>>();
    for (const auto& element : value) encode(writer, element);
  } else if constexpr (kind_of<T> == tuple) {
    std::apply([&](const auto&... elements) { encode_each(writer, elements...); }, value);
  } else if constexpr (kind_of<T> == variant) {
    detail::with_alternative(value, [&](const auto& alternative, std::size_t index) {
      writer.put_varint(index);
      encode(writer, alternative);
    });
  } else if constexpr (kind_of<T> == either) {
    encode(writer, !value.is_ok());
    if (value.is_ok()) {
      encode(writer, value.value());
    } else {
      encode(writer, value.error());
    }
  } else {
    static_assert(kind_of<T> == structure);
    with_fields(value, [&](const auto&... fields) { encode_each(writer, fields...); });
  }
}

// For tests and small things: the encoding by itself. A value that cannot be encoded is a bug of the caller.
template <class T>
std::vector<std::uint8_t> to_postcard(const T& value) {
  BlockPool pool(1024, 0);
  OutBuffer out(pool);
  Writer writer(out);
  encode(writer, value);
  PARLEY_ASSERT(writer.fault() == Fault::none, to_string(writer.fault()));
  out.commit(writer.cursor());
  return {out.pending().begin(), out.pending().end()};
}

}  // namespace parley::codec
