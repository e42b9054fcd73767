#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/hub_session.h"
#include "cli/record_commands.h"
#include "cli/recording_file.h"
#include "cli/terminal.h"
#include "cli/token.h"
#include "cli/trusted.h"
#include "codec/json.h"
#include "core/rerun/rerun.h"
#include "face/loop.h"
#include "runtime/framed_link.h"
#include "wire/frame.h"

namespace parley::cli {

namespace {

constexpr std::size_t differences_shown_max = 10;

// Carries out what a Rerun says, until it is done or got no further for so long.
class Replay {
 public:
  Replay(io::Loop& loop, const std::string& to, Duration patience, core::Rerun& rerun)
      : loop_(loop), to_(to), patience_(patience), rerun_(rerun) {}

  // Nothing, or why there is nobody to be asked.
  Task<std::optional<Error>> run() {
    std::uint64_t progress = 0;
    Instant until = loop_.executor().now() + patience_;
    for (;;) {
      while (const auto action = rerun_.next()) {
        if (auto failed = co_await carry_out(*action)) co_return failed;
      }
      if (rerun_.is_done()) break;
      // A server that only pings is there, and still does not answer.
      if (const std::uint64_t now = rerun_.progress(); now != progress) {
        progress = now;
        until = loop_.executor().now() + patience_;
      }
      if (!co_await wait(until)) {
        gave_up_ = fmt::format("it got no further; awaited was {}", rerun_.awaited());
        co_return std::nullopt;
      }
    }
    // What comes beyond the recording shows until the server ends, too.
    for (auto& [session, link] : links_) link->finish();
    until = loop_.executor().now() + patience_;
    while (std::ranges::any_of(links_, [](const auto& each) { return !each.second->is_over; })) {
      if (!co_await wait(until)) break;
      while (const auto action = rerun_.next()) co_await carry_out(*action);
    }
    co_return std::nullopt;
  }
  const std::string& gave_up() const { return gave_up_; }

 private:
  struct Link final : io::LinkEvents {
    Link(Replay& replay, std::uint64_t session, std::unique_ptr<io::Stream> stream)
        : replay(replay), session(session), framed(replay.loop_, std::move(stream), Limits()) {
      framed.start(*this);
    }
    void finish() {
      if (!std::exchange(has_finished, true) && !is_over) framed.finish();
    }
    bool on_message(ByteView message, Block*) override {
      replay.rerun_.on_message(session, message);
      replay.news_.set();
      return true;
    }
    void on_link_ended(const Error* error) override {
      is_over = true;
      replay.rerun_.on_end(session, error ? std::optional(*error) : std::nullopt);
      replay.news_.set();
    }
    void on_link_drained() override {}

    Replay& replay;
    std::uint64_t session;
    bool is_over = false;
    bool has_finished = false;
    runtime::FramedLink framed;
  };

  Task<std::optional<Error>> carry_out(core::Rerun::Action action) {
    using enum core::Rerun::Action::What;
    if (action.what == open) {
      auto stream = co_await dial_trusted(loop_, to_);
      if (!stream) co_return stream.error();
      links_.emplace(action.session, std::make_unique<Link>(*this, action.session, std::move(*stream)));
      co_return std::nullopt;
    }
    const auto found = links_.find(action.session);
    if (found == links_.end() || found->second->is_over) co_return std::nullopt;
    if (action.what == finish) {
      found->second->finish();
    } else if (!found->second->has_finished) {
      OutBuffer& out = found->second->framed.out();
      std::uint8_t* const cursor = wire::begin_frame(out, action.message.size());
      wire::end_frame(out, std::ranges::copy(action.message, cursor).out);
      found->second->framed.committed();
    }
    co_return std::nullopt;
  }

  // False: it is that late, whatever came.
  Task<bool> wait(Instant until) {
    bool has_waited_enough = false;
    Scope scope(loop_.executor());
    scope.spawn(sound(until, has_waited_enough));
    co_await news_.wait();
    news_.reset();
    co_return !has_waited_enough;
  }
  Task<void> sound(Instant until, bool& has_waited_enough) {
    co_await Sleep(loop_.executor(), until);
    has_waited_enough = true;
    news_.set();
  }

