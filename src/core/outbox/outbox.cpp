#include "core/outbox/outbox.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace parley::core {

namespace {

// Of one that an earlier life of the peer may have applied, only that it ran counts.
bool says_not_applied(const TicketResult& result) {
  using enum TicketResult::Kind;
  if (result.kind == failed) return result.error.code != Code::failed && result.error.code != Code::handler_threw;
  return result.kind != applied && result.kind != unknown;
}

}  // namespace

Outbox::Outbox(OutboxLimits limits, Instant now) : limits_(limits), sent_(std::in_place), outage_since_(now) {
  PARLEY_ASSERT(limits.commands_max > 0 && limits.bytes_max > 0);
}

// --- room

bool Outbox::is_over_quota(const Command& command, const Command* instead_of) const {
  if (command.group.empty() || (instead_of && instead_of->group == command.group)) return false;
  const auto found = groups_.find(command.group);
  return found != groups_.end() && found->second >= limits_.group_commands_max;
}

bool Outbox::has_room(const Command& command, const Command* instead_of) const {
  const std::size_t others = commands_ - (instead_of ? 1 : 0);
  const std::size_t other_bytes = bytes_ - (instead_of ? instead_of->frame->size() : 0);
  return others < limits_.commands_max && other_bytes + command.frame->size() <= limits_.bytes_max &&
         !is_over_quota(command, instead_of);
}

// Whether one waits for room that the others take, and not for its own group alone.
bool Outbox::is_somebody_first() const {
  return std::ranges::any_of(waiting_, [this](Ticket each) { return !is_over_quota(entries_.at(each).command); });
}

void Outbox::hold(const Command& command) {
  ++commands_;
  bytes_ += command.frame->size();
  if (!command.group.empty()) ++groups_[command.group];
  commands_peak_ = std::max(commands_peak_, commands_);
  bytes_peak_ = std::max(bytes_peak_, bytes_);
  PARLEY_ASSERT(commands_ <= limits_.commands_max && bytes_ <= limits_.bytes_max, commands_, bytes_);
}

// --- whoever sends

Result<Ticket> Outbox::send(Command command, Instant now, Effects& effects) {
  if (is_closed_) return fail(Code::closed, std::string(shutting_down_note));
  expire(now, effects);
  if (command.frame->size() > limits_.bytes_max) {
    return fail(Code::too_large, fmt::format("a command of {} bytes, where the outbox has room for {}",
                                             command.frame->size(), limits_.bytes_max));
  }
  if (command.when_full == WhenFull::only_if_connected && !is_welcome_) {
    ++counters_.not_connected;
    return fail(Code::not_sent, std::string(unreachable_note));
  }
  const WhenFull when_full = command.when_full;
  std::optional<Ticket> ticket = replace_by_key(command, now, effects);
  if (!ticket) {
    Stage stage = Stage::queued;
    if (is_somebody_first() || !has_room(command)) {
      const bool may_wait = command.when_full == WhenFull::wait && waiting_.size() < limits_.waiting_max &&
                            waiting_bytes_ + command.frame->size() <= limits_.waiting_bytes_max;
      if (may_wait) {
        stage = Stage::waiting;
        ++counters_.waited;
      } else if (command.when_full != WhenFull::drop_oldest || !evict_for(command, effects)) {
        ++counters_.rejected[command.when_full];
        return fail(Code::overloaded, std::string(overflow_note));
      }
    }
    ticket = take(std::move(command), stage, std::nullopt, now);
  }
  ++counters_.accepted[when_full];
  settle(effects);
  return *ticket;
}

// One that has not been sent gives its place to a newer one of its key.
std::optional<Ticket> Outbox::replace_by_key(Command& command, Instant now, Effects& effects) {
  if (command.key.empty()) return std::nullopt;
  const auto known = keys_.find(command.key);
  if (known == keys_.end()) return std::nullopt;
  const auto old = entries_.find(known->second);
  const Stage stage = old->second.stage;
  if (stage == Stage::queued && !has_room(command, &old->second.command)) return std::nullopt;
  if (stage == Stage::waiting &&
      waiting_bytes_ - old->second.command.frame->size() + command.frame->size() > limits_.waiting_bytes_max) {
    return std::nullopt;
  }
  const Ticket place = old->second.place;
  ++counters_.coalesced[old->second.command.when_full];
  release(old);
  finish(old, cancelled("a newer one of its key took its place"), effects);
  return take(std::move(command), stage, place, now);
}

