#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "codec/json_object.h"

// What messages are read and written with: members that are missing, null or of another kind are all the same.
namespace parley::core::mcp {

// Of a checked value. One that is empty or another thing than an object has no members.
codec::JsonObject object_of(std::string_view value);

// Null: it is missing, or of another kind.
const std::string_view* find_member(const codec::JsonObject& object, std::string_view key, codec::JsonKind kind);
// Whether it is there, and not null.
bool has_member(const codec::JsonObject& object, std::string_view key);
codec::JsonObject object_member(const codec::JsonObject& object, std::string_view key);
std::string text_member(const codec::JsonObject& object, std::string_view key);
// For people: no longer than that.
std::string text_member(const codec::JsonObject& object, std::string_view key, std::size_t bytes_max);

// Nothing also for one beyond the range of a double.
std::optional<double> number_member(const codec::JsonObject& object, std::string_view key);

// Another member of an object that has one already.
void put_member(std::string& out, std::string_view key, std::string_view text);

}  // namespace parley::core::mcp
