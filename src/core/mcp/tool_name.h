#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// How names of commands travel as names of tools. MCP (2025-11-25) wants tools named by [A-Za-z0-9_.-]{1,128}; commands
// are also named with `:` and `/`. A name that fits travels as it is. Else `:` becomes `..c` and `/` becomes `..s`, and
// a dot before one of these or before another dot `..d`: different commands never share a name, and none has to be
// remembered to read it back.
namespace parley::core::mcp {

inline constexpr std::size_t tool_name_bytes_max = 128;

// Nothing for a name that would be too long as a tool's, or that no command has.
std::optional<std::string> tool_name(std::string_view command);
// The command that a client means; `:` and `/` may also stand as they are. Nothing for what names no command.
std::optional<std::string> command_name(std::string_view tool);

}  // namespace parley::core::mcp
