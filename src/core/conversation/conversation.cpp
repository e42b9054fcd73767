#include "core/conversation/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace parley::core {

// Of what nobody has got: whatever is unknown of what was said before.
static Error unsent(Error why) { return kind(why) == Kind::unknown ? Error{Code::not_sent, std::move(why.note)} : why; }

Conversation::Conversation(Options options, Instant now)
    : options_(std::move(options)), context_(options_.limits.context_entries_max, options_.limits.context_bytes_max) {
  if (options_.deadline) deadline_ = now + *options_.deadline;
}

// --- phases

std::optional<Error> Conversation::refusal(Step step) const {
  if (phase_ == Phase::failed) return failure_;
  if (!after(phase_, step)) return Error{Code::refused, fmt::format("the conversation is {}", to_string(phase_))};
  return std::nullopt;
}

void Conversation::move(Phase to, Effects& effects) {
  const Phase from = std::exchange(phase_, to);
  if (from != to) effects.push_back(Moved{from, to});
}

Result<void> Conversation::complete(Effects& effects) {
  if (auto why = refusal(Step::complete)) return parley::fail(*std::move(why));
  move(Phase::completing, effects);
  return {};
}

// From wherever it may be, since nobody has to say that nothing more is coming.
Result<void> Conversation::close(Effects& effects) {
  if (phase_ == Phase::closed) return parley::fail(Code::refused, "the conversation is closed");
  const bool has_failed = phase_ == Phase::failed;
  if (!has_failed) move(Phase::closed, effects);
  while (!waiters_.empty()) {
    const auto& [waiter, waiting] = *waiters_.begin();
    const bool is_with_somebody = requests_.contains(waiting.of);
    answer(waiter,
           is_with_somebody ? parley::fail(Code::unknown, "the conversation was closed before it was answered")
                            : parley::fail(Code::closed, "the conversation"),
           effects);
  }
  let_go();
  if (!std::exchange(is_stopped_, true)) {
    for (const Seen& each : participants_) {
      if (!each.ended_at) effects.push_back(Stop{each.who});
    }
  }
  return has_failed ? Result<void>(parley::fail(*failure_)) : Result<void>();
}

// What was answered before stays to be received.
void Conversation::fail(Error why, Effects& effects) {
  if (is_end(phase_)) return;
  failure_ = why;
  move(Phase::failed, effects);
  for (auto each = requests_.begin(); each != requests_.end();) lose(each++, why, effects);
  answer_all(why, effects);
}

void Conversation::compensated(Effects& effects) {
  if (!std::exchange(is_compensating_, false)) return;
  fail(*failure_, effects);
}

void Conversation::let_go() {
  inbox_.clear();
  requests_.clear();
  bytes_ = 0;
}

// --- participants

Conversation::Seen* Conversation::find(Participant who) {
  const auto found = std::ranges::find(participants_, who, &Seen::who);
  return found == participants_.end() ? nullptr : &*found;
}

bool Conversation::has_living() const {
  return std::ranges::any_of(participants_, [](const Seen& each) { return each.takes_messages && !each.ended_at; });
}

Result<void> Conversation::join(Participant who, bool takes_messages) {
  if (auto why = refusal(Step::activate)) return parley::fail(*std::move(why));
  if (find(who)) return parley::fail(Code::in_use, fmt::format("participant {} takes part already", who));
  if (participants_.size() >= options_.limits.participants_max) {
    return parley::fail(Code::overloaded, fmt::format("{} take part in the conversation", participants_.size()));
  }
  participants_.push_back({.who = who, .takes_messages = takes_messages, .ended_at = {}, .reason = {}});
  return {};
}

Result<Conversation::Watch> Conversation::watch(Participant who, Effects& effects) {
  const Seen* const seen = find(who);
  if (!seen) return parley::fail(Code::not_found, fmt::format("there is no participant {}", who));
  if (watches_.size() >= options_.limits.watches_max) {
    return parley::fail(Code::overloaded, fmt::format("{} watch the conversation", watches_.size()));
  }
  const Watch watch = ++last_watch_;
  if (seen->ended_at) {
    effects.push_back(Observed{watch, *seen->ended_at, seen->reason});
  } else {
    watches_.emplace(watch, who);
  }
  return watch;
}

