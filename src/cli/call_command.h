#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace parley::cli {

struct CallCommand {
  std::string method;              // "Calculator.add": the name of the service, and of its method; or a command
  std::string arguments;           // JSON; or the first of the feeds
  std::vector<std::string> feeds;  // a file, or "-", for each channel that is fed
  std::optional<double> deadline_s;
  std::vector<std::string> metadata;  // "key=value"
  std::optional<std::string> trace;   // a file of spans
  bool detailed = false;
  std::vector<std::string> flags;  // "--a", "2": of commands alone
  bool wants_help = false;         // of what is called
};

// Calls any method of any described service, or a command, which counts more: arguments are JSON, items and the result
// are printed as JSON, a line each.
int run_call(const Common& common, const CallCommand& command);

}  // namespace parley::cli