// Those that may be dropped make room for one of their kind, if they are enough; else none of them goes.
bool Outbox::evict_for(const Command& command, Effects& effects) {
  const bool is_of_group = is_over_quota(command);
  std::size_t commands = commands_;
  std::size_t bytes = bytes_;
  std::vector<Ticket> victims;
  const auto is_enough = [&] {
    return commands < limits_.commands_max && bytes + command.frame->size() <= limits_.bytes_max &&
           (!is_of_group || !victims.empty());
  };
  for (const auto& [place, ticket] : queue_) {
    if (is_enough()) break;
    const Command& other = entries_.at(ticket).command;
    if (other.when_full != WhenFull::drop_oldest || (is_of_group && other.group != command.group)) continue;
    victims.push_back(ticket);
    --commands;
    bytes -= other.frame->size();
  }
  if (!is_enough() || is_somebody_first()) return false;
  for (const Ticket victim : victims) {
    const auto entry = entries_.find(victim);
    ++counters_.evicted[entry->second.command.when_full];
    release(entry);
    finish(entry, ended(TicketResult::Kind::refused, Code::overloaded, overflow_note), effects);
  }
  return true;
}

Ticket Outbox::take(Command command, Stage stage, std::optional<Ticket> place, Instant now) {
  const Ticket ticket = ++last_ticket_;
  if (!command.key.empty()) keys_[command.key] = ticket;
  const auto entry =
      entries_
          .emplace(ticket,
                   Entry{.command = std::move(command), .taken = now, .place = place.value_or(ticket), .stage = stage})
          .first;
  due_.emplace(due(entry->second), ticket);
  if (stage == Stage::waiting) {
    waiting_.insert(ticket);
    waiting_bytes_ += entry->second.command.frame->size();
  } else {
    queue_.emplace(entry->second.place, ticket);
    hold(entry->second.command);
  }
  return ticket;
}

Outbox::Cancelled Outbox::cancel(Ticket ticket, Effects& effects) {
  const auto entry = entries_.find(ticket);
  if (entry == entries_.end()) {
    ++counters_.cancels_too_late;
    return Cancelled::late;
  }
  if (!entry->second.is_sent() || is_not_there(entry->second)) {
    ++counters_.cancelled_queued;
    release(entry);
    finish(entry, cancelled("before it was sent"), effects);
    settle(effects);
    return Cancelled::now;
  }
  if (!entry->second.is_cancelling && is_welcome_) cancels_.push_back(ticket);
  entry->second.is_cancelling = true;
  return Cancelled::asked;
}

std::size_t Outbox::purge(std::string_view group, Effects& effects) {
  std::vector<Ticket> all;
  for (const auto& [ticket, entry] : entries_) {
    if (entry.command.group == group) all.push_back(ticket);
  }
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [&](Ticket ticket) { return cancel(ticket, effects) == Cancelled::now; }));
}

void Outbox::close(Instant by, Instant now, Effects& effects) {
  is_closed_ = true;
  close_by_ = std::min(close_by_, by);
  if (close_by_ <= now) shut_down(effects);
  settle(effects);
}

void Outbox::shut_down(Effects& effects) {
  while (!entries_.empty()) {
    const auto entry = entries_.begin();
    const bool may_be_there = entry->second.is_sent() && !is_not_there(entry->second);
    release(entry);
    finish(entry, may_be_there ? not_known(shutting_down_note) : cancelled(shutting_down_note), effects);
  }
}

// --- the end of a ticket

// Takes it out of everything but the tickets that have no result.
void Outbox::release(Entries::iterator entry) {
  const auto& [ticket, its] = *entry;
  due_.erase({due(its), ticket});
  if (const auto key = keys_.find(its.command.key); key != keys_.end() && key->second == ticket) keys_.erase(key);
  if (its.stage == Stage::waiting) {
    waiting_.erase(ticket);
    waiting_bytes_ -= its.command.frame->size();
    return;
  }
  if (its.stage == Stage::queued) queue_.erase(its.place);
  --commands_;
  bytes_ -= its.command.frame->size();
  if (const auto group = groups_.find(its.command.group); group != groups_.end() && --group->second == 0) {
    groups_.erase(group);
  }
}

