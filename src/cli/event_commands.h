#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/commands.h"

namespace parley::cli {

struct ListenCommand {
  std::string pattern;
  std::optional<std::uint64_t> count;  // ends after so many
};
// Prints the events that fit as they come, a line each, until it is asked to end.
int run_listen(const Common& common, const ListenCommand& command);

struct EmitCommand {
  std::string event;
  std::string payload;  // JSON, or nothing
};
// Ends well once the hub has the event.
int run_emit(const Common& common, const EmitCommand& command);

}  // namespace parley::cli
