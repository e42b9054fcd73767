#include "core/mcp/tool_name.h"

#include "core/directory/name.h"

namespace parley::core::mcp {

std::optional<std::string> tool_name(std::string_view command) {
  if (!is_name(command)) return std::nullopt;
  std::string tool;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char letter = command[i];
    const char next = i + 1 < command.size() ? command[i + 1] : '\0';
    const bool is_before_dots = next == '.' || next == ':' || next == '/';
    if (letter == ':') {
      tool += "..c";
    } else if (letter == '/') {
      tool += "..s";
    } else if (letter == '.' && is_before_dots) {
      tool += "..d";
    } else {
      tool += letter;
    }
  }
  if (tool.size() > tool_name_bytes_max) return std::nullopt;
  return tool;
}

std::optional<std::string> command_name(std::string_view tool) {
  std::string command;
  for (std::size_t i = 0; i < tool.size(); ++i) {
    if (!tool.substr(i).starts_with("..")) {
      command += tool[i];
      continue;
    }
    const char letter = i + 2 < tool.size() ? tool[i + 2] : '\0';
    if (letter != 'c' && letter != 's' && letter != 'd') return std::nullopt;
    command += letter == 'c' ? ':' : letter == 's' ? '/' : '.';
    i += 2;
  }
  if (!is_name(command)) return std::nullopt;
  return command;
}

}  // namespace parley::core::mcp
