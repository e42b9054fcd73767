#include "cli/mcp_command.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "async/scope.h"
#include "cli/address.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "face/attach.h"
#include "os/termination.h"
#include "runtime/backoff.h"
#include "runtime/commands/mcp_lines.h"

namespace parley::cli {

namespace {

constexpr std::string_view instructions =
    "The tools are commands of programs on this machine that have met at a Parley hub. They come and go with their "
    "programs.";

// An agent lists its tools once, and perhaps never again: it should not come before the hub has told what there is.
Task<void> learn(Registry& registry, Session& session) {
  const auto listed = co_await list_commands(session.runtime(), {.deadline = patience});
  if (!listed) co_return;
  Event changed;
  const Subscription changes = registry.on_commands_changed([&changed] { changed.set(); });
  for (const CommandDefinition& each : *listed) {
    while (!registry.definition(each.id)) {
      changed.reset();
      co_await changed.wait();
    }
  }
}
Task<void> learn_in_time(io::Loop& loop, Registry& registry, Session& session) {
  Event over;
  Scope scope(loop);
  scope.spawn([](Registry& taught, Session& asked, Event& told) -> Task<void> {
    co_await learn(taught, asked);
    told.set();
  }(registry, session, over));
  scope.spawn([](io::Loop& slept, Event& told) -> Task<void> {
    co_await Sleep(slept, patience);
    told.set();
  }(loop, over));
  co_await over.wait();
}

Task<Result<std::unique_ptr<io::Stream>>> open_standard_streams(io::Loop& loop) {
  std::unique_ptr<io::Dialer> dialer = co_await loop.dialer("stdio:");
  co_return co_await dialer->dial();
}

// Agents start a server once: it outlives the hub. What ran there is answered meanwhile, and the tools are those of no
// hub, until there is one again.
Task<std::shared_ptr<Carrier>> over_next_hub(io::Loop& loop, const Common& common, std::unique_ptr<Session>& session) {
  warn("the hub has ended the session", "its commands come back with it");
  runtime::Backoff backoff;
  for (;;) {
    co_await Sleep(loop, backoff.next(loop.random()));
    auto options = options_toward_hub(common);
    if (!options) continue;
    auto dialed = co_await dial_hub(loop, hub_address(common.hub), *std::move(options));
    if (!dialed) continue;
    session = *std::move(dialed);
    warn("the hub is back");
    co_return session_carrier(session->runtime(), "hub");
  }
}

Task<Result<void>> serve(Session& session, const Common& common, runtime::McpLines::Options options,
                         Event& asked_to_end) {
  io::Loop& loop = session.runtime().loop();
  std::unique_ptr<Session> next;
  Registry registry(loop);
  AttachSessionOptions attaching{.said_id = {}, .options = {.is_router = true, .wants_commands = true}};
  attaching.options.next = [&loop, &common, &next] { return over_next_hub(loop, common, next); };
  auto attached = co_await attach(registry, session, std::move(attaching));
  if (!attached) co_return attached;
  co_await learn_in_time(loop, registry, session);
  auto stream = co_await open_standard_streams(loop);
  if (!stream) co_return fail(std::move(stream).error());
  runtime::McpLines lines(registry, *std::move(stream), std::move(options));
  lines.start();

  Event over;
  Result<void> outcome;
  Scope scope(loop);
  scope.spawn([](runtime::McpLines& served, Result<void>& ended, Event& told) -> Task<void> {
    auto closed = co_await served.closed();
    ended = std::move(closed);
    told.set();
  }(lines, outcome, over));
  scope.spawn([](Event& asked, Event& told) -> Task<void> {
    co_await asked.wait();
    told.set();
  }(asked_to_end, over));
  co_await over.wait();
  scope.cancel_all();
  co_return outcome;
}

}  // namespace

int run_mcp(const Common& common, const McpCommand& command) {
  runtime::McpLines::Options options;
  options.session.server.self = {.name = "parley", .title = "Parley", .version = PARLEY_VERSION};
  options.session.server.instructions = instructions;
  for (const std::string& text : command.only) {
    auto pattern = core::Pattern::parse(text);
    if (!pattern) {
      complain(fmt::format("--only {}: {}", text, pattern.error().note), {}, &pattern.error());
      return code(Exit::usage);
    }
    options.session.only.push_back(*std::move(pattern));
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    Event asked_to_end;
    const os::Termination termination([&] { loop.post([&] { asked_to_end.set(); }); });
    const auto served = loop.run_until(serve(session, common, std::move(options), asked_to_end));
    return served ? code(Exit::ok) : give_up(served.error());
  });
}

}  // namespace parley::cli
