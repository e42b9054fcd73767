#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/json_parser.h"
#include "codec/json_reader.h"

// The words in which the JSON reader says what is wrong.
namespace parley::codec {

// "$.shapes[2].Circle.radius", a step at a time.
void put_step(std::string& path, std::string_view name);
void put_step(std::string& path, std::size_t index);
// A very long path loses its begin.
std::string shortened_path(std::string path);

// "a number", "one of red, green, blue", ...
std::string expected_in_json(const JsonReadType& type);
// "a number is expected, not "big""
std::string mismatch(const JsonReadType& type, std::string_view found);
unsigned __int128 largest_of(const JsonReadType& integer);
// "an integer from -128 to 127"
std::string range_of(const JsonReadType& integer);

// The position of a name, searched from one position on and around; type.count where there is none.
std::size_t index_of_name(const JsonReadType& type, std::string_view name, std::size_t first);
// `; did you mean "radius"?` or nothing.
std::string meant_instead(const JsonReadType& type, std::string_view name);
std::string no_such_field(const JsonReadType& type, std::string_view name);
std::string missing_fields(const JsonReadType& type, std::uint64_t missing);

// Why a parser has not come to the end of the text.
std::string what_ends(const JsonParse& parse, std::string_view text, std::size_t depth_max);

}  // namespace parley::codec
