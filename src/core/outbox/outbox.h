#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/histogram.h"
#include "base/instant.h"
#include "core/outbox/ticket.h"
#include "core/outbox/ticket_window.h"
#include "core/window/receive_window.h"

namespace parley::core {

struct OutboxLimits {
  std::uint32_t commands_max = 64;                         // without a result; those that wait for room come on top
  std::size_t bytes_max = std::size_t{1} << 20;            // of these
  std::uint32_t group_commands_max = 32;                   // of these, of one group
  std::uint32_t waiting_max = 64;                          // that wait for room
  std::size_t waiting_bytes_max = std::size_t{1} << 20;    // of these
  std::uint32_t results_kept = 256;                        // the last ones, for whoever asks what became of a ticket
  Duration outage_max = std::chrono::seconds(30);          // without a session, also before the first
  Duration acknowledge_within = std::chrono::seconds(10);  // then a peer that says nothing is as good as dead
  Duration answer_within = std::chrono::seconds(1);        // beyond its deadline, to say what became of a command
};

// What becomes of a command where there is no room.
enum class OutboxWhenFull : std::uint8_t {
  reject,             // send() fails
  drop_oldest,        // the oldest one of this kind that has not been sent gives way
  wait,               // until there is room, or the deadline
  only_if_connected,  // send() fails; and also without a session, and no later session gets it
};

struct OutboxCounters {
  struct ByClass {
    std::uint64_t counts[4] = {};
    std::uint64_t& operator[](OutboxWhenFull when_full) { return counts[static_cast<std::size_t>(when_full)]; }
    std::uint64_t operator[](OutboxWhenFull when_full) const { return counts[static_cast<std::size_t>(when_full)]; }
    std::uint64_t sum() const { return counts[0] + counts[1] + counts[2] + counts[3]; }
  };

  ByClass accepted = {};
  ByClass rejected = {};     // for want of room; there was no ticket
  ByClass evicted = {};      // by a newer one that may
  ByClass coalesced = {};    // of the same key, by a newer one
  std::uint64_t waited = 0;  // for room
  std::uint64_t not_connected = 0;
  std::uint64_t sent = 0;
  std::uint64_t resent = 0;  // to the same life of the peer
  std::uint64_t voided = 0;  // sent without their command
  std::uint64_t acknowledged = 0;
  std::uint64_t results_repeated = 0;
  std::uint64_t results_late = 0;         // of a ticket that had one
  std::uint64_t cancelled_queued = 0;     // had not been sent
  std::uint64_t cancelled_in_flight = 0;  // the peer had not started it
  std::uint64_t cancels_too_late = 0;     // it was started, or has its result
  std::uint64_t sessions = 0;
  std::uint64_t sessions_replaced = 0;
  std::uint64_t sessions_stale = 0;  // something was said of one that is over
  std::uint64_t silences = 0;        // sessions that ended because the peer acknowledged nothing
  std::uint64_t restarts = 0;        // of the peer
  std::uint64_t results[6] = {};     // by their kind
};

// Commands to one peer, kept until there is a result of each: exactly one, through outages, reconnects and restarts of
// the peer. Who tells it what happens carries out its effects, in order, after each call. Rules K-01 to K-12 of the
// reference of delivery; the other end is OutboxReceiver.
//
// The peer is one that may come and go. A session is one relation to it, fenced by its number: what is said of one that
// is over does nothing. A life of the peer begins when it does not know what it was sent; what was sent to the one
// before may have been applied, or not.
class Outbox {
 public:
  using Session = std::uint64_t;  // from 1; none is used twice
  // Of what a peer says that it has room for, so much counts.
  static constexpr std::uint32_t room_max = 65536;

  // What happens where there is no room.
  using WhenFull = OutboxWhenFull;
  // To which life of the peer it may go.
  enum class Incarnation : std::uint8_t {
    same,  // to the one that is there now, or where none is known comes first
    any,   // also to a later one, also if one before may have applied it
  };
  using Frame = std::shared_ptr<const std::vector<std::uint8_t>>;
  struct Command {
    Frame frame;        // encoded; not null
    std::string group;  // empty: none
    std::string key;    // not empty: takes the place of one with this key that has not been sent
    Instant deadline;   // to be started
    Incarnation incarnation = Incarnation::same;
    WhenFull when_full = WhenFull::reject;
  };

