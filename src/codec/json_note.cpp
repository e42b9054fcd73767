#include "codec/json_note.h"

#include <algorithm>

#include "base/bytes.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

constexpr std::size_t names_listed_max = 10;

// "a, b, c", or the first ten of them.
template <class Form>
std::string list_of(std::size_t count, std::string_view last_separator, Form form) {
  std::string list;
  const std::size_t listed = std::min(count, names_listed_max);
  for (std::size_t i = 0; i < listed; ++i) {
    if (i != 0) list += i + 1 == count ? last_separator : ", ";
    list += form(i);
  }
  if (listed < count) list += ", ... (" + std::to_string(count) + " in all)";
  return list;
}

std::string elements(std::size_t count) {
  return "an array of " + std::to_string(count) + (count == 1 ? " element" : " elements");
}

std::string name_of_byte(std::string_view text, std::size_t at) {
  const ByteView rest = as_bytes(text.substr(at));
  char32_t scalar = 0;
  const std::uint8_t* const end = get_scalar(rest.data(), rest.data() + rest.size(), scalar);
  if (!end) return "a byte that is not UTF-8";
  if (scalar == '\n') return "a line break";
  if (scalar < 0x20) return "a control character";
  if (scalar == U'"') return "a quotation mark";
  if (scalar == U'\ufeff') return "a byte order mark";
  std::string name;
  put_quoted(name, text.substr(at, static_cast<std::size_t>(end - rest.data())));
  return name;
}

}  // namespace

void put_step(std::string& path, std::string_view name) {
  const auto is_plain = [](char letter) {
    return letter == '_' || (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
           (letter >= 'A' && letter <= 'Z');
  };
  constexpr std::size_t plain_bytes_max = 64;
  if (!name.empty() && name.size() <= plain_bytes_max && std::all_of(name.begin(), name.end(), is_plain)) {
    path += '.';
    path += name;
  } else {
    path += '[' + quoted_start(name) + ']';
  }
}

void put_step(std::string& path, std::size_t index) { path += '[' + std::to_string(index) + ']'; }

std::string shortened_path(std::string path) {
  constexpr std::size_t bytes_max = 200;
  if (path.size() <= bytes_max) return path;
  std::size_t begin = path.size() - bytes_max;
  while (begin < path.size() && path[begin] != '.' && path[begin] != '[') ++begin;
  return "$..." + path.substr(begin);
}

std::string expected_in_json(const JsonReadType& type) {
  switch (type.shape) {
    case JsonShape::null: return "null";
    case JsonShape::empty: return "an empty object";
    case JsonShape::boolean: return "true or false";
    case JsonShape::integer: return "an integer";
    case JsonShape::floating: return "a number";
    case JsonShape::character: return "a string of one character";
    case JsonShape::text: return "a string";
    case JsonShape::bytes: return "a string of base64";
    case JsonShape::duration: return "a duration like \"1.5s\" (units ns, us, ms, s, m, h)";
    case JsonShape::enumeration:
      return (type.count == 1 ? "" : "one of ") +
             list_of(type.count, ", ", [&](std::size_t i) { return quoted_start(type.names[i]); });
    case JsonShape::optional: return "null or {\"some\": ...}";
    case JsonShape::list:
    case JsonShape::pairs: return "an array";
    case JsonShape::array:
    case JsonShape::tuple: return elements(type.count);
    case JsonShape::pair: return "an array of key and value";
    case JsonShape::map:
    case JsonShape::structure: return "an object";
    case JsonShape::variant:
    case JsonShape::either:
      return list_of(type.count, " or ", [&](std::size_t i) {
        const std::string name = quoted_start(type.names[i]);
        return type.parts[i] ? "{" + name + ": ...}" : name;
      });
    case JsonShape::holder:
    case JsonShape::newtype: break;
  }
  return "what it holds";  // these two are gone through before anything is expected
}

std::string mismatch(const JsonReadType& type, std::string_view found) {
  return expected_in_json(type) + " is expected, not " + std::string(found);
}

unsigned __int128 largest_of(const JsonReadType& integer) {
  const int bits = integer.number_bytes * 8 - (integer.is_signed ? 1 : 0);
  return ~static_cast<unsigned __int128>(0) >> (128 - bits);
}

std::string range_of(const JsonReadType& integer) {
  const unsigned __int128 largest = largest_of(integer);
  std::string range = "an integer from ";
  put_decimal(range, {integer.is_signed ? largest + 1 : 0, integer.is_signed});
  range += " to ";
  put_decimal(range, {largest, false});
  return range;
}

std::size_t index_of_name(const JsonReadType& type, std::string_view name, std::size_t first) {
  for (std::size_t i = 0; i < type.count; ++i) {
    const std::size_t at = (first + i) % type.count;
    if (type.names[at] == name) return at;
  }
  return type.count;
}

std::string meant_instead(const JsonReadType& type, std::string_view name) {
  const std::string_view nearest = nearest_name(name, type.names, type.count);
  return nearest.empty() ? std::string() : "; did you mean " + quoted_start(nearest) + "?";
}

std::string no_such_field(const JsonReadType& type, std::string_view name) {
  std::string note = "there is no field " + quoted_start(name);
  if (type.count == 0) return note + ", nor any other";
  if (const std::string nearest = meant_instead(type, name); !nearest.empty()) return note + nearest;
  return note + " among " + list_of(type.count, ", ", [&](std::size_t i) { return quoted_start(type.names[i]); });
}

std::string missing_fields(const JsonReadType& type, std::uint64_t missing) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < type.count; ++i) {
    if ((missing >> i & 1) != 0) names.push_back(type.names[i]);
  }
  return (names.size() == 1 ? "the field " : "the fields ") +
         list_of(names.size(), " and ", [&](std::size_t i) { return quoted_start(names[i]); }) +
         (names.size() == 1 ? " is missing" : " are missing");
}

std::string what_ends(const JsonParse& parse, std::string_view text, std::size_t depth_max) {
  switch (parse.end) {
    case JsonParse::End::cut_off:
      return text.find_first_not_of(" \t\r\n") == std::string_view::npos ? "a value is expected, and the text is empty"
                                                                         : "the text ends in the middle of a value";
    case JsonParse::End::left_over: return "the text goes on behind the value with " + name_of_byte(text, parse.at);
    case JsonParse::End::escape: return "an escape in a string is none of JSON, or half a surrogate pair";
    case JsonParse::End::exponent: return "the exponent of a number is beyond all range";
    case JsonParse::End::depth:
      return "objects and arrays are nested deeper than " + std::to_string(depth_max) + " levels";
    case JsonParse::End::unexpected:
    case JsonParse::End::stopped:
    case JsonParse::End::finished: break;
  }
  return "this is not JSON, for " + name_of_byte(text, parse.at) + " stands here";
}

}  // namespace parley::codec
