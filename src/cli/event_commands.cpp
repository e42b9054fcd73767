#include "cli/event_commands.h"

#include <fmt/format.h>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "core/directory/name.h"
#include "core/policy/pattern.h"
#include "face/attach.h"
#include "os/termination.h"
#include "runtime/builtin.h"

namespace parley::cli {

namespace {

class Listening {
 public:
  Listening(const Common& common, const ListenCommand& command, io::Loop& loop, Session& session)
      : common_(common), command_(command), loop_(loop), session_(session), registry_(loop) {}

  int run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    loop_.run_until(until_over());
    return failure_ ? give_up(*failure_) : code(Exit::ok);
  }

 private:
  Task<void> until_over() {
    Scope scope(loop_);
    scope.spawn(listen());
    co_await over_.wait();
  }

  Task<void> listen() {
    auto begun = co_await begin();
    if (begun) {
      warn(fmt::format("listens for {}", command_.pattern));
      co_await registry_.detached("hub");
      const auto closed = co_await session_.closed();
      failure_ = closed ? Error{Code::link_lost, "the hub has ended"} : closed.error();
    } else {
      failure_ = begun.error();
    }
    over_.set();
  }

  Task<Result<void>> begin() {
    auto heard = registry_.on_json(command_.pattern, [this](std::string_view event, std::string_view payload) {
      hear(event, payload);
      return true;
    });
    if (!heard) co_return fail(std::move(heard).error());
    subscription_ = *std::move(heard);
    co_await co_await attach(registry_, session_);
    auto directory = session_.client<builtin::Directory>(builtin::directory_name).with({.deadline = patience});
    auto may = co_await directory.call<&builtin::Directory::may>("subscribe", command_.pattern);
    if (!may && may.error().code == Code::permission) co_return fail(std::move(may).error());
    // Messages are taken in order: once this is answered, the hub knows what we listen for.
    auto answered = co_await registry_.execute_json("parley.nothing", {}, {.deadline = patience});
    if (!answered && answered.error().code != Code::not_found && kind(answered.error()) != Kind::refused) {
      co_return fail(std::move(answered).error());
    }
    co_return Result<void>();
  }

  void hear(std::string_view event, std::string_view payload) {
    if (command_.count && heard_ >= *command_.count) return;
    if (common_.json) {
      std::string line = "{\"event\":";
      codec::put_quoted(line, event);
      say(fmt::format("{},\"payload\":{}}}", line, payload.empty() ? "null" : payload));
    } else {
      say(payload.empty() ? std::string(event) : fmt::format("{} {}", event, payload));
    }
    ++heard_;
    if (!is_said() || (command_.count && heard_ >= *command_.count)) over_.set();
  }

  const Common& common_;
  const ListenCommand& command_;
  io::Loop& loop_;
  Session& session_;
  std::uint64_t heard_ = 0;
  std::optional<Error> failure_;
  Event over_;
  Registry registry_;
  Subscription subscription_;
};

Task<Result<void>> ask_emit(Session& session, std::string event, std::string payload) {
  auto commands = session.client<builtin::Commands>(builtin::commands_name).with({.deadline = patience});
  co_return co_await commands.call<&builtin::Commands::emit>(std::move(event), std::move(payload));
}

}  // namespace

int run_listen(const Common& common, const ListenCommand& command) {
  if (const auto pattern = core::Pattern::parse(command.pattern); !pattern) {
    complain(pattern.error().note, "such as build.done, build.* or build.**, in quotes: shells have * for files",
             &pattern.error());
    return code(Exit::usage);
  }
  if (command.pattern.ends_with('.')) {
    warn(fmt::format("\"{}\" fits that one name alone", command.pattern),
         fmt::format("{0}* is all that is one segment below it, {0}** all that is anywhere below it", command.pattern));
  }
  return with_hub(common,
                  [&](io::Loop& loop, Session& session) { return Listening(common, command, loop, session).run(); });
}

int run_emit(const Common& common, const EmitCommand& command) {
  if (core::is_private(command.event)) {
    complain(fmt::format("\"{}\" is private, and no hub passes it on", command.event),
             "names that begin with _ are of one process alone: choose another");
    return code(Exit::usage);
  }
  if (!command.payload.empty()) {
    if (const auto good = codec::check_json(command.payload); !good) {
      complain(fmt::format("the payload: {}", good.error().note),
               "it is one text of JSON, in quotes: '{\"done\": true}'; a text has its own: '\"done\"'", &good.error());
      return code(Exit::usage);
    }
  }
  return with_hub(common, [&](io::Loop& loop, Session& session) {
    const auto emitted = loop.run_until(ask_emit(session, command.event, command.payload));
    if (emitted) return code(Exit::ok);
    if (emitted.error().code == Code::method) {
      const Error error{Code::unsupported, "this hub has no commands and events"};
      complain(error);
      return exit_of(error);
    }
    return give_up(emitted.error());
  });
}

}  // namespace parley::cli
