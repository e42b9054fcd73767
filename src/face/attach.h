#pragma once

#include <memory>
#include <string>

#include "face/session.h"
#include "runtime/commands/session_carrier.h"

namespace parley {

struct AttachSessionOptions {
  // What it is called here, and there.
  std::string id = "hub";
  std::string said_id = {};
  AttachOptions options = {.is_router = true};
};

// Attaches a registry to the hub, or another peer that serves parley.Commands, at the other end of a session: it finds
// our commands, we its. Ends when the session does, or with Registry::detach(); on a session that redials it is
// attached again with each new link, and what is registered here is offered again. Errors: unsupported (the peer serves
// no commands), in_use, and those of Registry::attach().
Task<Result<void>> attach(Registry& registry, Session& session, AttachSessionOptions options = {});

}  // namespace parley
