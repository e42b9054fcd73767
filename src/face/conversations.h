#pragma once

#include <string>
#include <utility>

#include "face/session.h"
#include "runtime/conversations/conversation.h"

// Conversations over a session of the face; runtime/conversations/conversation.h says what each is, and its errors.
namespace parley {

inline Task<Result<Conversation>> open_conversation(Session& session, ConversationOpening opening) {
  return Conversation::open(session.runtime(), std::move(opening));
}
inline Task<Result<Conversation::Received>> ask(Session& session, builtin::ConversationQuestion question) {
  return ask(session.runtime(), std::move(question));
}
inline Task<Result<builtin::Dispatched>> dispatch(Session& session, builtin::ConversationQuestion question) {
  return dispatch(session.runtime(), std::move(question));
}
inline Task<Result<Participation>> take_part(Session& session, std::string subject, Behaviour behaviour,
                                             std::string name = {}) {
  return Participation::provide(session.runtime(), std::move(subject), std::move(behaviour), std::move(name));
}
inline Task<Result<Participation>> join(Session& session, ConversationId conversation, Behaviour behaviour,
                                        std::string name = {}) {
  return Participation::join(session.runtime(), conversation, std::move(behaviour), std::move(name));
}

}  // namespace parley
