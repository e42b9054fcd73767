#include "codec/json_scalar.h"

#include <cstring>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "codec/base64.h"
#include "codec/json_note.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

template <class T>
std::string store(void* to, T number) {
  std::memcpy(to, &number, sizeof number);
  return {};
}

// Found is how the note calls what is there.
template <class Found>
std::string store_integer(const JsonReadType& type, void* value, JsonNumberFault fault, const JsonInteger& integer,
                          const Found& found) {
  if (fault == JsonNumberFault::no_number || fault == JsonNumberFault::fraction) return mismatch(type, found());
  const unsigned __int128 magnitude_max = largest_of(type) + (integer.is_negative && type.is_signed ? 1 : 0);
  const bool is_below = integer.is_negative && !type.is_signed;
  if (fault != JsonNumberFault::none || is_below || integer.magnitude > magnitude_max) {
    return range_of(type) + " is expected, not " + found();
  }
  const unsigned __int128 bits = integer.is_negative ? -integer.magnitude : integer.magnitude;
  switch (type.number_bytes) {
    case 1: return store(value, static_cast<std::uint8_t>(bits));
    case 2: return store(value, static_cast<std::uint16_t>(bits));
    case 4: return store(value, static_cast<std::uint32_t>(bits));
    case 8: return store(value, static_cast<std::uint64_t>(bits));
    default: return store(value, bits);
  }
}

template <class T>
std::string store_floating(void* to, std::string_view number) {
  T value = 0;
  if (get_floating(number, value) == JsonNumberFault::none) return store(to, value);
  return text_start(number) + " is beyond the range of a " + (sizeof(T) == sizeof(float) ? "float" : "double");
}

std::string store_special(const JsonReadType& type, void* to, std::string_view text) {
  double value = 0;
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (text == "-Infinity") {
    value = -std::numeric_limits<double>::infinity();
  } else {
    return mismatch(type, quoted_start(text));
  }
  return type.number_bytes == sizeof(float) ? store(to, static_cast<float>(value)) : store(to, value);
}

std::string store_character(const JsonReadType& type, void* to, std::string_view text) {
  const ByteView bytes = as_bytes(text);
  const std::uint8_t* const end = bytes.data() + bytes.size();
  char32_t scalar = 0;
  if (get_scalar(bytes.data(), end, scalar) != end) return mismatch(type, quoted_start(text));
  return store(to, scalar);
}

std::string store_bytes(const JsonReadType& type, void* to, std::string_view text) {
  std::vector<std::uint8_t> bytes;
  if (!get_base64(text, bytes)) return mismatch(type, quoted_start(text));
  type.set_bytes(to, bytes);
  return {};
}

std::string store_duration(const JsonReadType& type, void* to, std::string_view text) {
  std::int64_t ns = 0;
  switch (get_duration(text, ns)) {
    case JsonNumberFault::fraction: return quoted_start(text) + " is not a whole number of nanoseconds";
    case JsonNumberFault::out_of_range: return quoted_start(text) + " is longer than a duration can be (292 years)";
    case JsonNumberFault::no_number: return mismatch(type, quoted_start(text));
    case JsonNumberFault::none: break;
  }
  return store(to, ns);
}

std::string store_enumerator(const JsonReadType& type, void* to, std::string_view text) {
  const std::size_t position = index_of_name(type, text, 0);
  if (position == type.count) return mismatch(type, quoted_start(text) + meant_instead(type, text));
  type.set(to, position);
  return {};
}

}  // namespace

std::string store_number(const JsonReadType& type, void* value, std::string_view number) {
  if (type.shape == JsonShape::floating) {
    return type.number_bytes == sizeof(float) ? store_floating<float>(value, number)
                                              : store_floating<double>(value, number);
  }
  if (type.shape != JsonShape::integer) return mismatch(type, text_start(number));
  JsonInteger integer;
  const JsonNumberFault fault = get_integer(number, integer);
  return store_integer(type, value, fault, integer, [&] { return text_start(number); });
}

std::string store_string(const JsonReadType& type, void* value, std::string_view text) {
  switch (type.shape) {
    case JsonShape::text: type.set_text(value, text); return {};
    case JsonShape::bytes: return store_bytes(type, value, text);
    case JsonShape::character: return store_character(type, value, text);
    case JsonShape::duration: return store_duration(type, value, text);
    case JsonShape::enumeration: return store_enumerator(type, value, text);
    case JsonShape::floating: return store_special(type, value, text);
    case JsonShape::integer: {
      constexpr std::uint8_t string_bytes_min = 8;  // smaller ones are never beyond 2^53
      if (type.number_bytes < string_bytes_min) return mismatch(type, quoted_start(text));
      JsonInteger integer;
      const JsonNumberFault fault = get_decimal(text, integer);
      return store_integer(type, value, fault, integer, [&] { return quoted_start(text); });
    }
    default: return mismatch(type, quoted_start(text));
  }
}

std::string store_key(const JsonReadType& type, void* value, std::string_view key) {
  if (type.shape != JsonShape::integer) return store_string(type, value, key);
  JsonInteger integer;
  const JsonNumberFault fault = get_decimal(key, integer);
  return store_integer(type, value, fault, integer, [&] { return "the key " + quoted_start(key); });
}

}  // namespace parley::codec
