#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "runtime/outbox/outbox.h"
#include "runtime/outbox/outbox_service.h"

// What OutboxService is made of.
namespace parley {

// One outbox, as its other end has it. Lives longer than the sessions of the outbox, and shorter than what runs its
// commands.
class OutboxService::Receiver {
 public:
  Receiver(State& state, const Sender& sender, const builtin::OutboxOpening& opening);
  ~Receiver();

  core::OutboxReceiver& machine() { return machine_; }
  // What is to be said first.
  Result<builtin::OutboxReady> enter(Visit& visit, const builtin::OutboxOpening& opening);
  void welcomed(Visit& visit);
  auto next() { return machine_.next(); }
  // The outbox has ended: this goes when there is nothing to do for it.
  void end_outbox();
  void leave(Visit& visit);
  void on_said(Visit& visit, builtin::OutboxSaid said);
  bool is_away() const { return visit_ == nullptr; }
  bool is_idle() const { return machine_.waiting() + machine_.running() == 0; }
  Instant away_since() const { return away_since_; }
  builtin::OutboxEntry entry() const;
  builtin::OutboxTicket ticket(core::Ticket ticket) const;
  const std::string& principal() const { return principal_; }

 private:
  friend class Turn;
  using Effects = core::OutboxReceiver::Effects;
  struct Alarm final : Timer {
    explicit Alarm(Receiver& owner) : Timer(&Alarm::fire), receiver(owner) {}
    static void fire(Timer& timer) { static_cast<Alarm&>(timer).receiver.on_time(); }
    Receiver& receiver;
  };
  struct Flush final : Ready {
    explicit Flush(Receiver& owner) : Ready(&Flush::run), receiver(owner) {}
    static void run(Ready& node);
    Receiver& receiver;
    bool is_posted = false;
  };
  struct Forget final : Ready {
    explicit Forget(Receiver& owner) : Ready(&Forget::run), receiver(owner) {}
    static void run(Ready& node);
    Receiver& receiver;
  };

  static Task<void> apply(Receiver& self, core::Ticket ticket, Instant deadline, core::OutboxReceiver::Frame frame);
  Task<TicketResult> result_of(Turn& turn, Instant deadline, core::OutboxReceiver::Frame frame);
  void carry_out(Effects effects);
  void do_effect(core::OutboxReceiver::Start& start);
  void do_effect(core::OutboxReceiver::Stop& stop);
  void do_effect(core::OutboxReceiver::Close& close);
  void on_time();
  void arm();
  void wake();
  void forget_if_over();

  State& state_;
  const std::uint64_t outbox_;
  const std::string name_;
  const std::string principal_;
  std::shared_ptr<const core::Rights> rights_;
  core::OutboxReceiver machine_;
  std::size_t bytes_kept_ = 0;  // in the count of all
  bool is_over_ = false;        // its outbox has ended in good order
  Visit* visit_ = nullptr;
  Instant away_since_;
  Effects pending_;  // what is carried out now
  bool is_carrying_out_ = false;
  IntrusiveList<Turn> turns_;  // that have not begun
  Alarm alarm_{*this};
  Flush flush_{*this};
  Forget forget_{*this};
  Scope scope_;  // what runs
};

// A session of an outbox, here: a call of attach().
class OutboxService::Visit {
 public:
  using Out = Tx<builtin::OutboxHeard, builtin::outbox_items_ahead>;
  using In = Rx<builtin::OutboxSaid, builtin::outbox_items_ahead>;

  Visit() = default;
  ~Visit() {
    if (receiver) receiver->leave(*this);
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  void end(std::optional<Error> why) {
    if (over.is_set()) return;
    failure = std::move(why);
    over.set();
  }
  static Task<void> read(Visit& self, In& said);
  static Task<void> write(Visit& self, Out& heard, builtin::OutboxHeard first);

  Receiver* receiver = nullptr;  // null: it is over
  core::OutboxReceiver::Session number = 0;
  Event has_next;
  Event over;
  std::optional<Error> failure;
  bool is_last = false;  // the outbox has ended in good order
};

// All of them.
class OutboxService::State {
 public:
  State(io::Loop& loop, OutboxServiceOptions options, Who who, Run run)
      : loop(loop), options(options), who(std::move(who)), run(std::move(run)) {}

  using Key = std::pair<std::string, std::uint64_t>;  // principal and outbox

  void close() {
    is_closed = true;
    receivers.clear();
  }
  Instant now() const { return loop.executor().now(); }

  // As far as somebody may know.
  builtin::OutboxTicket ticket(const Sender& asking, std::uint64_t outbox, std::uint64_t ticket) const;
  Result<Receiver*> receiver_of(const Sender& sender, const builtin::OutboxOpening& opening);
  void forget_outbox(const Key& key) {
    if (const auto found = receivers.find(key); found != receivers.end()) forget(found);
  }

  io::Loop& loop;
  const OutboxServiceOptions options;
  const Who who;
  const Run run;
  bool is_closed = false;
  std::size_t bytes_kept = 0;
  core::OutboxReceiverCounters of_the_past;
  IntrusiveList<parley::Outbox> shown;
  std::map<Key, std::unique_ptr<Receiver>> receivers;

 private:
  using Receivers = std::map<Key, std::unique_ptr<Receiver>>;

  Result<void> make_room(const std::string& principal);
  void forget(Receivers::iterator receiver) {
    of_the_past.add(receiver->second->machine().counters());
    receivers.erase(receiver);
  }
};

}  // namespace parley
