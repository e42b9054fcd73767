#include "hub/bus/bus_worker.h"

#include <fmt/format.h>

#include "core/directory/name.h"

namespace parley::hub {

namespace bus = wire::bus;

namespace {

// Pushes belong to no stream that the client has begun.
constexpr std::uint32_t push_stream = 1;
constexpr std::size_t identity_bytes_max = 256;

ExitReason cannot(std::string why) { return {.kind = ExitReason::Kind::error, .text = std::move(why)}; }

}  // namespace

Result<void> BusWorker::check(const bus::WorkerRegister& worker) {
  if (is_draining_) return fail(Code::closed, "the hub ends, and nothing new begins");
  if (who_) return fail(Code::in_use, "this connection has registered already");
  if (worker.activity_types.empty()) return fail(Code::invalid, "a worker for nothing");
  if (worker.activity_types.size() > hub_.options.activity_types_max) {
    return fail(Code::overloaded, fmt::format("{} activity types, and a worker has at most {}",
                                              worker.activity_types.size(), hub_.options.activity_types_max));
  }
  if (worker.identity.size() > identity_bytes_max) return fail(Code::invalid, "a long identity");
  for (const std::string_view type : worker.activity_types) {
    PARLEY_TRY(core::check_name(type));
    PARLEY_TRY(peer_.check(core::Verb::offer, type));
  }
  return {};
}

Result<void> BusWorker::enrol(const bus::WorkerRegister& worker) {
  PARLEY_TRY(check(worker));
  PARLEY_TRY(const Participant who,
             hub_.conversations.add(*this, fmt::format("{} ({})", worker.identity, peer_.publisher())));
  for (const std::string_view type : worker.activity_types) {
    if (auto provided = hub_.conversations.provide(std::string(type), who); !provided) {
      hub_.conversations.exited(who, {}, hub_.loop.now());
      return provided;
    }
  }
  who_ = who;
  identity_ = worker.identity;
  subjects_.assign(worker.activity_types.begin(), worker.activity_types.end());
  return {};
}

void BusWorker::take(const bus::WorkerRegister& worker) {
  const auto enrolled = enrol(worker);
  ++(enrolled ? hub_.counters.workers_registered : hub_.counters.workers_rejected);
  const std::string why = enrolled ? std::string() : enrolled.error().note;
  peer_.say(0, bus::WorkerRegisterAck{enrolled ? std::nullopt : std::optional<std::string_view>(why)}).value();
}

void BusWorker::on_message(Message message) {
  if (may_push() && waiting_.empty()) return push(std::move(message));
  if (waiting_.size() < hub_.options.pushes_waiting_max) return waiting_.push_back(std::move(message));
  give_up(message.conversation, "too many pushes wait for it", message.request);
}

bool BusWorker::may_push() const { return pushed_.size() < hub_.options.pushes_max && peer_.has_room_for_push(); }

// Its part there is over, and so is all that it has of that.
void BusWorker::give_up(ConversationId conversation, std::string why, Request untaken) {
  std::erase_if(pushed_, [&](const auto& each) { return each.second.conversation == conversation; });
  std::erase_if(waiting_, [&](const Message& each) { return each.conversation == conversation; });
  hub_.conversations.exited(conversation, *who_, cannot(std::move(why)), hub_.loop.now(), untaken);
}

void BusWorker::push(Message message) {
  const std::uint64_t correlation = ++last_correlation_;
  if (const auto said = peer_.say(push_stream, bus::Push{correlation, message.content->payload}); !said) {
    return give_up(message.conversation, "the message is longer than a push may be", message.request);
  }
  if (!who_) return;  // it does not read, and was cut off for that
  ++hub_.counters.pushes;
  pushed_.emplace(correlation, Pushed{message.conversation, message.request, std::move(message.content),
                                      hub_.loop.now() + hub_.options.push_max});
  arm();
}

void BusWorker::pump() {
  while (who_ && !waiting_.empty() && may_push()) {
    Message next = std::move(waiting_.front());
    waiting_.pop_front();
    push(std::move(next));
  }
  arm();
}

void BusWorker::take(const bus::PushReply& reply) {
  const auto found = pushed_.extract(reply.correlation);
  if (found.empty()) {
    ++hub_.counters.push_replies_strange;
    return;
  }
  const Pushed& pushed = found.mapped();
  // A push says nothing of schemas and causes: the reply is of what it answers.
  Envelope envelope{.publisher = peer_.publisher(),
                    .parent = pushed.content->id,
                    .schema = pushed.content->schema,
                    .payload = {reply.payload.begin(), reply.payload.end()}};
  hub_.conversations.replied(*who_, pushed.conversation, pushed.request, std::move(envelope));
  pump();
  peer_.on_settled();
}

void BusWorker::on_over(ConversationId conversation) {
  std::erase_if(pushed_, [&](const auto& each) { return each.second.conversation == conversation; });
  std::erase_if(waiting_, [&](const Message& each) { return each.conversation == conversation; });
  pump();
  peer_.on_settled();
}

// Whoever asked has given up long ago, or is told now.
void BusWorker::on_late() {
  while (!pushed_.empty() && pushed_.begin()->second.until <= hub_.loop.now()) {
    ++hub_.counters.pushes_unanswered;
    give_up(pushed_.begin()->second.conversation, "a push was not answered in time");
  }
  pump();
  peer_.on_settled();
}

void BusWorker::arm() {
  if (pushed_.empty()) return late_.disarm();
  const Instant next = pushed_.begin()->second.until;
  if (!late_.is_armed() || late_.when() != next) hub_.loop.executor().arm(late_, next);
}

void BusWorker::leave() {
  late_.disarm();
  pushed_.clear();
  waiting_.clear();
  if (!who_) return;
  ++hub_.counters.workers_ended;
  const Participant who = *std::exchange(who_, std::nullopt);
  hub_.conversations.exited(who, {.kind = ExitReason::Kind::no_connection, .text = "its connection is gone"},
                            hub_.loop.now());
}

}  // namespace parley::hub
