#include "core/mcp/reply.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "codec/json_object.h"
#include "codec/utf8.h"
#include "core/mcp/members.h"

namespace parley::core::mcp {
namespace {

using codec::JsonKind;
using codec::JsonObject;

constexpr std::size_t note_bytes_max = std::size_t{16} << 10;

std::optional<bool> hint_of(const JsonObject& object, std::string_view key) {
  const std::string_view* hint = find_member(object, key, JsonKind::boolean);
  return hint ? std::optional(*hint == "true") : std::nullopt;
}

std::string schema_of(const JsonObject& object, std::string_view key) {
  std::string schema;
  if (const std::string_view* found = find_member(object, key, JsonKind::object)) codec::append_compact(schema, *found);
  return schema;
}

// The text that a content item says, as it is written; empty: it is another thing.
std::string_view text_of_item(std::string_view item) {
  const JsonObject object = object_of(item);
  const std::string_view* text = find_member(object, "text", JsonKind::string);
  return text && text_member(object, "type") == "text" ? *text : std::string_view();
}

Error error_of_tool(const std::vector<std::string_view>& items) {
  std::string text;
  for (const std::string_view item : items) {
    const std::string_view said = text_of_item(item);
    if (said.empty() || text.size() > note_bytes_max) continue;
    if (!text.empty()) text += '\n';
    text += codec::json_string(said);
  }
  text = codec::to_utf8(text, note_bytes_max);
  if (std::optional<Error> error = read_error(text)) return *std::move(error);
  for (auto number = std::uint32_t{1}; number <= static_cast<std::uint32_t>(Kind::protocol); ++number) {
    const std::string_view word = to_string(static_cast<Kind>(number));
    if (!text.starts_with(word) || !std::string_view(text).substr(word.size()).starts_with(": ")) continue;
    return {static_cast<Code>(number * 1000), text.substr(word.size() + 2)};
  }
  return {Code::failed, std::move(text)};
}

// Whether a text is an object or an array in JSON, and not another value that looks like one.
bool is_compound(std::string_view text) {
  if (!codec::check_json(text)) return false;
  const JsonKind kind = codec::json_kind(text);
  return kind == JsonKind::object || kind == JsonKind::array;
}

}  // namespace

Result<Tool> read_tool(std::string_view entry) {
  const JsonObject object = object_of(entry);
  Tool tool;
  tool.name = text_member(object, "name");
  if (tool.name.empty()) return fail(Code::message, "a tool without a name");
  tool.title = text_member(object, "title");
  tool.description = text_member(object, "description");
  tool.input_schema = schema_of(object, "inputSchema");
  tool.output_schema = schema_of(object, "outputSchema");
  const JsonObject hints = object_member(object, "annotations");
  if (tool.title.empty()) tool.title = text_member(hints, "title");
  tool.is_read_only = hint_of(hints, "readOnlyHint");
  tool.is_destructive = hint_of(hints, "destructiveHint");
  tool.is_idempotent = hint_of(hints, "idempotentHint");
  tool.is_open_world = hint_of(hints, "openWorldHint");
  return tool;
}

Result<std::string> read_value(std::string_view result, bool has_output_schema) {
  if (codec::json_kind(result) != JsonKind::object) return fail(Code::response, "a result that is no object");
  const JsonObject object = JsonObject::of_checked(result);
  std::vector<std::string_view> items;
  const std::string_view* content = find_member(object, "content", JsonKind::array);
  if (content) items = codec::json_elements(*content);
  if (hint_of(object, "isError") == true) return fail(error_of_tool(items));
  std::string value;
  const std::string_view* structured = object.find("structuredContent");
  if (structured && codec::json_kind(*structured) != JsonKind::null) {
    codec::append_compact(value, *structured);
    return value;
  }
  if (!content) return fail(Code::response, "a result without `content`");
  if (items.empty()) return std::string("null");
  const std::string_view text = items.size() == 1 ? text_of_item(items.front()) : std::string_view();
  if (text.empty()) {
    value += R"({"content":)";
    codec::append_compact(value, *content);
    value += '}';
    return value;
  }
  if (!has_output_schema) return std::string(text);
  const std::string said = codec::json_string(text);
  if (!is_compound(said)) return std::string(text);
  codec::append_compact(value, said);
  return value;
}

Error read_failure(const wire::mcp::Message& error, bool is_listed) {
  const std::string note =
      fmt::format("the server says {}: {}", error.code, codec::to_utf8(error.text, note_bytes_max));
  switch (error.code) {
    case wire::mcp::invalid_params: return {is_listed ? Code::arguments : Code::method, note};
    case wire::mcp::method_not_found: return {Code::unsupported, note};
    case wire::mcp::parse_error:
    case wire::mcp::invalid_request: return {Code::reported, note};
    // Others use this number for other things.
    case wire::mcp::overloaded: return {error.text.starts_with("overloaded") ? Code::overloaded : Code::unknown, note};
    default: return {Code::unknown, note};
  }
}

}  // namespace parley::core::mcp
