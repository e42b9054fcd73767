#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "base/error.h"
#include "cli/hub_session.h"
#include "io/loop.h"

namespace parley::cli {

// A stream to what listens there. At the default place, whose hub it is is looked at before it is told anything, a
// token least of all: `permission`. Whoever chose another address trusts it.
Task<Result<std::unique_ptr<io::Stream>>> dial_trusted(io::Loop& loop, std::string address);

// What to say of a hub that cannot be reached.
NoHub no_session(const std::string& address, const Error& error);

}  // namespace parley::cli
