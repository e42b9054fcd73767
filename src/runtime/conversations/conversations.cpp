#include "runtime/conversations/conversations.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley {

using core::Conversation;

struct Conversations::Kept {
  Kept(ConversationId id, Conversation::Options options, Instant now)
      : id(id), since(now), machine(std::move(options), now) {}

  const ConversationId id;
  const Instant since;
  Conversation machine;
  std::string subject = {};
  Owner owner = 0;
  bool is_shared = false;
  bool is_over = false;  // closed, and not forgotten yet
  ConversationFollower* follower = nullptr;
  std::map<Participant, std::uint32_t> parts = {};  // and what each has not answered
  std::map<Participant, std::string> names = {};    // of those that have ended, too
  std::map<Conversation::Waiter, Receiving*> receiving = {};
  std::map<Conversation::Watch, Watching*> watching = {};
  Instant undo_until = Instant::never();
  Instant alarm = Instant::never();
};

Conversations::Conversations(Executor& executor, ConversationsOptions options)
    : executor_(executor), options_(std::move(options)), compensations_running_(executor) {}
// Tells nobody: who takes part or follows may be gone.
Conversations::~Conversations() {
  for (const auto& [id, conversation] : conversations_) {
    for (const auto& [waiter, receiving] : conversation->receiving) receiving->owner_ = nullptr;
    for (const auto& [watch, watching] : conversation->watching) watching->owner_ = nullptr;
  }
}

Conversations::Kept* Conversations::kept(ConversationId conversation) const {
  const auto found = conversations_.find(conversation);
  return found == conversations_.end() || found->second->is_over ? nullptr : found->second.get();
}

std::unexpected<Error> Conversations::no(ConversationId conversation) const {
  return fail(Code::not_found, fmt::format("no conversation {} is open", conversation));
}

// --- who takes part

Result<Participant> Conversations::add(Party& party, std::string name) {
  if (is_closed_) return fail(Code::closed, "the conversations");
  if (participants_.size() >= options_.participants_max) {
    return fail(Code::overloaded, fmt::format("{} take part in conversations", participants_.size()));
  }
  participants_.emplace(++last_participant_, Present{.party = &party, .name = std::move(name)});
  return last_participant_;
}

void Conversations::exited(Participant who, const ExitReason& reason, Instant at) {
  auto ended = participants_.extract(who);
  if (ended.empty()) return;
  for (const std::string& subject : ended.mapped().subjects) {
    const auto found = subjects_.find(subject);
    std::erase(found->second.providers, who);
    if (found->second.providers.empty()) subjects_.erase(found);
  }
  for (const ConversationId each : ended.mapped().conversations) {
    Kept* const conversation = kept(each);
    if (!conversation) continue;
    conversation->parts.erase(who);
    conversation->machine.exited(who, reason, at, effects_);
    carry_out(*conversation);
  }
}

void Conversations::exited(ConversationId conversation, Participant who, const ExitReason& reason, Instant at) {
  Kept* const found = kept(conversation);
  if (!found || !found->parts.contains(who)) return;
  leave_part(*found, who);
  found->machine.exited(who, reason, at, effects_);
  carry_out(*found);
}

void Conversations::replied(Participant from, ConversationId conversation, Request request,
                            std::optional<Envelope> reply) {
  Kept* const found = kept(conversation);
  const auto part = found ? found->parts.find(from) : std::map<Participant, std::uint32_t>::iterator();
  if (!found || part == found->parts.end()) {
    ++counters_.replies_strange;
    return;
  }
  if (part->second > 0) {
    --part->second;
    --participants_.at(from).in_flight;
  }
  const core::ConversationCounters before = found->machine.counters();
  found->machine.replied(from, request, std::move(reply), executor_.now(), effects_);
  counters_.replies_late += found->machine.counters().replies_late - before.replies_late;
  counters_.replies_strange += found->machine.counters().replies_strange - before.replies_strange;
  carry_out(*found);
}

Result<void> Conversations::provide(std::string subject, Participant who) {
  const auto present = participants_.find(who);
  if (present == participants_.end()) return fail(Code::not_found, "whoever is to provide it has ended");
  auto& subjects = present->second.subjects;
  if (subjects.contains(subject)) return fail(Code::in_use, fmt::format("\"{}\" is provided already", subject));
  if (subjects.size() >= options_.subjects_per_participant_max) {
    return fail(Code::overloaded, fmt::format("{} subjects of one participant", subjects.size()));
  }
  subjects.insert(subject);
  subjects_[std::move(subject)].providers.push_back(who);
  return {};
}

