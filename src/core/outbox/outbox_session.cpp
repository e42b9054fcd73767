#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/outbox/outbox.h"

namespace parley::core {

namespace {

std::uint64_t us(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace

// --- what goes to the peer

void Outbox::settle(Effects& effects) {
  if (!waiting_.empty()) admit_waiting();
  if (!is_closed_ || is_drained_ || !entries_.empty()) return;
  is_drained_ = true;
  effects.push_back(Drained{});
}

// In this session, or in one before whose peer has acknowledged it.
bool Outbox::is_said(std::uint32_t number) const {
  return !sent_->holds(number) || number - sent_->first() < unsaid_ - sent_->first();
}

// The peer has said that it has not got it, and was not told of it since.
bool Outbox::is_not_there(const Entry& entry) const {
  return is_welcome_ && entry.stage == Stage::sent && !is_said(entry.number);
}

bool Outbox::has_next() const {
  if (!is_welcome_) return false;
  const bool has_command = sent_->holds(unsaid_) || (owed_ < room_ && !queue_.empty());
  return has_command || !cancels_.empty() || (is_flushing_ && results_.last() != results_acknowledged_);
}

std::optional<Outbox::Said> Outbox::next(Instant now, Effects& effects) {
  if (!is_welcome_) return std::nullopt;
  if (!cancels_.empty()) {
    const Ticket ticket = cancels_.front();
    cancels_.pop_front();
    return Cancel{last_session_, ticket};
  }
  if (sent_->holds(unsaid_)) return say_again(now, effects);
  if (auto first = say_first(now, effects)) return first;
  if (!std::exchange(is_flushing_, false)) return std::nullopt;
  const auto last = results_to_acknowledge();
  if (!last) return std::nullopt;
  return Acknowledge{last_session_, *last};
}

// What has its result meanwhile is not said again, and what is over now has its result.
Outbox::Said Outbox::say_again(Instant now, Effects& effects) {
  const std::uint32_t number = unsaid_;
  const Ticket ticket = sent_->ticket_at(number);
  if (const auto entry = entries_.find(ticket); entry != entries_.end()) {
    const bool is_late = entry->second.command.deadline <= now;
    if (is_late || entry->second.is_cancelling) {
      release(entry);
      finish(entry, is_late ? expired("before the peer had it") : cancelled("before the peer had it"), effects);
      settle(effects);
    }
  }
  ++unsaid_;
  ++counters_.resent;
  return say(number, ticket);
}

std::optional<Outbox::Said> Outbox::say_first(Instant now, Effects& effects) {
  while (owed_ < room_ && !queue_.empty()) {
    const auto entry = entries_.find(queue_.begin()->second);
    auto& [ticket, its] = *entry;
    if (its.command.deadline <= now) {
      release(entry);
      finish(entry, expired("before it was sent"), effects);
      settle(effects);
      continue;
    }
    if (const auto key = keys_.find(its.command.key); key != keys_.end() && key->second == ticket) keys_.erase(key);
    move_to(entry, Stage::sent);
    its.number = sent_->add(ticket);
    unsaid_ = its.number + 1;
    ++owed_;
    ++counters_.sent;
    if (progress_.is_never()) progress_ = now;
    return say(its.number, ticket);
  }
  return std::nullopt;
}

// Of what has its result the number goes alone.
Outbox::Said Outbox::say(std::uint32_t number, Ticket ticket) {
  const auto entry = entries_.find(ticket);
  const bool is_void = entry == entries_.end();
  if (is_void) ++counters_.voided;
  return Send{.session = last_session_,
              .number = number,
              .ticket = ticket,
              .deadline = is_void ? Instant::never() : entry->second.command.deadline,
              .frame = is_void ? nullptr : entry->second.command.frame,
              .results = results_to_acknowledge()};
}

void Outbox::unsendable(const Send& send, Error why, Effects& effects) {
  if (!check_current(send.session)) return;
  PARLEY_ASSERT(sent_->holds(send.number) && send.number + 1 == unsaid_, send.number);
  unsaid_ = send.number;
  if (const auto entry = entries_.find(send.ticket); entry != entries_.end()) {
    release(entry);
    finish(entry, {TicketResult::Kind::failed, std::move(why), {}}, effects);
  }
  settle(effects);
}

std::optional<std::uint32_t> Outbox::results_to_acknowledge() {
  const auto last = results_.last();
  if (last == results_acknowledged_) return std::nullopt;
  results_acknowledged_ = last;
  return last;
}

// --- the session

bool Outbox::check_current(Session session) {
  if (is_current(session)) return true;
  ++counters_.sessions_stale;
  return false;
}

Outbox::Session Outbox::connect(Instant now, Effects& effects) {
  if (has_session_) {
    ++counters_.sessions_replaced;
    break_session({Code::closed, "another session to this peer took its place"}, now, effects);
  }
  has_session_ = true;
  ++counters_.sessions;
  progress_ = now;
  results_acknowledged_ = results_.last();
  settle(effects);
  return ++last_session_;
}

void Outbox::welcome(Session session, const OutboxWelcome& welcome, Instant now, Effects& effects) {
  if (!check_current(session)) return;
  if (is_welcome_ || welcome.room == 0) {
    break_session({Code::unexpected, is_welcome_ ? "a second welcome" : "a welcome without room"}, now, effects);
    return;
  }
  is_welcome_ = true;
  room_ = std::min(welcome.room, room_max);
  disconnected_ += now - outage_since_;
  resume(welcome, now, effects);
  progress_ = sent_->empty() ? Instant::never() : now;
  settle(effects);
}

void Outbox::resume(const OutboxWelcome& welcome, Instant now, Effects& effects) {
  const bool is_first = !incarnation_;
  const bool is_same = incarnation_ == welcome.incarnation;
  incarnation_ = welcome.incarnation;
  if ((is_first || is_same) && sent_->resume(welcome.received, [&](Ticket ticket) { mark_received(ticket, now); })) {
    unsaid_ = sent_->first();
    for (const auto& [ticket, entry] : entries_) {
      if (entry.is_cancelling && entry.stage == Stage::received) cancels_.push_back(ticket);
    }
    return;
  }
  ++counters_.restarts;
  begin_life(effects);
}

// What was sent to the one before may have been applied; what was not, is meant for that one, or not.
void Outbox::begin_life(Effects& effects) {
  sent_.emplace();
  unsaid_ = sent_->first();
  results_ = ReceiveWindow();
  results_acknowledged_.reset();
  owed_ = 0;
  for (auto next = entries_.begin(); next != entries_.end();) {
    const auto entry = next++;
    const bool is_sent = entry->second.is_sent();
    if (entry->second.command.incarnation == Incarnation::same || entry->second.is_cancelling) {
      release(entry);
      finish(entry, is_sent ? not_known("peer restarted") : not_sent("peer restarted"), effects);
    } else if (is_sent) {
      entry->second.may_have_run = true;
      move_to(entry, Stage::queued);
    }
  }
}

void Outbox::acknowledged(Session session, std::uint32_t last, Instant now, Effects& effects) {
  if (!check_current(session)) return;
  if (sent_->holds(last) && !is_said(last)) {
    break_session({Code::unexpected, fmt::format("an acknowledgement of {}, which was not said", last)}, now, effects);
    return;
  }
  const std::size_t before = sent_->size();
  if (auto done = sent_->acknowledge(last, [&](Ticket ticket) { mark_received(ticket, now); }); !done) {
    break_session(std::move(done).error(), now, effects);
    return;
  }
  if (sent_->size() != before) progress_ = sent_->empty() ? Instant::never() : now;
}

void Outbox::mark_received(Ticket ticket, Instant now) {
  ++counters_.acknowledged;
  const auto entry = entries_.find(ticket);
  if (entry == entries_.end()) return;
  received_us_.add(us(now - entry->second.taken));
  move_to(entry, Stage::received);
}

void Outbox::finished(Session session, std::uint32_t number, Ticket ticket, TicketResult result, Instant now,
                      Effects& effects) {
  if (!check_current(session)) return;
  const auto entry = entries_.find(ticket);
  const bool is_sent = entry == entries_.end() ? ticket != 0 && ticket <= last_ticket_ : entry->second.is_sent();
  auto verdict = results_.take(number);
  if (verdict && *verdict == ReceiveWindow::Verdict::duplicate) {
    ++counters_.results_repeated;
    return;
  }
  if (!verdict || owed_ == 0 || !is_sent) {
    const std::string why =
        verdict ? fmt::format("a result of the ticket {}, which was not sent", ticket) : std::string();
    break_session(verdict ? Error{Code::unexpected, why} : std::move(verdict).error(), now, effects);
    return;
  }
  --owed_;
  if (entry == entries_.end()) {
    ++counters_.results_late;
  } else {
    if (entry->second.is_cancelling) {
      ++(result.kind == TicketResult::Kind::cancelled ? counters_.cancelled_in_flight : counters_.cancels_too_late);
    }
    if (result.kind == TicketResult::Kind::applied) applied_us_.add(us(now - entry->second.taken));
    release(entry);
    finish(entry, std::move(result), effects);
  }
  settle(effects);
}

void Outbox::disconnect(Session session, Instant now, Effects& effects) {
  if (!check_current(session)) return;
  end_session(now, effects);
  settle(effects);
}

void Outbox::break_session(Error why, Instant now, Effects& effects) {
  effects.push_back(Close{last_session_, std::move(why)});
  end_session(now, effects);
  settle(effects);
}

void Outbox::end_session(Instant now, Effects& effects) {
  has_session_ = false;
  progress_ = Instant::never();
  if (!is_welcome_) return;
  outage_since_ = now;
  for (auto next = entries_.begin(); next != entries_.end();) {
    const auto entry = next++;
    if (entry->second.command.when_full != WhenFull::only_if_connected || entry->second.stage == Stage::received) {
      continue;
    }
    const bool may_be_there = entry->second.is_sent() && !is_not_there(entry->second);
    release(entry);
    finish(entry, may_be_there ? not_known(unreachable_note) : not_sent(unreachable_note), effects);
  }
  is_welcome_ = false;
  is_flushing_ = false;
  cancels_.clear();
}

}  // namespace parley::core
