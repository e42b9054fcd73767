#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "wire/bus/big_endian.h"
#include "wire/bus/frame.h"

namespace parley::wire::bus {

// Counts the bytes of one body.
class BodySize {
 public:
  template <std::unsigned_integral T>
  void operator()(std::string_view, T) {
    bytes_ += sizeof(T);
  }
  void operator()(std::string_view, Reason) { bytes_ += sizeof(Reason); }
  void operator()(std::string_view, const SchemaId& id) { bytes_ += id.size(); }
  void operator()(std::string_view, const ByteView& bytes) { bytes_ += length_bytes + bytes.size(); }
  void operator()(std::string_view, const std::string_view& text) { bytes_ += length_bytes + text.size(); }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& value) {
    ++bytes_;
    if (value) (*this)(name, *value);
  }
  template <class T>
  void operator()(std::string_view name, const std::vector<T>& list) {
    bytes_ += length_bytes;
    for (const T& element : list) (*this)(name, element);
  }

  void status(std::string_view name, const std::optional<std::string_view>& value) { (*this)(name, value); }
  void flagged(std::uint8_t, std::string_view name, const std::optional<std::string_view>& value) {
    if (value) (*this)(name, *value);
  }
  template <class T, class Element>
  void trailing(std::string_view, const std::optional<std::vector<T>>& list, std::size_t, Element element) {
    if (!list) return;
    bytes_ += length_bytes;
    for (const T& each : *list) element(each);
  }
  void flag(std::uint8_t, bool) {}
  template <class Inner>
  void nested(std::string_view, Inner inner) {
    bytes_ += length_bytes;
    inner();
  }
  void rest(const Unknown& unknown) { bytes_ += unknown.bytes.size(); }
  void in_flight(std::uint32_t) {}

  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

// Writes one body to where there is room for all of it. Its lengths and counts fit, because the whole does.
class BodyWriter {
 public:
  explicit BodyWriter(std::uint8_t* cursor) : cursor_(cursor) {}

  template <std::unsigned_integral T>
  void operator()(std::string_view, T value) {
    cursor_ = put_big_endian(cursor_, value);
  }
  void operator()(std::string_view name, Reason reason) { (*this)(name, std::to_underlying(reason)); }
  void operator()(std::string_view, const SchemaId& id) { raw(id); }
  void operator()(std::string_view name, const ByteView& bytes) {
    (*this)(name, static_cast<std::uint32_t>(bytes.size()));
    raw(bytes);
  }
  void operator()(std::string_view name, const std::string_view& text) { (*this)(name, as_bytes(text)); }
  template <class T>
  void operator()(std::string_view name, const std::optional<T>& value) {
    *cursor_++ = value ? 1 : 0;
    if (value) (*this)(name, *value);
  }
  template <class T>
  void operator()(std::string_view name, const std::vector<T>& list) {
    (*this)(name, static_cast<std::uint32_t>(list.size()));
    for (const T& element : list) (*this)(name, element);
  }

  void status(std::string_view name, const std::optional<std::string_view>& value) { (*this)(name, value); }
  void flagged(std::uint8_t bit, std::string_view name, const std::optional<std::string_view>& value) {
    flag(bit, value.has_value());
    if (value) (*this)(name, *value);
  }
  template <class T, class Element>
  void trailing(std::string_view name, const std::optional<std::vector<T>>& list, std::size_t, Element element) {
    if (!list) return;
    (*this)(name, static_cast<std::uint32_t>(list->size()));
    for (const T& each : *list) element(each);
  }
  void flag(std::uint8_t bit, bool is_set) {
    if (is_set) flags_ |= bit;
  }
  template <class Inner>
  void nested(std::string_view, Inner inner) {
    std::uint8_t* const length = cursor_;
    cursor_ += length_bytes;
    inner();
    put_big_endian(length, static_cast<std::uint32_t>(cursor_ - length) - std::uint32_t{length_bytes});
  }
  void rest(const Unknown& unknown) {
    flags_ = unknown.flags;
    raw(unknown.bytes);
  }
  void in_flight(std::uint32_t count) { PARLEY_ASSERT(count != 0); }

  std::uint8_t* cursor() const { return cursor_; }
  std::uint8_t flags() const { return flags_; }

 private:
  void raw(ByteView bytes) { cursor_ = std::ranges::copy(bytes, cursor_).out; }

  std::uint8_t* cursor_;
  std::uint8_t flags_ = 0;
};

}  // namespace parley::wire::bus
