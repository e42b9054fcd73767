#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/json_document.h"

// Paths in JSON as they are in JSON Schema: "/a/0/b~1c".
namespace parley::codec {

// For people: a long step loses its end.
void put_pointer_step(std::string& pointer, std::string_view name);
// "at /a", "at the top"; a very long one loses its begin.
std::string at_pointer(const std::string& pointer);

// Where a pointer that is the fragment of a URI leads to, or JsonDocument::none.
std::uint32_t node_at(const JsonDocument& document, std::string_view fragment);

}  // namespace parley::codec
