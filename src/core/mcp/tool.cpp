#include "core/mcp/tool.h"

#include "codec/json_object.h"
#include "core/mcp/members.h"

namespace parley::core::mcp {

ToolResult ToolResult::failed(const Error& error) {
  const std::string_view code = to_string(parley::kind(error));
  return failed(std::string(code), to_string(error).substr(code.size() + 2));
}

bool is_object_schema(std::string_view schema) {
  const Result<codec::JsonObject> object = codec::JsonObject::parse(schema);
  if (!object) return false;
  return text_member(*object, "type") == "object";
}

}  // namespace parley::core::mcp
