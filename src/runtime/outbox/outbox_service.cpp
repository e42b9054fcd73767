#include "runtime/outbox/outbox_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "codec/postcard_reader.h"
#include "runtime/outbox/outbox.h"
#include "runtime/outbox/results.h"
#include "runtime/peer_name.h"

namespace parley {

using builtin::OutboxEntry;
using builtin::OutboxHeard;
using builtin::OutboxOpening;
using builtin::OutboxSaid;
using builtin::OutboxTicket;
using core::OutboxReceiver;

// What an outbox may say as its name.
static constexpr std::size_t name_bytes_max = 64;

// --- one outbox, as its other end has it

// Lives longer than the sessions of the outbox, and shorter than what runs its commands.
class OutboxService::Receiver {
 public:
  Receiver(State& state, const Sender& sender, const OutboxOpening& opening);
  ~Receiver();

  core::OutboxReceiver& machine() { return machine_; }
  // What is to be said first.
  Result<builtin::OutboxReady> enter(Visit& visit, const OutboxOpening& opening);
  void welcomed(Visit& visit);
  auto next() { return machine_.next(); }
  // The outbox has ended: this goes when there is nothing to do for it.
  void end_outbox();
  void leave(Visit& visit);
  void on_said(Visit& visit, OutboxSaid said);
  bool is_away() const { return visit_ == nullptr; }
  bool is_idle() const { return machine_.waiting() + machine_.running() == 0; }
  Instant away_since() const { return away_since_; }
  OutboxEntry entry() const;
  OutboxTicket ticket(core::Ticket ticket) const;
  const std::string& principal() const { return principal_; }

 private:
  using Effects = OutboxReceiver::Effects;
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

  static Task<void> apply(Receiver& self, core::Ticket ticket, Instant deadline, OutboxReceiver::Frame frame);
  Task<TicketResult> result_of(core::Ticket ticket, Instant deadline, OutboxReceiver::Frame frame);
  void carry_out(Effects effects);
  void do_effect(OutboxReceiver::Start& start);
  void do_effect(OutboxReceiver::Close& close);
  void on_time();
  void arm();
  void wake();
  void forget_if_over();

  State& state_;
  const std::uint64_t outbox_;
  const std::string name_;
  const std::string principal_;
  std::shared_ptr<const core::Rights> rights_;
  OutboxReceiver machine_;
  std::size_t bytes_kept_ = 0;  // in the count of all
  bool is_over_ = false;        // its outbox has ended in good order
  Visit* visit_ = nullptr;
  Instant away_since_;
  Effects pending_;  // what is carried out now
  bool is_carrying_out_ = false;
  Alarm alarm_{*this};
  Flush flush_{*this};
  Forget forget_{*this};
  Scope scope_;  // what runs
};

// A session of an outbox, here: a call of attach().
class OutboxService::Visit {
 public:
  using Out = Tx<OutboxHeard, builtin::outbox_items_ahead>;
  using In = Rx<OutboxSaid, builtin::outbox_items_ahead>;

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
  static Task<void> read(Visit& self, In& said) {
    while (auto item = co_await said.recv()) {
      if (self.receiver) self.receiver->on_said(self, *std::move(item));
    }
    self.is_last = said.error() == nullptr;
    self.end(std::nullopt);
  }
  // What is said is asked for when it can be: nothing waits here.
  static Task<void> write(Visit& self, Out& heard, OutboxHeard first) {
    if (auto said = co_await heard.send(first); !said) co_return self.end(std::nullopt);
    if (self.receiver) self.receiver->welcomed(self);
    for (;;) {
      const auto next = self.receiver ? self.receiver->next() : std::nullopt;
      if (!next) {
        self.has_next.reset();
        co_await self.has_next.wait();
        continue;
      }
      const OutboxHeard item = runtime::item_of(*next);
      const auto said = co_await heard.send(item);
      if (said) continue;
      const auto* const answer = std::get_if<OutboxReceiver::Answer>(&*next);
      if (!answer || said.error().code != Code::too_large) co_return self.end(std::nullopt);
      if (self.receiver) self.receiver->machine().unsayable(*answer, said.error());
    }
  }

  Receiver* receiver = nullptr;  // null: it is over
  OutboxReceiver::Session number = 0;
  Event has_next;
  Event over;
  std::optional<Error> failure;
  bool is_last = false;  // the outbox has ended in good order
};

// --- all of them

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

