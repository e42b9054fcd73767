#include "runtime/conversations/session_party.h"

#include <utility>

#include "codec/utf8.h"
#include "core/directory/name.h"
#include "runtime/peer_name.h"

namespace parley {

using builtin::Heard;
using builtin::Reply;

// Messages that wait until the peer takes them; what comes beyond them was somebody else's before.
static constexpr std::size_t outward_max = 16384;
static constexpr std::string_view takes_none = "it does not take its messages";
static constexpr std::size_t name_bytes_max = 64;
static constexpr std::size_t failure_bytes_max = 1024;

SessionParty::SessionParty(std::shared_ptr<Conversations> conversations, std::string principal, Part part)
    : conversations_(std::move(conversations)),
      principal_(std::move(principal)),
      part_(part),
      scope_(conversations_->executor()) {}

SessionParty::~SessionParty() { leave({.kind = ExitReason::Kind::no_connection, .text = "its session is gone"}); }

Result<void> SessionParty::enter(const io::Peer& peer, std::string said) {
  const bool is_good = said.size() <= name_bytes_max && core::is_name(said);
  PARLEY_TRY(who_, conversations_->add(*this, is_good ? std::move(said) : runtime::name_of(peer)));
  return {};
}

void SessionParty::leave(ExitReason reason) {
  conversations_->exited(std::exchange(who_, 0), reason, conversations_->executor().now());
  is_over_ = true;
  outward_.clear();
  has_news_.set();
}

void SessionParty::on_message(Message message) {
  if (outward_.size() < outward_max) return put(std::move(message));
  end_part(message.conversation, std::string(takes_none), message.request);
}

// It is told that its part is over, as when others end that.
void SessionParty::end_part(ConversationId conversation, std::string why, Request untaken) {
  if (part_ == Part::one) failure_ = {Code::failed, why};
  conversations_->exited(conversation, who_, {.kind = ExitReason::Kind::error, .text = std::move(why)},
                         conversations_->executor().now(), untaken);
  on_over(conversation);
}

// What waits of it is for nobody any more.
void SessionParty::on_over(ConversationId conversation) {
  std::erase_if(outward_, [&](const Message& each) { return each.conversation == conversation; });
  if (told_of_.erase(conversation) != 0) put({.conversation = conversation, .content = nullptr});
  if (part_ == Part::subject) return;
  is_ending_ = true;
  has_news_.set();
}

void SessionParty::put(Message message) {
  outward_.push_back(std::move(message));
  has_news_.set();
}

void SessionParty::take(Reply reply) {
  if (who_ == 0) return;
  if (reply.failure) {
    return end_part(reply.conversation, codec::to_utf8(*reply.failure, failure_bytes_max));
  }
  if (reply.message) reply.message->publisher = principal_;
  conversations_->replied(who_, reply.conversation, reply.request, std::move(reply.message));
}

Task<void> SessionParty::put_out(SessionParty& self, Tx<Heard, builtin::heard_ahead>& heard) {
  while (!self.is_over_) {
    if (self.outward_.empty()) {
      if (self.is_ending_) break;
      self.has_news_.reset();
      co_await self.has_news_.wait();
      continue;
    }
    const Message next = std::move(self.outward_.front());
    self.outward_.pop_front();
    Heard item{.conversation = next.conversation, .request = next.request, .is_repeated = next.is_repeated};
    if (next.content) {
      item.message = *next.content;
      self.told_of_.insert(next.conversation);
    }
    const auto sent = co_await heard.send(item);
    if (sent) continue;
    self.failure_ = sent.error();
    self.leave({.kind = ExitReason::Kind::error, .text = std::string(takes_none)});
  }
  heard.close();
  self.is_done_.set();
}

Task<void> SessionParty::take_in(SessionParty& self, Rx<Reply, builtin::heard_ahead>& replies) {
  while (auto reply = co_await replies.recv()) self.take(*std::move(reply));
  if (!replies.error()) self.leave({.kind = ExitReason::Kind::finished});
  self.is_done_.set();
}

Task<Result<void>> SessionParty::run(Tx<Heard, builtin::heard_ahead>& heard, Rx<Reply, builtin::heard_ahead>& replies) {
  co_await co_await heard.send({});
  scope_.spawn(put_out(*this, heard));
  scope_.spawn(take_in(*this, replies));
  co_await is_done_.wait();
  if (failure_) co_return fail(*failure_);
  co_return Result<void>();
}

}  // namespace parley
