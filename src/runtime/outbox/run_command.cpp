#include "runtime/outbox/run_command.h"

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "async/event_timer.h"
#include "core/directory/name.h"

namespace parley::runtime {

namespace {

// Whether somebody may run it: what is known here, what a router may know, and what would be refused.
bool is_answered(const Registry& registry, std::string_view name, const core::Rights* rights) {
  return registry.has_router() || core::is_private(name) || registry.definition(name) ||
         (rights && !rights->may(core::Verb::call, name));
}

std::string nobody_has(const Registry& registry, std::string_view name, const core::Rights* rights) {
  const std::string nearest = registry.nearest_command(name, rights);
  return fmt::format("nobody has the command {}{}", name, nearest.empty() ? "" : "; did you mean " + nearest + "?");
}

// One that was stopped, or whose process is gone, may have done what it was to do.
core::TicketResult result_of(Result<Registry::Answer> answer) {
  using enum core::TicketResult::Kind;
  if (answer) return core::applied(std::move(answer->result));
  const Kind why = kind(answer.error());
  const bool may_have_run =
      why == Kind::timed_out || why == Kind::cancelled || why == Kind::unknown || answer.error().code == Code::closed;
  return {may_have_run ? unknown : failed, std::move(answer).error(), {}};
}

}  // namespace

Task<core::TicketResult> run_command(Registry& registry, OutboxService::Turn& turn, const core::Rights* rights,
                                     builtin::OutboxCommand command, Instant deadline) {
  Executor& executor = registry.loop().executor();
  if (!is_answered(registry, command.name, rights)) {
    Event& news = turn.news();
    const EventTimer alarm(executor, news, deadline);
    const Subscription changes = registry.on_commands_changed([&news] { news.set(); });
    while (!turn.is_cancelled() && !is_answered(registry, command.name, rights)) {
      if (deadline <= executor.now()) co_return core::expired(nobody_has(registry, command.name, rights));
      co_await news.wait();
      news.reset();
    }
  }
  if (!turn.begin()) co_return core::cancelled("before it was started");
  ExecuteOptions options{.deadline = deadline - executor.now(), .meta = std::move(command.meta), .rights = rights};
  co_return result_of(
      co_await registry.execute_json(std::move(command.name), std::move(command.request), std::move(options)));
}

}  // namespace parley::runtime
