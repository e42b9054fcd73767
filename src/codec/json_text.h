#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The forms that scalars have in JSON, for its reader and its writer.
namespace parley::codec {

// Beyond this, up or down, a double of another language would lose digits: such integers are written as strings.
inline constexpr std::uint64_t json_integer_max = (std::uint64_t{1} << 53) - 1;

struct JsonInteger {
  unsigned __int128 magnitude = 0;
  bool is_negative = false;
};
enum class JsonNumberFault : std::uint8_t { none, no_number, fraction, out_of_range };

// Of a JSON number: 12, -3, but also 1.0 and 2e3, which are integers in other words.
JsonNumberFault get_integer(std::string_view number, JsonInteger& value);
// Of a string that is to be a decimal integer: nothing but digits behind a sign, and no zeros in front.
JsonNumberFault get_decimal(std::string_view text, JsonInteger& value);
void put_decimal(std::string& out, const JsonInteger& value);
// Whether a JSON number is nearer to zero than 1, of which no double can tell when it is very near.
bool is_below_one(std::string_view number);
// Of a JSON number, the nearest value that there is. What is too small for any but zero is zero; else it is
// out_of_range.
JsonNumberFault get_floating(std::string_view number, double& value);
JsonNumberFault get_floating(std::string_view number, float& value);

// "1.5s": a decimal number and one of ns, us, ms, s, m, h. Written in the shortest form that is exact.
JsonNumberFault get_duration(std::string_view text, std::int64_t& ns);
void put_duration(std::string& out, std::int64_t ns);

// UTF-8 in quotes, with what JSON wants escaped.
void put_quoted(std::string& out, std::string_view text);
// The same for people: a long text loses its end.
std::string quoted_start(std::string_view text);
std::string text_start(std::string_view text);

// The name that was probably meant, or nothing where none of them is like it.
std::string_view nearest_name(std::string_view meant, const std::string_view* names, std::size_t count);

}  // namespace parley::codec
