#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
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
  // In conversations on a subject, or in one alone, with which its part is over.
  enum class Part : std::uint8_t { subject, one };
  SessionParty(std::shared_ptr<Conversations> conversations, std::string principal, Part part);
  SessionParty(const SessionParty&) = delete;
  SessionParty& operator=(const SessionParty&) = delete;
  ~SessionParty();

  // `said`: its name, else what the system says of the peer. Errors: those of Conversations::add().
  Result<void> enter(const io::Peer& peer, std::string said);
  Participant who() const { return who_; }
  // Until the peer has closed its channel, or its part is over. Errors: why it does not take its messages; failed (its
  // part in the one conversation ended so).
  Task<Result<void>> run(Tx<builtin::Heard, builtin::heard_ahead>& heard,
                         Rx<builtin::Reply, builtin::heard_ahead>& replies);

 private:
  void on_message(Message message) override;
  void on_over(ConversationId conversation) override;
  void leave(ExitReason reason);
  void put(Message message);
  void end_part(ConversationId conversation, std::string why, Request untaken = 0);
  void take(builtin::Reply reply);
  static Task<void> put_out(SessionParty& self, Tx<builtin::Heard, builtin::heard_ahead>& heard);
  static Task<void> take_in(SessionParty& self, Rx<builtin::Reply, builtin::heard_ahead>& replies);

  const std::shared_ptr<Conversations> conversations_;
  const std::string principal_;
  const Part part_;
  Participant who_ = 0;
  std::deque<Message> outward_;       // without content: that conversation is over
  std::set<ConversationId> told_of_;  // conversations of which the peer has heard, and not that they are over
  bool is_ending_ = false;            // nothing more is put out
  bool is_over_ = false;              // nor is what waits
  std::optional<Error> failure_;
  Event has_news_;
  Event is_done_;
  Scope scope_;
};

}  // namespace parley
