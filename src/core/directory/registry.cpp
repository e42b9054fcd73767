#include "core/directory/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "core/directory/command_errors.h"
#include "core/directory/name.h"
#include "wire/command/uuid.h"

namespace parley::core {

namespace command = wire::command;

// So much in one list of commands.
static constexpr std::size_t listed_bytes_max = std::size_t{128} << 10;
static constexpr std::size_t listed_max = 1024;

Registry::Registry(Directory& directory, const RegistryLimits& limits, std::uint64_t seed)
    : directory_(directory), limits_(limits), prng_(seed), seen_(limits.seen_events_max, limits.seen_events_for) {}

// --- messages

void Registry::send(Carrier to, command::Body body, std::string meta, Effects& effects) {
  auto message = std::make_shared<Message>();
  message->id = uuid();
  message->body = std::move(body);
  message->meta = std::move(meta);
  effects.push_back(Send{to, std::move(message)});
}
void Registry::send(Carrier to, Message&& message, Effects& effects) {
  effects.push_back(Send{to, std::make_shared<Message>(std::move(message))});
}

std::string Registry::uuid() {
  const std::uint64_t high = prng_.next();
  return command::uuid_of(high, prng_.next());
}

void Registry::on_message(Carrier from, Message&& message, Instant now, Effects& effects) {
  if (!carriers_.contains(from)) return;
  if (std::holds_alternative<command::RegisterRequest>(message.body)) return on_register(from, message, now, effects);
  if (std::holds_alternative<command::RegisterResponse>(message.body))
    return on_registered(from, message, now, effects);
  if (std::holds_alternative<command::ListRequest>(message.body)) return answer_list(from, message, effects);
  if (auto* list = std::get_if<command::ListResponse>(&message.body))
    return on_list(from, std::move(*list), now, effects);
  if (std::holds_alternative<command::ExecuteRequest>(message.body)) {
    return on_execute(from, std::move(message), now, effects);
  }
  if (std::holds_alternative<command::ExecuteResponse>(message.body)) {
    return on_response(from, std::move(message), effects);
  }
  if (std::holds_alternative<command::Event>(message.body)) return on_event(from, std::move(message), now, effects);
  if (const auto* cancel = std::get_if<command::Cancel>(&message.body)) return on_cancel(from, cancel->thread, effects);
  if (std::holds_alternative<command::Progress>(message.body)) return on_progress(from, std::move(message), effects);
  if (const auto* gone = std::get_if<command::Unregister>(&message.body)) return on_unregister(from, *gone, effects);
  on_interest(from, message, effects);
}

void Registry::on_malformed(Carrier from, const command::Malformed& malformed, Effects& effects) {
  ++counters_.malformed;
  if (!carriers_.contains(from)) return;
  if (malformed.asks == command::Malformed::Asks::to_execute) {
    const command::ExecuteError error{command::ErrorCode::invalid_request, malformed.error.note};
    send(from, command::ExecuteResponse{malformed.id, error, {}}, {}, effects);
  } else if (malformed.asks == command::Malformed::Asks::to_register) {
    send(from, command::RegisterResponse{malformed.id, false}, {}, effects);
  }
}

// --- carriers

Result<Registry::Carrier> Registry::add(Terms terms) {
  if (is_closed_) return fail(Code::closed, "the registry");
  if (carriers_.size() >= limits_.carriers_max) {
    return fail(Code::overloaded, fmt::format("{} carriers", limits_.carriers_max));
  }
  if (terms.is_router && router_ != here) {
    return fail(Code::in_use, fmt::format("the router is \"{}\", and there is one", id_of(router_)));
  }
  if (!carrier_ids_.insert(terms.id).second) {
    return fail(Code::in_use, fmt::format("there is a carrier with the id \"{}\"", terms.id));
  }
  const Carrier carrier = ++last_carrier_;
  if (terms.is_router) router_ = carrier;
  Neighbour neighbour{.terms = std::move(terms)};
  if (neighbour.terms.rights) {
    neighbour.share = &shares_[to_string(neighbour.terms.rights->principal())];
    ++neighbour.share->carriers;
  }
  carriers_.emplace(carrier, std::move(neighbour));
  return carrier;
}

void Registry::start(Carrier carrier, Instant now, Effects& effects) {
  const auto found = carriers_.find(carrier);
  if (found == carriers_.end() || found->second.is_started) return;
  Neighbour& neighbour = found->second;
  neighbour.is_started = true;
  send(carrier, command::ListRequest(), {}, effects);
  if (neighbour.terms.is_extended) {
    say_interest(carrier, effects);
  } else {
    say_interests(interests_.add(carrier, {Pattern::everything()}), effects);
  }
  if (neighbour.terms.is_router) announce_all(now, effects);
}

bool Registry::has_started_router() const { return router_ != here && carriers_.at(router_).is_started; }

void Registry::drop(Carrier carrier, Effects& effects) {
  const auto found = carriers_.find(carrier);
  if (found == carriers_.end()) return;
  Neighbour neighbour = std::move(found->second);
  carriers_.erase(found);
  carrier_ids_.erase(neighbour.terms.id);
  if (router_ == carrier) {
    router_ = here;
    has_lost_router_ = has_lost_router_ || neighbour.is_started;
  }
  drop_requests(neighbour, neighbour.terms.id, effects);
  if (neighbour.share && --neighbour.share->carriers == 0) {
    shares_.erase(to_string(neighbour.terms.rights->principal()));
  }
  drop_registrations(neighbour, effects);
  for (const std::string& id : directory_.commands().names_of(carrier)) take_away(carrier, id, effects);
  say_interests(interests_.drop(carrier), effects);
}

void Registry::close(Effects& effects) {
  if (is_closed_) return;
  is_closed_ = true;
  const Error why{Code::closed, "the registry was closed"};
  while (!deadlines_.empty()) {
    const Call call = deadlines_.begin()->second;
    const Request request = take(call);
    stop(call, request, why, effects);
    answer(call, request, fail(why), {}, effects);
  }
  end_registrations(why, effects);
  while (!carriers_.empty()) drop(carriers_.begin()->first, effects);
  for (const std::string& id : directory_.commands().names_of(here)) take_away(here, id, effects);
  seen_.clear();
}

Instant Registry::next_deadline() const {
  Instant next = seen_.next_deadline();
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  if (!registration_deadlines_.empty()) next = std::min(next, registration_deadlines_.begin()->first);
  return next;
}

void Registry::on_time(Instant now, Effects& effects) {
  seen_.sweep(now);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const Call call = deadlines_.begin()->second;
    const Request request = take(call);
    const Error why{Code::deadline, "no answer came in time"};
    ++counters_.timeouts;
    stop(call, request, why, effects);
    answer(call, request, fail(why), {}, effects);
  }
  while (!registration_deadlines_.empty() && registration_deadlines_.begin()->first <= now) {
    const std::string id = registration_deadlines_.begin()->second;
    Registration over = take_registration(id);
    ++counters_.timeouts;
    if (over.is_announcement) {
      refuse_announcement(over.definition.id, {Code::timed_out, "the router did not answer in time"}, effects);
      end_announcement(over.definition.id, now, effects);
    } else {
      end(std::move(over), fail(Code::timed_out, "the router did not answer in time"), effects);
    }
  }
}

