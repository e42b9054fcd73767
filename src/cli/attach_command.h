#pragma once

#include <optional>
#include <string>

#include "cli/commands.h"

namespace parley::cli {

struct AttachCommand {
  std::optional<std::string> address;          // of a hub or another registry: a session or lines, or http: or https:
  std::optional<std::string> mcp;              // a line for the shell that runs a server on its standard streams
  std::optional<std::string> mcp_url;          // where one is
  std::string prefix;                          // of its commands; empty: they are named as its tools
  std::optional<std::string> peer_token_file;  // as whom we come to what is attached
  bool quiet = false;
};

// Offers the commands of a registry, or the tools of a server of MCP, at the hub until it, the hub or this is ended.
int run_attach(const Common& common, const AttachCommand& command);

}  // namespace parley::cli
