#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace parley::cli {

struct PublishCommand {
  std::string topic;
  std::optional<std::string> payload;  // "-": all of standard input
  std::optional<std::string> key;      // of idempotency
  std::optional<std::string> schema;   // a file
  bool declare = false;
};
// Says whether it reached somebody.
int run_publish(const Common& common, const PublishCommand& command);

struct SubscribeCommand {
  std::vector<std::string> topics;
  std::optional<std::uint64_t> count;  // ends after so many
  std::vector<std::string> schemas;    // files: what is understood
};
// Prints what is published as it comes, a line each, until it is asked to end.
int run_subscribe(const Common& common, const SubscribeCommand& command);

}  // namespace parley::cli
