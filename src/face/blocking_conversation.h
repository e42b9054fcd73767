#pragma once

#include <optional>
#include <utility>

#include "face/blocking.h"
#include "runtime/conversations/conversation.h"

// Conversations for programs that wait where they stand. Errors are those of parley::Conversation, and those of every
// operation here: wrong_thread, where it would wait for itself, and closed.
namespace parley::blocking {

// A conversation that this end has opened; closed when this is dropped. Used by one thread at a time. Move-only.
class Conversation : public detail::Handle<parley::Conversation> {
 public:
  using Async = parley::Conversation;
  using detail::Handle<Async>::Handle;

  Result<Request> send(Envelope message, Async::To to = {});
  // Says something and waits for the reply to that alone.
  Result<Async::Received> exchange(Envelope message, std::optional<Duration> within = {}, Async::To to = {});
  Result<Async::Received> receive(std::optional<Duration> within = {});
  // Waits for the first crash of somebody who takes part.
  Result<ParticipantEnd> await_crash(std::optional<Duration> within = {});
  // Waits for the next thing that happens; nothing: it is over.
  Result<std::optional<Happening>> happening();
  Result<void> complete();
  Result<void> close();

 private:
  template <class Outcome, class Make>
  Outcome wait(Make make);
};

Result<Conversation> open_conversation(Session& session, ConversationOpening opening);
Result<parley::Conversation::Received> ask(Session& session, builtin::ConversationQuestion question);
Result<builtin::Dispatched> dispatch(Session& session, builtin::ConversationQuestion question);

}  // namespace parley::blocking
