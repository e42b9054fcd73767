#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

// What is done with recordings of the wire: docs/OPERATING.md, section 11.
namespace parley::cli {

// What `parley replay` ends with where it is answered otherwise than the recording has it.
inline constexpr int exit_different = 6;

struct RecordCommand {
  std::string file;
  std::string listen;
  std::optional<std::string> to;  // else the hub
  std::uint64_t mebibytes_max = 256;
  bool quiet = false;
};
struct ShowCommand {
  std::string file;  // "-": standard input
  std::optional<std::uint64_t> session;
  std::optional<std::string> method;  // a pattern
  bool follows_ids = false;
};
struct ReplayCommand {
  std::string file;
  std::string to;
  double deadline_s = 30;
  std::vector<std::string> ignored;  // patterns
};

// Each gives the exit code of the program.
int run_record(const Common& common, const RecordCommand& command);
int run_show(const Common& common, const ShowCommand& command);
int run_replay(const Common& common, const ReplayCommand& command);

}  // namespace parley::cli
