#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "io/stream.h"
#include "runtime/conversations/conversations_service.h"

namespace parley {

// Somebody at the other end of a session who takes part, as long as the handler that this lives in: it goes out by one
// channel and comes back by the other. When this is destroyed, the peer is gone or takes part no more.
class SessionParty final : public Party {
 public:
  SessionParty(std::shared_ptr<Conversations> conversations, std::string principal);
  SessionParty(const SessionParty&) = delete;
  SessionParty& operator=(const SessionParty&) = delete;
  ~SessionParty();

  // `said`: its name, else what the system says of the peer. Errors: those of Conversations::add().
  Result<void> enter(const io::Peer& peer, std::string said);
  Participant who() const { return who_; }
  // Until the peer has closed its channel.
  Task<void> run(Tx<builtin::Heard, builtin::heard_ahead>& heard, Rx<builtin::Reply, builtin::heard_ahead>& replies);

 private:
  void on_message(Message message) override;
  void on_over(ConversationId conversation) override;
  void leave(ExitReason reason);
  void put(Message message);
  void end_part(ConversationId conversation, std::string why);
  void take(builtin::Reply reply);
  static Task<void> put_out(SessionParty& self, Tx<builtin::Heard, builtin::heard_ahead>& heard);

  const std::shared_ptr<Conversations> conversations_;
  const std::string principal_;
  Participant who_ = 0;
  std::deque<Message> outward_;       // without content: that conversation is over
  std::set<ConversationId> told_of_;  // conversations of which the peer has heard, and not that they are over
  bool is_over_ = false;
  Event has_news_;
  Scope scope_;
};

}  // namespace parley
