#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/instant.h"
#include "core/outbox/ticket.h"
#include "core/outbox/ticket_window.h"
#include "core/window/receive_window.h"

namespace parley::core {

struct OutboxReceiverLimits {
  std::uint32_t commands_max = 1024;                     // without a result, of one outbox
  std::size_t bytes_max = std::size_t{4} << 20;          // of these; one may be longer
  std::uint32_t at_once = 64;                            // of these, those that are given out; 1: one after another
  Duration deadline_max = std::chrono::hours(24);        // from when it came, whatever its sender says
  std::uint32_t results_max = 4096;                      // commands, and results that are not acknowledged
  std::size_t results_bytes_max = std::size_t{4} << 20;  // of these; beyond it nothing more is started
};

struct OutboxReceiverCounters {
  std::uint64_t received = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t voids = 0;
  std::uint64_t started = 0;
  std::uint64_t expired = 0;
  std::uint64_t refused = 0;    // there was no room to keep them
  std::uint64_t cancelled = 0;  // before they were started
  std::uint64_t cancels_too_late = 0;
  std::uint64_t results[6] = {};  // by their kind
  std::uint64_t results_resent = 0;
  std::uint64_t sessions = 0;
  std::uint64_t sessions_replaced = 0;
  std::uint64_t sessions_stale = 0;

  void add(const OutboxReceiverCounters& other);
};

// The other end of one Outbox: starts each command once, in the order in which it was sent, and keeps each result until
// the outbox has it. As long as this object lives it is one life of the peer. Who tells it what happens carries out its
// effects, in order, after each call.
class OutboxReceiver {
 public:
  using Session = std::uint64_t;  // from 1; none is used twice
  using Frame = std::vector<std::uint8_t>;

  // --- what is to be said to the outbox, see next()
  struct Answer {
    Session session;
    std::uint32_t number;
    Ticket ticket;
    std::shared_ptr<const TicketResult> result;
    std::optional<std::uint32_t> received;  // to acknowledge along with it
  };
  struct Acknowledge {
    Session session;
    std::uint32_t received;
  };
  using Said = std::variant<Answer, Acknowledge>;

  // --- what is to be done
  struct Start {
    Ticket ticket;
    Instant deadline;
    Frame frame;
  };
  // It is not wanted any more: if it has not begun, cancelled() is its end.
  struct Stop {
    Ticket ticket;
  };
  // That session is over here.
  struct Close {
    Session session;
    Error why;
  };
  using Effect = std::variant<Start, Stop, Close>;
  using Effects = std::vector<Effect>;

  // The incarnation tells this life from others, of any receiver.
  OutboxReceiver(std::uint64_t incarnation, OutboxReceiverLimits limits);
  OutboxReceiver(const OutboxReceiver&) = delete;
  OutboxReceiver& operator=(const OutboxReceiver&) = delete;

  // --- the session
  // A new one; the one before is over. welcomed() once the outbox has been told. Errors: link_lost, where this is not
  // the outbox that it was.
  struct Attached {
    Session session;
    OutboxWelcome welcome;
  };
  Result<Attached> attach(const OutboxHello& hello, Effects& effects);
  // What it has not acknowledged is said again.
  void welcomed(Session session);
  struct Item {
    std::uint32_t number;
    Ticket ticket;
    Instant deadline;
    std::optional<Frame> frame;  // none: the number is taken
    bool may_keep = true;        // whether there is room for it where all receivers keep theirs
  };
  void take(Session session, Item item, Instant now, Effects& effects);
  // Nothing happens to one that has begun: its result says what became of it.
  void cancel(Session session, Ticket ticket, Instant now, Effects& effects);
  // The outbox has all results up to this number.
  void acknowledged(Session session, std::uint32_t last, Instant now, Effects& effects);
  void detach(Session session);
  // Whether next() has something.
  bool has_next() const;
  // What is to be said now, in the current session, by whoever can say it at once: nothing waits but here.
  std::optional<Said> next();
  // That could not be said, because of what it is: its ticket ends unknown. The last one that next() gave.
  void unsayable(const Answer& answer, const Error& why);
  // Nothing more comes in this turn: what is not acknowledged with a result is so by itself.
  void flush() { is_flushing_ = true; }

  // --- what runs
  // What a Start gave out runs from now on; before, it may wait for whoever can run it.
  void begun(Ticket ticket);
  // The end of a Start.
  void finished(Ticket ticket, TicketResult result, Instant now, Effects& effects);
  Instant next_deadline() const { return due_.empty() ? Instant::never() : due_.begin()->first; }
  void on_time(Instant now, Effects& effects);

  // --- what there is
  enum class Stage : std::uint8_t { waiting, given_out, running, over };
  struct TicketState {
    Stage stage;
    std::shared_ptr<const TicketResult> result;  // of one that is over
  };
  // Nothing of a ticket that never came, and of one whose result the outbox has.
  std::optional<TicketState> state(Ticket ticket) const;
  bool is_attached() const { return is_attached_; }
  std::size_t waiting() const { return waiting_.size() + given_out_; }  // those that have not begun
  std::size_t running() const { return running_; }
  std::size_t results() const { return results_.size() + ended_.size(); }
  std::size_t results_bytes() const { return results_bytes_; }
  std::size_t command_bytes() const { return command_bytes_; }  // of those that wait or run
  // Whether it has had anything of the outbox.
  bool is_fresh() const { return !received_.last(); }
  std::uint64_t incarnation() const { return incarnation_; }
  // When the oldest without a result came.
  std::optional<Instant> oldest() const;
  const OutboxReceiverLimits& limits() const { return limits_; }
  const OutboxReceiverCounters& counters() const { return counters_; }

 private:
  friend class OutboxProbe;  // the model check tells states apart by it

  struct Entry {
    Stage stage;
    std::uint64_t order;
    Instant came;
    Instant deadline;
    std::size_t bytes;
    Frame frame = {};  // of one that waits
    std::shared_ptr<const TicketResult> result = {};
  };
  using Entries = std::map<Ticket, Entry>;

  bool check_current(Session session);
  Result<void> check(const Item& item) const;
  void break_session(Error why, Effects& effects);
  void stop_waiting(Entries::iterator entry);
  void end(Entries::iterator entry, TicketResult result);
  void change(Entry& entry, TicketResult result);
  Answer say(std::uint32_t number, Ticket ticket);
  bool is_said(std::uint32_t number) const;
  std::optional<std::uint32_t> received_to_acknowledge();
  void start_next(Instant now, Effects& effects);
  void forget(Ticket ticket);

  const std::uint64_t incarnation_;
  const OutboxReceiverLimits limits_;
  Entries entries_;                           // all whose result the outbox has not acknowledged
  std::map<std::uint64_t, Ticket> waiting_;   // in the order in which they came
  std::set<std::pair<Instant, Ticket>> due_;  // of those that wait
  std::uint64_t last_order_ = 0;
  std::size_t command_bytes_ = 0;
  std::size_t given_out_ = 0;  // of which nothing is known yet
  std::size_t running_ = 0;
  std::size_t results_bytes_ = 0;
  ReceiveWindow received_;
  std::optional<std::uint32_t> received_acknowledged_;
  TicketWindow results_;      // that were said, and are not acknowledged
  std::uint32_t unsaid_ = 0;  // the first of these that was not said in this session
  std::deque<Ticket> ended_;  // whose results were never said
  bool is_welcomed_ = false;
  bool is_flushing_ = false;
  Session last_session_ = 0;
  bool is_attached_ = false;
  OutboxReceiverCounters counters_;
};

}  // namespace parley::core