// --- what others have

void Registry::answer_list(Carrier to, const Message& request, Effects& effects) {
  const Rights* rights = carriers_.at(to).terms.rights;
  std::vector<const Definition*> own;
  directory_.commands().for_each([&](const Commands::Provided& each) {
    const std::string& name = each.definition.id;
    if (each.owner == here && !is_private(name) && (!rights || rights->sees(name))) own.push_back(&each.definition);
  });
  send_list(to, request.id, request.meta, own, effects);
}

// In messages of bounded size, of which there is one at least.
void Registry::send_list(Carrier to, const std::string& thread, const std::string& meta,
                         const std::vector<const Definition*>& all, Effects& effects) {
  command::ListResponse list{.thread = thread, .commands = {}};
  std::size_t bytes = 0;
  for (const Definition* each : all) {
    list.commands.push_back(*each);
    bytes += Commands::bytes_of(*each);
    if (each == all.back() || (bytes <= listed_bytes_max && list.commands.size() < listed_max)) continue;
    send(to, command::ListResponse{thread, std::exchange(list.commands, {})}, meta, effects);
    bytes = 0;
  }
  send(to, std::move(list), meta, effects);
}

// Whoever lists a command that others have stands by for it, and takes it from nobody.
void Registry::on_list(Carrier from, command::ListResponse list, Instant now, Effects& effects) {
  for (Definition& each : list.commands) {
    std::string id = each.id;
    each.provider.clear();  // nobody says that of himself
    // What has come so far goes round in a ring, and nobody has it any more.
    if (++each.hops > command::hops_max) {
      ++counters_.definitions_refused;
      take_away(from, id, effects);
      continue;
    }
    if (!may_register(from, each) || is_registering(from, id)) {
      ++counters_.definitions_refused;
      continue;
    }
    const Definition* before = directory_.commands().find(id, from);
    if (before && *before == each) continue;
    const auto added = directory_.commands().add(from, std::move(each));
    if (!added) {
      ++counters_.definitions_refused;
    } else if (*added != Commands::Added::stands_by && directory_.commands().find(id)->owner == from) {
      effects.push_back(Changed());
      tell(id, from, effects);
      announce(id, from, now, effects);
    }
  }
}