  // --- what is to be said to the peer, see next()
  // Without a frame: the number is taken, and there is nothing to apply.
  struct Send {
    Session session;
    std::uint32_t number;
    Ticket ticket;
    Instant deadline;
    Frame frame;
    std::optional<std::uint32_t> results;  // to acknowledge along with it
  };
  struct Cancel {
    Session session;
    Ticket ticket;
  };
  struct Acknowledge {
    Session session;
    std::uint32_t results;
  };
  using Said = std::variant<Send, Cancel, Acknowledge>;

  // --- what is to be done
  // That session is over here.
  struct Close {
    Session session;
    Error why;
  };
  struct Finished {
    Ticket ticket;
    TicketResult result;
  };
  // After close(): every ticket has its result. Once.
  struct Drained {};
  using Effect = std::variant<Close, Finished, Drained>;
  using Effects = std::vector<Effect>;

  Outbox(OutboxLimits limits, Instant now);
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // --- whoever sends
  // Errors: overloaded ("backpressure overflow"), not_sent (only_if_connected, and it is not), too_large, closed.
  Result<Ticket> send(Command command, Instant now, Effects& effects);
  enum class Cancelled : std::uint8_t {
    now,    // it was not sent, and is over
    asked,  // its result says whether it was in time
    late,   // it has its result, or there was none such
  };
  Cancelled cancel(Ticket ticket, Effects& effects);
  // cancel() of all of a group: how many were over at once.
  std::size_t purge(std::string_view group, Effects& effects);
  // Takes nothing new; what has no result by then is over. Idempotent: the earlier end holds.
  void close(Instant by, Instant now, Effects& effects);

  // --- the session
  // There is one now, and the peer has not said anything. The one before is over.
  Session connect(Instant now, Effects& effects);
  // What the peer has to be told in this session, before it says anything.
  OutboxHello hello() const { return {.incarnation = incarnation_, .results = results_.last()}; }
  void welcome(Session session, const OutboxWelcome& welcome, Instant now, Effects& effects);
  // It has everything up to this number.
  void acknowledged(Session session, std::uint32_t last, Instant now, Effects& effects);
  void finished(Session session, std::uint32_t number, Ticket ticket, TicketResult result, Instant now,
                Effects& effects);
  void disconnect(Session session, Instant now, Effects& effects);
  // Whether next() has something.
  bool has_next() const;
  // What is to be said now, in the current session, by whoever can say it at once: so nothing is said that is no longer
  // so, and nothing waits but here.
  std::optional<Said> next(Instant now, Effects& effects);
  // That could not be said, because of what it is: its ticket is over, and its number is said without it. The last one
  // that next() gave.
  void unsendable(const Send& send, Error why, Effects& effects);
  // Nothing more comes in this turn: what is not acknowledged with a command is so by itself.
  void flush() { is_flushing_ = true; }

  Instant next_deadline() const;
  void on_time(Instant now, Effects& effects);

  // --- what there is
  enum class Stage : std::uint8_t { waiting, queued, sent, received, over };
  struct TicketState {
    Stage stage;
    TicketResult::Kind result = TicketResult::Kind::unknown;  // of one that is over
    Error error = {};                                         // the same
  };
  // Nothing of a ticket that there never was, and of one that is forgotten.
  std::optional<TicketState> state(Ticket ticket) const;
  bool is_connected() const { return is_welcome_; }
  bool is_current(Session session) const { return has_session_ && session == last_session_; }
  bool is_drained() const { return is_drained_; }
  std::optional<std::uint64_t> incarnation() const { return incarnation_; }
  std::size_t size() const { return entries_.size(); }  // tickets without a result
  std::size_t commands() const { return commands_; }    // of these, those that do not wait for room
  std::size_t bytes() const { return bytes_; }          // of these
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t queued() const { return queue_.size(); }
  std::size_t unacknowledged() const { return sent_->size(); }
  std::size_t commands_peak() const { return commands_peak_; }
  std::size_t bytes_peak() const { return bytes_peak_; }
  // When the oldest without a result was taken.
  std::optional<Instant> oldest() const;
  // Without a session since then; nothing: there is one.
  std::optional<Instant> outage() const { return is_welcome_ ? std::nullopt : std::optional(outage_since_); }
  Duration disconnected() const { return disconnected_; }  // in all, before this outage
  const OutboxCounters& counters() const { return counters_; }
  const Histogram& received_us() const { return received_us_; }  // from send() until the peer has it
  const Histogram& applied_us() const { return applied_us_; }    // from send() until it is known to be applied

