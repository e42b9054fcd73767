#include "runtime/conversations/conversation.h"

#include <utility>

namespace parley {

namespace {

Error without_conversations(Error why) {
  if (why.code != Code::method) return why;
  return {Code::unsupported, "the peer has no parley.Conversations: it is no hub, and serves no conversations"};
}

Client<builtin::Conversations> bounded(Client<builtin::Conversations>& service, std::optional<Duration> within) {
  return service.with({.deadline = within, .metadata = {}});
}

}  // namespace

Task<Result<Conversation>> Conversation::open(runtime::Session& session, ConversationOpening opening) {
  Service service(session);
  auto [theirs, happenings] = channel<Happening, builtin::heard_ahead>();
  auto call =
      std::make_unique<Call<void>>(service.call<&builtin::Conversations::open>(std::move(opening), std::move(theirs)));
  const auto first = co_await happenings.recv();
  if (first) co_return Conversation(service, std::move(call), std::move(happenings), first->conversation);
  auto ended = co_await std::move(*call);
  co_return fail(ended ? Error{Code::response, "the conversation has no number"}
                       : without_conversations(std::move(ended).error()));
}

Conversation::Conversation(Service service, std::unique_ptr<Call<void>> call,
                           Rx<Happening, builtin::heard_ahead> happenings, ConversationId id)
    : service_(std::move(service)), call_(std::move(call)), happenings_(std::move(happenings)), id_(id) {}

Task<Result<Request>> Conversation::send(Envelope message, To to) {
  co_return co_await service_.call<&builtin::Conversations::send>(id_, std::move(message), to);
}

Task<Result<Conversation::Received>> Conversation::exchange(Envelope message, std::optional<Duration> within, To to) {
  co_return co_await bounded(service_, within).call<&builtin::Conversations::exchange>(id_, std::move(message), to);
}

Task<Result<Conversation::Received>> Conversation::receive(std::optional<Duration> within) {
  co_return co_await bounded(service_, within).call<&builtin::Conversations::receive>(id_);
}

Task<Result<ParticipantEnd>> Conversation::await_crash(std::optional<Duration> within) {
  co_return co_await bounded(service_, within).call<&builtin::Conversations::await_crash>(id_);
}

Task<std::optional<Happening>> Conversation::happening() { co_return co_await happenings_.recv(); }

Task<Result<void>> Conversation::complete() {
  co_return co_await service_.call<&builtin::Conversations::complete>(id_);
}

Task<Result<void>> Conversation::close() { co_return co_await service_.call<&builtin::Conversations::close>(id_); }

Task<Result<Conversation::Received>> ask(runtime::Session& session, builtin::ConversationQuestion question) {
  auto received =
      co_await Client<builtin::Conversations>(session).call<&builtin::Conversations::ask>(std::move(question));
  if (!received) co_return fail(without_conversations(std::move(received).error()));
  co_return received;
}

Task<Result<builtin::Dispatched>> dispatch(runtime::Session& session, builtin::ConversationQuestion question) {
  auto dispatched =
      co_await Client<builtin::Conversations>(session).call<&builtin::Conversations::dispatch>(std::move(question));
  if (!dispatched) co_return fail(without_conversations(std::move(dispatched).error()));
  co_return dispatched;
}

}  // namespace parley