void Registry::take_away(Carrier owner, std::string_view command, Effects& effects) {
  const Commands::Removed removed = directory_.commands().remove(owner, command);
  if (!removed.was_owner) return;
  if (router_ != here) carriers_.at(router_).announced.erase(removed.id);
  effects.push_back(Changed());
  tell(removed.id, here, effects);
}

// Tells those who want to know all commands what has become of one; the router hears of it where nobody has it any
// more.
void Registry::tell(std::string_view id, Carrier except, Effects& effects) {
  if (is_private(id) || is_closed_) return;
  const Commands::Provided* provided = directory_.commands().find(id);
  for (const auto& [carrier, neighbour] : carriers_) {
    if (carrier == except || !neighbour.terms.is_extended) continue;
    const bool is_elsewhere = provided && provided->owner != carrier;
    const bool is_gone_above = !is_elsewhere && is_router(carrier) && neighbour.is_started;
    if (!neighbour.is_told && !is_gone_above) continue;
    if (neighbour.terms.rights && !neighbour.terms.rights->sees(id)) continue;
    if (is_elsewhere) {
      send(carrier, command::ListResponse{neighbour.interest_id, {provided->definition}}, {}, effects);
    } else {
      send(carrier, command::Unregister{{std::string(id)}}, {}, effects);
    }
  }
}

Result<void> Registry::may_listen(Carrier carrier, const Pattern& pattern) const {
  const Rights* const rights = carriers_.at(carrier).terms.rights;
  return rights ? rights->check_any(Verb::subscribe, pattern) : Result<void>();
}

void Registry::on_interest(Carrier from, const Message& message, Effects& effects) {
  const auto& interest = std::get<command::Interest>(message.body);
  std::vector<Interests::Wanted> all;
  for (std::size_t i = 0; i < interest.patterns.size(); ++i) {
    const std::uint32_t hops = i < interest.hops.size() ? interest.hops[i] + 1 : 1;
    if (auto pattern = Pattern::parse(interest.patterns[i]); !pattern) {
      ++counters_.malformed;
    } else if (auto may = may_listen(from, *pattern); !may) {
      const Terms& terms = carriers_.at(from).terms;
      effects.push_back(
          Refused{terms.rights->principal(), terms.id, Verb::subscribe, pattern->text(), std::move(may).error()});
    } else if (hops <= command::hops_max) {
      all.push_back({*std::move(pattern), hops});
    }
  }
  say_interests(interests_.replace(from, std::move(all)), effects);
  Neighbour& neighbour = carriers_.at(from);
  neighbour.interest_id = message.id;
  const bool was_told = std::exchange(neighbour.is_told, interest.wants_commands);
  if (neighbour.is_told && !was_told) tell_all(from, effects);
}

void Registry::tell_all(Carrier to, Effects& effects) {
  const Neighbour& neighbour = carriers_.at(to);
  std::vector<const Definition*> known;
  directory_.commands().for_each([&](const Commands::Provided& each) {
    const Definition& definition = each.definition;
    if (each.owner == to || is_private(definition.id)) return;
    if (!neighbour.terms.rights || neighbour.terms.rights->sees(definition.id)) known.push_back(&definition);
  });
  send_list(to, neighbour.interest_id, {}, known, effects);
}

std::vector<Registry::Definition> Registry::commands(const Rights* rights) const {
  std::vector<Definition> all;
  directory_.commands().for_each([&](const Commands::Provided& each) {
    const std::string& id = each.definition.id;
    if (is_private(id) || (rights && !rights->sees(id))) return;
    all.push_back(each.definition);
    if (each.owner != here) all.back().provider = id_of(each.owner);
  });
  return all;
}

// --- interest

void Registry::say_interest(Carrier to, Effects& effects) {
  Neighbour& neighbour = carriers_.at(to);
  if (!neighbour.terms.is_extended || !neighbour.is_started || is_closed_) return;
  command::Interest interest{.patterns = {}, .wants_commands = neighbour.terms.wants_commands, .hops = {}};
  std::string said = fmt::format("{}", interest.wants_commands);
  for (Interests::Said& each : interests_.of_others(to)) {
    said += fmt::format(" {} {}", each.pattern, each.hops);
    interest.patterns.push_back(std::move(each.pattern));
    interest.hops.push_back(each.hops);
  }
  if (said == neighbour.interest_said) return;
  neighbour.interest_said = std::move(said);
  send(to, std::move(interest), {}, effects);
}

void Registry::say_interests(bool is_news, Effects& effects) {
  if (!is_news) return;
  for (const auto& [carrier, neighbour] : carriers_) say_interest(carrier, effects);
}

}  // namespace parley::core
