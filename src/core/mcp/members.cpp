#include "core/mcp/members.h"

#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::core::mcp {

using codec::JsonKind;
using codec::JsonObject;

JsonObject object_of(std::string_view value) {
  if (value.empty() || codec::json_kind(value) != JsonKind::object) return {};
  return JsonObject::of_checked(value);
}

const std::string_view* find_member(const JsonObject& object, std::string_view key, JsonKind kind) {
  const std::string_view* value = object.find(key);
  return value && codec::json_kind(*value) == kind ? value : nullptr;
}

bool has_member(const JsonObject& object, std::string_view key) {
  const std::string_view* value = object.find(key);
  return value && codec::json_kind(*value) != JsonKind::null;
}

JsonObject object_member(const JsonObject& object, std::string_view key) {
  const std::string_view* value = object.find(key);
  return value ? object_of(*value) : JsonObject();
}

std::string text_member(const JsonObject& object, std::string_view key) {
  const std::string_view* text = find_member(object, key, JsonKind::string);
  return text ? codec::json_string(*text) : std::string();
}

std::string text_member(const JsonObject& object, std::string_view key, std::size_t bytes_max) {
  return codec::to_utf8(text_member(object, key), bytes_max);
}

std::optional<double> number_member(const JsonObject& object, std::string_view key) {
  const std::string_view* value = object.find(key);
  return value ? codec::json_number(*value) : std::nullopt;
}

void put_member(std::string& out, std::string_view key, std::string_view text) {
  out += ',';
  codec::put_quoted(out, key);
  out += ':';
  codec::put_quoted(out, text);
}

}  // namespace parley::core::mcp
