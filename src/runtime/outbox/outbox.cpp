#include "runtime/outbox/outbox.h"

#include <fmt/format.h>

#include <variant>

#include "async/event_timer.h"
#include "codec/json_object.h"
#include "codec/postcard_writer.h"
#include "core/directory/name.h"
#include "runtime/backoff.h"
#include "runtime/outbox/results.h"

namespace parley {

using builtin::OutboxHeard;
using builtin::OutboxSaid;

// For the peer to hear that nothing more comes.
static constexpr Duration farewell_max = std::chrono::seconds(1);
static constexpr std::string_view replaced_note = "another session took its place";

// --- one session

// What an outbox has on a session while that is the one it uses.
class Outbox::Visit {
 public:
  Visit(Outbox& owner, runtime::Session& session, core::Outbox::Session number, std::shared_ptr<Start> start)
      : outbox(owner), number(number), start(std::move(start)), peer(session), scope(owner.loop_.executor()) {
    auto [to_peer, said] = channel<OutboxSaid, builtin::outbox_items_ahead>();
    auto [heard, from_peer] = channel<OutboxHeard, builtin::outbox_items_ahead>();
    out = std::move(to_peer);
    in = std::move(from_peer);
    const core::OutboxHello hello = owner.machine_.hello();
    builtin::OutboxOpening opening{
        .outbox = owner.id_, .name = owner.name(), .incarnation = hello.incarnation, .results = hello.results};
    call.emplace(peer.call<&builtin::Outbox::attach>(std::move(opening), std::move(said), std::move(heard)));
    owner.visit_ = this;
  }
  ~Visit() {
    if (outbox.visit_ == this) outbox.visit_ = nullptr;
    if (outbox.machine_.is_drained()) outbox.closing_->left.set();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  void end(std::optional<Error> why) {
    if (over.is_set()) return;
    failure = std::move(why);
    over.set();
  }

  Outbox& outbox;
  const core::Outbox::Session number;
  const std::shared_ptr<Start> start;
  Client<builtin::Outbox> peer;
  Tx<OutboxSaid, builtin::outbox_items_ahead> out;
  Rx<OutboxHeard, builtin::outbox_items_ahead> in;
  std::optional<Call<void>> call;
  bool is_saying = false;  // and waits until it can
  Event has_next;
  Event over;
  std::optional<Error> failure;
  Scope scope;
};

Task<void> Outbox::read(Visit& visit) {
  while (auto heard = co_await visit.in.recv()) visit.outbox.on_heard(visit, *std::move(heard));
}

// What is said is asked for when it can be: nothing waits here.
Task<void> Outbox::write(Visit& visit) {
  Outbox& self = visit.outbox;
  for (;;) {
    Effects effects;
    const auto next = self.machine_.is_current(visit.number) ? self.machine_.next(self.now(), effects) : std::nullopt;
    self.carry_out(std::move(effects));
    self.arm();
    if (!next) {
      if (self.machine_.is_drained() && visit.out.is_open()) visit.out.close();
      visit.has_next.reset();
      co_await visit.has_next.wait();
      continue;
    }
    const OutboxSaid item = self.item_of(*next);
    visit.is_saying = true;
    const auto said = co_await visit.out.send(item);
    visit.is_saying = false;
    if (said) continue;
    const auto* const send = std::get_if<core::Outbox::Send>(&*next);
    if (!send || said.error().code != Code::too_large) co_return;  // the session or the call has ended, and says why
    Effects unsendable;
    self.machine_.unsendable(*send, said.error(), unsendable);
    self.carry_out(std::move(unsendable));
  }
}

Task<void> Outbox::wait(Visit& visit) {
  auto ended = co_await *std::move(visit.call);
  if (ended) {
    visit.end(std::nullopt);
  } else if (ended.error().code == Code::method) {
    visit.end(
        Error{Code::unsupported, "the peer has no parley.Outbox: it is no hub, and takes no commands of outboxes"});
  } else {
    visit.end(std::move(ended).error());
  }
}

// One session of the outbox. What it replaces is told first.
Task<Result<void>> Outbox::run(Outbox& self, runtime::Session& session, std::shared_ptr<Start> start) {
  if (self.visit_) std::exchange(self.visit_, nullptr)->end(Error{Code::closed, std::string(replaced_note)});
  Effects effects;
  const core::Outbox::Session number = self.machine_.connect(self.now(), effects);
  self.carry_out(std::move(effects));
  if (!self.machine_.is_current(number)) co_return fail(Code::closed, std::string(replaced_note));
  Visit visit(self, session, number, std::move(start));
  self.arm();
  visit.scope.spawn(read(visit));
  visit.scope.spawn(write(visit));
  visit.scope.spawn(wait(visit));
  co_await visit.over.wait();
  Effects ended;
  self.machine_.disconnect(number, self.now(), ended);
  self.carry_out(std::move(ended));
  self.arm();
  if (visit.failure) co_return fail(*visit.failure);
  co_return Result<void>();
}

// Whoever waits for the start is told whatever becomes of this.
Task<void> Outbox::follow(Outbox& self, runtime::Session& session, Hold, std::shared_ptr<Start> start) {
  const Starting starting(start);
  const std::uint64_t attachment = ++self.attachments_;
  runtime::Backoff backoff;
  for (;;) {
    if (!session.redials()) co_await session.established().wait();
    if (session.redials()) co_await session.linked().wait();
    if (!session.linked().is_set() || session.is_closed()) {
      start->result = fail(session.end_reason().value_or(Error{Code::closed, "the session"}));
      co_return;
    }
    if (attachment != self.attachments_ || self.machine_.is_drained()) co_return;
    start->result = co_await run(self, session, start);
    const bool is_hopeless = !start->result && start->result.error().code == Code::unsupported;
    if (attachment != self.attachments_ || self.machine_.is_drained() || is_hopeless) co_return;
    start->event.set();
    const bool goes_on = session.linked().is_set() && !session.is_closed();  // without the call
    if (goes_on) co_await Sleep(self.loop_.executor(), backoff.next(self.loop_.random()));
  }
}

Task<Result<void>> Outbox::attach(runtime::Session& session) {
  auto start = std::make_shared<Start>();
  scope_.spawn(follow(*this, session, Hold(session), start));
  co_await start->event.wait();
  co_return start->result;
}

void Outbox::on_heard(Visit& visit, OutboxHeard heard) {
  const Instant at = now();
  Effects effects;
  if (auto* const ready = std::get_if<builtin::OutboxReady>(&heard)) {
    machine_.welcome(visit.number,
                     {.incarnation = ready->incarnation, .received = ready->received, .room = ready->room}, at,
                     effects);
    if (machine_.is_connected()) {
      visit.start->result = {};
      visit.start->event.set();
    }
  } else if (auto* const ended = std::get_if<builtin::OutboxEnded>(&heard)) {
    if (ended->received) machine_.acknowledged(visit.number, *ended->received, at, effects);
    const std::uint32_t number = ended->number;
    const core::Ticket ticket = ended->ticket;
    machine_.finished(visit.number, number, ticket, runtime::result_of(std::move(*ended)), at, effects);
  } else {
    machine_.acknowledged(visit.number, std::get<builtin::OutboxTaken>(heard).last, at, effects);
  }
  carry_out(std::move(effects));
  arm();
  if (std::exchange(flush_.is_posted, true)) return;
  loop_.executor().post_after_drain(flush_);
}

// What was heard in this turn is acknowledged with what is sent in it, or else now.
void Outbox::Flush::run(Ready& node) {
  Flush& self = static_cast<Flush&>(node);
  self.is_posted = false;
  self.outbox.machine_.flush();
  self.outbox.wake();
}

// --- whoever sends

Outbox::Outbox(io::Loop& loop, OutboxOptions options)
    : loop_(loop),
      options_(std::move(options)),
      id_(loop.random().next()),
      machine_(options_.limits, loop.executor().now()),
      scope_(loop.executor()) {}

Outbox::~Outbox() {
  scope_.cancel_all();
  closing_->outbox = nullptr;
  closing_->left.set();
  Effects effects;
  machine_.close(now(), now(), effects);
  carry_out(std::move(effects));
}

Result<Ticket> Outbox::send_json(std::string_view command, std::string request, OutboxSendOptions options) {
  PARLEY_TRY(core::check_name(command));
  if (!request.empty()) PARLEY_TRY(codec::check_json(request));
  if (!options.meta.empty()) {
    PARLEY_TRY(codec::check_json(options.meta));
    if (options.meta.front() != '{') return fail(Code::invalid, "meta is an object as JSON");
  }
  const builtin::OutboxCommand said{
      .name = std::string(command), .request = std::move(request), .meta = std::move(options.meta)};
  const Instant at = now();
  Effects effects;
  auto taken = machine_.send({.frame = std::make_shared<const std::vector<std::uint8_t>>(codec::to_postcard(said)),
                              .group = std::move(options.group),
                              .key = std::move(options.key),
                              .deadline = at + options.deadline.value_or(options_.deadline),
                              .incarnation = options.incarnation,
                              .when_full = options.when_full},
                             at, effects);
  std::optional<Ticket> ticket;
  if (taken) {
    auto slot = std::make_shared<Ticket::Slot>();
    slot->number = *taken;
    slots_.emplace(*taken, slot);
    ticket = Ticket(std::move(slot));
  }
  carry_out(std::move(effects));
  arm();
  if (!ticket) return fail(std::move(taken).error());
  return *std::move(ticket);
}

Outbox::Cancelled Outbox::cancel(const Ticket& ticket) {
  Effects effects;
  const Cancelled cancelled = machine_.cancel(ticket.number(), effects);
  carry_out(std::move(effects));
  arm();
  return cancelled;
}

std::size_t Outbox::purge(std::string_view group) {
  Effects effects;
  const std::size_t count = machine_.purge(group, effects);
  carry_out(std::move(effects));
  arm();
  return count;
}

Task<Result<builtin::OutboxTicket>> Outbox::ask_peer(std::uint64_t ticket) {
  if (!visit_) co_return fail(Code::not_sent, std::string(core::unreachable_note));
  Client<builtin::Outbox> peer = visit_->peer;
  co_return co_await peer.call<&builtin::Outbox::ticket>(id_, ticket);
}

Task<void> Outbox::close(Duration within) {
  Effects effects;
  machine_.close(now() + within, now(), effects);
  carry_out(std::move(effects));
  arm();
  return closed(closing_);
}

// One that is in the middle of saying something says its end behind that.
Task<void> Outbox::closed(std::shared_ptr<Closing> closing) {
  co_await closing->drained.wait();
  Outbox* const self = closing->outbox;
  if (!self || !self->visit_) co_return;
  if (!self->visit_->is_saying && self->visit_->out.is_open()) self->visit_->out.close();
  const EventTimer patience(self->loop_.executor(), closing->left, self->now() + farewell_max);
  co_await closing->left.wait();
}

std::string Outbox::text_of(const Ticket& ticket) const { return runtime::ticket_text(id_, ticket.number()); }

builtin::OutboxTicket Outbox::ticket(std::uint64_t number) const {
  const auto state = machine_.state(number);
  if (!state) return {};
  // The stages stand in this order in both.
  const auto stage = static_cast<builtin::OutboxTicket::Stage>(static_cast<int>(state->stage) + 1);
  if (state->stage != core::Outbox::Stage::over) return {.stage = stage};
  return {.stage = builtin::OutboxTicket::Stage::over,
          .result = state->result,
          .code = runtime::code_of(state->result, state->error),
          .note = state->error.note};
}

builtin::OutboxEntry Outbox::entry() const {
  builtin::OutboxEntry entry{
      .end = builtin::OutboxEntry::End::sender, .outbox = runtime::outbox_text(id_), .name = name()};
  entry.is_connected = machine_.is_connected();
  entry.waiting = machine_.waiting();
  entry.queued = machine_.queued();
  entry.in_flight = machine_.commands() - machine_.queued();
  entry.bytes = machine_.bytes();
  if (const auto oldest = machine_.oldest()) entry.oldest = now() - *oldest;
  entry.results = runtime::results_in(machine_.counters().results);
  return entry;
}

// --- what the machine says

void Outbox::on_time() {
  Effects effects;
  machine_.on_time(now(), effects);
  carry_out(std::move(effects));
  arm();
}

// A deadline that goes away leaves the alarm where it is: it looks again when it fires.
void Outbox::arm() {
  const Instant next = machine_.next_deadline();
  if (next.is_never()) {
    alarm_.disarm();
  } else if (!alarm_.is_armed() || next < alarm_.when()) {
    loop_.executor().arm(alarm_, next);
  }
}

void Outbox::carry_out(Effects effects) {
  pending_.insert(pending_.end(), std::make_move_iterator(effects.begin()), std::make_move_iterator(effects.end()));
  if (std::exchange(is_carrying_out_, true)) return;
  for (std::size_t next = 0; next < pending_.size(); ++next) {
    core::Outbox::Effect effect = std::move(pending_[next]);
    std::visit([this](auto& each) { do_effect(each); }, effect);
  }
  pending_.clear();
  is_carrying_out_ = false;
  wake();
}

void Outbox::wake() {
  const bool has_something = machine_.has_next() || machine_.is_drained();
  if (visit_ && has_something && machine_.is_current(visit_->number)) visit_->has_next.set();
}

OutboxSaid Outbox::item_of(const core::Outbox::Said& said) const {
  if (const auto* const cancel = std::get_if<core::Outbox::Cancel>(&said)) return builtin::OutboxCancel{cancel->ticket};
  if (const auto* const acknowledge = std::get_if<core::Outbox::Acknowledge>(&said)) {
    return builtin::OutboxTaken{acknowledge->results};
  }
  const auto& send = std::get<core::Outbox::Send>(said);
  builtin::OutboxSend item{.number = send.number, .ticket = send.ticket, .results = send.results};
  if (send.frame) {
    item.remaining = send.deadline - now();
    item.frame = *send.frame;
  }
  return item;
}

void Outbox::do_effect(core::Outbox::Close& close) {
  if (visit_ && visit_->number == close.session) visit_->end(std::move(close.why));
}

void Outbox::do_effect(core::Outbox::Finished& finished) {
  const auto found = slots_.find(finished.ticket);
  PARLEY_ASSERT(found != slots_.end(), finished.ticket);
  const std::shared_ptr<Ticket::Slot> slot = std::move(found->second);
  slots_.erase(found);
  slot->result = std::move(finished.result);
  if (told_) told_(slot->number, slot->result);
  slot->ended.set();
}

}  // namespace parley