  Result<Receiver*> receiver_of(const Sender& sender, const OutboxOpening& opening) {
    if (is_closed) return fail(Code::closed, "it takes no commands of outboxes any more");
    Key key(sender.principal, opening.outbox);
    if (const auto found = receivers.find(key); found != receivers.end()) {
      core::OutboxReceiver& machine = found->second->machine();
      if (machine.is_fresh() || opening.incarnation == machine.incarnation()) return found->second.get();
      forget(found);  // it was somebody else's meanwhile, and begins anew
    }
    const auto is_stale = [this](const auto& each) {
      return each.second->is_away() && each.second->away_since() + options.away_max <= now();
    };
    for (auto next = receivers.begin(); next != receivers.end();) {
      const auto each = next++;
      if (is_stale(*each)) forget(each);
    }
    PARLEY_TRY(make_room(sender.principal));
    auto made = std::make_unique<Receiver>(*this, sender, opening);
    return receivers.emplace(std::move(key), std::move(made)).first->second.get();
  }
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

  // Where there are too many, the one goes that has been away for the longest, if there is nothing to do for it.
  Result<void> make_room(const std::string& principal) {
    const auto is_his = [&](const auto& each) { return each.second->principal() == principal; };
    const auto his = static_cast<std::size_t>(std::ranges::count_if(receivers, is_his));
    const bool is_too_many_of_his = his >= options.outboxes_per_principal_max;
    if (!is_too_many_of_his && receivers.size() < options.outboxes_max) return {};
    auto oldest = receivers.end();
    for (auto each = receivers.begin(); each != receivers.end(); ++each) {
      const Receiver& receiver = *each->second;
      if (!receiver.is_away() || !receiver.is_idle() || (is_too_many_of_his && !is_his(*each))) continue;
      if (oldest == receivers.end() || receiver.away_since() < oldest->second->away_since()) oldest = each;
    }
    if (oldest == receivers.end()) {
      return fail(Code::overloaded, fmt::format("there are {} outboxes, {} of them of {}", receivers.size(), his,
                                                principal.empty() ? "whoever comes" : principal));
    }
    forget(oldest);
    return {};
  }
  void forget(Receivers::iterator receiver) {
    runtime::add(of_the_past, receiver->second->machine().counters());
    receivers.erase(receiver);
  }
};

// ---

OutboxService::Receiver::Receiver(State& state, const Sender& sender, const OutboxOpening& opening)
    : state_(state),
      outbox_(opening.outbox),
      name_(opening.name.size() <= name_bytes_max ? opening.name : std::string()),
      principal_(sender.principal),
      rights_(sender.rights),
      machine_(state.loop.random().next(), state.options.limits),
      away_since_(state.now()),
      scope_(state.loop.executor()) {}

OutboxService::Receiver::~Receiver() {
  state_.bytes_kept -= bytes_kept_;
  if (!visit_) return;
  visit_->receiver = nullptr;
  visit_->end(Error{Code::closed, "it takes no commands of outboxes any more"});
}

Result<builtin::OutboxReady> OutboxService::Receiver::enter(Visit& visit, const OutboxOpening& opening) {
  Effects effects;
  PARLEY_TRY(const auto attached,
             machine_.attach({.incarnation = opening.incarnation, .results = opening.results}, effects));
  carry_out(std::move(effects));
  visit.receiver = this;
  visit.number = attached.session;
  visit_ = &visit;
  is_over_ = false;
  return builtin::OutboxReady{.incarnation = attached.welcome.incarnation,
                              .received = attached.welcome.received,
                              .room = attached.welcome.room};
}

void OutboxService::Receiver::welcomed(Visit& visit) {
  machine_.welcomed(visit.number);
  wake();
}

void OutboxService::Receiver::wake() {
  if (visit_ && machine_.has_next()) visit_->has_next.set();
}

void OutboxService::Receiver::end_outbox() {
  is_over_ = true;
  forget_if_over();
}

// Not from inside of what runs here.
void OutboxService::Receiver::forget_if_over() {
  if (is_over_ && is_away() && is_idle() && !forget_.is_linked()) state_.loop.executor().post(forget_);
}

void OutboxService::Receiver::Forget::run(Ready& node) {
  Receiver& receiver = static_cast<Forget&>(node).receiver;
  if (receiver.is_over_) receiver.state_.forget_outbox({receiver.principal_, receiver.outbox_});
}

void OutboxService::Receiver::leave(Visit& visit) {
  visit.receiver = nullptr;
  if (visit_ != &visit) return;
  visit_ = nullptr;
  away_since_ = state_.now();
  machine_.detach(visit.number);
}