// Marked, written down and told before anything comes of it: nobody sees the end of a conversation without that of whom
// it ended for.
void Conversation::exited(Participant who, const ExitReason& reason, Instant at, Effects& effects, Request untaken) {
  Seen* const seen = find(who);
  if (!seen || seen->ended_at) {
    ++(seen ? counters_.exits_again : counters_.exits_strange);
    return;
  }
  seen->ended_at = at;
  seen->reason = reason;
  context_.add({.what = Context::What::ended, .at = at, .participant = who, .reason = reason});
  for (auto each = watches_.begin(); each != watches_.end();) {
    if (each->second != who) {
      ++each;
      continue;
    }
    effects.push_back(Observed{each->first, at, reason});
    each = watches_.erase(each);
  }
  effects.push_back(Ended{who, at, reason});
  if (is_end(phase_)) return;
  const Error why{Code::sent_then_lost, fmt::format("participant {} has ended ({})", who, to_string(reason))};
  const bool may_route = options_.on_crash == OnCrash::route_to_next;
  if (const auto found = requests_.find(untaken); found != requests_.end()) {
    pass_on(found, who, false, why, may_route, effects);
  }
  if (reason.is_crash() || options_.is_finishing_a_crash) return on_crash(who, why, effects);
  pass_on_all(who, why, may_route, effects);
  // Nobody is left who could say anything.
  if (seen->takes_messages && !has_living() && inbox_.empty()) answer_any(why, effects);
}

void Conversation::on_crash(Participant who, const Error& why, Effects& effects) {
  switch (options_.on_crash) {
    case OnCrash::fail: return fail(why, effects);
    case OnCrash::route_to_next:
      pass_on_all(who, why, true, effects);
      if (!has_living()) fail(why, effects);
      return;
    case OnCrash::compensate:
      if (std::exchange(is_compensating_, true)) return;
      failure_ = why;
      for (auto each = requests_.begin(); each != requests_.end();) lose(each++, why, effects);
      answer_all(why, effects);
      effects.push_back(Compensate());
      return;
  }
}

// What he was given and has not answered.
void Conversation::pass_on(Requests::iterator request, Participant from, bool was_taken, const Error& why,
                           bool may_route, Effects& effects) {
  Asked& asked = request->second;
  if (std::erase(asked.pending, from) == 0) return;
  asked.was_taken |= was_taken;
  if (const auto next = may_route ? next_after(from, asked.pending) : std::nullopt) {
    asked.pending.push_back(*next);
    ++counters_.rerouted;
    effects.push_back(Forward{*next, request->first, asked.message, true, asked.was_taken});
  } else if (asked.pending.empty()) {
    lose(request, asked.was_taken ? why : unsent(why), effects);
  }
}

void Conversation::pass_on_all(Participant from, const Error& why, bool may_route, Effects& effects) {
  for (auto each = requests_.begin(); each != requests_.end();) pass_on(each++, from, true, why, may_route, effects);
}

// In the order in which they joined, and round.
std::optional<Conversation::Participant> Conversation::next_after(Participant who,
                                                                  const std::vector<Participant>& taken) const {
  const auto from = std::ranges::find(participants_, who, &Seen::who);
  const auto is_free = [&](const Seen& each) {
    return each.takes_messages && !each.ended_at && std::ranges::find(taken, each.who) == taken.end();
  };
  auto found = std::find_if(from, participants_.end(), is_free);
  if (found == participants_.end()) found = std::find_if(participants_.begin(), from, is_free);
  if (found == participants_.end() || !is_free(*found)) return std::nullopt;
  return found->who;
}

// --- messages

