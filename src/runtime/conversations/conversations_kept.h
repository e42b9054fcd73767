#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "runtime/conversations/conversations.h"

namespace parley {

// One conversation, with all who have to do with it.
struct Conversations::Kept {
  Kept(ConversationId id, core::Conversation::Options options, Instant now)
      : id(id), since(now), machine(std::move(options), now) {}

  const ConversationId id;
  const Instant since;
  core::Conversation machine;
  std::string subject = {};
  Owner owner = 0;
  std::map<std::string, Opened>::iterator principal = {};
  bool is_shared = false;
  bool is_over = false;  // closed, and not forgotten yet
  ConversationFollower* follower = nullptr;
  std::map<Participant, std::uint32_t> parts = {};  // and what each has not answered
  std::map<Participant, std::string> names = {};    // of those that have ended, too
  std::map<core::Conversation::Waiter, Receiving*> receiving = {};
  std::map<core::Conversation::Watch, Watching*> watching = {};
  std::size_t bytes = 0;  // as they are counted
  std::size_t context_bytes = 0;
  Instant undo_until = Instant::never();
  Instant alarm = Instant::never();
};

}  // namespace parley