void OutboxService::Receiver::on_said(Visit& visit, OutboxSaid said) {
  const Instant now = state_.now();
  Effects effects;
  if (auto* const sent = std::get_if<builtin::OutboxSend>(&said)) {
    if (sent->results) machine_.acknowledged(visit.number, *sent->results, now, effects);
    machine_.take(visit.number,
                  {.number = sent->number,
                   .ticket = sent->ticket,
                   .deadline = now + sent->remaining,
                   .frame = std::move(sent->frame),
                   .may_keep = state_.bytes_kept < state_.options.bytes_of_all_max},
                  now, effects);
  } else if (const auto* const cancel = std::get_if<builtin::OutboxCancel>(&said)) {
    machine_.cancel(visit.number, cancel->ticket, now, effects);
  } else {
    machine_.acknowledged(visit.number, std::get<builtin::OutboxTaken>(said).last, now, effects);
  }
  carry_out(std::move(effects));
  arm();
  if (std::exchange(flush_.is_posted, true)) return;
  state_.loop.executor().post_after_drain(flush_);
}

// What came in this turn is acknowledged with the results of it, or else now.
void OutboxService::Receiver::Flush::run(Ready& node) {
  Flush& self = static_cast<Flush&>(node);
  self.is_posted = false;
  self.receiver.machine_.flush();
  self.receiver.wake();
}

void OutboxService::Receiver::on_time() {
  Effects effects;
  machine_.on_time(state_.now(), effects);
  carry_out(std::move(effects));
  arm();
}

void OutboxService::Receiver::arm() {
  const Instant next = machine_.next_deadline();
  if (next.is_never()) {
    alarm_.disarm();
  } else if (!alarm_.is_armed() || next < alarm_.when()) {
    state_.loop.executor().arm(alarm_, next);
  }
}

void OutboxService::Receiver::carry_out(Effects effects) {
  pending_.insert(pending_.end(), std::make_move_iterator(effects.begin()), std::make_move_iterator(effects.end()));
  if (std::exchange(is_carrying_out_, true)) return;
  for (std::size_t next = 0; next < pending_.size(); ++next) {
    OutboxReceiver::Effect effect = std::move(pending_[next]);
    std::visit([this](auto& each) { do_effect(each); }, effect);
  }
  pending_.clear();
  is_carrying_out_ = false;
  const std::size_t kept = machine_.command_bytes() + machine_.results_bytes();
  state_.bytes_kept += kept - std::exchange(bytes_kept_, kept);
  wake();
}

void OutboxService::Receiver::do_effect(OutboxReceiver::Start& start) {
  scope_.spawn(apply(*this, start.ticket, start.deadline, std::move(start.frame)));
}

Task<void> OutboxService::Receiver::apply(Receiver& self, core::Ticket ticket, Instant deadline,
                                          OutboxReceiver::Frame frame) {
  TicketResult result = co_await self.result_of(ticket, deadline, std::move(frame));
  Effects effects;
  self.machine_.finished(ticket, std::move(result), self.state_.now(), effects);
  self.carry_out(std::move(effects));
  self.forget_if_over();
}

// The handler is told which ticket it is for: in `ticket` of its meta.
Task<TicketResult> OutboxService::Receiver::result_of(core::Ticket ticket, Instant deadline,
                                                      OutboxReceiver::Frame frame) {
  auto command = codec::from_postcard<builtin::OutboxCommand>(frame);
  if (!command) co_return TicketResult{TicketResult::Kind::failed, {Code::arguments, command.error().note}, {}};
  const std::string text = runtime::ticket_text(outbox_, ticket);
  auto meta = runtime::with_ticket(command->meta, text);
  if (!meta) co_return TicketResult{TicketResult::Kind::failed, std::move(meta).error(), {}};
  command->meta = *std::move(meta);
  co_return co_await state_.run(rights_.get(), *std::move(command), deadline);
}

void OutboxService::Receiver::do_effect(OutboxReceiver::Close& close) {
  if (!visit_ || visit_->number != close.session) return;
  Visit& visit = *std::exchange(visit_, nullptr);
  away_since_ = state_.now();
  visit.receiver = nullptr;
  visit.end(std::move(close.why));
}

OutboxEntry OutboxService::Receiver::entry() const {
  OutboxEntry entry{.end = OutboxEntry::End::receiver, .outbox = outbox_, .name = name_, .principal = principal_};
  entry.is_connected = !is_away();
  entry.waiting = machine_.waiting();
  entry.in_flight = machine_.running();
  entry.bytes = machine_.results_bytes();
  entry.results_kept = machine_.results();
  if (const auto oldest = machine_.oldest()) entry.oldest = state_.now() - *oldest;
  entry.results = runtime::results_in(machine_.counters().results);
  return entry;
}

