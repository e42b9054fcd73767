#include "hub/bus/bus_conversations.h"

#include <fmt/format.h>

#include "codec/utf8.h"
#include "core/directory/name.h"

namespace parley::hub {

namespace bus = wire::bus;
using bus::Reason;

namespace {

// Of what is said to a client: some of it comes from who took part.
constexpr std::size_t text_bytes_max = 1024;
const Error draining{Code::closed, "the hub ends, and nothing new begins"};

}  // namespace

void BusConversations::refuse(std::uint32_t stream, std::uint64_t conversation, Reason reason, std::string_view text) {
  peer_.say(stream, bus::ConversationError{conversation, reason, codec::to_utf8(text, text_bytes_max)}).value();
}

BusConversations::Open* BusConversations::find(ConversationId conversation) {
  const auto found = by_id_.find(conversation);
  return found == by_id_.end() ? nullptr : found->second;
}

Result<ConversationId> BusConversations::try_open(const bus::ConversationOpen& open) {
  if (is_draining_) return fail(draining);
  PARLEY_TRY(core::check_name(open.subject));
  PARLEY_TRY(peer_.check(core::Verb::converse, open.subject));
  return hub_.conversations.open(
      {.subject = std::string(open.subject), .owner = owner_, .principal = peer_.publisher(), .follower = this});
}

void BusConversations::open(std::uint32_t stream, const bus::ConversationOpen& open) {
  if (open_.contains(open.conversation)) {
    return refuse(stream, open.conversation, Reason::conversation_open, "it is open already");
  }
  if (open_.size() >= hub_.options.conversations_max) {
    return refuse(stream, open.conversation, Reason::limit, fmt::format("{} conversations are open", open_.size()));
  }
  const auto id = try_open(open);
  if (!id) {
    const bool is_there = id.error().code != Code::not_found;
    const Reason reason = is_there ? reason_of(id.error()) : Reason::conversation_not_open;
    return refuse(stream, open.conversation, reason, id.error().note);
  }
  auto made = std::make_unique<Open>(*this, open.conversation, stream, *id);
  by_id_.emplace(*id, made.get());
  open_.emplace(open.conversation, std::move(made));
}

Result<void> BusConversations::check_room(const Open& open, std::uint32_t stream) const {
  if (is_draining_) return fail(draining);
  if (open.awaited.contains(stream)) return fail(Code::too_many_calls, "a reply is awaited on this stream already");
  if (open.awaited.size() >= hub_.options.replies_per_conversation_max) {
    return fail(Code::too_many_calls, fmt::format("{} replies are awaited in it", open.awaited.size()));
  }
  if (awaited_ >= hub_.options.replies_max) {
    return fail(Code::too_many_calls, fmt::format("{} replies are awaited", awaited_));
  }
  return {};
}

void BusConversations::take(std::uint32_t stream, const bus::ConversationMessage& message) {
  const auto found = open_.find(message.conversation);
  if (found == open_.end()) {
    return refuse(stream, message.conversation, Reason::conversation_not_open, "it is not open");
  }
  Open& open = *found->second;
  const bool wants_reply = message.is_about_reply;
  if (const auto room = wants_reply || is_draining_ ? check_room(open, stream) : Result<void>(); !room) {
    const Reason reason = room.error().code == Code::closed ? Reason::quiesced : Reason::limit;
    return refuse(stream, message.conversation, reason, room.error().note);
  }
  if (!wants_reply) open.unasked.wait();
  const auto sent = hub_.conversations.send(open.id, envelope_of(message.envelope, peer_.publisher()), {}, wants_reply);
  if (!sent) return refuse(stream, message.conversation, reason_of(sent.error()), to_string(sent.error()));
  // Whom it went to may have been this connection, which is then cut off for what it does not read.
  if (!wants_reply || !open_.contains(message.conversation)) return;
  ++hub_.counters.asked;
  ++awaited_;
  auto made = std::make_unique<Awaited>(*this, open, stream);
  Awaited& awaited = *open.awaited.emplace(stream, std::move(made)).first->second;
  hub_.conversations.receive(awaited, open.id, *sent, hub_.loop.now() + hub_.options.reply_max);
}

void BusConversations::Awaited::on_received(Result<Conversations::Received> received) {
  owner.on_reply(*this, std::move(received));
}

void BusConversations::on_reply(Awaited& awaited, Result<Conversations::Received> received) {
  const std::uint32_t stream = awaited.stream;
  const std::uint64_t number = awaited.open.number;
  const auto over = awaited.open.awaited.extract(stream);
  --awaited_;
  if (received && received->message) {
    ++hub_.counters.replied;
    const bus::ConversationMessage reply{number, wire_of(*received->message), true};
    if (!peer_.say(stream, reply)) refuse(stream, number, Reason::limit, "the reply is longer than a frame may be");
  } else if (received) {
    refuse(stream, number, Reason::other, "it was answered with nothing");
  } else {
    const Error& why = received.error();
    if (kind(why) == Kind::timed_out) ++hub_.counters.timed_out;
    Reason reason = reason_of(why);
    const bool is_open = hub_.conversations.find(awaited.open.id).has_value();
    if (!is_open || reason == Reason::wrong_state) reason = Reason::conversation_not_open;
    if (reason == Reason::participant_crashed) {
      ++hub_.counters.crashes_told;
      awaited.open.is_told = true;
    }
    refuse(stream, number, reason, to_string(why));
  }
  peer_.on_settled();
}

void BusConversations::Unasked::wait() {
  if (std::exchange(is_waiting, true)) return;
  owner.hub_.conversations.receive(*this, conversation, 0, Instant::never());
}

void BusConversations::Unasked::on_received(Result<Conversations::Received> received) {
  is_waiting = false;
  if (!received) return;
  ++owner.hub_.counters.unasked;
  wait();
}

void BusConversations::close(const bus::ConversationClose& close) {
  const auto found = open_.find(close.conversation);
  if (found == open_.end()) return;
  const ConversationId id = found->second->id;
  by_id_.erase(id);
  // Also of one that has failed, where closing it says so.
  static_cast<void>(hub_.conversations.close(id));
  open_.erase(close.conversation);
}

void BusConversations::leave() {
  hub_.conversations.leave(owner_);
  by_id_.clear();
  open_.clear();
  awaited_ = 0;
}

void BusConversations::on_ended(ConversationId conversation, Participant who, Instant, const ExitReason& reason) {
  if (Open* const open = find(conversation)) {
    open->ended = fmt::format("participant {} has ended: {}", who, to_string(reason));
  }
}

// Others have closed it.
void BusConversations::on_over(ConversationId conversation) {
  const auto over = by_id_.extract(conversation);
  if (over.empty()) return;
  const std::uint64_t number = over.mapped()->number;
  const std::uint32_t stream = over.mapped()->stream;
  open_.erase(number);
  refuse(stream, number, Reason::conversation_not_open, "it was closed here");
}

void BusConversations::on_moved(ConversationId conversation, Phase, Phase to) {
  Open* const open = find(conversation);
  if (!open || to != Phase::failed || !open->awaited.empty() || open->is_told) return;
  open->is_told = true;
  ++hub_.counters.crashes_told;
  const Reason reason = open->ended.empty() ? Reason::timed_out : Reason::participant_crashed;
  refuse(open->stream, open->number, reason, open->ended.empty() ? "its time is over" : open->ended);
}

}  // namespace parley::hub