Result<std::vector<Conversation::Participant>> Conversation::targets(To to) {
  std::vector<Participant> all;
  if (to.how == To::How::one) {
    const Seen* const seen = find(to.who);
    if (!seen || !seen->takes_messages) {
      return parley::fail(Code::not_found, fmt::format("there is no participant {} that takes messages", to.who));
    }
    if (!seen->ended_at) all.push_back(to.who);
  } else if (to.how == To::How::next) {
    if (const auto next = next_after(last_asked_, {})) all.push_back(last_asked_ = *next);
  } else {
    for (const Seen& each : participants_) {
      if (each.takes_messages && !each.ended_at) all.push_back(each.who);
    }
  }
  return all;
}

Result<Conversation::Request> Conversation::send(Envelope message, To to, bool is_asked, Instant now,
                                                 Effects& effects) {
  if (auto why = refusal(Step::activate)) return parley::fail(unsent(*std::move(why)));
  if (is_compensating_) return parley::fail(unsent(*failure_));
  const ConversationLimits& limits = options_.limits;
  const std::size_t bytes = cost_of(message);
  if (message.bytes() > limits.message_bytes_max) {
    return parley::fail(Code::too_large,
                        fmt::format("a message of the conversation has at most {} bytes", limits.message_bytes_max));
  }
  if (requests_.size() + inbox_.size() >= limits.messages_max || bytes > limits.bytes_max - bytes_) {
    return parley::fail(Code::overloaded, fmt::format("{} messages of the conversation are not answered or not taken",
                                                      requests_.size() + inbox_.size()));
  }
  if (phase_ == Phase::created) move(Phase::active, effects);
  const bool is_bare = participants_.empty();
  const bool is_watched_only =
      !is_bare && std::ranges::none_of(participants_, [](const Seen& each) { return each.takes_messages; });
  std::vector<Participant> chosen;
  if (!is_bare && !is_watched_only) {
    PARLEY_TRY(chosen, targets(to));
  }
  const Request request = ++last_request_;
  const auto shared = std::make_shared<const Envelope>(std::move(message));
  const std::uint64_t entry = context_.add({.what = Context::What::sent,
                                            .at = now,
                                            .participant = chosen.size() == 1 ? chosen.front() : 0,
                                            .request = request,
                                            .message = keeps_said_ ? shared : nullptr});
  if (is_watched_only) return request;
  if (is_bare) {
    context_.set_outcome(entry, Context::Outcome::delivered);
    hand_out(Received{.from = 0, .request = request, .message = shared}, now, true, effects);
    return request;
  }
  if (chosen.empty()) {
    context_.set_outcome(entry, Context::Outcome::undelivered);
    return parley::fail(Code::not_sent, "whoever it is for has ended");
  }
  context_.set_outcome(entry, Context::Outcome::delivered);
  bytes_ += bytes;
  for (const Participant each : chosen) effects.push_back(Forward{each, request, shared, false, false});
  requests_.emplace(request,
                    Asked{.message = shared, .entry = entry, .is_asked = is_asked, .pending = std::move(chosen)});
  return request;
}

