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
  bool keep = false;
  bool unkeep = false;
  bool is_snapshot = false;       // and no message
  std::optional<std::string> at;  // of where: "VERSION", or "INCARNATION:VERSION"
};
// Says whether it reached somebody.
int run_publish(const Common& common, const PublishCommand& command);

struct SubscribeCommand {
  std::vector<std::string> topics;
  std::optional<std::uint64_t> count;  // ends after so many
  std::vector<std::string> schemas;    // files: what is understood
  bool is_live = false;                // follows, and a gap means this or that
  bool is_replay = false;
  std::optional<std::string> after;  // "VERSION", or "INCARNATION:VERSION"
};
// Prints what is published as it comes, a line each, until it is asked to end.
int run_subscribe(const Common& common, const SubscribeCommand& command);

}  // namespace parley::cli
