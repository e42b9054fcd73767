#pragma once

#include <cstdint>
#include <memory>

#include "core/conversation/conversation.h"

namespace parley {

using core::Envelope;
using core::ExitReason;
using core::Phase;

using ConversationId = std::uint64_t;  // from 1; none is used twice
using Participant = core::Conversation::Participant;
using Request = core::Conversation::Request;

// Somebody who takes part in conversations: an actor, a worker, a client. On the executor of the Conversations, which
// it outlives, or leaves with exited(). It may call them from inside.
class Party {
 public:
  // A message for it. The answer is one Conversations::replied(), now or later; or exited().
  struct Message {
    ConversationId conversation;
    Request request;
    std::shared_ptr<const Envelope> content;
    bool is_repeated;  // another one had it before, and may have done what it asks for
  };
  virtual void on_message(Message message) = 0;
  // It takes no part in that conversation any more, and what it has not answered is nobody's.
  virtual void on_over(ConversationId conversation) = 0;

 protected:
  ~Party() = default;
};

// Is told what becomes of a conversation. Outlives it, or its owner leaves first. It may call the Conversations from
// inside.
class ConversationFollower {
 public:
  virtual void on_moved(ConversationId conversation, Phase from, Phase to) = 0;
  virtual void on_ended(ConversationId conversation, Participant who, Instant at, const ExitReason& reason) = 0;
  // What somebody had who has ended was put to another one, at that time.
  virtual void on_rerouted(ConversationId conversation, Request request, Participant to, Instant at) = 0;
  // It is closed: this is the last of it.
  virtual void on_over(ConversationId conversation) = 0;

 protected:
  ~ConversationFollower() = default;
};

}  // namespace parley
