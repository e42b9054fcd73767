#include "runtime/conversations/conversations_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "core/directory/name.h"
#include "runtime/conversations/session_party.h"

namespace parley {

using builtin::Happening;
using builtin::ParticipantEnd;
using core::Verb;

// Happenings that wait until the caller takes them, and entries in a page.
static constexpr std::size_t happenings_max = 1024;
static constexpr std::size_t page_max = 256;
static constexpr Duration question_max = std::chrono::seconds(5);

namespace {

class FreeAccess final : public ConversationsAccess {
  Result<void> may(const runtime::Session&, Verb, std::string_view) override { return {}; }
  bool sees_all(const runtime::Session&) override { return true; }
  parley::Conversations::Owner owner(const runtime::Session& session) override {
    return reinterpret_cast<std::uintptr_t>(&session);
  }
  std::string principal(const runtime::Session& session) override { return session.peer().address; }
  Result<std::shared_ptr<void>> offer(const runtime::Session&, std::string_view) override { return nullptr; }
};

ParticipantEnd end_of(const Conversations& conversations, const Conversations::Exit& exit) {
  return {.who = exit.who,
          .name = exit.name,
          .kind = exit.reason.kind,
          .text = exit.reason.text,
          .ago = conversations.executor().now() - exit.at};
}

builtin::Received received_of(const Conversations& conversations, ConversationId conversation,
                              const Conversations::Received& received) {
  return {.from = received.from,
          .name = std::string(conversations.name_of(received.from, conversation)),
          .request = received.request,
          .message = received.message ? std::optional(*received.message) : std::nullopt};
}

Duration within(const Context& context, const std::optional<Duration>& said, Instant now) {
  if (said) return *said;
  return context.deadline() ? *context.deadline() - now : question_max;
}

Choice choice_of(std::string affinity) {
  if (affinity.empty()) return {};
  return {.how = Choice::How::affinity, .key = std::move(affinity)};
}

// A conversation of one caller: what happens in it waits here, and with the call it is over.
class Opened final : public ConversationFollower {
 public:
  explicit Opened(std::shared_ptr<Conversations> conversations) : conversations_(std::move(conversations)) {}
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  ~Opened() { conversations_->abandon(id_); }

  Result<void> open(Conversations::Opening opening) {
    opening.follower = this;
    PARLEY_TRY(id_, conversations_->open(std::move(opening)));
    tell({.what = Happening::What::opened, .conversation = id_});
    return {};
  }
  auto next() { return happenings_.pop(); }

 private:
  void on_moved(ConversationId, Phase, Phase to) override {
    phase_ = to;
    tell({.what = Happening::What::moved, .conversation = id_});
  }
  void on_ended(ConversationId, Participant who, Instant at, const ExitReason& reason) override {
    tell({.what = Happening::What::ended,
          .conversation = id_,
          .end = end_of(
              *conversations_,
              {.who = who, .name = std::string(conversations_->name_of(who, id_)), .at = at, .reason = reason})});
  }
  void on_rerouted(ConversationId, Request request, Participant to, Instant) override {
    tell({.what = Happening::What::rerouted,
          .conversation = id_,
          .to = to,
          .name = std::string(conversations_->name_of(to, id_)),
          .request = request});
  }
  void on_over(ConversationId) override { happenings_.close(); }
  void tell(Happening happening) {
    happening.phase = phase_;
    happening.missed = missed_;
    missed_ = happenings_.push(std::move(happening)) ? 0 : missed_ + 1;
  }

