#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/fault.h"
#include "codec/postcard_bounds.h"
#include "codec/utf8.h"

namespace parley::codec {

// A position in bytes that a peer sent, and the first thing that is wrong with them. After a fault nothing more is
// read, and what was decoded so far is to be thrown away. Text, ByteView and span fields of a decoded value point into
// the input; Bytes fields keep the block alive that the input lies in, where there is one, and are copies where not.
class Reader {
 public:
  // What a decoded value may take beyond its own size: a list of large structs, each of which is one byte on the wire,
  // must not turn a message into gigabytes.
  static constexpr std::size_t memory_default = std::size_t{256} << 20;
  // Elements without bytes (a list of units) are bounded by nothing else.
  static constexpr std::size_t empty_elements_max = 65536;

  explicit Reader(ByteView input, Block* backing = nullptr, std::uint32_t depth_max = depth_default,
                  std::size_t memory_max = memory_default)
      : cursor_(input.data()),
        end_(input.data() + input.size()),
        begin_(input.data()),
        backing_(backing),
        memory_left_(memory_max),
        depth_left_(depth_max) {}

  const std::uint8_t* cursor() const { return cursor_; }
  std::size_t position() const { return static_cast<std::size_t>(cursor_ - begin_); }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  Block* backing() const { return backing_; }
  Fault fault() const { return fault_; }
  // "a text is not UTF-8 (at byte 12 of 40)"
  Error error(Code code) const;

  // All that is left, as it is.
  ByteView rest() {
    const ByteView view(cursor_, remaining());
    cursor_ = end_;
    return view;
  }
  // Refuses bytes behind the value.
  bool finish() { return cursor_ == end_ || fail(Fault::left_over); }

  bool get_varint(std::uint64_t& value) {
    if (cursor_ < end_ && *cursor_ < 0x80) [[likely]] {
      value = *cursor_++;
      return true;
    }
    const LongVarint more = get_more_varint();
    value = more.value;
    return more.is_good;
  }
  bool get_long_varint(std::uint64_t& value) {
    const std::uint8_t* next = codec::get_long_varint(cursor_, end_, value);
    if (!next) [[unlikely]]
      return fail_varint();
    cursor_ = next;
    return true;
  }
  bool get_wide_varint(unsigned __int128& value);
  bool get_byte(std::uint8_t& byte) {
    if (cursor_ == end_) [[unlikely]]
      return fail(Fault::cut_off);
    byte = *cursor_++;
    return true;
  }
  // 0 or 1.
  bool get_mark(bool& mark) {
    if (cursor_ == end_) [[unlikely]]
      return fail(Fault::cut_off);
    if (*cursor_ > 1) [[unlikely]]
      return fail(Fault::bool_value);
    mark = *cursor_++ != 0;
    return true;
  }
  bool get_raw(void* to, std::size_t size) {
    if (remaining() < size) [[unlikely]]
      return fail(Fault::cut_off);
    if (size != 0) std::memcpy(to, cursor_, size);
    cursor_ += size;
    return true;
  }
  bool get_view(std::size_t size, ByteView& view) {
    if (remaining() < size) [[unlikely]]
      return fail(Fault::cut_off);
    view = {cursor_, size};
    cursor_ += size;
    return true;
  }
  bool get_bytes(ByteView& bytes) {
    std::uint64_t size = 0;
    if (!get_varint(size)) return false;
    if (size > remaining()) [[unlikely]]
      return fail(Fault::cut_off);
    bytes = {cursor_, static_cast<std::size_t>(size)};
    cursor_ += size;
    return true;
  }
  bool get_text(std::string_view& text) {
    ByteView bytes;
    if (!get_bytes(bytes)) return false;
    if (!is_utf8(bytes)) [[unlikely]]
      return fail(Fault::utf8);
    text = as_text(bytes);
    return true;
  }
  // The number of elements, each of which takes at least bytes_min of the input and memory bytes here.
  bool get_count(std::size_t bytes_min, std::size_t memory, std::size_t& count) {
    std::uint64_t number = 0;
    if (!get_varint(number)) return false;
    if (number > (bytes_min == 0 ? empty_elements_max : remaining() / bytes_min)) [[unlikely]]
      return fail(Fault::count);
    count = static_cast<std::size_t>(number);
    return charge(count, memory);
  }
  // The position of an enumerator or alternative.
  bool get_position(std::size_t count, std::size_t& position) {
    std::uint64_t number = 0;
    if (!get_varint(number)) return false;
    if (number >= count) [[unlikely]]
      return fail(Fault::variant);
    position = static_cast<std::size_t>(number);
    return true;
  }

