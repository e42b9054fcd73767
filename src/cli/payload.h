#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

// What a message bears: bytes, which are text where people type them.
namespace parley::cli {

std::vector<std::uint8_t> payload_of(std::string_view text);
// A member of an object, as `"text":"..."`: of that name where it is UTF-8, else "base64"; or "json", where it shall be
// JSON and is.
std::string payload_member(ByteView payload, bool is_json);

}  // namespace parley::cli
