#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/conversations/behaviour.h"
#include "runtime/conversations/conversations_service.h"

// Conversations with whoever is behind a peer that serves parley.Conversations: a hub, or a ConversationsService.
namespace parley {

using builtin::ConversationOpening;
using builtin::Happening;
using builtin::ParticipantEnd;
using OnCrash = core::Conversation::OnCrash;

// A conversation that this end has opened. It is closed when this is destroyed, or its session ends. On the session's
// loop. Move-only.
class Conversation {
 public:
  using Received = builtin::Received;
  using To = core::Conversation::To;

  // Errors: not_found (nobody provides the subject), permission, overloaded, unsupported (the peer has no
  // conversations), and how the call ended.
  static Task<Result<Conversation>> open(runtime::Session& session, ConversationOpening opening);
  Conversation(Conversation&&) noexcept = default;
  Conversation& operator=(Conversation&&) noexcept = default;
  ~Conversation() = default;

  ConversationId id() const { return id_; }
  // Says something. The replies are for receive(). Errors: refused (it takes no more messages), not_sent (whoever it is
  // for has ended, or the conversation has failed), overloaded, too_large, deadline (of the conversation).
  Task<Result<Request>> send(Envelope message, To to = {});
  // Says something and waits for the reply to that alone. Errors: those of send(), not_sent (also where whoever was
  // asked did not take it), sent_then_lost (he has crashed), unknown (it was closed before, or there was no room for
  // the reply), deadline. Without a message it was answered with nothing.
  Task<Result<Received>> exchange(Envelope message, std::optional<Duration> within = {}, To to = {});
  // The next message. Errors: why the conversation has failed, once all that was said before has been received;
  // deadline, the conversation's own where there is no other, or 30 s.
  Task<Result<Received>> receive(std::optional<Duration> within = {});
  // The first crash of somebody who takes part, also of one that was before. Errors: deadline, closed.
  Task<Result<ParticipantEnd>> await_crash(std::optional<Duration> within = {});
  // The next thing that happens: phases, ends, reroutes. Nothing: the conversation is over, or the session is.
  Task<std::optional<Happening>> happening();
  // No message is taken any more, and those on their way may still be answered.
  Task<Result<void>> complete();
  // Errors: not_found (it is over), and why it had failed.
  Task<Result<void>> close();

 private:
  using Service = Client<builtin::Conversations>;
  Conversation(Service service, std::unique_ptr<Call<void>> call, Rx<Happening, builtin::heard_ahead> happenings,
               ConversationId id);

  Service service_;
  std::unique_ptr<Call<void>> call_;
  Rx<Happening, builtin::heard_ahead> happenings_;
  ConversationId id_;
};

// A conversation of one question: opened, answered, closed. Errors: not_found, permission, overloaded, deadline (5 s if
// nothing is said), failed (it was answered with nothing), sent_then_lost (who was asked has crashed).
Task<Result<Conversation::Received>> ask(runtime::Session& session, builtin::ConversationQuestion question);
// To one who provides the subject, until somebody has acknowledged it with a reply or without: each crash before that
// hands it to the next one, for whom it is marked as repeated. Errors: those of ask() but `failed`.
Task<Result<builtin::Dispatched>> dispatch(runtime::Session& session, builtin::ConversationQuestion question);

// Takes part in conversations for a peer, as long as this lives. Destroying it is a crash for whoever waits for it;
// finish() is not. On the session's loop. Move-only.
class Participation {
 public:
  // In conversations on that subject. `name`: how others see it; else what the system says of this process. Errors:
  // permission, in_use, overloaded, unsupported, and how the call ended.
  static Task<Result<Participation>> provide(runtime::Session& session, std::string subject, Behaviour behaviour,
                                             std::string name = {});
  // In one conversation.
  static Task<Result<Participation>> join(runtime::Session& session, ConversationId conversation, Behaviour behaviour,
                                          std::string name = {});
  Participation(Participation&&) noexcept;
  Participation& operator=(Participation&&) noexcept;
  ~Participation();

  // Waits until it takes part no more; the error says why, unless it was finish(), or the one conversation is over.
  Task<Result<void>> ended();
  // It has said what it had to say: takes no more messages.
  void finish();

 private:
  class State;
  explicit Participation(std::unique_ptr<State> state);
  static Task<Result<Participation>> begin(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace parley