  io::Loop& loop_;
  const std::string& to_;
  Duration patience_;
  core::Rerun& rerun_;
  std::map<std::uint64_t, std::unique_ptr<Link>> links_;
  Event news_;
  std::string gave_up_;
};

struct Told {
  std::uint64_t session = 0;
  std::string what;
  std::optional<std::string> recorded;
  std::optional<std::string> now;
};
struct Outcome {
  bool same = true;
  std::uint64_t sessions = 0;
  std::uint64_t compared = 0;
  std::vector<Told> differences;
  std::vector<std::string> left_out;
  std::optional<std::string> hint;
};

// What to do where the server lets somebody in no more, which is seldom what was to be compared.
std::optional<std::string> hint_of(const core::Rerun& rerun, bool has_token) {
  constexpr std::string_view give_token = "give --token-file PATH";
  if (!rerun.rejected_names().empty()) {
    const std::string start = fmt::format("start the worker that provides {}", fmt::join(rerun.rejected_names(), ", "));
    return has_token ? fmt::format("{}, or give a token that may call it", start)
                     : fmt::format("{}, or {}", start, give_token);
  }
  if (rerun.is_turned_away() && !has_token) return fmt::format("if the server asks for a token, {}", give_token);
  return std::nullopt;
}

Outcome outcome_of(const core::Rerun& rerun, const std::string& gave_up) {
  Outcome outcome{.sessions = rerun.sessions(), .compared = rerun.compared(), .left_out = rerun.left_out()};
  for (const core::Rerun::Difference& one : rerun.differences()) {
    const auto said = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
    outcome.differences.push_back({one.session, one.what, said(one.recorded), said(one.now)});
  }
  if (!gave_up.empty()) outcome.differences.push_back({.session = 0, .what = gave_up});
  outcome.same = outcome.differences.empty();
  return outcome;
}

void tell(const Outcome& outcome) {
  for (const std::string& left : outcome.left_out) warn(left);
  const std::string counts = fmt::format("sessions: {}, answers compared: {}", outcome.sessions, outcome.compared);
  if (outcome.same) return say(fmt::format("the same ({})", counts));
  say(fmt::format("different ({}, differences: {})", counts, outcome.differences.size()));
  for (std::size_t i = 0; i < std::min(outcome.differences.size(), differences_shown_max); ++i) {
    const Told& one = outcome.differences[i];
    say(one.session == 0 ? one.what : fmt::format("session {}: {}", one.session, one.what));
    if (!one.recorded && !one.now) continue;
    say(fmt::format("  recorded: {}", one.recorded.value_or("nothing")));
    say(fmt::format("  now:      {}", one.now.value_or("nothing")));
  }
  if (outcome.hint) say(fmt::format("hint: {}", *outcome.hint));
}

// A pattern without an effect is probably a mistake of writing, and no reason not to compare.
void warn_of_idle(const std::vector<core::Pattern>& ignored, const LoadedRecording& recording) {
  const std::set<std::string> methods = contents_of(recording).methods;
  for (const core::Pattern& pattern : ignored) {
    if (std::ranges::any_of(methods, [&](const std::string& method) { return pattern.matches(method); })) continue;
    warn(fmt::format("--ignore: no method of the recording matches {}", pattern.text()),
         method_hint(pattern.text(), methods));
  }
}

}  // namespace

int run_replay(const Common& common, const ReplayCommand& command) {
  core::RerunOptions options;
  for (const std::string& text : command.ignored) {
    auto pattern = core::Pattern::parse(text);
    if (!pattern) {
      complain(fmt::format("--ignore: {}", pattern.error().note), "say a pattern, such as 'Clock.*'", &pattern.error());
      return code(Exit::usage);
    }
    options.ignored.push_back(std::move(*pattern));
  }
  auto token = client_token(common.token_file);
  if (!token) {
    complain(fmt::format("the token: {}", to_string(token.error())), {}, &token.error());
    return code(Exit::usage);
  }
  if (!token->empty()) options.token = std::move(*token);
  int exit = code(Exit::ok);
  const auto loaded = load_recording(command.file, exit);
  if (!loaded) return exit;
  for (const std::string& fault : loaded->faults) warn(fmt::format("{}: {}", command.file, fault));
  warn_of_idle(options.ignored, *loaded);
  const bool has_token = options.token.has_value();
  core::Rerun rerun(loaded->records, loaded->catalog, std::move(options));
  if (rerun.sessions() == 0) {
    for (const std::string& left : rerun.left_out()) warn(left);
    complain(fmt::format("{} has no session that could be said again", command.file),
             "`parley show` shows what is in it");
    return code(Exit::usage);
  }
  Loop loop({.tls = tls_of_environment()});
  Replay replay(loop, command.to,
                std::chrono::duration_cast<Duration>(std::chrono::duration<double>(command.deadline_s)), rerun);
  if (const auto failed = loop.run_until(replay.run())) {
    complain(fmt::format("nobody to be asked at {}: {}", command.to, to_string(*failed)),
             "start what is to be compared, and say where it listens: parley replay FILE ADDRESS", &*failed);
    return failed->code == Code::uri ? code(Exit::usage) : code(Exit::no_hub);
  }
  Outcome outcome = outcome_of(rerun, replay.gave_up());
  outcome.hint = hint_of(rerun, has_token);
  if (common.json) {
    say(codec::to_json(outcome));
  } else {
    tell(outcome);
  }
  return outcome.same ? code(Exit::ok) : exit_different;
}

}  // namespace parley::cli
