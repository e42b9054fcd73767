#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/conversations/conversations_kept.h"

// What a conversation wants to be done, bounds and time.
namespace parley {

using core::Conversation;

// --- what is to be done

void Conversations::carry_out(Kept& kept, bool is_last) {
  for (Conversation::Effect& each : effects_) steps_.push_back({kept.id, std::move(each)});
  effects_.clear();
  if (is_last) steps_.push_back({kept.id, std::nullopt});
  count(kept);
  set_deadline(kept);
  if (is_running_) return;
  is_running_ = true;
  while (!steps_.empty()) {
    Step step = std::move(steps_.front());
    steps_.pop_front();
    const auto found = conversations_.find(step.conversation);
    if (found == conversations_.end()) continue;
    if (!step.effect) {
      forget(*found->second);
      continue;
    }
    std::visit([&](auto& effect) { run(*found->second, std::move(effect)); }, *step.effect);
  }
  is_running_ = false;
}

Result<void> Conversations::check_room(const Kept& kept, std::size_t bytes) const {
  if (bytes > options_.bytes_max - std::min(bytes_, options_.bytes_max)) {
    return fail(Code::overloaded, fmt::format("conversations keep {} bytes that nobody has taken", bytes_));
  }
  const std::size_t of_one = kept.principal->second.bytes;
  if (bytes > options_.bytes_per_principal_max - std::min(of_one, options_.bytes_per_principal_max)) {
    return fail(Code::overloaded,
                fmt::format("conversations of one principal keep {} bytes that nobody has taken", of_one));
  }
  return {};
}

// Whoever may be meant: so that nobody is given more than he takes, whoever it comes from.
Result<void> Conversations::check_in_flight(const Kept& kept, const To& to) const {
  std::size_t full = 0;
  std::size_t meant = 0;
  for (const auto& [who, unanswered] : kept.parts) {
    if (to.how == To::How::one && to.who != who) continue;
    ++meant;
    if (participants_.at(who).in_flight >= options_.in_flight_per_participant_max) ++full;
  }
  const bool has_room = to.how == To::How::all ? full == 0 : full < meant;
  if (meant == 0 || has_room) return {};
  return fail(Code::overloaded, "whoever it is for has too many messages to answer");
}

void Conversations::count(Kept& kept) {
  const std::size_t bytes = kept.machine.bytes();
  const std::size_t context = kept.machine.context().bytes();
  std::size_t& of_one = kept.principal->second.bytes;
  of_one = of_one - kept.bytes + bytes;
  bytes_ = bytes_ - std::exchange(kept.bytes, bytes) + bytes;
  context_bytes_ = context_bytes_ - std::exchange(kept.context_bytes, context) + context;
}

// Whoever it is for may have ended since it was decided; then the message is with the next one, or lost.
void Conversations::run(Kept& kept, Conversation::Forward forward) {
  const auto part = kept.parts.find(forward.to);
  if (part == kept.parts.end()) return;
  ++part->second;
  ++participants_.at(forward.to).in_flight;
  if (forward.is_rerouted) {
    ++counters_.rerouted;
    if (kept.follower) kept.follower->on_rerouted(kept.id, forward.request, forward.to, executor_.now());
    if (!kept.parts.contains(forward.to)) return;  // it was ended by whoever was told
  }
  participants_.at(forward.to)
      .party->on_message({.conversation = kept.id,
                          .request = forward.request,
                          .content = std::move(forward.message),
                          .is_repeated = forward.is_repeated});
}

void Conversations::run(Kept& kept, Conversation::Answer answer) {
  const auto found = kept.receiving.find(answer.waiter);
  if (found == kept.receiving.end()) return;
  Receiving& receiving = *found->second;
  kept.receiving.erase(found);
  receiving.owner_ = nullptr;
  receiving.on_received(std::move(answer.result));
}

void Conversations::run(Kept& kept, Conversation::Observed observed) {
  const auto found = kept.watching.find(observed.watch);
  if (found == kept.watching.end()) return;
  Watching& watching = *found->second;
  kept.watching.erase(found);
  watching.owner_ = nullptr;
  watching.on_exit(Exit{.who = watching.who_,
                        .name = std::string(name_of(watching.who_, kept.id)),
                        .at = observed.at,
                        .reason = std::move(observed.reason)});
}

void Conversations::run(Kept& kept, Conversation::Moved moved) {
  if (moved.to == Phase::closed) ++counters_.closed;
  if (moved.to == Phase::failed) ++counters_.failed;
  if (kept.follower) kept.follower->on_moved(kept.id, moved.from, moved.to);
}

void Conversations::run(Kept& kept, const Conversation::Ended& ended) {
  if (ended.reason.is_crash()) ++counters_.crashes;
  if (kept.follower) kept.follower->on_ended(kept.id, ended.who, ended.at, ended.reason);
}

void Conversations::run(Kept& kept, Conversation::Stop stop) {
  if (!kept.parts.contains(stop.who)) return;
  leave_part(kept, stop.who);
  participants_.at(stop.who).party->on_over(kept.id);
}

void Conversations::run(Kept& kept, Conversation::Compensate) {
  if (is_closed_) return;
  kept.undo_until = executor_.now() + options_.compensation_max;
  set_deadline(kept);
  const core::Context& context = kept.machine.context();
  const core::Context::Page page = context.page(context.first_kept(), options_.limits.context_entries_max);
  compensations_running_.spawn(undo(*this, compensations_.find(kept.subject)->second, {kept.id, page.entries}));
}

Task<void> Conversations::undo(Conversations& self, Compensation& compensation, Undo undo) {
  const ConversationId conversation = undo.conversation;
  try {
    co_await compensation(std::move(undo));
  } catch (...) {
    ++self.counters_.compensations_threw;
  }
  if (Kept* const kept = self.kept(conversation)) {
    kept->undo_until = Instant::never();
    kept->machine.compensated(self.effects_);
    self.carry_out(*kept);
  }
}

void Conversations::forget(Kept& kept) {
  while (!kept.watching.empty()) {
    Watching& watching = *kept.watching.begin()->second;
    kept.watching.erase(kept.watching.begin());
    watching.owner_ = nullptr;
    watching.on_exit(fail(Code::closed, "the conversation"));
  }
  if (kept.follower) kept.follower->on_over(kept.id);
  const auto owned = owners_.find(kept.owner);
  owned->second.erase(kept.id);
  if (owned->second.empty()) owners_.erase(owned);
  if (--kept.principal->second.conversations == 0) principals_.erase(kept.principal);
  context_bytes_ -= kept.context_bytes;
  deadlines_.erase({kept.alarm, kept.id});
  conversations_.erase(kept.id);
}

// --- time

void Conversations::set_deadline(Kept& kept) {
  const Instant next = kept.is_over ? Instant::never() : std::min(kept.machine.next_deadline(), kept.undo_until);
  if (next == kept.alarm) return;
  deadlines_.erase({kept.alarm, kept.id});
  kept.alarm = next;
  if (!next.is_never()) deadlines_.emplace(next, kept.id);
  if (deadlines_.empty()) {
    alarm_.disarm();
  } else if (!alarm_.is_armed() || alarm_.when() != deadlines_.begin()->first) {
    executor_.arm(alarm_, deadlines_.begin()->first);
  }
}

void Conversations::Alarm::fire(Timer& timer) { static_cast<Alarm&>(timer).owner.on_time(); }

void Conversations::on_time() {
  const Instant now = executor_.now();
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Kept& kept = *conversations_.at(deadlines_.begin()->second);
    if (kept.undo_until <= now) {
      kept.undo_until = Instant::never();
      kept.machine.compensated(effects_);
    }
    kept.machine.on_time(now, effects_);
    carry_out(kept);
  }
  if (!deadlines_.empty() && !alarm_.is_armed()) executor_.arm(alarm_, deadlines_.begin()->first);
}

}  // namespace parley
