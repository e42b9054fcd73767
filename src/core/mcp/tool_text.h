#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/mcp/tool.h"
#include "wire/mcp/version.h"

// How tools and what comes of calling them are written, as each version wants it.
namespace parley::core::mcp {

// An entry of the list. What of the tool an agent could not be told in that version is left out.
void put_tool(std::string& out, const Tool& tool, std::string_view name, wire::mcp::Version version);

// Results of tools/call.

std::string nothing_result();
// Null is nothing. A string is its own text, other values are their JSON; structured content is only an object whose
// tool was listed with a schema for it. Nothing, where it is no JSON.
std::optional<std::string> value_result(std::string_view json, std::string_view output_schema,
                                        wire::mcp::Version version);
// Nothing, where these are no content items.
std::optional<std::string> content_result(std::string_view items);
// Code and message are in the text, where the agent sees them; as structured content only where no schema forbids it.
std::string failure_result(std::string_view code, std::string_view message, std::string_view output_schema,
                           wire::mcp::Version version);

}  // namespace parley::core::mcp
