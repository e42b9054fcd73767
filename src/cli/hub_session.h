#pragma once

#include <functional>

#include "cli/commands.h"
#include "face/session.h"
#include "io/loop.h"

namespace parley::cli {

// Connects to the hub, does the work, and closes. The exit code is the work's, or says why there is no hub.
int with_hub(const Common& common, std::move_only_function<int(io::Loop&, Session&)> work);

// Says what went wrong with a call; its exit code.
int give_up(const Error& error);

}  // namespace parley::cli
