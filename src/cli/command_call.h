#pragma once

#include "cli/call_command.h"
#include "face/session.h"
#include "io/loop.h"
#include "runtime/commands/registry.h"

namespace parley::cli {

// Runs a command of the hub, or tells what it takes: partial results and the result are printed as JSON, a line each,
// and progress goes to a terminal. Being asked to end cancels it.
int run_command(const Common& common, const CallCommand& command, io::Loop& loop, Session& session,
                const CommandDefinition& definition);

}  // namespace parley::cli
