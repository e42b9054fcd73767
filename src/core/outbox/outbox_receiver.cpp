#include "core/outbox/outbox_receiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace parley::core {

void OutboxReceiverCounters::add(const OutboxReceiverCounters& other) {
  received += other.received;
  duplicates += other.duplicates;
  voids += other.voids;
  started += other.started;
  expired += other.expired;
  refused += other.refused;
  cancelled += other.cancelled;
  cancels_too_late += other.cancels_too_late;
  for (std::size_t kind = 0; kind < std::size(results); ++kind) results[kind] += other.results[kind];
  results_resent += other.results_resent;
  sessions += other.sessions;
  sessions_replaced += other.sessions_replaced;
  sessions_stale += other.sessions_stale;
}

OutboxReceiver::OutboxReceiver(std::uint64_t incarnation, OutboxReceiverLimits limits)
    : incarnation_(incarnation), limits_(limits) {
  PARLEY_ASSERT(limits.commands_max > 0 && limits.at_once > 0 && limits.results_max >= 2 * limits.commands_max);
}

// --- the session

bool OutboxReceiver::check_current(Session session) {
  if (is_attached_ && session == last_session_) return true;
  ++counters_.sessions_stale;
  return false;
}

void OutboxReceiver::break_session(Error why, Effects& effects) {
  is_attached_ = false;
  effects.push_back(Close{last_session_, std::move(why)});
}

Result<OutboxReceiver::Attached> OutboxReceiver::attach(const OutboxHello& hello, Effects& effects) {
  const auto results = hello.incarnation == incarnation_ ? hello.results : std::nullopt;
  PARLEY_TRY(results_.resume(results, [this](Ticket ticket) { forget(ticket); }));
  unsaid_ = results_.first();
  if (is_attached_) {
    ++counters_.sessions_replaced;
    break_session({Code::closed, "another session of this outbox took its place"}, effects);
  }
  is_attached_ = true;
  is_welcomed_ = false;
  is_flushing_ = false;
  ++counters_.sessions;
  received_acknowledged_ = received_.last();
  return Attached{++last_session_,
                  {.incarnation = incarnation_, .received = received_.last(), .room = limits_.commands_max}};
}

void OutboxReceiver::welcomed(Session session) {
  if (check_current(session)) is_welcomed_ = true;
}

Result<void> OutboxReceiver::check(const Item& item) const {
  if (waiting() + running_ >= limits_.commands_max) {
    return fail(Code::unexpected, fmt::format("more than {} commands without a result", limits_.commands_max));
  }
  if (entries_.size() >= limits_.results_max) {
    return fail(Code::unexpected, fmt::format("{} results are not acknowledged", results_.size()));
  }
  if (item.ticket == 0 || entries_.contains(item.ticket)) {
    return fail(Code::unexpected, fmt::format("the ticket {} again", item.ticket));
  }
  return {};
}

void OutboxReceiver::take(Session session, Item item, Instant now, Effects& effects) {
  if (!check_current(session)) return;
  const auto verdict = received_.take(item.number);
  if (verdict && *verdict == ReceiveWindow::Verdict::duplicate) {
    ++counters_.duplicates;
    return;
  }
  if (auto checked = verdict ? check(item) : fail(verdict.error()); !checked) {
    break_session(std::move(checked).error(), effects);
    return;
  }
  ++counters_.received;
  const std::size_t bytes = item.frame ? item.frame->size() : 0;
  const bool has_room = item.may_keep && (command_bytes_ == 0 || command_bytes_ + bytes <= limits_.bytes_max);
  const auto entry = entries_
                         .emplace(item.ticket, Entry{.stage = Stage::waiting,
                                                     .order = ++last_order_,
                                                     .came = now,
                                                     .deadline = std::min(item.deadline, now + limits_.deadline_max),
                                                     .bytes = bytes})
                         .first;
  command_bytes_ += bytes;
  waiting_.emplace(entry->second.order, item.ticket);
  due_.emplace(entry->second.deadline, item.ticket);
  if (!item.frame) {
    ++counters_.voids;
    end(entry, cancelled("before the peer had it"));
  } else if (!has_room) {
    ++counters_.refused;
    end(entry, ended(TicketResult::Kind::refused, Code::overloaded, overflow_note));
  } else {
    entry->second.frame = *std::move(item.frame);
    start_next(now, effects);
  }
}

void OutboxReceiver::cancel(Session session, Ticket ticket, Instant now, Effects& effects) {
  if (!check_current(session)) return;
  const auto entry = entries_.find(ticket);
  if (entry != entries_.end() && entry->second.stage == Stage::given_out) {
    effects.push_back(Stop{ticket});
    return;
  }
  if (entry == entries_.end() || entry->second.stage != Stage::waiting) {
    ++counters_.cancels_too_late;
    return;
  }
  ++counters_.cancelled;
  end(entry, cancelled("before it was started"));
  start_next(now, effects);
}

void OutboxReceiver::acknowledged(Session session, std::uint32_t last, Instant now, Effects& effects) {
  if (!check_current(session)) return;
  if (results_.holds(last) && !is_said(last)) {
    break_session({Code::unexpected, fmt::format("an acknowledgement of {}, which was not said", last)}, effects);
    return;
  }
  if (auto done = results_.acknowledge(last, [this](Ticket ticket) { forget(ticket); }); !done) {
    break_session(std::move(done).error(), effects);
    return;
  }
  start_next(now, effects);
}

void OutboxReceiver::forget(Ticket ticket) {
  const auto entry = entries_.find(ticket);
  PARLEY_ASSERT(entry != entries_.end() && entry->second.stage == Stage::over, ticket);
  results_bytes_ -= entry->second.result->bytes();
  entries_.erase(entry);
}

