#pragma once

#include "hub/web.h"
#include "runtime/commands/registry.h"

namespace parley::hub {

// The HTTP face of cmd-ipc: POST /cmd takes one message and answers with one line, GET /cmds.json lists the commands. A
// caller's message ids are its own: two with the same are no matter. The registry outlives the pages.
void add_command_pages(Web& web, Registry& registry);

}  // namespace parley::hub
