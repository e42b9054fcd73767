#pragma once

#include <cstdint>
#include <optional>

#include "cli/commands.h"

namespace parley::cli {

struct ConversationsCommand {
  std::optional<std::uint64_t> conversation;
};
// Shows the conversations that are open at the hub, or what was said in one.
int run_conversations(const Common& common, const ConversationsCommand& command);

}  // namespace parley::cli
