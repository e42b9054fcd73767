#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "runtime/commands/registry.h"
#include "runtime/hostpipe/pipe_lines.h"
#include "wire/hostpipe/line.h"

namespace parley {

struct HostpipeClientOptions {
  std::uint32_t pid = 0;   // of this process
  std::string token = {};  // for a launcher that asks for one
  // What the launcher wants is the command of the registry with this before it, and what it tells is the event.
  std::string command_prefix = "host.";
  std::string event_prefix = "launcher.";
  // The report that answers a command, where it is not called as that: {"spawn_pool_window", "pool_window_added"}.
  std::map<std::string, std::string, std::less<>> reports = {};
  std::string alive = "ui_thread_alive";  // what answers a probe
  std::uint32_t commands_max = 256;       // that run at once
  std::uint32_t probes_max = 16;          // beside these
  std::uint32_t answers_kept_max = 256;   // of commands that have run, in case they are said again
  std::size_t line_bytes_max = std::size_t{16} << 20;
  std::size_t said_bytes_max = std::size_t{1} << 20;    // of a line to the launcher, which drops longer ones
  std::size_t unsent_bytes_max = std::size_t{4} << 20;  // which the launcher does not read
  Duration write_max = std::chrono::seconds(5);         // in which what waits for it has to leave
  Duration register_max = std::chrono::seconds(5);
};

struct HostpipeClientCounters {
  std::uint64_t skipped = 0;  // lines that are neither a command nor an event
  std::uint64_t lines_too_long = 0;
  std::uint64_t commands = 0;        // that ran, or could not
  std::uint64_t failed = 0;          // of these
  std::uint64_t commands_again = 0;  // that had been said before
  std::uint64_t events = 0;
  std::uint64_t events_again = 0;    // of a version that was told before
  std::uint64_t gaps = 0;            // in these
  std::uint64_t events_unnamed = 0;  // which no event of the registry may be called
  std::uint64_t refusals = 0;        // errors that the launcher told
};

// This process as the host of a launcher of the origin: its commands are those of a registry, their ends are reports,
// and what it tells are events there. A command of a saga runs once, also where it is said twice. No answer is lost
// while the pipe is there: a launcher that does not take one is given up. Outlived by its registry, on whose loop it
// is; destroying it closes the pipe.
class HostpipeClient final : private runtime::PipeLinesEvents {
 public:
  // Over a pipe that has been dialled; dial_hostpipe() does both.
  HostpipeClient(Registry& registry, std::unique_ptr<io::Stream> stream, HostpipeClientOptions options);
  ~HostpipeClient();
  HostpipeClient(const HostpipeClient&) = delete;
  HostpipeClient& operator=(const HostpipeClient&) = delete;

  // Registers, and waits until the launcher has agreed. Once. Errors: refused (with what it says), timed_out,
  // link_lost, closed.
  Task<Result<void>> start();
  // Waits until the launcher is gone, or leave(), and says why.
  Task<Error> gone();
  // A fact, `window_opened`; its payload is an object as JSON, or empty. Errors: link_lost, overloaded,
  // too_large, json.
  Result<void> report(std::string_view fact, std::string_view payload = {});
  // Says goodbye; commands that run go on, and nobody hears of their end.
  void leave();

  const HostpipeClientCounters& counters() const { return counters_; }
  std::size_t commands_running() const { return commands_.size(); }

 private:
  using Key = std::pair<std::uint64_t, std::string>;  // of a saga, and what it wants
  struct Deadline final : Timer {
    explicit Deadline(HostpipeClient& owner) : Timer(&Deadline::fire), client(owner) {}
    static void fire(Timer& timer) {
      static_cast<Deadline&>(timer).client.end({Code::timed_out, "the launcher did not agree in time"});
    }
    HostpipeClient& client;
  };

  void on_line(std::string_view line) override;
  void on_long_line() override { ++counters_.lines_too_long; }
  void on_stuck() override;
  void on_pipe_end(std::optional<Error> why) override;

  void take(wire::hostpipe::Command command);
  void take(const wire::hostpipe::Event& event);
  bool is_news(const wire::hostpipe::Event& event);
  static Task<void> run(HostpipeClient& client, wire::hostpipe::Command command);
  Result<wire::hostpipe::HostBody> answer_of(const wire::hostpipe::Command& command, std::string_view result);
  void keep(const Key& key, std::string line);
  Result<void> say(std::string_view line);
  void answer(std::string_view line);
  void end(Error why);

  Registry& registry_;
  const HostpipeClientOptions options_;
  HostpipeClientCounters counters_;
  std::uint64_t version_ = 0;            // that was told last
  std::map<Key, std::string> answered_;  // empty: it runs
  std::deque<Key> order_;                // of those that have ended
  bool has_registered_ = false;
  std::optional<Error> ended_;
  Event agreed_;  // or it has ended
  Event gone_;
  Deadline deadline_{*this};
  runtime::PipeLines lines_;
  Scope commands_;
  Scope probes_;
};

// The host of the launcher that listens at an address, once that has agreed. Errors: those of dialling and of
// HostpipeClient::start().
Task<Result<std::unique_ptr<HostpipeClient>>> dial_hostpipe(Registry& registry, std::string uri,
                                                            HostpipeClientOptions options);

}  // namespace parley
