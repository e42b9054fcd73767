#include "core/directory/name.h"
#include "core/directory/registry.h"

// How events find those who listen.
namespace parley::core {

namespace command = wire::command;

Result<void> Registry::emit(std::string event, std::string payload, std::string meta, const Rights* rights, Instant now,
                            Effects& effects) {
  if (is_closed_) return fail(Code::closed, "the registry");
  PARLEY_TRY(check_name(event));
  if (rights) {
    write_down(*rights, {}, Verb::publish, event, effects);
    PARLEY_TRY(rights->check(Verb::publish, event));
  }
  Message message{.id = uuid(), .body = command::Event{std::move(event), std::move(payload)}, .meta = std::move(meta)};
  seen_.insert(message.id, now, counters_.seen_evicted);
  spread(here, std::move(message), effects);
  return {};
}

void Registry::on_event(Carrier from, Message&& message, Instant now, Effects& effects) {
  const std::string& name = std::get<command::Event>(message.body).event;
  const Rights* rights = carriers_.at(from).terms.rights;
  if (!is_name(name) || (rights && !rights->may(Verb::publish, name))) {
    ++counters_.events_refused;
    if (rights && is_name(name)) write_down(*rights, carriers_.at(from).terms.id, Verb::publish, name, effects);
    return;
  }
  if (!seen_.insert(message.id, now, counters_.seen_evicted)) {
    ++counters_.events_duplicate;
    return;
  }
  spread(from, std::move(message), effects);
}

// To whoever listens here, and to all neighbours but the one it came from that want it; the message stays what it is.
void Registry::spread(Carrier from, Message&& message, Effects& effects) {
  const auto shared = std::make_shared<Message>(std::move(message));
  const auto& event = std::get<command::Event>(shared->body);
  if (interests_.wants(here, event.event)) effects.push_back(Deliver{event.event, event.payload, shared->meta});
  if (is_private(event.event)) return;
  for (const auto& [carrier, neighbour] : carriers_) {
    if (carrier == from || !neighbour.is_started || !interests_.wants(carrier, event.event)) continue;
    const Rights* rights = neighbour.terms.rights;
    if (!rights || rights->may(Verb::subscribe, event.event)) effects.push_back(Send{carrier, shared});
  }
}

void Registry::listen(const Pattern& pattern, Effects& effects) {
  say_interests(interests_.add(here, {pattern}), effects);
}
void Registry::forget(const Pattern& pattern, Effects& effects) {
  say_interests(interests_.remove(here, pattern), effects);
}

}  // namespace parley::core
