#include "runtime/outbox/outbox_receivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "codec/json_object.h"
#include "codec/postcard_reader.h"
#include "runtime/outbox/results.h"

namespace parley {

using builtin::OutboxEntry;
using builtin::OutboxHeard;
using builtin::OutboxOpening;
using builtin::OutboxSaid;
using builtin::OutboxTicket;
using core::OutboxReceiver;

// What an outbox may say as its name.
static constexpr std::size_t name_bytes_max = 64;

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
  Turn turn(self, ticket);
  TicketResult result = co_await self.result_of(turn, deadline, std::move(frame));
  Effects effects;
  self.machine_.finished(ticket, std::move(result), self.state_.now(), effects);
  self.carry_out(std::move(effects));
  self.forget_if_over();
}

// The handler is told which ticket it is for: in `ticket` of its meta.
Task<TicketResult> OutboxService::Receiver::result_of(Turn& turn, Instant deadline, OutboxReceiver::Frame frame) {
  auto command = codec::from_postcard<builtin::OutboxCommand>(frame);
  if (!command) co_return TicketResult{TicketResult::Kind::failed, {Code::arguments, command.error().note}, {}};
  if (!command->request.empty()) {
    if (auto json = codec::check_json(command->request); !json) {
      co_return TicketResult{TicketResult::Kind::failed, {Code::arguments, json.error().note}, {}};
    }
  }
  const std::string text = runtime::ticket_text(outbox_, turn.ticket_);
  auto meta = runtime::with_ticket(command->meta, text);
  if (!meta) co_return TicketResult{TicketResult::Kind::failed, std::move(meta).error(), {}};
  command->meta = *std::move(meta);
  co_return co_await state_.run(turn, rights_.get(), *std::move(command), deadline);
}

void OutboxService::Receiver::do_effect(OutboxReceiver::Stop& stop) {
  Turn* turn = turns_.empty() ? nullptr : &turns_.front();
  while (turn && turn->ticket_ != stop.ticket) turn = turns_.next_of(*turn);
  if (turn) turn->cancel();
}

void OutboxService::Receiver::do_effect(OutboxReceiver::Close& close) {
  if (!visit_ || visit_->number != close.session) return;
  Visit& visit = *std::exchange(visit_, nullptr);
  away_since_ = state_.now();
  visit.receiver = nullptr;
  visit.end(std::move(close.why));
}

OutboxEntry OutboxService::Receiver::entry() const {
  OutboxEntry entry{.end = OutboxEntry::End::receiver,
                    .outbox = runtime::outbox_text(outbox_),
                    .name = name_,
                    .principal = principal_};
  entry.is_connected = !is_away();
  entry.waiting = machine_.waiting();
  entry.in_flight = machine_.running();
  entry.bytes = machine_.command_bytes() + machine_.results_bytes();
  entry.results_kept = machine_.results();
  if (const auto oldest = machine_.oldest()) entry.oldest = state_.now() - *oldest;
  entry.results = runtime::results_in(machine_.counters().results);
  return entry;
}

OutboxTicket OutboxService::Receiver::ticket(core::Ticket ticket) const {
  const auto state = machine_.state(ticket);
  if (!state) return {};
  using Stage = OutboxTicket::Stage;
  if (state->stage == OutboxReceiver::Stage::running) return {.stage = Stage::running};
  if (state->stage != OutboxReceiver::Stage::over) return {.stage = Stage::waiting};
  return {.stage = Stage::over,
          .result = state->result->kind,
          .code = runtime::code_of(state->result->kind, state->result->error),
          .note = state->result->error.note};
}

OutboxService::Turn::Turn(Receiver& receiver, core::Ticket ticket) : receiver_(receiver), ticket_(ticket) {
  receiver_.turns_.push_back(*this);
}

bool OutboxService::Turn::begin() {
  if (is_cancelled_) return false;
  leave();
  receiver_.machine_.begun(ticket_);
  return true;
}

// --- its session

Task<void> OutboxService::Visit::read(Visit& self, In& said) {
  while (auto item = co_await said.recv()) {
    if (self.receiver) self.receiver->on_said(self, *std::move(item));
  }
  self.is_last = said.error() == nullptr;
  self.end(std::nullopt);
}

// What is said is asked for when it can be: nothing waits here.
Task<void> OutboxService::Visit::write(Visit& self, Out& heard, OutboxHeard first) {
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

// --- all of them

OutboxTicket OutboxService::State::ticket(const Sender& asking, std::uint64_t outbox, std::uint64_t ticket) const {
  for (const auto& [key, receiver] : receivers) {
    if (key.second == outbox && (asking.sees_all || key.first == asking.principal)) return receiver->ticket(ticket);
  }
  OutboxTicket known;
  shown.any_of([&](const parley::Outbox& each) {
    const bool is_it = each.id() == outbox && asking.sees_all;
    if (is_it) known = each.ticket(ticket);
    return is_it;
  });
  return known;
}

Result<OutboxService::Receiver*> OutboxService::State::receiver_of(const Sender& sender, const OutboxOpening& opening) {
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

// Where there are too many, the one goes that has been away for the longest, if there is nothing to do for it.
Result<void> OutboxService::State::make_room(const std::string& principal) {
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

}  // namespace parley
