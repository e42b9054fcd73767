#include <fmt/format.h>

#include <set>

#include "base/assert.h"
#include "codec/json_object.h"
#include "codec/json_text.h"
#include "codec/utf8.h"
#include "core/directory/command_errors.h"
#include "core/directory/name.h"
#include "core/directory/registry.h"
#include "wire/command/meta.h"

// How commands come into a registry, and go.
namespace parley::core {

namespace command = wire::command;

// Of one command to a router that is not Parley, while it stays: in a ring through such a one no hops are counted.
static constexpr std::uint32_t announced_again_max = 32;
// Of what a router says of its refusal.
static constexpr std::size_t note_bytes_max = 1024;

void Registry::register_command(Definition definition, Instant now, Effects& effects) {
  const std::string id = definition.id;
  const auto refuse = [&](Code code, std::string why) {
    effects.push_back(Registered{id, fail(code, std::move(why))});
  };
  if (is_closed_) return refuse(Code::closed, "the registry");
  if (const auto name = check_name(id); !name) return refuse(name.error().code, name.error().note);
  if (is_built_in(id)) return refuse(Code::invalid, fmt::format("\"{}\" is a name of Parley's own", id));
  if (directory_.has(id)) return refuse(Code::in_use, fmt::format("\"{}\" is a service", id));
  const Commands::Provided* provided = directory_.commands().find(id);
  if (const auto waits = registering_.find(id); waits != registering_.end() && waits->second.from != here) {
    return refuse(Code::in_use, fmt::format("\"{}\" is registering \"{}\"", id_of(waits->second.from), id));
  } else if (waits != registering_.end() || directory_.commands().find(id, here)) {
    return refuse(Code::in_use, fmt::format("\"{}\" is registered here already", id));
  }
  if (provided) {
    return refuse(Code::in_use, fmt::format("\"{}\" is provided by \"{}\"", id, id_of(provided->owner)));
  }
  if (!is_private(id) && has_started_router()) {
    return ask_router({.from = here, .definition = std::move(definition)}, now, effects);
  }
  end({.from = here, .definition = std::move(definition)}, {}, effects);
}

bool Registry::unregister_command(std::string_view id, Effects& effects) {
  if (!directory_.commands().find(id, here)) return false;
  take_away(here, id, effects);
  return true;
}

// The router learns of all that it can reach through here, also of what was there before it.
void Registry::announce_all(Instant now, Effects& effects) {
  std::vector<Definition> known;
  directory_.commands().for_each([&](const Commands::Provided& each) {
    if (each.owner != router_ && !is_private(each.definition.id)) known.push_back(each.definition);
  });
  for (const Definition& each : known) announce(each.id, directory_.commands().find(each.id)->owner, now, effects);
}

// One at a time of each command: whoever says it anew many times fills nothing here.
void Registry::announce(const std::string& id, Carrier of, Instant now, Effects& effects) {
  if (is_closed_ || is_private(id) || !has_started_router() || is_router(of)) return;
  if (const auto waits = announcing_.find(id); waits != announcing_.end()) {
    waits->second = true;
    return;
  }
  Neighbour& router = carriers_.at(router_);
  if (announcing_.size() >= limits_.announcements_max ||
      (!router.terms.is_extended && router.announced[id]++ > announced_again_max)) {
    ++counters_.announcements_refused;
    return;
  }
  announcing_.emplace(id, false);
  const Definition* definition = directory_.commands().find(id, of);
  ask_router({.from = here, .definition = *definition, .is_announcement = true}, now, effects);
}

void Registry::ask_router(Registration registration, Instant now, Effects& effects) {
  registration.deadline = now + limits_.answer_max;
  Message message{.id = uuid(), .body = command::RegisterRequest{registration.definition}};
  message.meta = registration.meta;
  if (!registration.is_announcement) {
    Registering& waits = registering_[registration.definition.id];
    waits.from = registration.from;
    ++waits.count;
    if (registration.from != here) carriers_.at(registration.from).registrations.insert(message.id);
  }
  registration_deadlines_.emplace(registration.deadline, message.id);
  registrations_.emplace(message.id, std::move(registration));
  send(router_, std::move(message), effects);
}

Registry::Registration Registry::take_registration(const std::string& id) {
  Registration registration = std::move(registrations_.extract(id).mapped());
  registration_deadlines_.erase({registration.deadline, id});
  if (registration.is_announcement) return registration;
  const auto waits = registering_.find(registration.definition.id);
  PARLEY_ASSERT(waits != registering_.end());
  if (--waits->second.count == 0) registering_.erase(waits);
  if (const auto from = carriers_.find(registration.from); from != carriers_.end()) {
    from->second.registrations.erase(id);
  }
  return registration;
}

// Whether one of the others is about to have it.
bool Registry::is_registering(Carrier other_than, std::string_view id) const {
  const auto waits = registering_.find(id);
  return waits != registering_.end() && waits->second.from != other_than;
}

void Registry::on_registered(Carrier from, const Message& message, Instant now, Effects& effects) {
  const auto& response = std::get<command::RegisterResponse>(message.body);
  if (!is_router(from)) {
    ++counters_.responses_of_others;
    return;
  }
  if (!registrations_.contains(response.thread)) {
    ++counters_.responses_late;
    return;
  }
  Registration over = take_registration(response.thread);
  const std::string id = over.definition.id;
  Result<void> result;
  const bool says_why =
      carriers_.at(from).terms.is_extended && !command::meta_member(message.meta, command::error_key).empty();
  if (!response.is_ok && !says_why) {
    result = fail(Code::in_use, fmt::format("the router \"{}\" has \"{}\" already", id_of(from), id));
  } else if (!response.is_ok) {
    const std::string said = command::meta_member(message.meta, command::note_key);
    const std::string note = !said.empty() && codec::json_kind(said) == codec::JsonKind::string
                                 ? codec::to_utf8(codec::json_string(said), note_bytes_max)
                                 : fmt::format("the router \"{}\" does not take \"{}\"", id_of(from), id);
    result = fail(from_wire({command::ErrorCode::internal_error, note}, message.meta));
  }
  if (!over.is_announcement) return end(std::move(over), std::move(result), effects);
  if (!result) refuse_announcement(id, std::move(result).error(), effects);
  end_announcement(id, now, effects);
}

// Whose name is taken stands by, as somebody does who lists a command that another one has.
void Registry::refuse_announcement(const std::string& id, Error why, Effects& effects) {
  ++counters_.announcements_refused;
  const Commands::Provided* const provided = directory_.commands().find(id);
  const bool stands_by = why.code == Code::in_use && carriers_.at(router_).terms.is_extended && provided &&
                         (provided->owner == here || is_counting_peer(provided->owner));
  if (stands_by) send(router_, command::ListResponse{uuid(), {provided->definition}}, {}, effects);
  effects.push_back(Unannounced{id, std::move(why), stands_by});
}

// Else what only goes round in a ring would be there for ever: whoever counts no hops makes it new each time.
bool Registry::is_counting_peer(Carrier carrier) const {
  return !is_router(carrier) && carriers_.at(carrier).terms.is_extended;
}

void Registry::end_announcement(const std::string& id, Instant now, Effects& effects) {
  const auto over = announcing_.extract(id);
  if (!over.mapped()) return;
  if (const auto* provided = directory_.commands().find(id)) announce(id, provided->owner, now, effects);
}

// Of one that needed no router, or has its answer.
void Registry::end(Registration registration, Result<void> result, Effects& effects) {
  const std::string id = registration.definition.id;
  const bool may_be_above = result || result.error().code == Code::timed_out;
  // Meanwhile others may have come.
  const Commands::Provided* provided = directory_.commands().find(id);
  if (result && provided && provided->owner != registration.from) {
    result = fail(Code::in_use, fmt::format("\"{}\" was registered by somebody else meanwhile", id));
  }
  if (result) {
    auto added = directory_.commands().add(registration.from, std::move(registration.definition));
    if (!added) result = fail(std::move(added).error());
  }
  if (result) {
    effects.push_back(Changed());
    tell(id, registration.from, effects);
  } else if (may_be_above) {
    withdraw(id, effects);
  }
  if (registration.from == here) {
    effects.push_back(Registered{id, std::move(result)});
  } else {
    const bool is_ok = result.has_value();
    send(registration.from, command::RegisterResponse{registration.reply_to, is_ok}, registration.meta, effects);
  }
}

// The router was asked for a command that has not come to be, and may have taken it.
void Registry::withdraw(const std::string& id, Effects& effects) {
  if (is_closed_ || is_private(id) || !has_started_router() || !carriers_.at(router_).terms.is_extended) return;
  if (!directory_.commands().has(id) && !registering_.contains(id)) {
    send(router_, command::Unregister{{id}}, {}, effects);
  }
}

// Also what waits for the router does not come to be any more.
void Registry::on_unregister(Carrier from, const command::Unregister& gone, Effects& effects) {
  const std::set<std::string_view> names(gone.commands.begin(), gone.commands.end());
  for (const std::string& id : std::set<std::string>(carriers_.at(from).registrations)) {
    if (!names.contains(registrations_.at(id).definition.id)) continue;
    Registration over = take_registration(id);
    const std::string name = over.definition.id;
    end(std::move(over), fail(Code::cancelled, "it was unregistered meanwhile"), effects);
    withdraw(name, effects);
  }
  for (const std::string_view name : names) take_away(from, name, effects);
}

bool Registry::may_register(Carrier from, const Definition& definition) const {
  const std::string& id = definition.id;
  if (!is_name(id) || is_built_in(id) || directory_.has(id) || definition.hops > command::hops_max) return false;
  const Rights* rights = carriers_.at(from).terms.rights;
  return !rights || rights->may(Verb::offer, id);
}

void Registry::on_register(Carrier from, const Message& message, Instant now, Effects& effects) {
  Definition definition = std::get<command::RegisterRequest>(message.body).command;
  ++definition.hops;
  definition.provider.clear();  // nobody says that of himself
  const std::string& id = definition.id;
  const Terms& terms = carriers_.at(from).terms;
  const auto answer = [&](bool is_ok) {
    send(from, command::RegisterResponse{message.id, is_ok}, message.meta, effects);
  };
  const auto refuse = [&](const Error& why) {
    std::string meta = message.meta;
    if (terms.is_extended) {
      std::string note;
      codec::put_quoted(note, why.note);
      meta = command::with_meta_member(meta_of(why, meta), command::note_key, note);
    }
    send(from, command::RegisterResponse{message.id, false}, std::move(meta), effects);
  };
  if (!may_register(from, definition)) {
    ++counters_.definitions_refused;
    if (directory_.has(id)) return refuse({Code::in_use, fmt::format("\"{}\" is a service", id)});
    if (definition.hops > command::hops_max) return refuse({Code::refused, "it goes round in a ring"});
    if (!terms.rights || !is_name(id)) return answer(false);
    write_down(*terms.rights, terms.id, Verb::offer, id, effects);
    const auto may = terms.rights->check(Verb::offer, id);
    return may ? answer(false) : refuse(may.error());
  }
  const Commands::Provided* provided = directory_.commands().find(id);
  if (is_registering(from, id)) return answer(false);
  if (provided && provided->owner != from) {
    const bool is_seen = !terms.rights || terms.rights->sees(id);
    const std::string owner =
        provided->owner == here ? "this registry itself" : fmt::format("\"{}\"", id_of(provided->owner));
    return refuse({Code::in_use, is_seen ? fmt::format("\"{}\" is provided by {}", id, owner) : std::string()});
  }
  const bool is_known = provided != nullptr;
  if (!is_known && !is_private(id) && has_started_router() && !is_router(from)) {
    if (carriers_.at(from).registrations.size() >= limits_.registrations_per_carrier_max) {
      ++counters_.requests_refused;
      return refuse({Code::overloaded, "so many of yours wait for the router"});
    }
    return ask_router({.from = from, .definition = definition, .reply_to = message.id, .meta = message.meta}, now,
                      effects);
  }
  const bool is_news = !is_known || provided->definition != definition;
  const auto added = directory_.commands().add(from, definition);
  if (!added) {
    ++counters_.definitions_refused;
    return refuse(added.error());
  }
  answer(true);
  if (!is_news) return;
  effects.push_back(Changed());
  tell(id, from, effects);
  announce(id, from, now, effects);
}

// All that wait for the router.
void Registry::end_registrations(const Error& why, Effects& effects) {
  while (!registrations_.empty()) {
    Registration over = take_registration(std::string(registrations_.begin()->first));
    if (!over.is_announcement) end(std::move(over), fail(why), effects);
  }
  announcing_.clear();
}

// Of a carrier that is gone, and that `carriers_` has no more.
void Registry::drop_registrations(const Neighbour& neighbour, Effects& effects) {
  for (const std::string& id : neighbour.registrations) withdraw(take_registration(id).definition.id, effects);
  if (router_ == here) end_registrations({Code::link_lost, "the router went before it answered"}, effects);
}

}  // namespace parley::core
