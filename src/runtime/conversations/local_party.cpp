#include "runtime/conversations/local_party.h"

#include <utility>

namespace parley {

// --- an actor

ActorParty::ActorParty(Conversations& conversations, Actors& actors, ActorRef actor)
    : conversations_(conversations), actor_(std::move(actor)), guest_(actors), scope_(conversations.executor()) {}

ActorParty::~ActorParty() { conversations_.exited(who_, {}, conversations_.executor().now()); }

// Watched before anything is put to it.
Result<void> ActorParty::start(std::string name) {
  PARLEY_TRY(who_, conversations_.add(*this, std::move(name)));
  PARLEY_TRY(guest_->monitor(actor_));
  scope_.spawn(watch(*this));
  return {};
}

Task<void> ActorParty::watch(ActorParty& self) {
  const Exited exited = co_await self.guest_->receive<Exited>();
  self.conversations_.exited(self.who_, exited.reason, exited.when);
}

void ActorParty::on_message(Message message) { scope_.spawn(ask(*this, std::move(message))); }

Task<void> ActorParty::ask(ActorParty& self, Message message) {
  const ConversationId conversation = message.conversation;
  const Request request = message.request;
  auto reply = co_await self.guest_->ask<std::optional<Envelope>>(self.actor_, std::move(message));
  if (reply) {
    self.conversations_.replied(self.who_, conversation, request, *std::move(reply));
  } else if (!self.actor_.has_ended()) {
    const Kind kind = parley::kind(reply.error());
    const bool was_taken = kind != Kind::overloaded && kind != Kind::lost;
    self.conversations_.exited(conversation, self.who_,
                               {.kind = ExitReason::Kind::error, .text = to_string(reply.error())},
                               self.conversations_.executor().now(), was_taken ? 0 : request);
  }
}

// --- a behaviour

BehaviourParty::BehaviourParty(Conversations& conversations, Actors& actors, Behaviour behaviour)
    : conversations_(conversations),
      actors_(actors),
      behaviour_(std::move(behaviour)),
      guest_(actors),
      scope_(conversations.executor()) {}

BehaviourParty::~BehaviourParty() {
  conversations_.exited(who_, {}, conversations_.executor().now());
  for (const auto& [conversation, actor] : actors_by_conversation_) actor.exit({.kind = ExitReason::Kind::killed});
}

Result<void> BehaviourParty::start(std::string name) {
  PARLEY_TRY(who_, conversations_.add(*this, std::move(name)));
  scope_.spawn(watch(*this));
  return {};
}

ActorRef BehaviourParty::actor(ConversationId conversation) const {
  const auto found = actors_by_conversation_.find(conversation);
  return found == actors_by_conversation_.end() ? ActorRef() : found->second;
}

void BehaviourParty::on_message(Message message) {
  const ConversationId conversation = message.conversation;
  const auto give_up = [&, request = message.request](const Error& why) {
    conversations_.exited(conversation, who_, {.kind = ExitReason::Kind::error, .text = to_string(why)},
                          conversations_.executor().now(), request);
    on_over(conversation);
  };
  auto found = actors_by_conversation_.find(conversation);
  if (found == actors_by_conversation_.end()) {
    auto spawned = actors_.spawn(behave, this);
    if (!spawned) return give_up(spawned.error());
    found = actors_by_conversation_.emplace(conversation, *std::move(spawned)).first;
    conversations_by_actor_.emplace(found->second.get(), conversation);
    if (const auto watched = guest_->monitor(found->second); !watched) return give_up(watched.error());
  }
  const auto sent = found->second.send(std::move(message));
  if (!sent && !found->second.has_ended()) give_up(sent.error());
}

void BehaviourParty::on_over(ConversationId conversation) {
  const auto found = actors_by_conversation_.extract(conversation);
  if (found.empty()) return;
  conversations_by_actor_.erase(found.mapped().get());
  guest_->unmonitor(found.mapped());
  found.mapped().exit({.kind = ExitReason::Kind::killed});
}

Task<Result<void>> BehaviourParty::behave(Actor& self, BehaviourParty* party) {
  for (;;) {
    const Message message = co_await self.receive<Message>();
    auto said = co_await party->behaviour_(message);
    if (!said) co_return fail(std::move(said).error());
    party->conversations_.replied(party->who_, message.conversation, message.request, *std::move(said));
  }
}

Task<void> BehaviourParty::watch(BehaviourParty& self) {
  for (;;) {
    const Exited exited = co_await self.guest_->receive<Exited>();
    const auto found = self.conversations_by_actor_.find(exited.who.get());
    if (found == self.conversations_by_actor_.end()) continue;
    const ConversationId conversation = found->second;
    self.actors_by_conversation_.erase(conversation);
    self.conversations_by_actor_.erase(found);
    self.conversations_.exited(conversation, self.who_, exited.reason, exited.when);
  }
}

}  // namespace parley
