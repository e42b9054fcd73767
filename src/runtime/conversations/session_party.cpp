#include "runtime/conversations/session_party.h"

#include <fmt/format.h>

#include <utility>

#include "core/directory/name.h"
#include "runtime/peer_name.h"

namespace parley {

using builtin::Heard;
using builtin::Reply;

// Messages that the peer has not taken, beyond which it takes part no more.
static constexpr std::size_t outward_max = 4096;
static constexpr std::size_t name_bytes_max = 64;

SessionParty::SessionParty(std::shared_ptr<Conversations> conversations, std::string principal)
    : conversations_(std::move(conversations)),
      principal_(std::move(principal)),
      outward_(outward_max),
      scope_(conversations_->executor()) {}

SessionParty::~SessionParty() { leave({.kind = ExitReason::Kind::no_connection, .text = "its session is gone"}); }

Result<void> SessionParty::enter(const io::Peer& peer, std::string said) {
  const bool is_good = said.size() <= name_bytes_max && core::is_name(said);
  PARLEY_TRY(who_, conversations_->add(*this, is_good ? std::move(said) : runtime::name_of(peer)));
  return {};
}

void SessionParty::leave(ExitReason reason) {
  conversations_->exited(std::exchange(who_, 0), reason, conversations_->executor().now());
  outward_.close();
}

void SessionParty::on_message(Message message) {
  const ConversationId conversation = message.conversation;
  Heard heard{.conversation = conversation,
              .request = message.request,
              .message = *message.content,
              .is_repeated = message.is_repeated};
  if (outward_.push(std::move(heard))) return;
  leave({.kind = ExitReason::Kind::error, .text = "it does not take its messages"});
}

void SessionParty::on_over(ConversationId conversation) {
  if (outward_.push({.conversation = conversation})) return;
  leave({.kind = ExitReason::Kind::error, .text = "it does not take its messages"});
}

void SessionParty::take(Reply reply) {
  if (who_ == 0) return;
  if (reply.failure) {
    return conversations_->exited(reply.conversation, who_,
                                  {.kind = ExitReason::Kind::error, .text = *std::move(reply.failure)},
                                  conversations_->executor().now());
  }
  if (reply.message) reply.message->publisher = principal_;
  conversations_->replied(who_, reply.conversation, reply.request, std::move(reply.message));
}

Task<void> SessionParty::put_out(SessionParty& self, Tx<Heard, builtin::heard_ahead>& heard) {
  while (const auto next = co_await self.outward_.pop()) {
    if (co_await heard.send(*next)) continue;
    self.leave({.kind = ExitReason::Kind::error, .text = "it does not take its messages"});
    co_return;
  }
  heard.close();
}

Task<void> SessionParty::run(Tx<Heard, builtin::heard_ahead>& heard, Rx<Reply, builtin::heard_ahead>& replies) {
  if (!co_await heard.send({})) co_return;
  scope_.spawn(put_out(*this, heard));
  while (auto reply = co_await replies.recv()) take(*std::move(reply));
  if (!replies.error()) leave({.kind = ExitReason::Kind::finished});
}

}  // namespace parley
