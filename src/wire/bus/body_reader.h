#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/utf8.h"
#include "wire/bus/big_endian.h"
#include "wire/bus/frame.h"

namespace parley::wire::bus {

// Reads the fields of one body, one after another. After the first that is wrong it reads nothing more: what it was
// asked for stays as it was. Nothing is allocated for a count that the bytes and the bounds do not allow.
class BodyReader {
 public:
  BodyReader(const Head& head, ByteView body, const Bounds& bounds)
      : head_(head), bounds_(bounds), cursor_(body.data()), end_(cursor_ + body.size()) {}

  template <std::unsigned_integral T>
  void operator()(std::string_view name, T& value) {
    if (const std::uint8_t* at = take(name, sizeof(T))) value = get_big_endian<T>(at);
  }
  void operator()(std::string_view name, Reason& reason) {
    auto number = std::to_underlying(reason);
    (*this)(name, number);
    reason = static_cast<Reason>(number);
  }
  void operator()(std::string_view name, SchemaId& id) {
    if (const std::uint8_t* at = take(name, id.size())) std::copy_n(at, id.size(), id.begin());
  }
  void operator()(std::string_view name, ByteView& bytes) {
    std::uint32_t size = 0;
    (*this)(name, size);
    if (const std::uint8_t* at = take(name, size)) bytes = {at, size};
  }
  void operator()(std::string_view name, std::string_view& text) {
    ByteView bytes;
    (*this)(name, bytes);
    if (!codec::is_utf8(bytes)) return wrong(Fault::not_utf8, name, "not UTF-8");
    text = as_text(bytes);
  }
  template <class T>
  void operator()(std::string_view name, std::optional<T>& value) {
    choice(name, value, Fault::option_tag);
  }
  template <class T>
  void operator()(std::string_view name, std::vector<T>& list) {
    constexpr bool is_of_ids = std::same_as<T, SchemaId>;
    constexpr std::size_t element_bytes_min = is_of_ids ? sizeof(SchemaId) : length_bytes;
    const std::uint32_t count =
        take_count(name, element_bytes_min, is_of_ids ? bounds_.schemas_max : bounds_.names_max);
    list.resize(count);
    for (T& element : list) (*this)(name, element);
  }

  void status(std::string_view name, std::optional<std::string_view>& value) { choice(name, value, Fault::status); }
  // Is there when a flag of the head says so, without a tag of its own.
  void flagged(std::uint8_t bit, std::string_view name, std::optional<std::string_view>& value) {
    if ((head_.flags & bit) != 0) (*this)(name, value.emplace());
  }
  // Is there when the body goes on, without a tag of its own.
  template <class T, class Element>
  void trailing(std::string_view name, std::optional<std::vector<T>>& list, std::size_t element_bytes_min,
                Element element) {
    if (malformed_ || left() == 0) return;
    list.emplace(take_count(name, element_bytes_min, bounds_.names_max));
    for (T& each : *list) element(each);
  }
  void flag(std::uint8_t bit, bool& is_set) const { is_set = (head_.flags & bit) != 0; }
  // Fields behind their length, which they fill.
  template <class Inner>
  void nested(std::string_view name, Inner inner) {
    ByteView bytes;
    (*this)(name, bytes);
    if (malformed_) return;
    const std::uint8_t* const outer = std::exchange(end_, cursor_);
    cursor_ = bytes.data();
    inner();
    finish(name);
    cursor_ = end_;
    end_ = outer;
  }
  void rest(Unknown& unknown) {
    unknown = {head_.type, head_.flags, {cursor_, left()}};
    cursor_ = end_;
  }
  void in_flight(std::uint32_t count) {
    if (count == 0) wrong(Fault::nothing_wanted, "number in flight", "0");
  }

  // Here what was read ends; every byte of it belonged to a field.
  void finish(std::string_view name) {
    if (left() != 0) wrong_size(name);
  }
  // What was wrong first.
  const std::optional<Malformed>& malformed() const { return malformed_; }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - cursor_); }

  // Null when there are fewer.
  const std::uint8_t* take(std::string_view name, std::size_t size) {
    if (malformed_) return nullptr;
    if (size <= left()) return std::exchange(cursor_, cursor_ + size);
    wrong(Fault::field_cut_off, name, "cut off");
    return nullptr;
  }
  std::uint32_t take_count(std::string_view name, std::size_t element_bytes_min, std::uint32_t count_max);
  template <class T>
  void choice(std::string_view name, std::optional<T>& value, Fault fault) {
    std::uint8_t tag = 0;
    (*this)(name, tag);
    if (tag > 1) return wrong_tag(name, fault, tag);
    if (tag == 1) (*this)(name, value.emplace());
  }
  void wrong(Fault fault, std::string_view name, std::string_view what);
  void wrong_tag(std::string_view name, Fault fault, std::uint8_t tag);
  void wrong_size(std::string_view name);

  const Head& head_;
  const Bounds& bounds_;
  const std::uint8_t* cursor_;
  const std::uint8_t* end_;
  std::optional<Malformed> malformed_;
};

}  // namespace parley::wire::bus