void Conversations::withdraw(std::string_view subject, Participant who) {
  const auto present = participants_.find(who);
  if (present == participants_.end() || present->second.subjects.erase(std::string(subject)) == 0) return;
  const auto found = subjects_.find(subject);
  std::erase(found->second.providers, who);
  if (found->second.providers.empty()) subjects_.erase(found);
}

Result<void> Conversations::compensate(std::string subject, Compensation compensation) {
  const auto [place, is_new] = compensations_.try_emplace(std::move(subject), std::move(compensation));
  if (!is_new) return fail(Code::in_use, fmt::format("something undoes \"{}\" already", place->first));
  return {};
}

void Conversations::take_part(Kept& kept, Participant who) {
  Present& present = participants_.at(who);
  present.conversations.insert(kept.id);
  kept.parts.emplace(who, 0);
  kept.names.emplace(who, present.name);
}

void Conversations::leave_part(Kept& kept, Participant who) {
  const auto part = kept.parts.find(who);
  if (part == kept.parts.end()) return;
  Present& present = participants_.at(who);
  present.in_flight -= part->second;
  present.conversations.erase(kept.id);
  kept.parts.erase(part);
}

// --- conversations

Result<std::vector<Participant>> Conversations::choose_for(Opening& opening) {
  if (opening.subject.empty()) return {};
  const auto found = subjects_.find(opening.subject);
  if (found == subjects_.end()) {
    return fail(Code::not_found, fmt::format("nobody takes part in conversations about \"{}\"", opening.subject));
  }
  std::vector<Candidate> candidates;
  for (const Participant who : found->second.providers) {
    const Present& present = participants_.at(who);
    candidates.push_back({.who = who, .name = present.name, .in_flight = present.in_flight});
  }
  std::vector<Participant> chosen = choose(std::move(candidates), opening.choice, found->second.turn++);
  if (chosen.empty()) return fail(Code::not_found, fmt::format("nobody was chosen for \"{}\"", opening.subject));
  const bool takes_all = opening.on_crash == Conversation::OnCrash::route_to_next;
  const std::size_t count_max = takes_all ? options_.limits.participants_max : 1;
  if (chosen.size() > count_max) chosen.resize(count_max);
  return chosen;
}

Result<ConversationId> Conversations::open(Opening opening) {
  if (is_closed_) return fail(Code::closed, "the conversations");
  if (conversations_.size() >= options_.conversations_max) {
    return fail(Code::overloaded, fmt::format("{} conversations", conversations_.size()));
  }
  const auto owned = owners_.find(opening.owner);
  if (owned != owners_.end() && owned->second.size() >= options_.conversations_per_owner_max) {
    return fail(Code::overloaded, fmt::format("{} conversations of one who opens them", owned->second.size()));
  }
  if (opening.on_crash == Conversation::OnCrash::compensate && !compensations_.contains(opening.subject)) {
    return fail(Code::not_found, fmt::format("nothing undoes conversations about \"{}\"", opening.subject));
  }
  PARLEY_TRY(const std::vector<Participant> chosen, choose_for(opening));
  const ConversationId id = ++last_conversation_;
  auto made = std::make_unique<Kept>(
      id, Conversation::Options{.on_crash = opening.on_crash, .deadline = opening.deadline, .limits = options_.limits},
      executor_.now());
  Kept& kept = *conversations_.emplace_hint(conversations_.end(), id, std::move(made))->second;
  kept.subject = std::move(opening.subject);
  kept.owner = opening.owner;
  kept.is_shared = opening.is_shared;
  kept.follower = opening.follower;
  owners_[kept.owner].insert(id);
  for (const Participant who : chosen) {
    kept.machine.join(who, true).value();
    take_part(kept, who);
  }
  ++counters_.opened;
  set_deadline(kept);
  return id;
}

Result<void> Conversations::join(ConversationId conversation, Participant who, bool takes_messages) {
  Kept* const found = kept(conversation);
  if (!found) return no(conversation);
  if (!participants_.contains(who)) return fail(Code::not_found, "whoever is to join has ended");
  PARLEY_TRY(found->machine.join(who, takes_messages));
  take_part(*found, who);
  return {};
}

Result<Request> Conversations::send(ConversationId conversation, Envelope message, To to, bool is_asked) {
  Kept* const found = kept(conversation);
  if (!found) return no(conversation);
  const Result<Request> sent = found->machine.send(std::move(message), to, is_asked, executor_.now(), effects_);
  if (sent) ++counters_.sent;
  carry_out(*found);
  return sent;
}

Result<void> Conversations::complete(ConversationId conversation) {
  Kept* const found = kept(conversation);
  if (!found) return no(conversation);
  Result<void> completed = found->machine.complete(effects_);
  carry_out(*found);
  return completed;
}

