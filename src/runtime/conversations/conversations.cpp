#include "runtime/conversations/conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/directory/name.h"
#include "runtime/conversations/conversations_kept.h"

namespace parley {

using core::Conversation;

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

// Its context has what is said now, as long as there is room in all of them.
Conversations::Kept* Conversations::kept_to_speak(ConversationId conversation) const {
  Kept* const found = kept(conversation);
  if (found) found->machine.keep_said(context_bytes_ < options_.context_bytes_of_all_max);
  return found;
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
  // Of all of them before any of them is told: what comes of one may be about another, also one that is closed and not
  // forgotten yet.
  for (const ConversationId each : ended.mapped().conversations) {
    const auto found = conversations_.find(each);
    if (found != conversations_.end()) found->second->parts.erase(who);
  }
  for (const ConversationId each : ended.mapped().conversations) {
    Kept* const conversation = kept(each);
    if (!conversation) continue;
    conversation->machine.exited(who, reason, at, effects_);
    carry_out(*conversation);
  }
}

void Conversations::exited(ConversationId conversation, Participant who, const ExitReason& reason, Instant at,
                           Request untaken) {
  Kept* const found = kept(conversation);
  if (!found || !found->parts.contains(who)) return;
  leave_part(*found, who);
  found->machine.exited(who, reason, at, effects_, untaken);
  carry_out(*found);
}

void Conversations::replied(Participant from, ConversationId conversation, Request request,
                            std::optional<Envelope> reply) {
  Kept* const found = kept_to_speak(conversation);
  const auto part = found ? found->parts.find(from) : std::map<Participant, std::uint32_t>::iterator();
  if (!found || part == found->parts.end()) {
    ++counters_.replies_strange;
    return;
  }
  if (part->second > 0 && found->machine.is_pending(from, request)) {
    --part->second;
    --participants_.at(from).in_flight;
  }
  const bool has_room = !reply || check_room(*found, Conversation::cost_of(*reply));
  const core::ConversationCounters before = found->machine.counters();
  found->machine.replied(from, request, std::move(reply), executor_.now(), effects_, has_room);
  const core::ConversationCounters& after = found->machine.counters();
  counters_.replies_late += after.replies_late - before.replies_late;
  counters_.replies_strange += after.replies_strange - before.replies_strange;
  counters_.replies_unkept += after.replies_unkept - before.replies_unkept;
  carry_out(*found);
}

Result<void> Conversations::provide(std::string subject, Participant who) {
  PARLEY_TRY(core::check_name(subject));
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
  kept.principal = principals_.try_emplace(std::move(opening.principal)).first;
  ++kept.principal->second.conversations;
  for (const Participant who : chosen) {
    kept.machine.join(who, true).value();
    take_part(kept, who);
  }
  ++counters_.opened;
  count(kept);
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
  Kept* const found = kept_to_speak(conversation);
  if (!found) return no(conversation);
  PARLEY_TRY(check_room(*found, Conversation::cost_of(message)));
  PARLEY_TRY(check_in_flight(*found, to));
  const Result<Request> sent = found->machine.send(std::move(message), to, is_asked, executor_.now(), effects_);
  if (sent) ++counters_.sent;
  carry_out(*found);
  return sent;
}

void Conversations::give_up(ConversationId conversation, Request request) {
  Kept* const found = kept(conversation);
  if (!found) return;
  found->machine.give_up(request);
  carry_out(*found);
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
  compensations_running_.cancel_others();
  if (compensations_running_.size() != 0 && !cancel_.is_linked()) executor_.post(cancel_);
  std::vector<ConversationId> all;
  for (const auto& [id, conversation] : conversations_) all.push_back(id);
  for (const ConversationId id : all) static_cast<void>(close(id));
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
  Kept* const found = kept_to_speak(conversation);
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