  bool charge(std::size_t count, std::size_t memory) {
    if (memory != 0 && count > memory_left_ / memory) [[unlikely]]
      return fail(Fault::memory);
    memory_left_ -= count * memory;
    return true;
  }
  bool enter() {
    if (depth_left_ == 0) [[unlikely]]
      return fail(Fault::depth);
    --depth_left_;
    return true;
  }
  void leave() { ++depth_left_; }
  // Before anything is read.
  void set_depth_max(std::uint32_t depth_max) { depth_left_ = depth_max; }

  // Always false, to return what it returns.
  [[gnu::cold]] [[gnu::noinline]] bool fail(Fault fault) {
    if (fault_ == Fault::none) fault_ = fault;
    return false;
  }

 private:
  // By value, so that a number never has an address and stays in a register.
  struct LongVarint {
    std::uint64_t value;
    bool is_good;
  };
  LongVarint get_more_varint();
  [[gnu::cold]] bool fail_varint();

  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  const std::uint8_t* begin_;
  Block* backing_;
  std::size_t memory_left_;
  std::uint32_t depth_left_;
  Fault fault_ = Fault::none;
};

template <class T>
inline bool decode(Reader& reader, T& value);

// Values one after another, as the arguments of a call are.
template <class... Values>
inline bool decode_each(Reader& reader, Values&... values) {
  return (decode(reader, values) && ...);
}

namespace detail {

template <class T>
inline bool decode_integer(Reader& reader, T& value) {
  if constexpr (sizeof(T) == 1) {
    return reader.get_raw(&value, 1);
  } else {
    std::conditional_t<sizeof(T) == 16, unsigned __int128, std::uint64_t> number = 0;
    if constexpr (sizeof(T) == 16) {
      if (!reader.get_wide_varint(number)) return false;
    } else {
      if (!reader.get_varint(number)) return false;
    }
    const auto bits = static_cast<UnsignedOf<T>>(number);
    if constexpr (sizeof(T) < 8) {
      if (bits != number) [[unlikely]]
        return reader.fail(Fault::out_of_range);
    }
    if constexpr (is_signed<T>) {
      value = static_cast<T>((bits >> 1) ^ (bits & 1 ? ~UnsignedOf<T>{0} : 0));
    } else {
      value = static_cast<T>(bits);
    }
    return true;
  }
}

template <class T>
inline bool decode_floating(Reader& reader, T& value) {
  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t> bits = 0;
  if (!reader.get_raw(&bits, sizeof bits)) return false;
  if constexpr (std::endian::native != std::endian::little) bits = std::byteswap(bits);
  value = std::bit_cast<T>(bits);
  return true;
}

bool decode_character(Reader& reader, char32_t& value);

template <class T>
inline bool decode_bytes(Reader& reader, T& value) {
  ByteView view;
  if (!reader.get_bytes(view)) return false;
  if constexpr (std::is_same_v<T, ByteView>) {
    value = view;
  } else if constexpr (std::is_same_v<T, Bytes>) {
    const bool is_backed = reader.backing() != nullptr && !view.empty();
    value = is_backed ? Bytes::view_into(reader.backing(), view) : Bytes::copy_of(view);
  } else {
    value.assign(view.begin(), view.end());
  }
  return true;
}

template <class E>
inline bool decode_enumerator(Reader& reader, E& value) {
  std::size_t position = 0;
  if (!reader.get_position(enumerator_count<E>, position)) return false;
  value = enumerators<E>[position].value;
  return true;
}

// What a node of a set or map takes beside its contents, and a std::deque without any, roughly.
inline constexpr std::size_t node_memory = 48;
inline constexpr std::size_t deque_memory = 640;

template <class List>
inline bool decode_list(Reader& reader, List& list) {
  using Element = ElementOf<List>;
  check_element<Element>();
  std::size_t count = 0;
  if constexpr (is_span<List>) {
    static_assert(
        is_raw<Element> && sizeof(Element) == 1 && std::is_const_v<typename List::element_type>,
        "parley: only bytes can be borrowed from a message, other elements have another form there; use std::vector");
    if (!reader.get_count(1, 0, count)) return false;
    ByteView view;
    if (!reader.get_view(count, view)) return false;
    list = {reinterpret_cast<const Element*>(view.data()), view.size()};
    return true;
  } else if constexpr (is_raw<Element> && requires { list.data(), list.resize(count); }) {
    if (!reader.get_count(sizeof(Element), sizeof(Element), count)) return false;
    list.resize(count);
    return reader.get_raw(list.data(), count * sizeof(Element));
  } else {
    if (!reader.get_count(encoded_bytes_min<Element>, sizeof(Element), count)) return false;
    if constexpr (!is_bounded<Element>) {
      if (!reader.enter()) return false;
    }
    list.clear();
    // No more at once than the bytes at hand would fill: the rest comes as elements do decode.
    if constexpr (requires { list.reserve(count); }) {
      list.reserve(std::min(count, std::max<std::size_t>(reader.remaining(), 4096) / sizeof(Element) + 1));
    } else {
      if (!reader.charge(1, deque_memory)) return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (std::is_same_v<Element, bool>) {
        bool element = false;
        if (!reader.get_mark(element)) return false;
        list.push_back(element);
      } else {
        if (!decode(reader, list.emplace_back())) return false;
      }
    }
    if constexpr (!is_bounded<Element>) reader.leave();
    return true;
  }
}

template <class Set>
inline bool decode_set(Reader& reader, Set& set) {
  using Element = typename Set::key_type;
  check_element<Element>();
  std::size_t count = 0;
  if (!reader.get_count(encoded_bytes_min<Element>, sizeof(Element) + node_memory, count)) return false;
  if (!reader.enter()) return false;
  set.clear();
  for (std::size_t i = 0; i < count; ++i) {
    Element element{};
    if (!decode(reader, element)) return false;
    if (!set.insert(std::move(element)).second) return reader.fail(Fault::duplicate);
  }
  reader.leave();
  return true;
}

template <class Map>
inline bool decode_map(Reader& reader, Map& map) {
  using Key = typename Map::key_type;
  using Value = typename Map::mapped_type;
  check_element<Key>();
  check_element<Value>();
  constexpr std::size_t bytes_min = encoded_bytes_min<Key> + encoded_bytes_min<Value>;
  std::size_t count = 0;
  if (!reader.get_count(bytes_min, sizeof(Key) + sizeof(Value) + node_memory, count)) return false;
  if (!reader.enter()) return false;
  map.clear();
  for (std::size_t i = 0; i < count; ++i) {
    Key key{};
    if (!decode(reader, key)) return false;
    const auto [at, is_new] = map.try_emplace(std::move(key));
    if (!is_new) return reader.fail(Fault::duplicate);
    if (!decode(reader, at->second)) return false;
  }
  reader.leave();
  return true;
}

template <class Holder>
inline bool decode_held(Reader& reader, Holder& holder) {
  using Element = ElementOf<Holder>;
  check_element<Element>();
  if (!reader.charge(1, sizeof(Element) + node_memory) || !reader.enter()) return false;
  auto element = std::make_unique<Element>();
  if (!decode(reader, *element)) return false;
  holder = std::move(element);
  reader.leave();
  return true;
}

template <class Variant>
inline bool decode_variant(Reader& reader, Variant& variant) {
  constexpr std::size_t count = std::variant_size_v<Variant>;
  std::size_t position = 0;
  if (!reader.get_position(count, position)) return false;
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    bool is_decoded = false;
    static_cast<void>(((position == I && ((is_decoded = decode(reader, variant.template emplace<I>())), true)) || ...));
    return is_decoded;
  }(std::make_index_sequence<count>());
}

template <class Either>
inline bool decode_either(Reader& reader, Either& either) {
  std::size_t position = 0;
  if (!reader.get_position(2, position)) return false;
  return position == 0 ? decode(reader, either.emplace_value()) : decode(reader, either.emplace_error());
}

}  // namespace detail