void Conversation::replied(Participant from, Request request, std::optional<Envelope> reply, Instant now,
                           Effects& effects, bool may_keep) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) {
    ++counters_.replies_late;
    return;
  }
  Asked& asked = found->second;
  if (std::erase(asked.pending, from) == 0) {
    ++counters_.replies_strange;
    return;
  }
  context_.set_outcome(asked.entry, Context::Outcome::answered);
  asked.was_taken = true;
  const bool says_nothing = !reply;
  if (reply && asked.is_given_up) ++counters_.replies_late;
  if (reply && !asked.is_given_up) {
    if (reply->parent.empty()) reply->parent = asked.message->id;
    const std::size_t bytes = reply->bytes();
    Result<Received> said =
        Received{.from = from, .request = request, .message = std::make_shared<const Envelope>(*std::move(reply))};
    if (bytes > options_.limits.message_bytes_max) {
      ++counters_.replies_unkept;
      said = parley::fail(Code::unknown, fmt::format("the reply has {} bytes, and a message of the conversation {}",
                                                     bytes, options_.limits.message_bytes_max));
    }
    if (!asked.is_asked) {
      hand_out(std::move(said), now, may_keep, effects);
    } else if (const Waiter waiter = asked.waiter) {
      if (said) record_received(*said, now);
      answer(waiter, std::move(said), effects);
    } else {
      keep(asked.answers, std::move(said), may_keep);
    }
  }
  if (!asked.pending.empty()) return;
  // Nobody has said anything, and whoever asked is told that.
  if (asked.is_asked && says_nothing && !asked.is_given_up && asked.answers.empty()) {
    Received nothing{.from = from, .request = request};
    if (const Waiter waiter = asked.waiter) {
      answer(waiter, std::move(nothing), effects);
    } else {
      asked.answers.push_back(std::move(nothing));
    }
  }
  if (asked.answers.empty()) forget(found);
}

// To whoever has waited longest, else for the next.
void Conversation::hand_out(Result<Received> said, Instant now, bool may_keep, Effects& effects) {
  const auto waiting = std::ranges::find(waiters_, Request{0}, [](const auto& each) { return each.second.of; });
  if (waiting == waiters_.end()) return keep(inbox_, std::move(said), may_keep);
  if (said) record_received(*said, now);
  answer(waiting->first, std::move(said), effects);
}

// Of several without room that come one after the other it is said once.
void Conversation::keep(Said& there, Result<Received> said, bool may_keep) {
  const ConversationLimits& limits = options_.limits;
  const bool has_room =
      may_keep && there.size() < limits.messages_max && (!said || said->bytes() <= limits.bytes_max - bytes_);
  if (said && !has_room) {
    ++counters_.replies_unkept;
    said = parley::fail(Code::unknown, "it was answered, and the inbox of the conversation had no room for that");
  }
  if (!said && !there.empty() && !there.back()) return;
  if (said) bytes_ += said->bytes();
  there.push_back(std::move(said));
}

void Conversation::record_received(const Received& received, Instant now) {
  context_.add({.what = Context::What::received,
                .at = now,
                .participant = received.from,
                .request = received.request,
                .message = keeps_said_ ? received.message : nullptr});
}

// Nobody waits for its answers any more.
void Conversation::give_up(Request request) {
  const auto found = requests_.find(request);
  if (found == requests_.end()) return;
  Asked& asked = found->second;
  asked.waiter = 0;
  asked.is_given_up = true;
  bytes_ -= bytes_of(asked.answers);
  asked.answers.clear();
  if (asked.pending.empty()) forget(found);
}

bool Conversation::is_pending(Participant who, Request request) const {
  const auto found = requests_.find(request);
  return found != requests_.end() && std::ranges::find(found->second.pending, who) != found->second.pending.end();
}

std::size_t Conversation::bytes_of(const Said& said) {
  std::size_t bytes = 0;
  for (const Result<Received>& each : said) bytes += each ? each->bytes() : 0;
  return bytes;
}

void Conversation::forget(Requests::iterator request) {
  bytes_ -= cost_of(*request->second.message) + bytes_of(request->second.answers);
  requests_.erase(request);
}

// Nobody is left who could answer it; what was answered stays. Whoever comes for it later is told, too: where all have
// failed by what they failed.
void Conversation::lose(Requests::iterator request, const Error& why, Effects& effects) {
  Asked& asked = request->second;
  if (!asked.pending.empty() || asked.answers.empty()) context_.set_outcome(asked.entry, Context::Outcome::lost);
  asked.pending.clear();
  const bool is_wanted = asked.is_asked && !asked.is_given_up && phase_ != Phase::failed && !is_compensating_;
  if (const Waiter waiter = asked.waiter) {
    answer(waiter, parley::fail(why), effects);
  } else if (is_wanted) {
    asked.answers.emplace_back(parley::fail(why));
  }
  if (asked.answers.empty()) forget(request);
}

