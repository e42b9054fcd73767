#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/prng.h"
#include "codec/enums.h"
#include "codec/kinds.h"
#include "codec/utf8.h"

// A value of any type that can be a message, out of a seed: for tests that say something about all values.
namespace parley::codec {

class RandomValues {
 public:
  explicit RandomValues(std::uint64_t seed) : prng_(seed) {}

  template <class T>
  T make() {
    T value{};
    fill(value);
    return value;
  }

  template <class T>
  void fill(T& value) {
    using enum TypeKind;
    if constexpr (kind_of<T> == unit || kind_of<T> == channel) {
      return;
    } else if constexpr (kind_of<T> == boolean) {
      value = prng_.chance(500);
    } else if constexpr (kind_of<T> == integer) {
      // Every length of the encoding is as likely as any other.
      const auto wide = static_cast<unsigned __int128>(prng_.next()) << 64 | prng_.next();
      value = static_cast<T>(wide >> prng_.below(128));
      if (prng_.chance(300)) value = static_cast<T>(-value);
    } else if constexpr (kind_of<T> == floating) {
      value = static_cast<T>(static_cast<std::int64_t>(prng_.next())) / static_cast<T>(1 + prng_.below(1'000'000));
    } else if constexpr (kind_of<T> == character) {
      value = scalar();
    } else if constexpr (kind_of<T> == duration) {
      value = T(static_cast<std::int64_t>(prng_.next() >> prng_.below(64)));
    } else if constexpr (kind_of<T> == text) {
      std::uint8_t bytes[scalar_bytes_max];
      for (std::size_t left = size(); left > 0; --left) {
        const std::uint8_t* end = put_scalar(bytes, scalar());
        value.append(as_text({bytes, static_cast<std::size_t>(end - bytes)}));
      }
    } else if constexpr (kind_of<T> == bytes) {
      std::vector<std::uint8_t> content(size());
      for (auto& byte : content) byte = static_cast<std::uint8_t>(prng_.next());
      if constexpr (std::is_same_v<T, Bytes>) {
        value = Bytes::copy_of(content);
      } else {
        value = content;
      }
    } else if constexpr (kind_of<T> == enumeration) {
      value = enumerators<T>[prng_.below(enumerator_count<T>)].value;
    } else if constexpr (kind_of<T> == optional) {
      if (prng_.chance(600)) fill(value.emplace());
    } else if constexpr (kind_of<T> == list) {
      for (std::size_t left = size(); left > 0; --left) value.push_back(make<ElementOf<T>>());
    } else if constexpr (kind_of<T> == set) {
      for (std::size_t left = size(); left > 0; --left) value.insert(make<ElementOf<T>>());
    } else if constexpr (kind_of<T> == map) {
      for (std::size_t left = size(); left > 0; --left) fill(value[make<typename T::key_type>()]);
    } else if constexpr (kind_of<T> == array) {
      for (auto& element : value) fill(element);
    } else if constexpr (kind_of<T> == tuple) {
      std::apply([&](auto&... elements) { (fill(elements), ...); }, value);
    } else if constexpr (kind_of<T> == holder) {
      value = std::make_unique<ElementOf<T>>(make<ElementOf<T>>());
    } else if constexpr (kind_of<T> == variant) {
      const std::size_t index = prng_.below(std::variant_size_v<T>);
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        ((index == I ? fill(value.template emplace<I>()) : void()), ...);
      }(std::make_index_sequence<std::variant_size_v<T>>());
    } else if constexpr (kind_of<T> == either) {
      if (prng_.chance(500)) {
        fill(value.emplace_value());
      } else {
        fill(value.emplace_error());
      }
    } else {
      ++depth_;
      with_fields(value, [&](auto&... fields) { (fill(fields), ...); });
      --depth_;
    }
  }

 private:
  // Of a text or container; smaller inside of others, so that a type that contains itself comes to an end.
  std::size_t size() { return depth_ > 4 ? 0 : prng_.chance(20) ? prng_.below(400 >> (2 * depth_)) : prng_.below(5); }
  char32_t scalar() {
    const auto number = static_cast<char32_t>(prng_.below(0x110000) >> prng_.below(17));
    return is_scalar(number) ? number : U'x';
  }

  Prng prng_;
  unsigned depth_ = 0;
};

}  // namespace parley::codec