Result<void> Conversations::close(ConversationId conversation) {
  Kept* const found = kept(conversation);
  if (!found) return no(conversation);
  Result<void> closed = found->machine.close(effects_);
  found->is_over = true;
  carry_out(*found, true);
  return closed;
}

void Conversations::abandon(ConversationId conversation) {
  Kept* const found = kept(conversation);
  if (!found) return;
  found->follower = nullptr;
  static_cast<void>(close(conversation));
}

void Conversations::leave(Owner owner) {
  const auto found = owners_.find(owner);
  if (found == owners_.end()) return;
  for (const ConversationId each : std::set(found->second)) abandon(each);
}

void Conversations::close() {
  is_closed_ = true;
  compensations_running_.cancel_all();
  for (auto each = conversations_.begin(); each != conversations_.end();) {
    const ConversationId id = (each++)->first;
    static_cast<void>(close(id));
  }
}

// --- waiting

void Conversations::Receiving::stop() {
  if (!owner_) return;
  Kept& kept = *owner_->conversations_.at(conversation_);
  kept.receiving.erase(waiter_);
  kept.machine.cancel(waiter_);
  owner_->set_deadline(kept);
  owner_ = nullptr;
}

void Conversations::receive(Receiving& receiving, ConversationId conversation, Request of,
                            std::optional<Instant> deadline) {
  receiving.stop();
  Kept* const found = kept(conversation);
  if (!found) return receiving.on_received(no(conversation));
  receiving.waiter_ = found->machine.receive(of, deadline, executor_.now(), effects_);
  receiving.conversation_ = conversation;
  receiving.owner_ = this;
  found->receiving.emplace(receiving.waiter_, &receiving);
  carry_out(*found);
}

void Conversations::Watching::stop() {
  if (!owner_) return;
  Kept& kept = *owner_->conversations_.at(conversation_);
  kept.watching.erase(watch_);
  kept.machine.unwatch(watch_);
  owner_ = nullptr;
}

void Conversations::watch(Watching& watching, ConversationId conversation, Participant who) {
  watching.stop();
  Kept* const found = kept(conversation);
  if (!found) return watching.on_exit(no(conversation));
  const Result<Conversation::Watch> watch = found->machine.watch(who, effects_);
  if (!watch) return watching.on_exit(fail(watch.error()));
  watching.watch_ = *watch;
  watching.who_ = who;
  watching.conversation_ = conversation;
  watching.owner_ = this;
  found->watching.emplace(*watch, &watching);
  carry_out(*found);
}

// --- what is to be done

void Conversations::carry_out(Kept& kept, bool is_last) {
  for (Conversation::Effect& each : effects_) steps_.push_back({kept.id, std::move(each)});
  effects_.clear();
  if (is_last) steps_.push_back({kept.id, std::nullopt});
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

// Whoever it is for may have ended since it was decided; then the message is with the next one, or lost.
void Conversations::run(Kept& kept, Conversation::Forward forward) {
  const auto part = kept.parts.find(forward.to);
  if (part == kept.parts.end()) return;
  Present& present = participants_.at(forward.to);
  ++part->second;
  ++present.in_flight;
  if (forward.is_repeated) {
    ++counters_.rerouted;
    if (kept.follower) kept.follower->on_rerouted(kept.id, forward.request, forward.to, executor_.now());
  }
  present.party->on_message({.conversation = kept.id,
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

// --- what there is

std::optional<Conversations::Seen> Conversations::find(ConversationId conversation) const {
  const Kept* const found = kept(conversation);
  if (!found) return std::nullopt;
  return Seen{found->id, &found->subject, &found->machine, found->owner, found->is_shared, found->since};
}

std::vector<Conversations::Seen> Conversations::list(ConversationId from, std::size_t count_max) const {
  std::vector<Seen> all;
  for (auto each = conversations_.lower_bound(from); each != conversations_.end() && all.size() < count_max; ++each) {
    if (const auto seen = find(each->first)) all.push_back(*seen);
  }
  return all;
}

std::string_view Conversations::name_of(Participant who, ConversationId conversation) const {
  if (const auto open = conversations_.find(conversation); open != conversations_.end()) {
    const auto named = open->second->names.find(who);
    if (named != open->second->names.end()) return named->second;
  }
  const auto found = participants_.find(who);
  return found == participants_.end() ? std::string_view() : std::string_view(found->second.name);
}

std::vector<std::string> Conversations::subjects() const {
  std::vector<std::string> all;
  for (const auto& [subject, providers] : subjects_) all.push_back(subject);
  return all;
}

}  // namespace parley
