#pragma once

#include "parley/registry.h"

namespace mcp_peer {

// Registers the tools that the conformance suite of MCP calls, and those of interop/mcp/session.mjs with the prefix
// `peer.`. The registry may not outlive this.
class Tools {
 public:
  explicit Tools(parley::Registry& registry) : registry_(registry) {}
  parley::Task<parley::Result<void>> add();

 private:
  parley::Task<parley::Result<void>> add_of_the_suite();
  parley::Task<parley::Result<void>> add_of_the_session();
  parley::Task<parley::Result<std::string>> change();

  parley::Registry& registry_;
  int cancelled_ = 0;
  bool has_added_ = false;
};

}  // namespace mcp_peer
