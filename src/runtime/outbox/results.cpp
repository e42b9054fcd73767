#include "runtime/outbox/results.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

#include "async/wait.h"
#include "codec/json_object.h"
#include "codec/utf8.h"
#include "core/directory/name.h"
#include "wire/command/meta.h"

namespace parley::runtime {

using core::TicketResult;

// Notes are kept with what became of a ticket.
static constexpr std::size_t note_bytes_max = 1024;

std::string ticket_text(std::uint64_t outbox, std::uint64_t ticket) {
  return fmt::format("{:016x}-{}", outbox, ticket);
}

builtin::OutboxHeard item_of(const core::OutboxReceiver::Said& said) {
  if (const auto* const acknowledge = std::get_if<core::OutboxReceiver::Acknowledge>(&said)) {
    return builtin::OutboxTaken{acknowledge->received};
  }
  const auto& answer = std::get<core::OutboxReceiver::Answer>(said);
  const TicketResult& result = *answer.result;
  return builtin::OutboxEnded{
      .number = answer.number,
      .ticket = answer.ticket,
      .kind = result.kind,
      .code = result.kind == TicketResult::Kind::applied ? 0 : static_cast<std::uint32_t>(result.error.code),
      .note = result.error.note,
      .value = result.value,
      .received = answer.received};
}

TicketResult result_of(builtin::OutboxEnded said) {
  if (said.kind == TicketResult::Kind::applied) return core::applied(std::move(said.value));
  return {said.kind, {static_cast<Code>(said.code), codec::to_utf8(said.note, note_bytes_max)}, {}};
}

builtin::OutboxResults results_in(const std::uint64_t (&by_kind)[6]) {
  using enum TicketResult::Kind;
  const auto of = [&](TicketResult::Kind kind) { return by_kind[static_cast<std::size_t>(kind)]; };
  return {.applied = of(applied),
          .failed = of(failed),
          .expired = of(expired),
          .cancelled = of(cancelled),
          .refused = of(refused),
          .unknown = of(unknown)};
}

// One that was stopped, or whose process is gone, may have done what it was to do.
TicketResult result_of(Result<Registry::Answer> answer) {
  if (answer) return core::applied(std::move(answer->result));
  const Kind why = kind(answer.error());
  const bool may_have_run =
      why == Kind::timed_out || why == Kind::cancelled || why == Kind::unknown || answer.error().code == Code::closed;
  return {may_have_run ? TicketResult::Kind::unknown : TicketResult::Kind::failed, std::move(answer).error(), {}};
}

Result<std::string> with_ticket(std::string_view meta, std::string_view ticket) {
  if (!meta.empty()) PARLEY_TRY(codec::check_json(meta));
  if (!meta.empty() && meta.front() != '{') return fail(Code::invalid, "meta is no object");
  return wire::command::with_meta_member(meta, "ticket", fmt::format("\"{}\"", ticket));
}

namespace {

struct Alarm final : Timer {
  explicit Alarm(Event& rings) : Timer(&Alarm::fire), event(rings) {}
  static void fire(Timer& timer) { static_cast<Alarm&>(timer).event.set(); }
  Event& event;
};

// Whether somebody may run it: what is known here, what a router may know, and what would be refused.
bool is_answered(const Registry& registry, std::string_view name, const core::Rights* rights) {
  return registry.has_router() || core::is_private(name) || registry.definition(name) ||
         (rights && !rights->may(core::Verb::call, name));
}

std::string nobody_has(const Registry& registry, std::string_view name, const core::Rights* rights) {
  const std::string nearest = registry.nearest_command(name, rights);
  return fmt::format("nobody has the command {}{}", name, nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

}  // namespace

Task<TicketResult> execute(Registry& registry, const core::Rights* rights, builtin::OutboxCommand command,
                           Instant deadline) {
  Executor& executor = registry.loop().executor();
  if (!is_answered(registry, command.name, rights)) {
    Event news;
    Alarm alarm(news);
    executor.arm(alarm, deadline);
    const Subscription changes = registry.on_commands_changed([&news] { news.set(); });
    while (!is_answered(registry, command.name, rights)) {
      if (deadline <= executor.now()) co_return core::expired(nobody_has(registry, command.name, rights));
      co_await news.wait();
      news.reset();
    }
  }
  ExecuteOptions options{.deadline = deadline - executor.now(), .meta = std::move(command.meta), .rights = rights};
  co_return result_of(
      co_await registry.execute_json(std::move(command.name), std::move(command.request), std::move(options)));
}

void add(core::OutboxReceiverCounters& all, const core::OutboxReceiverCounters& one) {
  all.received += one.received;
  all.duplicates += one.duplicates;
  all.voids += one.voids;
  all.started += one.started;
  all.expired += one.expired;
  all.refused += one.refused;
  all.cancelled += one.cancelled;
  all.cancels_too_late += one.cancels_too_late;
  for (std::size_t kind = 0; kind < std::size(all.results); ++kind) all.results[kind] += one.results[kind];
  all.results_resent += one.results_resent;
  all.sessions += one.sessions;
  all.sessions_replaced += one.sessions_replaced;
  all.sessions_stale += one.sessions_stale;
}

}  // namespace parley::runtime