// It has been released.
void Outbox::finish(Entries::iterator entry, TicketResult result, Effects& effects) {
  const Ticket ticket = entry->first;
  if (entry->second.may_have_run && says_not_applied(result)) result = not_known(result.error.note);
  entries_.erase(entry);
  ++counters_.results[static_cast<std::size_t>(result.kind)];
  over_.push_back({.ticket = ticket, .kind = result.kind, .error = result.error});
  if (over_.size() > limits_.results_kept) over_.pop_front();
  effects.push_back(Finished{ticket, std::move(result)});
}

void Outbox::admit_waiting() {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto entry = entries_.find(*next++);
    const Command& command = entry->second.command;
    if (has_room(command)) {
      move_to(entry, Stage::queued);
    } else if (!is_over_quota(command)) {
      return;
    }
  }
}

Instant Outbox::due(const Entry& entry) const {
  return entry.is_sent() ? entry.command.deadline + limits_.answer_within : entry.command.deadline;
}

void Outbox::move_to(Entries::iterator entry, Stage stage) {
  auto& [ticket, its] = *entry;
  if (its.stage == Stage::waiting) {
    waiting_.erase(ticket);
    waiting_bytes_ -= its.command.frame->size();
    hold(its.command);
  }
  if (its.stage == Stage::queued) queue_.erase(its.place);
  if (stage == Stage::queued) queue_.emplace(its.place, ticket);
  const Instant before = due(its);
  its.stage = stage;
  if (due(its) == before) return;
  due_.erase({before, ticket});
  due_.emplace(due(its), ticket);
}

// --- time

Instant Outbox::outage_ends(const Entry& entry) const {
  return std::max(outage_since_, entry.taken) + limits_.outage_max;
}

Instant Outbox::next_deadline() const {
  Instant next = progress_ + limits_.acknowledge_within;
  if (entries_.empty()) return next;
  next = std::min({next, due_.begin()->first, close_by_});
  return is_welcome_ ? next : std::min(next, outage_ends(entries_.begin()->second));
}

void Outbox::on_time(Instant now, Effects& effects) {
  if (close_by_ <= now) shut_down(effects);
  if (progress_ + limits_.acknowledge_within <= now) {
    ++counters_.silences;
    break_session({Code::silence, "the peer acknowledges nothing"}, now, effects);
  }
  expire(now, effects);
}

void Outbox::expire(Instant now, Effects& effects) {
  expire_due(now, effects);
  if (!is_welcome_) expire_outage(now, effects);
  settle(effects);
}

void Outbox::expire_due(Instant now, Effects& effects) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto entry = entries_.find(due_.begin()->second);
    const Stage stage = entry->second.stage;
    const bool may_be_there = entry->second.is_sent() && !is_not_there(entry->second);
    release(entry);
    if (stage == Stage::waiting) {
      finish(entry, ended(TicketResult::Kind::refused, Code::overloaded, overflow_note), effects);
    } else if (may_be_there) {
      finish(entry, not_known("the peer has not said by its deadline what became of it"), effects);
    } else {
      finish(entry, expired("before it was sent"), effects);
    }
  }
}

void Outbox::expire_outage(Instant now, Effects& effects) {
  while (!entries_.empty() && outage_ends(entries_.begin()->second) <= now) {
    const auto entry = entries_.begin();
    const bool is_sent = entry->second.is_sent();
    release(entry);
    finish(entry, is_sent ? not_known(unreachable_note) : expired(unreachable_note), effects);
  }
}

// --- what there is

std::optional<Instant> Outbox::oldest() const {
  return entries_.empty() ? std::nullopt : std::optional(entries_.begin()->second.taken);
}

std::optional<Outbox::TicketState> Outbox::state(Ticket ticket) const {
  if (const auto entry = entries_.find(ticket); entry != entries_.end()) return TicketState{entry->second.stage};
  const auto found = std::ranges::find(over_, ticket, &Over::ticket);
  if (found == over_.end()) return std::nullopt;
  return TicketState{.stage = Stage::over, .result = found->kind, .error = found->error};
}

}  // namespace parley::core
