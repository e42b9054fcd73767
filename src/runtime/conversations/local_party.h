#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "async/scope.h"
#include "runtime/actors/actors.h"
#include "runtime/conversations/behaviour.h"
#include "runtime/conversations/conversations.h"

// Who takes part in the process that keeps the conversations.
namespace parley {

// A question to an actor that takes part; the answer is what it says to that, or nothing.
using ConversationAsk = Ask<Party::Message, std::optional<Envelope>>;

// An actor that takes part, on this loop or another: it gets a ConversationAsk for each message. Its end is seen at
// once; one that it refuses, or drops, ends its part in that conversation, and counts as not sent where its mailbox is
// full or it answers `overloaded`. On the loop of the conversations; dies before them and before the actors of this
// loop.
class ActorParty final : private Party {
 public:
  // `actors`: those of the loop of the conversations. Errors of start(): overloaded.
  ActorParty(Conversations& conversations, Actors& actors, ActorRef actor);
  ~ActorParty();
  ActorParty(const ActorParty&) = delete;
  ActorParty& operator=(const ActorParty&) = delete;

  Result<void> start(std::string name);
  Participant who() const { return who_; }

 private:
  void on_message(Message message) override;
  void on_over(ConversationId) override {}
  static Task<void> ask(ActorParty& self, Message message);
  static Task<void> watch(ActorParty& self);

  Conversations& conversations_;
  const ActorRef actor_;
  Participant who_ = 0;
  Guest guest_;
  Scope scope_;
};

// A behaviour that takes part: an actor of its own for each conversation, so that one that fails, throws or is killed
// ends nothing else. On the loop of the conversations; dies before them and before the actors.
class BehaviourParty final : private Party {
 public:
  BehaviourParty(Conversations& conversations, Actors& actors, Behaviour behaviour);
  ~BehaviourParty();
  BehaviourParty(const BehaviourParty&) = delete;
  BehaviourParty& operator=(const BehaviourParty&) = delete;

  Result<void> start(std::string name);
  Participant who() const { return who_; }
  // What it is in that conversation; none: it has not been spoken to.
  ActorRef actor(ConversationId conversation) const;

 private:
  void on_message(Message message) override;
  void on_over(ConversationId conversation) override;
  static Task<Result<void>> behave(Actor& self, BehaviourParty* party);
  static Task<void> watch(BehaviourParty& self);

  Conversations& conversations_;
  Actors& actors_;
  Behaviour behaviour_;
  Participant who_ = 0;
  std::map<ConversationId, ActorRef> actors_by_conversation_;
  std::map<const Actor*, ConversationId> conversations_by_actor_;
  Guest guest_;
  Scope scope_;
};

}  // namespace parley
