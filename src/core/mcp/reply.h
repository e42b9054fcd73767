#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "core/mcp/tool.h"
#include "wire/mcp/jsonrpc.h"

// What a client reads out of a server's answers.
namespace parley::core::mcp {

// An entry of the list. Errors: message (it is none, or has no name).
Result<Tool> read_tool(std::string_view entry);

// The value of a result of tools/call, as JSON. Structured content comes first. Else a single text is a string, unless
// the tool has a schema and the text is an object or array; no content is null; other content is {"content":[...]}.
// The errors of tools are read as ToolResult writes them, those of other servers are `failed` with their text.
// Errors of ours: response (it is no such result).
Result<std::string> read_value(std::string_view result, bool has_output_schema);

// What an error in the place of a result means for its caller.
Error read_failure(const wire::mcp::Message& error, bool is_listed);

}  // namespace parley::core::mcp