  const std::shared_ptr<Conversations> conversations_;
  ConversationId id_ = 0;
  Phase phase_ = Phase::created;
  std::uint32_t missed_ = 0;
  Queue<Happening> happenings_{happenings_max};
};

}  // namespace

std::shared_ptr<ConversationsAccess> free_access() { return std::make_shared<FreeAccess>(); }

bool ConversationsService::may_know(const runtime::Session& session, const Seen& seen, bool is_looking) const {
  if (seen.owner == access_->owner(session)) return true;
  if (is_looking && access_->sees_all(session)) return true;
  return seen.is_shared && access_->may(session, Verb::converse, *seen.subject);
}

Result<Conversations::Seen> ConversationsService::find(const Context& context, ConversationId conversation,
                                                       bool is_looking) const {
  const auto seen = conversations_->find(conversation);
  if (seen && may_know(context.session(), *seen, is_looking)) return *seen;
  return fail(Code::not_found, fmt::format("no conversation {} is open", conversation));
}

Envelope ConversationsService::signed_by(const Context& context, Envelope message) const {
  message.publisher = access_->principal(context.session());
  return message;
}

// A name that is none is refused as such, and nowhere written down. Without one nobody takes part yet.
Result<void> ConversationsService::may(const Context& context, Verb verb, std::string_view subject) const {
  if (!subject.empty() || verb != Verb::converse) PARLEY_TRY(core::check_name(subject));
  return access_->may(context.session(), verb, subject);
}

// --- a conversation

Task<Result<void>> ConversationsService::open(Context& context, builtin::ConversationOpening opening,
                                              Tx<Happening, builtin::heard_ahead> happenings) {
  co_await may(context, Verb::converse, opening.subject);
  Opened opened(conversations_);
  co_await opened.open({.subject = std::move(opening.subject),
                        .on_crash = opening.on_crash,
                        .deadline = opening.deadline,
                        .owner = access_->owner(context.session()),
                        .principal = access_->principal(context.session()),
                        .choice = choice_of(std::move(opening.affinity)),
                        .is_shared = opening.is_shared});
  while (const auto happening = co_await opened.next()) co_await co_await happenings.send(*happening);
  happenings.close();
  co_return Result<void>();
}

Task<Result<std::uint64_t>> ConversationsService::send(Context& context, ConversationId conversation, Envelope message,
                                                       core::Conversation::To to) {
  co_await find(context, conversation);
  co_return conversations_->send(conversation, signed_by(context, std::move(message)), to);
}

Task<Result<builtin::Received>> ConversationsService::exchange(Context& context, ConversationId conversation,
                                                               Envelope message, core::Conversation::To to) {
  co_await find(context, conversation);
  const auto conversations = conversations_;
  const Request request = co_await conversations->send(conversation, signed_by(context, std::move(message)), to, true);
  const auto received = co_await co_await conversations->receive(conversation, request, context.deadline());
  conversations->give_up(conversation, request);
  co_return received_of(*conversations, conversation, received);
}

Task<Result<builtin::Received>> ConversationsService::receive(Context& context, ConversationId conversation) {
  co_await find(context, conversation);
  const auto conversations = conversations_;
  const auto received = co_await co_await conversations->receive(conversation, 0, context.deadline());
  co_return received_of(*conversations, conversation, received);
}

Task<Result<ParticipantEnd>> ConversationsService::await_crash(Context& context, ConversationId conversation) {
  co_await find(context, conversation);
  const auto conversations = conversations_;
  const auto exit =
      co_await co_await conversations->await_crash(conversation, context.deadline().value_or(Instant::never()));
  co_return end_of(*conversations, exit);
}

Task<Result<void>> ConversationsService::complete(Context& context, ConversationId conversation) {
  co_await find(context, conversation);
  co_return conversations_->complete(conversation);
}

Task<Result<void>> ConversationsService::close(Context& context, ConversationId conversation) {
  co_await find(context, conversation);
  co_return conversations_->close(conversation);
}

// --- taking part

Task<Result<void>> ConversationsService::join(Context& context, ConversationId conversation, std::string name,
                                              Tx<builtin::Heard, builtin::heard_ahead> heard,
                                              Rx<builtin::Reply, builtin::heard_ahead> replies) {
  co_await find(context, conversation);
  SessionParty party(conversations_, access_->principal(context.session()), SessionParty::Part::one);
  co_await party.enter(context.session().peer(), std::move(name));
  co_await conversations_->join(conversation, party.who(), true);
  co_return co_await party.run(heard, replies);
}

Task<Result<void>> ConversationsService::provide(Context& context, std::string subject, std::string name,
                                                 Tx<builtin::Heard, builtin::heard_ahead> heard,
                                                 Rx<builtin::Reply, builtin::heard_ahead> replies) {
  co_await may(context, Verb::offer, subject);
  const std::shared_ptr<void> offered = co_await access_->offer(context.session(), subject);
  SessionParty party(conversations_, access_->principal(context.session()), SessionParty::Part::subject);
  co_await party.enter(context.session().peer(), std::move(name));
  co_await conversations_->provide(std::move(subject), party.who());
  co_return co_await party.run(heard, replies);
}

// --- in one step

Task<Result<builtin::Received>> ConversationsService::ask(Context& context, builtin::ConversationQuestion question) {
  co_await may(context, Verb::converse, question.subject);
  const auto conversations = conversations_;
  const auto received =
      co_await co_await conversations->ask({.subject = std::move(question.subject),
                                            .message = signed_by(context, std::move(question.message)),
                                            .choice = choice_of(std::move(question.affinity)),
                                            .within = within(context, question.within, conversations->executor().now()),
                                            .owner = access_->owner(context.session()),
                                            .principal = access_->principal(context.session())});
  co_return received_of(*conversations, 0, received);
}

Task<Result<builtin::Dispatched>> ConversationsService::dispatch(Context& context,
                                                                 builtin::ConversationQuestion question) {
  co_await may(context, Verb::converse, question.subject);
  const auto conversations = conversations_;
  const auto dispatched = co_await co_await conversations->dispatch(
      {.subject = std::move(question.subject),
       .message = signed_by(context, std::move(question.message)),
       .choice = choice_of(std::move(question.affinity)),
       .within = within(context, question.within, conversations->executor().now()),
       .owner = access_->owner(context.session()),
       .principal = access_->principal(context.session())});
  builtin::Dispatched all{.reply = received_of(*conversations, 0, dispatched.reply)};
  for (const auto& each : dispatched.reroutes) {
    all.reroutes.push_back(
        {.end = end_of(*conversations, each.crash), .rerouted_ago = conversations->executor().now() - each.rerouted});
  }
  co_return all;
}

// --- what there is

Task<std::vector<builtin::ConversationEntry>> ConversationsService::list(Context& context, ConversationId from) {
  std::vector<builtin::ConversationEntry> all;
  const Instant now = conversations_->executor().now();
  while (all.size() < page_max) {
    const auto some = conversations_->list(from, page_max);
    for (const Seen& seen : some) {
      from = seen.id + 1;
      if (all.size() == page_max || !may_know(context.session(), seen, true)) continue;
      const core::Conversation& machine = *seen.machine;
      builtin::ConversationEntry entry{.id = seen.id,
                                       .subject = *seen.subject,
                                       .phase = machine.phase(),
                                       .age = now - seen.since,
                                       .unanswered = machine.request_count(),
                                       .unread = machine.unread_count(),
                                       .entries = machine.context().size()};
      if (!machine.deadline().is_never()) entry.remaining = std::max(machine.deadline() - now, Duration::zero());
      for (const core::Conversation::Seen& part : machine.participants()) {
        entry.participants.push_back({.who = part.who,
                                      .name = std::string(conversations_->name_of(part.who, seen.id)),
                                      .takes_messages = part.takes_messages});
        builtin::ConversationPart& said = entry.participants.back();
        if (part.ended_at) {
          said.end = end_of(*conversations_,
                            {.who = part.who, .name = said.name, .at = *part.ended_at, .reason = part.reason});
        }
      }
      all.push_back(std::move(entry));
    }
    if (some.size() < page_max) break;
  }
  co_return all;
}

Task<Result<std::vector<builtin::ContextEntry>>> ConversationsService::context(Context& context,
                                                                               ConversationId conversation,
                                                                               std::uint64_t from) {
  const Seen seen = co_await find(context, conversation, true);
  const Instant now = conversations_->executor().now();
  std::vector<builtin::ContextEntry> all;
  core::Context::Page page = seen.machine->context().page(from, page_max);
  for (core::Context::Entry& each : page.entries) {
    all.push_back({.number = page.first + all.size(),
                   .what = each.what,
                   .outcome = each.outcome,
                   .ago = now - each.at,
                   .participant = each.participant,
                   .request = each.request});
    if (each.message) all.back().message = *each.message;
    if (each.what == core::Context::What::ended) all.back().reason = to_string(each.reason);
  }
  co_return all;
}

}  // namespace parley
