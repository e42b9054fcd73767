#pragma once

#include <string>
#include <string_view>

#include "codec/json_reader.h"

// Stores what a JSON number, string or key says into a value of that type. What it is instead of something that fits
// comes back in words; nothing when it fits.
namespace parley::codec {

std::string store_number(const JsonReadType& type, void* value, std::string_view number);
// Of all types but variants.
std::string store_string(const JsonReadType& type, void* value, std::string_view text);
// Of texts, integers and enumerations.
std::string store_key(const JsonReadType& type, void* value, std::string_view key);

}  // namespace parley::codec
