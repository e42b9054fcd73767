#pragma once

#include <optional>
#include <string>
#include <vector>

namespace parley::cli {

// What all commands that talk to a hub are told.
struct Common {
  std::optional<std::string> hub;  // its address
  bool json = false;
};

struct HubCommand {
  std::vector<std::string> listen;    // addresses; none: those of the configuration, else the default one
  std::optional<std::string> config;  // its file
  bool prints_config = false;
  bool quiet = false;
};

// Each gives the exit code of the program.
int run_hub(const Common& common, const HubCommand& command);
int run_list(const Common& common, bool with_methods);
int run_who(const Common& common);

}  // namespace parley::cli
