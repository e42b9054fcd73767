#include "cli/top_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "async/scope.h"
#include "async/wait.h"
#include "cli/environment.h"
#include "cli/hub_session.h"
#include "cli/terminal.h"
#include "cli/top_sample.h"
#include "codec/json.h"
#include "os/process.h"
#include "os/terminal.h"
#include "os/termination.h"

namespace parley::cli {

namespace {

// The terminal's other screen, without its cursor; what was on it before comes back.
class OtherScreen {
 public:
  OtherScreen() { put("\x1b[?1049h\x1b[?25l\x1b[2J"); }
  ~OtherScreen() { put("\x1b[?25h\x1b[?1049l"); }
  OtherScreen(const OtherScreen&) = delete;
  OtherScreen& operator=(const OtherScreen&) = delete;

  // A line is cleared before it is written: behind the last column the terminal would take that column away again.
  static void show(const std::vector<std::string>& lines, std::size_t rows) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "\x1b[K" : "\r\n\x1b[K") + lines[i];
    if (lines.size() < rows) text += "\r\n\x1b[J";
    put(text);
  }
};

class Top {
 public:
  Top(const Common& common, const TopCommand& command, io::Loop& loop, Session& session)
      : common_(common),
        command_(command),
        loop_(loop),
        session_(session),
        client_(session.client<builtin::Hub>(builtin::hub_name).with({.deadline = patience})),
        is_live_(!common.json && !command.is_once && variable("TERM") != "dumb" && os::terminal_size()) {}

  int run() {
    if (is_live_) {
      const os::Termination termination([this] { loop_.post([this] { over_.set(); }); });
      const OtherScreen screen;
      loop_.run_until(until_over());
    } else {
      loop_.run_until(until_over());
    }
    return failure_ ? give_up(*failure_) : code(Exit::ok);
  }

 private:
  Task<void> until_over() {
    Scope scope(loop_);
    scope.spawn(sample_again());
    scope.spawn(watch());
    co_await over_.wait();
  }

  Task<void> watch() {
    const auto closed = co_await session_.closed();
    if (!failure_) failure_ = closed ? Error{Code::link_lost, "the hub has ended"} : closed.error();
    over_.set();
  }

  Task<void> sample_again() {
    const auto interval = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(command_.interval_s));
    std::optional<builtin::HubStats> before;
    for (Instant next = loop_.now();; next = std::max(next, loop_.now())) {
      auto stats = co_await client_.call<&builtin::Hub::stats>();
      if (!stats) {
        if (!session_.is_open()) co_return;  // watch() knows why
        failure_ = stats.error();
        break;
      }
      show(make_sample(*stats, before ? &*before : nullptr), !before);
      if (command_.is_once || !is_said()) break;
      before = std::move(*stats);
      next = next + interval;
      co_await Sleep(loop_, std::max(next, loop_.now()));
    }
    over_.set();
  }

  void show(TopSample sample, bool is_first) const {
    // What the hub tells of processes holds where the hub runs.
    const bool is_near = session_.peer().credentials.has_value();
    for (SessionSample& each : sample.sessions) {
      if (each.pid && is_near) each.process = os::process_name(*each.pid);
    }
    if (common_.json) return say(codec::to_json(sample));
    if (is_live_) {
      const os::TerminalSize size = os::terminal_size().value_or(os::TerminalSize());
      const ScreenOptions options{
          .rows = size.rows, .columns = size.columns, .with_color = variable("NO_COLOR").empty()};
      return OtherScreen::show(make_screen(sample, options), size.rows);
    }
    if (!is_first) say("");
    say(fmt::format("{}", fmt::join(make_screen(sample, {}), "\n")));
  }

  const Common& common_;
  const TopCommand& command_;
  io::Loop& loop_;
  Session& session_;
  Client<builtin::Hub> client_;
  const bool is_live_;
  Event over_;
  std::optional<Error> failure_;
};

}  // namespace

int run_top(const Common& common, const TopCommand& command) {
  return with_hub(common, [&](io::Loop& loop, Session& session) { return Top(common, command, loop, session).run(); });
}

}  // namespace parley::cli
