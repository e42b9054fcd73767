#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "sim/coverage.h"
#include "sim/trace.h"
#include "sim/verdicts.h"

namespace parley::sim {

// Whether what a caller has to tell its peer can leave.
class Way {
 public:
  enum class State : std::uint8_t {
    open,
    blocked,  // the link takes nothing for now
    gone,     // the session is over
  };
  virtual State state() const = 0;
  virtual bool is_silent() const = 0;        // one direction carries nothing, and nobody knows
  virtual bool may_breach() const = 0;       // something on the link breaks the rules
  virtual bool may_still_leave() const = 0;  // the session is over, and what it had committed is still written
  virtual bool is_foreign() const = 0;       // the peer is not told what only Parley knows, and does not tell

 protected:
  ~Way() = default;
};

// How a call ended for its caller.
struct Ending {
  enum class What : std::uint8_t { value, own_error, error };
  What what = What::value;
  bool is_right = true;   // value and own error: what the arguments lead to
  Code code = Code::bug;  // of an error
};

// The life of every call of a run as its caller, the wire and its handler see it, and whether these agree. Calls are
// known by tickets, which travel as their first argument.
class CallBook {
 public:
  CallBook(Verdicts& verdicts, Coverage& coverage, Trace& trace)
      : verdicts_(verdicts), coverage_(coverage), trace_(trace) {}

  // --- the caller
  struct Start {
    std::string_view method;
    const Way* way = nullptr;  // outlives the call; null: gone
    std::optional<Instant> deadline{};
    std::optional<Code> expected{};  // the error that the handler is to end with
  };
  std::uint64_t start(const Start& start);
  void end(std::uint64_t ticket, const Ending& ending, Instant now);
  enum class Drop : std::uint8_t { by_choice, with_task };
  void drop(std::uint64_t ticket, Drop how);

  // --- the wire
  void on_call_written(std::uint64_t ticket) { calls_[ticket].is_written = true; }
  void on_response_read(std::uint64_t ticket);
  void on_cancel_written(std::uint64_t ticket);
  void on_cancel_read(std::uint64_t ticket);

  // --- the handler
  void on_handler_started(std::uint64_t ticket);
  void on_handler_ended(std::uint64_t ticket, bool has_finished, bool is_session_over, Instant now);
  std::uint64_t handlers_alive() const { return handlers_alive_; }

  // Nothing is left to do at the present time.
  void check_moment();
  // Nothing will happen any more.
  void check_end();

  std::uint64_t open_count() const { return open_count_; }
  std::uint64_t size() const { return calls_.size(); }

 private:
  enum class State : std::uint8_t { open, ended, dropped };
  struct Record {
    Start start;
    State state = State::open;
    Ending ending;
    std::uint32_t executions = 0;
    bool is_handler_alive = false;
    bool is_written = false;
    bool is_response_read = false;
    bool is_cancel_written = false;
    bool is_cancel_read = false;
  };
  void fail(std::string_view checker, std::uint64_t ticket, std::string_view what);
  bool is_cancel_settled(std::uint64_t ticket);
  void check_ending(std::uint64_t ticket, const Record& call, Instant now);
  void check_error(std::uint64_t ticket, const Record& call);
  void cover_ending(const Record& call, Instant now);
  void cover_error(const Record& call, Instant now);

  Verdicts& verdicts_;
  Coverage& coverage_;
  Trace& trace_;
  std::map<std::uint64_t, Record> calls_;
  std::vector<std::uint64_t> cancels_due_;  // dropped here; the peer may know of them
  std::vector<std::uint64_t> stops_due_;    // whose Cancel has arrived
  std::uint64_t next_ticket_ = 1;
  std::uint64_t open_count_ = 0;
  std::uint64_t handlers_alive_ = 0;
};

}  // namespace parley::sim
