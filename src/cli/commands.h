#pragma once

#include <optional>
#include <string>
#include <vector>

namespace parley::cli {

// What all commands that talk to a hub are told.
struct Common {
  std::optional<std::string> hub;         // its address
  std::optional<std::string> token_file;  // where the secret is by which a client is known
  bool json = false;
};

struct HubCommand {
  std::vector<std::string> listen;    // addresses; none: those of the configuration, else the default one
  std::optional<std::string> config;  // its file
  bool prints_config = false;
  std::vector<std::string> token_files;  // "NAME=PATH"
  std::vector<std::string> allow;        // rules, beside the one that lets the owner do everything
  bool introduces = false;
  std::vector<std::string> topics;             // "NAME", or "NAME=PATH" with the file of its schema
  std::vector<std::string> keep;               // topics
  std::vector<std::string> echo;               // subjects
  bool is_bus_open = false;                    // clients of the bus need not say Connect
  std::vector<std::string> hostpipe_commands;  // names of what a host at the host pipe can do, as all three
  std::vector<std::string> hostpipe_probes;
  std::vector<std::string> hostpipe_events;  // patterns
  std::optional<std::string> trace;          // a file of spans
  bool quiet = false;
};

struct ListCommand {
  bool methods = false;  // instead of services
  bool commands = false;
};

// Each gives the exit code of the program.
int run_hub(const Common& common, const HubCommand& command);
int run_list(const Common& common, const ListCommand& listing);
int run_who(const Common& common);
int run_audit(const Common& common);

}  // namespace parley::cli