 private:
  friend class OutboxProbe;  // the model check tells states apart by it

  struct Entry {
    Command command;
    Instant taken;
    Ticket place;  // in the queue: its own number, or that of the one whose place it took
    Stage stage;
    std::uint32_t number = 0;  // of one that was sent, in this life of the peer
    bool is_cancelling = false;
    bool may_have_run = false;  // in a life of the peer that is over
    bool is_sent() const { return stage == Stage::sent || stage == Stage::received; }
  };
  using Entries = std::map<Ticket, Entry>;
  struct Over {
    Ticket ticket;
    TicketResult::Kind kind;
    Error error;
  };

  // What has room besides: nothing, or one that goes when this one comes.
  bool has_room(const Command& command, const Command* instead_of = nullptr) const;
  bool is_over_quota(const Command& command, const Command* instead_of = nullptr) const;
  bool is_somebody_first() const;
  bool evict_for(const Command& command, Effects& effects);
  std::optional<Ticket> replace_by_key(Command& command, Instant now, Effects& effects);
  Ticket take(Command command, Stage stage, std::optional<Ticket> place, Instant now);
  void hold(const Command& command);
  void release(Entries::iterator entry);
  void finish(Entries::iterator entry, TicketResult result, Effects& effects);
  void admit_waiting();
  void settle(Effects& effects);
  Said say(std::uint32_t number, Ticket ticket);
  Said say_again(Instant now, Effects& effects);
  std::optional<Said> say_first(Instant now, Effects& effects);
  std::optional<std::uint32_t> results_to_acknowledge();
  bool check_current(Session session);
  bool is_said(std::uint32_t number) const;
  bool is_not_there(const Entry& entry) const;
  void resume(const OutboxWelcome& welcome, Instant now, Effects& effects);
  void begin_life(Effects& effects);
  void end_session(Instant now, Effects& effects);
  void break_session(Error why, Instant now, Effects& effects);
  void mark_received(Ticket ticket, Instant now);
  Instant due(const Entry& entry) const;
  void move_to(Entries::iterator entry, Stage stage);
  Instant outage_ends(const Entry& entry) const;
  void expire(Instant now, Effects& effects);
  void expire_due(Instant now, Effects& effects);
  void expire_outage(Instant now, Effects& effects);
  void shut_down(Effects& effects);

  const OutboxLimits limits_;
  Entries entries_;                                           // all that have no result
  std::map<Ticket, Ticket> queue_;                            // place -> who has room and has not been sent
  std::set<Ticket> waiting_;                                  // for room
  std::map<std::string, Ticket, std::less<>> keys_;           // of those in the queue
  std::map<std::string, std::uint32_t, std::less<>> groups_;  // commands of each, without those that wait
  std::set<std::pair<Instant, Ticket>> due_;
  std::deque<Over> over_;
  Ticket last_ticket_ = 0;
  std::size_t commands_ = 0;
  std::size_t bytes_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::size_t commands_peak_ = 0;
  std::size_t bytes_peak_ = 0;

  Session last_session_ = 0;
  bool has_session_ = false;
  bool is_welcome_ = false;  // it has said who it is
  std::optional<std::uint64_t> incarnation_;
  std::optional<TicketWindow> sent_;  // and not acknowledged, in this life of the peer
  std::uint32_t unsaid_ = 0;          // the first of these that was not said in this session
  std::deque<Ticket> cancels_;        // to be said
  bool is_flushing_ = false;
  ReceiveWindow results_;  // of this life of the peer
  std::optional<std::uint32_t> results_acknowledged_;
  std::uint32_t owed_ = 0;  // numbers without a result of the peer
  std::uint32_t room_ = 0;
  Instant progress_ = Instant::never();  // when the peer owed us something and last gave it; never: it owes nothing
  Instant outage_since_;
  Duration disconnected_ = {};
  Instant close_by_ = Instant::never();
  bool is_closed_ = false;
  bool is_drained_ = false;
  OutboxCounters counters_;
  Histogram received_us_;
  Histogram applied_us_;
};

}  // namespace parley::core
