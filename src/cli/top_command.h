#pragma once

#include "cli/commands.h"

namespace parley::cli {

struct TopCommand {
  bool is_once = false;
  double interval_s = 1;
};

// Shows again and again what the sessions of the hub do: on a terminal in its place, elsewhere one sample behind the
// other, until it is asked to end or the hub goes.
int run_top(const Common& common, const TopCommand& command);

}  // namespace parley::cli
