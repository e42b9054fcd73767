#pragma once

#include "cli/commands.h"

namespace parley::cli {

// Looks at what a hub and its users need, and says of each thing whether it is well, and else what to do. The exit code
// is 0 unless something failed.
int run_doctor(const Common& common);

}  // namespace parley::cli
