#include "core/mcp/tool_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "codec/json_object.h"
#include "codec/json_text.h"
#include "codec/utf8.h"
#include "core/mcp/members.h"

namespace parley::core::mcp {
namespace {

using codec::JsonKind;
using codec::JsonObject;
using wire::mcp::Version;

// Of what is written for people, from handlers and peers.
constexpr std::size_t text_bytes_max = std::size_t{64} << 10;

constexpr std::string_view any_object = R"({"type":"object"})";

void put_text(std::string& out, std::string_view text) { codec::put_quoted(out, codec::to_utf8(text, text_bytes_max)); }

void put_long_member(std::string& out, std::string_view key, std::string_view text) {
  put_member(out, key, codec::to_utf8(text, text_bytes_max));
}

// Clients refuse a whole list for one tool whose arguments are not declared to be an object. They always are one, so a
// schema that leaves this open gets it, and in the place of one that says another thing stands any object.
void put_input_schema(std::string& out, std::string_view schema) {
  const Result<JsonObject> object = JsonObject::parse(schema);
  if (!object || (object->find("type") && !is_object_schema(schema))) {
    out += any_object;
    return;
  }
  if (object->find("type")) return codec::append_compact(out, schema);
  std::string compact;
  codec::append_compact(compact, schema);
  out += R"({"type":"object")";
  if (!object->members().empty()) out += ',';
  out += std::string_view(compact).substr(1);
}

void put_annotations(std::string& out, const Tool& tool, Version version) {
  std::string hints;
  const auto put = [&](std::string_view name, const std::optional<bool>& hint) {
    if (hint) hints += fmt::format(R"(,"{}":{})", name, *hint);
  };
  put("readOnlyHint", tool.is_read_only);
  put("destructiveHint", tool.is_destructive);
  put("idempotentHint", tool.is_idempotent);
  put("openWorldHint", tool.is_open_world);
  if (version == Version::v2025_03_26 && !tool.title.empty()) put_long_member(hints, "title", tool.title);
  if (!hints.empty()) out += R"(,"annotations":{)" + hints.substr(1) + '}';
}

bool is_content_item(std::string_view item) { return find_member(object_of(item), "type", JsonKind::string); }

}  // namespace

void put_tool(std::string& out, const Tool& tool, std::string_view name, Version version) {
  out += R"({"name":)";
  codec::put_quoted(out, name);
  if (!tool.title.empty() && version >= Version::v2025_06_18) put_long_member(out, "title", tool.title);
  put_long_member(out, "description", tool.description.empty() ? std::string_view(tool.name) : tool.description);
  out += R"(,"inputSchema":)";
  put_input_schema(out, tool.input_schema);
  if (version >= Version::v2025_06_18 && is_object_schema(tool.output_schema)) {
    out += R"(,"outputSchema":)";
    codec::append_compact(out, tool.output_schema);
  }
  if (version >= Version::v2025_03_26) put_annotations(out, tool, version);
  out += '}';
}

std::string nothing_result() { return R"({"content":[]})"; }

std::optional<std::string> value_result(std::string_view json, std::string_view output_schema, Version version) {
  if (!codec::check_json(json)) return std::nullopt;
  std::string compact;
  codec::append_compact(compact, json);
  const JsonKind kind = codec::json_kind(compact);
  if (kind == JsonKind::null) return nothing_result();
  std::string out = R"({"content":[{"type":"text","text":)";
  if (kind == JsonKind::string) {
    out += compact;
  } else {
    codec::put_quoted(out, compact);
  }
  out += "}]";
  if (kind == JsonKind::object && version >= Version::v2025_06_18 && is_object_schema(output_schema)) {
    out += R"(,"structuredContent":)";
    out += compact;
  }
  out += '}';
  return out;
}

std::optional<std::string> content_result(std::string_view items) {
  if (!codec::check_json(items) || codec::json_kind(items) != JsonKind::array) return std::nullopt;
  if (!std::ranges::all_of(codec::json_elements(items), is_content_item)) return std::nullopt;
  std::string out = R"({"content":)";
  codec::append_compact(out, items);
  out += '}';
  return out;
}

std::string failure_result(std::string_view code, std::string_view message, std::string_view output_schema,
                           Version version) {
  std::string text(code);
  if (!code.empty() && !message.empty()) text += ": ";
  text += message;
  std::string out = R"({"content":[{"type":"text","text":)";
  put_text(out, text);
  out += "}]";
  if (version >= Version::v2025_06_18 && !is_object_schema(output_schema)) {
    out += R"(,"structuredContent":{"code":)";
    put_text(out, code);
    put_long_member(out, "message", message);
    out += '}';
  }
  out += R"(,"isError":true})";
  return out;
}

}  // namespace parley::core::mcp