OutboxTicket OutboxService::Receiver::ticket(core::Ticket ticket) const {
  const auto state = machine_.state(ticket);
  if (!state) return {};
  using Stage = OutboxTicket::Stage;
  if (state->stage == OutboxReceiver::Stage::waiting) return {.stage = Stage::waiting};
  if (state->stage == OutboxReceiver::Stage::running) return {.stage = Stage::running};
  return {.stage = Stage::over,
          .result = state->result->kind,
          .code = static_cast<std::uint32_t>(state->result->error.code),
          .note = state->result->error.note};
}

// ---

OutboxService::OutboxService(io::Loop& loop, OutboxServiceOptions options, Who who, Run run)
    : state_(std::make_shared<State>(loop, options, std::move(who), std::move(run))) {}

// A registry knows no principals: sessions are told apart by who the system says is there.
OutboxService::OutboxService(Registry& registry, OutboxServiceOptions options)
    : OutboxService(registry, options, [](Context& context) {
        return Sender{.principal = runtime::name_of(context.session().peer()), .rights = {}};
      }) {}

OutboxService::OutboxService(Registry& registry, OutboxServiceOptions options, Who who)
    : OutboxService(registry.loop(), options, std::move(who),
                    [&registry](const core::Rights* rights, builtin::OutboxCommand command, Instant deadline) {
                      return runtime::execute(registry, rights, std::move(command), deadline);
                    }) {}

OutboxService::~OutboxService() { close(); }

void OutboxService::close() { state_->close(); }

void OutboxService::show(parley::Outbox& outbox) { state_->shown.push_back(outbox); }

Task<Result<void>> OutboxService::attach(Context& context, OutboxOpening opening,
                                         Rx<OutboxSaid, builtin::outbox_items_ahead> said,
                                         Tx<OutboxHeard, builtin::outbox_items_ahead> heard) {
  const std::shared_ptr<State> state = state_;
  const Sender sender = co_await state->who(context);
  Receiver* const receiver = co_await state->receiver_of(sender, opening);
  Visit visit;
  const builtin::OutboxReady ready = co_await receiver->enter(visit, opening);
  {
    Scope scope(state->loop.executor());
    scope.spawn(Visit::read(visit, said));
    scope.spawn(Visit::write(visit, heard, ready));
    co_await visit.over.wait();
  }
  if (Receiver* const left = visit.receiver) {
    left->leave(visit);
    if (visit.is_last) left->end_outbox();
  }
  if (visit.failure) co_return fail(*visit.failure);
  co_return Result<void>();
}

std::vector<const core::Outbox*> OutboxService::shown() const {
  std::vector<const core::Outbox*> all;
  state_->shown.any_of([&](const parley::Outbox& each) {
    all.push_back(&each.machine());
    return false;
  });
  return all;
}

std::vector<OutboxEntry> OutboxService::entries() const {
  std::vector<OutboxEntry> all;
  state_->shown.any_of([&](const parley::Outbox& each) {
    all.push_back(each.entry());
    return false;
  });
  for (const auto& [key, receiver] : state_->receivers) all.push_back(receiver->entry());
  return all;
}

core::OutboxReceiverCounters OutboxService::counters() const {
  core::OutboxReceiverCounters all = state_->of_the_past;
  for (const auto& [key, receiver] : state_->receivers) runtime::add(all, receiver->machine().counters());
  return all;
}

Task<OutboxTicket> OutboxService::ticket(Context& context, std::uint64_t outbox, std::uint64_t ticket) {
  const auto sender = state_->who(context);
  if (!sender) co_return OutboxTicket();
  for (const auto& [key, receiver] : state_->receivers) {
    if (key.second == outbox && (sender->sees_all || key.first == sender->principal))
      co_return receiver->ticket(ticket);
  }
  OutboxTicket known;
  state_->shown.any_of([&](const parley::Outbox& each) {
    const bool is_it = each.id() == outbox && sender->sees_all;
    if (is_it) known = each.ticket(ticket);
    return is_it;
  });
  co_return known;
}

Task<std::vector<OutboxEntry>> OutboxService::list(Context& context) {
  const auto sender = state_->who(context);
  std::vector<OutboxEntry> all;
  if (!sender) co_return all;
  for (OutboxEntry& each : entries()) {
    const bool is_his = each.end == OutboxEntry::End::receiver && each.principal == sender->principal;
    if (sender->sees_all || is_his) all.push_back(std::move(each));
  }
  co_return all;
}

}  // namespace parley
