#pragma once

#include <optional>
#include <string>

#include "cli/commands.h"

namespace parley::cli {

struct AttachCommand {
  std::optional<std::string> mcp;      // a line for the shell that runs a server on its standard streams
  std::optional<std::string> mcp_url;  // where one is
  std::string prefix;                  // of its commands; empty: they are named as its tools
  bool quiet = false;
};

// Offers the tools of a server of MCP at the hub, as commands, until it, the hub or this is ended.
int run_attach(const Common& common, const AttachCommand& command);

}  // namespace parley::cli