void OutboxReceiver::detach(Session session) {
  if (check_current(session)) is_attached_ = false;
}

bool OutboxReceiver::is_said(std::uint32_t number) const {
  return !results_.holds(number) || number - results_.first() < unsaid_ - results_.first();
}

bool OutboxReceiver::has_next() const {
  if (!is_attached_ || !is_welcomed_) return false;
  return results_.holds(unsaid_) || !ended_.empty() || (is_flushing_ && received_.last() != received_acknowledged_);
}

std::optional<OutboxReceiver::Said> OutboxReceiver::next() {
  if (!is_attached_ || !is_welcomed_) return std::nullopt;
  if (results_.holds(unsaid_)) {
    ++counters_.results_resent;
    const std::uint32_t number = unsaid_++;
    return say(number, results_.ticket_at(number));
  }
  if (!ended_.empty()) {
    const Ticket ticket = ended_.front();
    ended_.pop_front();
    const std::uint32_t number = results_.add(ticket);
    unsaid_ = number + 1;
    return say(number, ticket);
  }
  if (!std::exchange(is_flushing_, false)) return std::nullopt;
  const auto last = received_to_acknowledge();
  if (!last) return std::nullopt;
  return Acknowledge{last_session_, *last};
}

// What it was is not known to its sender then: it may have been applied.
void OutboxReceiver::unsayable(const Answer& answer, const Error& why) {
  if (!check_current(answer.session)) return;
  PARLEY_ASSERT(results_.holds(answer.number) && answer.number + 1 == unsaid_, answer.number);
  unsaid_ = answer.number;
  change(entries_.at(answer.ticket), not_known(to_string(why)));
}

std::optional<std::uint32_t> OutboxReceiver::received_to_acknowledge() {
  const auto last = received_.last();
  if (last == received_acknowledged_) return std::nullopt;
  received_acknowledged_ = last;
  return last;
}

// --- what runs

void OutboxReceiver::start_next(Instant now, Effects& effects) {
  while (!waiting_.empty() && given_out_ + running_ < limits_.at_once && results_bytes_ < limits_.results_bytes_max) {
    const auto entry = entries_.find(waiting_.begin()->second);
    if (entry->second.deadline <= now) {
      ++counters_.expired;
      end(entry, expired("before it was started"));
      continue;
    }
    stop_waiting(entry);
    entry->second.stage = Stage::given_out;
    ++given_out_;
    effects.push_back(Start{entry->first, entry->second.deadline, std::exchange(entry->second.frame, {})});
  }
}

void OutboxReceiver::stop_waiting(Entries::iterator entry) {
  waiting_.erase(entry->second.order);
  due_.erase({entry->second.deadline, entry->first});
}

void OutboxReceiver::begun(Ticket ticket) {
  const auto entry = entries_.find(ticket);
  PARLEY_ASSERT(entry != entries_.end() && entry->second.stage == Stage::given_out, ticket);
  entry->second.stage = Stage::running;
  --given_out_;
  ++running_;
  ++counters_.started;
}

void OutboxReceiver::finished(Ticket ticket, TicketResult result, Instant now, Effects& effects) {
  const auto entry = entries_.find(ticket);
  PARLEY_ASSERT(entry != entries_.end(), ticket);
  PARLEY_ASSERT(entry->second.stage == Stage::given_out || entry->second.stage == Stage::running, ticket);
  if (entry->second.stage == Stage::given_out) {
    if (result.kind == TicketResult::Kind::cancelled) ++counters_.cancelled;
    if (result.kind == TicketResult::Kind::expired) ++counters_.expired;
  }
  end(entry, std::move(result));
  start_next(now, effects);
}

void OutboxReceiver::end(Entries::iterator entry, TicketResult result) {
  if (entry->second.stage == Stage::running) --running_;
  if (entry->second.stage == Stage::given_out) --given_out_;
  if (entry->second.stage == Stage::waiting) stop_waiting(entry);
  entry->second.stage = Stage::over;
  entry->second.frame = {};
  command_bytes_ -= entry->second.bytes;
  ++counters_.results[static_cast<std::size_t>(result.kind)];
  change(entry->second, std::move(result));
  ended_.push_back(entry->first);
}

void OutboxReceiver::change(Entry& entry, TicketResult result) {
  if (entry.result) results_bytes_ -= entry.result->bytes();
  results_bytes_ += result.bytes();
  entry.result = std::make_shared<const TicketResult>(std::move(result));
}

OutboxReceiver::Answer OutboxReceiver::say(std::uint32_t number, Ticket ticket) {
  return {.session = last_session_,
          .number = number,
          .ticket = ticket,
          .result = entries_.at(ticket).result,
          .received = received_to_acknowledge()};
}

void OutboxReceiver::on_time(Instant now, Effects& effects) {
  while (!due_.empty() && due_.begin()->first <= now) {
    ++counters_.expired;
    end(entries_.find(due_.begin()->second), expired("before it was started"));
  }
  start_next(now, effects);
}

// --- what there is

std::optional<Instant> OutboxReceiver::oldest() const {
  std::optional<Instant> oldest;
  for (const auto& [ticket, entry] : entries_) {
    if (entry.stage != Stage::over && (!oldest || entry.came < *oldest)) oldest = entry.came;
  }
  return oldest;
}

std::optional<OutboxReceiver::TicketState> OutboxReceiver::state(Ticket ticket) const {
  const auto entry = entries_.find(ticket);
  if (entry == entries_.end()) return std::nullopt;
  return TicketState{entry->second.stage, entry->second.result};
}

}  // namespace parley::core
