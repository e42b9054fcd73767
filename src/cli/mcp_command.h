#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"

namespace parley::cli {

struct McpCommand {
  std::vector<std::string> only;  // patterns of the commands that are tools; none: all
};

// MCP on standard input and output: the hub's commands are the tools.
int run_mcp(const Common& common, const McpCommand& command);

}  // namespace parley::cli