// Overwrites value with what the bytes at the cursor say. False after a fault, which the reader then has.
template <class T>
inline bool decode(Reader& reader, T& value) {
  using enum TypeKind;
  check_type<T>();
  if constexpr (kind_of<T> == unit || kind_of<T> == channel) {
    return true;
  } else if constexpr (is_raw<T>) {
    return reader.get_raw(&value, sizeof value);
  } else if constexpr (kind_of<T> == boolean) {
    return reader.get_mark(value);
  } else if constexpr (kind_of<T> == integer) {
    return detail::decode_integer(reader, value);
  } else if constexpr (kind_of<T> == floating) {
    return detail::decode_floating(reader, value);
  } else if constexpr (kind_of<T> == character) {
    return detail::decode_character(reader, value);
  } else if constexpr (kind_of<T> == duration) {
    std::int64_t count = 0;
    if (!detail::decode_integer(reader, count)) return false;
    value = T(count);
    return true;
  } else if constexpr (kind_of<T> == text) {
    std::string_view view;
    if (!reader.get_text(view)) return false;
    value = view;
    return true;
  } else if constexpr (kind_of<T> == bytes) {
    return detail::decode_bytes(reader, value);
  } else if constexpr (kind_of<T> == enumeration) {
    return detail::decode_enumerator(reader, value);
  } else if constexpr (kind_of<T> == optional) {
    bool has_value = false;
    if (!reader.get_mark(has_value)) return false;
    if (has_value) return decode(reader, value.emplace());
    value.reset();
    return true;
  } else if constexpr (kind_of<T> == list) {
    return detail::decode_list(reader, value);
  } else if constexpr (kind_of<T> == set) {
    return detail::decode_set(reader, value);
  } else if constexpr (kind_of<T> == map) {
    return detail::decode_map(reader, value);
  } else if constexpr (kind_of<T> == holder) {
    return detail::decode_held(reader, value);
  } else if constexpr (kind_of<T> == array) {
    check_element<ElementOf<T>>();
    for (auto& element : value) {
      if (!decode(reader, element)) return false;
    }
    return true;
  } else if constexpr (kind_of<T> == tuple) {
    return std::apply([&](auto&... elements) { return decode_each(reader, elements...); }, value);
  } else if constexpr (kind_of<T> == variant) {
    return detail::decode_variant(reader, value);
  } else if constexpr (kind_of<T> == either) {
    return detail::decode_either(reader, value);
  } else {
    static_assert(kind_of<T> == structure);
    return with_fields(value, [&](auto&... fields) { return decode_each(reader, fields...); });
  }
}

// One whole value; bytes that are left over are refused. Views in the result point into input.
template <class T>
Result<T> from_postcard(ByteView input, Code code = Code::invalid) {
  Reader reader(input);
  Result<T> result{std::in_place};
  if (decode(reader, *result) && reader.finish()) return result;
  return fail(reader.error(code));
}

}  // namespace parley::codec