Conversation::Waiter Conversation::receive(Request of, std::optional<Instant> deadline, Instant now, Effects& effects) {
  const Waiter waiter = ++last_waiter_;
  const auto ends = [&](Result<Received> result) {
    effects.push_back(Answer{waiter, std::move(result)});
    return waiter;
  };
  if (phase_ != Phase::failed) {
    if (auto why = refusal(Step::activate)) return ends(parley::fail(*std::move(why)));
  }
  if (phase_ == Phase::created) move(Phase::active, effects);
  const auto asked = of == 0 ? requests_.end() : requests_.find(of);
  Said& there = asked == requests_.end() ? inbox_ : asked->second.answers;
  if ((of == 0 || asked != requests_.end()) && !there.empty()) {
    Result<Received> said = std::move(there.front());
    there.pop_front();
    if (said) bytes_ -= said->bytes();
    if (said && said->message) record_received(*said, now);
    if (asked != requests_.end() && asked->second.pending.empty() && there.empty()) forget(asked);
    return ends(std::move(said));
  }
  if (phase_ == Phase::failed || is_compensating_) return ends(parley::fail(*failure_));
  if (of != 0 && (asked == requests_.end() || asked->second.is_given_up)) {
    return ends(parley::fail(Code::not_found, fmt::format("nothing more comes of request {}", of)));
  }
  if (asked != requests_.end() && asked->second.waiter != 0) {
    return ends(parley::fail(Code::in_use, fmt::format("somebody waits for request {} already", of)));
  }
  if (waiters_.size() >= options_.limits.waiters_max) {
    return ends(parley::fail(Code::overloaded, fmt::format("{} wait for messages", waiters_.size())));
  }
  if (!deadline) deadline = deadline_.is_never() ? now + options_.limits.receive_max : deadline_;
  if (*deadline <= now) {
    give_up(of);
    return ends(parley::fail(Code::deadline, "no message came in time"));
  }
  waiters_.emplace(waiter, Waiting{of, *deadline});
  deadlines_.emplace(*deadline, waiter);
  if (asked != requests_.end()) asked->second.waiter = waiter;
  return waiter;
}

void Conversation::cancel(Waiter waiter) {
  const auto found = waiters_.find(waiter);
  if (found == waiters_.end()) return;
  deadlines_.erase({found->second.deadline, waiter});
  give_up(found->second.of);
  waiters_.erase(found);
}

void Conversation::answer(Waiter waiter, Result<Received> result, Effects& effects) {
  const auto found = waiters_.find(waiter);
  PARLEY_ASSERT(found != waiters_.end(), waiter);
  deadlines_.erase({found->second.deadline, waiter});
  if (const auto asked = requests_.find(found->second.of); asked != requests_.end()) asked->second.waiter = 0;
  waiters_.erase(found);
  effects.push_back(Answer{waiter, std::move(result)});
}

void Conversation::answer_all(const Error& why, Effects& effects) {
  while (!waiters_.empty()) answer(waiters_.begin()->first, parley::fail(why), effects);
}

void Conversation::answer_any(const Error& why, Effects& effects) {
  for (auto each = waiters_.begin(); each != waiters_.end();) {
    const auto waiting = each++;
    if (waiting->second.of == 0) answer(waiting->first, parley::fail(why), effects);
  }
}

// --- time

Instant Conversation::next_deadline() const {
  const Instant whole = is_end(phase_) ? Instant::never() : deadline_;
  return deadlines_.empty() ? whole : std::min(whole, deadlines_.begin()->first);
}

void Conversation::on_time(Instant now, Effects& effects) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Waiter waiter = deadlines_.begin()->second;
    const Request of = waiters_.at(waiter).of;
    answer(waiter, parley::fail(Code::deadline, "no message came in time"), effects);
    give_up(of);
  }
  if (deadline_ <= now) fail({Code::deadline, "the conversation's"}, effects);
}

}  // namespace parley::core
