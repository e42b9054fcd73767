#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "core/mcp/tool.h"
#include "wire/mcp/jsonrpc.h"
#include "wire/mcp/version.h"

namespace parley::core::mcp {

// The client's side of one MCP session: it introduces itself, keeps the server's list of tools current and calls them.
// Owned by whoever carries its messages and does what its effects say, in their order; calls on_time() when
// next_deadline() has come. Every call ends once, with one Finished, after end() or a session that failed too.
class Client {
 public:
  struct Options {
    Implementation self;
    Duration handshake_max = std::chrono::seconds(30);
    Duration list_max = std::chrono::seconds(30);  // for one page of the list
    std::size_t calls_max = 1024;                  // at once
    std::size_t pages_max = 1024;
    std::size_t tools_max = 4096;
    std::size_t tools_bytes_max = std::size_t{16} << 20;
    wire::mcp::MessageBounds message = {.bytes_max = std::size_t{16} << 20};
  };
  explicit Client(Options options) : options_(std::move(options)) {}

  // A message for the server, in one line without its end. Requests bear their number, of which HTTP knows whose
  // response it waits for; 0: no response is due. One that gives an earlier request up bears the number of that in
  // `cancelled`: whoever carries it waits for its response no longer.
  struct Send {
    std::string text;
    std::uint64_t request = 0;
    std::uint64_t cancelled = 0;
  };
  // The server is who it says, and its tools are being listed.
  struct Ready {};
  // All of them, in the place of those before.
  struct Tools {
    std::vector<Tool> tools;
  };
  // The list could not be had, and is what it was before. The session goes on.
  struct ListFailed {
    Error why;
  };
  struct Progress {
    std::uint64_t call = 0;
    double done = 0;
    std::optional<double> total;
    std::string message;
  };
  // The value of the tool as JSON, "null" for none; several or other content items than one text as
  // {"content":[...]}.
  struct Finished {
    std::uint64_t call = 0;
    Result<std::string> value;
  };
  // The session cannot begin; nothing more is said.
  struct Failed {
    Error why;
  };
  using Effect = std::variant<Send, Ready, Tools, ListFailed, Progress, Finished, Failed>;
  using Effects = std::vector<Effect>;

  void begin(Instant now, Effects& effects);
  void on_message(std::string_view text, Instant now, Effects& effects);
  // No response to the request with that number can come. One that is over is left alone.
  void on_request_failed(std::uint64_t request, Error why, Instant now, Effects& effects);
  Instant next_deadline() const;
  void on_time(Instant now, Effects& effects);

  struct CallOptions {
    Instant deadline = Instant::never();
    bool wants_progress = false;
    std::string meta;  // further members of the request's _meta: a JSON object, or empty
  };
  // Errors: unexpected (before Ready), closed, too_many_calls, json (the arguments are no object).
  Result<std::uint64_t> call(std::string_view tool, std::string_view arguments, const CallOptions& options,
                             Effects& effects);
  // Nobody waits for it any more: it ends with `cancelled`. A call that is over is left alone.
  void cancel(std::uint64_t call, std::string_view reason, Effects& effects);
  // The link to the server is gone or has been given up. Every call ends: it was sent, and may have been done.
  void end(const Error& why, Effects& effects);

  bool is_ready() const { return state_ == State::ready; }
  bool is_ended() const { return state_ == State::ended; }
  // Of the session, once it is ready.
  wire::mcp::Version version() const { return version_; }
  const Implementation& peer() const { return peer_; }
  const std::string& instructions() const { return instructions_; }
  std::size_t in_flight() const { return calls_.size(); }

  struct Counters {
    std::uint64_t messages_malformed = 0;
    std::uint64_t responses_late = 0;     // to a request that had ended here
    std::uint64_t responses_unknown = 0;  // to no request of ours
    std::uint64_t requests_refused = 0;   // the server's, all but pings
    std::uint64_t results_malformed = 0;
    std::uint64_t progress_dropped = 0;  // not above the last, or of no call
    std::uint64_t tools_dropped = 0;     // without a name, or with that of another
    std::uint64_t deadlines_passed = 0;
    std::uint64_t lists_failed = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  using Message = wire::mcp::Message;
  enum class State : std::uint8_t { idle, introduced, ready, ended };
  struct Call {
    std::string tool;
    Instant deadline = Instant::never();
    bool wants_progress = false;
    std::optional<double> progress_last;
  };
  // One that is under way: its tools so far.
  struct Listing {
    std::uint64_t request = 0;
    std::size_t pages = 0;
    std::size_t bytes = 0;
    std::vector<Tool> tools;
    std::set<std::string, std::less<>> names;
  };

  void on_response(const Message& message, Instant now, Effects& effects);
  void on_request(const Message& message, Effects& effects);
  void on_notification(const Message& message, Instant now, Effects& effects);
  void on_introduced(const Message& message, Instant now, Effects& effects);
  void on_page(const Message& message, Instant now, Effects& effects);
  void on_progress(std::string_view params, Effects& effects);
  void finish(std::map<std::uint64_t, Call>::iterator call, Result<std::string> value, Effects& effects);
  void fail_session(Error why, Effects& effects);
  void begin_list(Instant now, Effects& effects);
  void ask_page(std::string_view params, Instant now, Effects& effects);
  void end_list(Result<void> outcome, Instant now, Effects& effects);
  // Gives the parameters to ask for the next page with; empty: there is none.
  Result<std::string> add_page(std::string_view result);
  Result<std::string> value_of(const Call& call, const Message& message);
  static void send_cancelled(std::uint64_t request, std::string_view reason, Effects& effects);

  Options options_;
  State state_ = State::idle;
  wire::mcp::Version version_ = wire::mcp::version_latest;
  Implementation peer_;
  std::string instructions_;
  bool has_tools_ = false;
  std::uint64_t next_id_ = 1;
  std::uint64_t introduction_ = 0;  // the number of our initialize
  std::map<std::uint64_t, Call> calls_;
  std::set<std::pair<Instant, std::uint64_t>> deadlines_;  // of calls
  std::optional<Listing> listing_;
  bool is_list_old_ = false;                         // since the listing that is under way began
  Instant own_deadline_ = Instant::never();          // of the introduction, or of the page that was asked for
  std::map<std::string, bool, std::less<>> listed_;  // the tools; whether each has a schema of its result
  Counters counters_;
};

}  // namespace parley::core::mcp
