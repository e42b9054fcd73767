#include <fmt/format.h>

#include "base/assert.h"
#include "core/directory/name.h"
#include "core/directory/registry.h"

// How commands come into a registry, and go.
namespace parley::core {

namespace command = wire::command;

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
  if (registering_.contains(id) || directory_.commands().find(id, here)) {
    return refuse(Code::in_use, fmt::format("\"{}\" is registered here already", id));
  }
  if (provided) {
    return refuse(Code::in_use, fmt::format("\"{}\" is provided by \"{}\"", id, id_of(provided->owner)));
  }
  if (!is_private(id) && has_started_router()) {
    registering_.insert(id);
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
  for (Definition& each : known) {
    ask_router({.from = here, .definition = std::move(each), .is_announcement = true}, now, effects);
  }
}

void Registry::announce(const std::string& id, Carrier of, Instant now, Effects& effects) {
  if (is_private(id) || !has_started_router() || is_router(of)) return;
  const Definition* definition = directory_.commands().find(id, of);
  ask_router({.from = here, .definition = *definition, .is_announcement = true}, now, effects);
}

void Registry::ask_router(Registration registration, Instant now, Effects& effects) {
  registration.deadline = now + limits_.answer_max;
  if (registration.from != here) ++carriers_.at(registration.from).registrations;
  Message message{.id = next_id(), .body = command::RegisterRequest{registration.definition}};
  registration_deadlines_.emplace(registration.deadline, message.id);
  registrations_.emplace(message.id, std::move(registration));
  send(router_, std::move(message), effects);
}

void Registry::on_registered(Carrier from, const Message& message, Effects& effects) {
  const auto& response = std::get<command::RegisterResponse>(message.body);
  if (!is_router(from)) {
    ++counters_.responses_of_others;
    return;
  }
  auto over = registrations_.extract(response.thread);
  if (over.empty()) {
    ++counters_.responses_late;
    return;
  }
  registration_deadlines_.erase({over.mapped().deadline, over.key()});
  auto result = response.is_ok ? Result<void>()
                               : fail(Code::in_use, fmt::format("the router \"{}\" has \"{}\" already", id_of(from),
                                                                over.mapped().definition.id));
  end(std::move(over.mapped()), std::move(result), effects);
}

// Of one that needed no router, or has its answer.
void Registry::end(Registration registration, Result<void> result, Effects& effects) {
  const std::string id = registration.definition.id;
  if (registration.is_announcement) {
    if (!result) ++counters_.announcements_refused;
    return;
  }
  const bool is_own = registration.from == here;
  if (is_own) {
    registering_.erase(id);
  } else if (const auto found = carriers_.find(registration.from); found == carriers_.end()) {
    return;
  } else if (!registration.reply_to.empty() && found->second.registrations != 0) {
    --found->second.registrations;
  }
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
  }
  if (is_own) {
    effects.push_back(Registered{id, std::move(result)});
  } else {
    send(registration.from, command::RegisterResponse{registration.reply_to, result.has_value()}, {}, effects);
  }
}

bool Registry::may_register(Carrier from, const Definition& definition) const {
  const std::string& id = definition.id;
  if (!is_name(id) || is_built_in(id) || directory_.has(id)) return false;
  const Rights* rights = carriers_.at(from).terms.rights;
  return !rights || rights->may(Verb::offer, id);
}

void Registry::on_register(Carrier from, const Message& message, Instant now, Effects& effects) {
  const Definition& definition = std::get<command::RegisterRequest>(message.body).command;
  const std::string& id = definition.id;
  const auto answer = [&](bool is_ok) {
    send(from, command::RegisterResponse{message.id, is_ok}, message.meta, effects);
  };
  if (!may_register(from, definition)) {
    ++counters_.definitions_refused;
    const Terms& terms = carriers_.at(from).terms;
    if (terms.rights && is_name(id)) write_down(*terms.rights, terms.id, Verb::offer, id, effects);
    return answer(false);
  }
  const Commands::Provided* provided = directory_.commands().find(id);
  if (registering_.contains(id) || (provided && provided->owner != from)) return answer(false);
  const bool is_known = provided != nullptr;
  if (!is_known && !is_private(id) && has_started_router() && !is_router(from)) {
    if (carriers_.at(from).registrations >= limits_.registrations_per_carrier_max) {
      ++counters_.requests_refused;
      return answer(false);
    }
    return ask_router({.from = from, .definition = definition, .reply_to = message.id}, now, effects);
  }
  const bool is_news = !is_known || provided->definition != definition;
  const auto added = directory_.commands().add(from, definition);
  if (!added) {
    ++counters_.definitions_refused;
    return answer(false);
  }
  answer(true);
  if (!is_news) return;
  effects.push_back(Changed());
  tell(id, from, effects);
}

void Registry::drop_registrations(Carrier carrier, Effects& effects) {
  const bool is_without_router = router_ == here;
  std::vector<std::string> over;
  for (const auto& [id, each] : registrations_) {
    if (is_without_router || each.from == carrier) over.push_back(id);
  }
  for (const std::string& id : over) {
    auto each = registrations_.extract(id);
    registration_deadlines_.erase({each.mapped().deadline, id});
    if (each.mapped().from == carrier) continue;
    end(std::move(each.mapped()), fail(Code::link_lost, "the router went before it answered"), effects);
  }
}

}  // namespace parley::core
