#pragma once

#include "cli/commands.h"

namespace CLI {
class App;
}

namespace parley::cli {

// `parley hub` and what it is told. The command outlives the parsing.
CLI::App* add_hub(CLI::App& app, HubCommand& hub);

}  // namespace parley::cli
