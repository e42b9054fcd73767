#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

// Base64 with the alphabet of RFC 4648 section 4 and padding: the form of bytes in JSON.
namespace parley::codec {

void put_base64(std::string& out, ByteView bytes);

// Strict: false for any text that put_base64 would not write, blanks, missing padding and stray bits included.
bool get_base64(std::string_view text, std::vector<std::uint8_t>& bytes);

}  // namespace parley::codec
