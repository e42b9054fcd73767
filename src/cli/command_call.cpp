#include "cli/command_call.h"

#include <fmt/format.h>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/command_help.h"
#include "cli/hub_session.h"
#include "cli/schema_flags.h"
#include "cli/terminal.h"
#include "codec/json_text.h"
#include "face/attach.h"
#include "os/terminal.h"
#include "os/termination.h"
#include "wire/command/meta.h"
#include "wire/command/progress.h"

namespace parley::cli {

namespace {

// Whoever types waits as long as he likes, and then says so.
constexpr Duration without_deadline = std::chrono::hours(24);

std::string quoted(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}

class CommandCalling {
 public:
  CommandCalling(const Common& common, const CallCommand& command, io::Loop& loop, Session& session,
                 const CommandDefinition& definition, std::string request)
      : common_(common),
        command_(command),
        loop_(loop),
        session_(session),
        name_(definition.id),
        request_(std::move(request)),
        shows_progress_(!common.json && os::is_terminal_of_errors()),
        registry_(loop) {}

  int run() {
    const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
    loop_.run_until(until_over());
    clear_progress();
    if (!answer_) {
      const Error cancelled{Code::cancelled, fmt::format("{} was told that nobody waits any more", name_)};
      complain(cancelled);
      return exit_of(cancelled);
    }
    return *answer_ ? show(**answer_) : explain(answer_->error());
  }

 private:
  Task<void> until_over() {
    Scope scope(loop_);
    scope.spawn(execute());
    co_await over_.wait();
  }

  Task<void> execute() {
    answer_.emplace(co_await ask());
    over_.set();
  }
  Task<Result<Registry::Answer>> ask() {
    co_await co_await attach(registry_, session_);
    ExecuteOptions options;
    options.deadline = without_deadline;
    if (command_.deadline_s) {
      options.deadline = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*command_.deadline_s));
    }
    options.meta = meta();
    options.on_progress = [this](std::string_view content) { tell(content); };
    co_return co_await registry_.execute_json(name_, request_, std::move(options));
  }
  std::string meta() const {
    std::string meta;
    for (const std::string& entry : command_.metadata) {
      const std::size_t equals = entry.find('=');
      meta = wire::command::with_meta_member(meta, entry.substr(0, equals), quoted(entry.substr(equals + 1)));
    }
    return meta;
  }

  void tell(std::string_view content) {
    const auto told = wire::command::read_progress(content);
    if (!told) return;
    if (const auto* const partial = std::get_if<wire::command::PartialResult>(&*told)) {
      clear_progress();
      say(common_.json ? content : partial->json);
    } else if (shows_progress_) {
      const auto& how_far = std::get<wire::command::HowFar>(*told);
      std::string line = fmt::format("{}", how_far.done);
      if (how_far.total) line += fmt::format(" of {}", *how_far.total);
      if (!how_far.message.empty()) line += "  " + codec::text_start(how_far.message);
      put_progress(without_controls(line));
    }
  }
  void put_progress(std::string_view line) {
    fmt::print(stderr, "\r\x1b[K{}", line);
    std::fflush(stderr);
    has_progress_ = true;
  }
  void clear_progress() {
    if (std::exchange(has_progress_, false)) put_progress("");
    has_progress_ = false;
  }

  int show(const Registry::Answer& answer) const {
    if (!answer.result.empty() && (common_.json || answer.result != "null")) {
      say(answer.result);
    } else if (common_.json) {
      say("null");
    }
    if (command_.detailed) say(fmt::format("beside it: {}", answer.meta.empty() ? "{}" : answer.meta));
    return code(Exit::ok);
  }
  int explain(const Error& error) const {
    switch (error.code) {
      case Code::failed:
        complain(fmt::format("{} fails: {}", name_, error.note.empty() ? to_string(error) : error.note), {}, &error);
        return code(Exit::own_error);
      case Code::deadline:
        complain(error, command_.deadline_s
                            ? fmt::format("it had {} s; --deadline SECONDS gives it longer", *command_.deadline_s)
                            : "--deadline SECONDS gives it longer");
        break;
      case Code::arguments:
        if (const auto said = in_flags(error.note)) {
          complain(fmt::format("{}: {} ({})", to_string(kind(error)), sentence(error.code), *said),
                   fmt::format("`parley call {} --help` shows what it takes", name_), &error);
          break;
        }
        [[fallthrough]];
      case Code::invalid: complain(error, fmt::format("`parley call {} --help` shows what it takes", name_)); break;
      case Code::not_found: complain(error, "it went just now; `parley list --commands` shows what there is"); break;
      case Code::sent_then_lost: complain(error, "whoever has it is gone; look whether it was done"); break;
      default: complain(error);
    }
    return exit_of(error);
  }

  // "at $.level: ... (line 1, column 10)" of what was said as flags: nobody has seen that line.
  std::optional<std::string> in_flags(std::string_view note) const {
    constexpr std::string_view begin = "at $.";
    if (!note.starts_with(begin) || command_.flags.empty() || !command_.arguments.empty()) return std::nullopt;
    note.remove_prefix(begin.size());
    return fmt::format("--{}", note.substr(0, note.rfind(" (line ")));
  }

  const Common& common_;
  const CallCommand& command_;
  io::Loop& loop_;
  Session& session_;
  const std::string name_;
  const std::string request_;
  const bool shows_progress_;
  bool has_progress_ = false;
  std::optional<Result<Registry::Answer>> answer_;
  Event over_;
  Registry registry_;
};

}  // namespace

int run_command(const Common& common, const CallCommand& command, io::Loop& loop, Session& session,
                const CommandDefinition& definition) {
  const SchemaFlags flags(request_schema(definition));
  if (command.wants_help) {
    say(common.json ? in_json({definition}) : command_help(definition, flags));
    return code(Exit::ok);
  }
  if (command.trace) {
    complain(fmt::format("{} is a command, and --trace is for methods of services", definition.id));
    return code(Exit::usage);
  }
  if (!command.feeds.empty()) {
    complain("the arguments of a command are flags, or one object of JSON in quotes", command_usage(definition, flags));
    return code(Exit::usage);
  }
  auto request = flags.request(command.arguments, command.flags);
  if (!request) {
    UsageMistake& mistake = request.error();
    if (mistake.hint.empty()) mistake.hint = command_usage(definition, flags);
    complain(mistake.line, mistake.hint);
    return code(Exit::usage);
  }
  return CommandCalling(common, command, loop, session, definition, *std::move(request)).run();
}

}  // namespace parley::cli
