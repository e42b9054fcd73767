#include "hub/services.h"

#include <algorithm>

namespace parley::hub {

namespace {

std::optional<std::int64_t> pid_of(const Visitor& visitor) {
  const auto& credentials = visitor.session().peer().credentials;
  return credentials ? std::optional(credentials->pid) : std::nullopt;
}

}  // namespace

Task<std::vector<builtin::DirectoryEntry>> DirectoryService::list() {
  std::vector<builtin::DirectoryEntry> all;
  for (const core::Directory::Entry& entry : hub_.names().entries()) {
    const Visitor& provider = *hub_.visitor(entry.provider);
    all.push_back({.name = entry.offer->name,
                   .service = entry.offer->service,
                   .exclusive = entry.offer->exclusive,
                   .session = entry.provider,
                   .pid = pid_of(provider),
                   .calls_in_flight = provider.calls_in_flight});
  }
  co_return all;
}

Task<Result<void>> DirectoryService::offer(Context& context, core::Offer offer) {
  Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return fail(Code::closed, "the session");
  co_return hub_.names().offer(visitor->id(), std::move(offer));
}

Task<bool> DirectoryService::withdraw(Context& context, std::string name) {
  Visitor* const visitor = hub_.visitor_of(context.session());
  co_return visitor&& hub_.names().withdraw(visitor->id(), name);
}

Task<std::vector<builtin::SessionEntry>> HubService::who() {
  std::vector<builtin::SessionEntry> all;
  for (Visitor* const visitor : hub_.visitors()) {
    runtime::Session& session = visitor->session();
    if (!session.is_established()) continue;
    builtin::SessionEntry entry{.id = visitor->id(), .address = session.peer().address, .pid = pid_of(*visitor)};
    if (session.peer().credentials) entry.uid = session.peer().credentials->uid;
    entry.is_foreign = session.machine().is_peer_foreign();
    for (const core::Directory::Entry& each : hub_.names().entries()) {
      if (each.provider == visitor->id()) entry.offers.push_back(each.offer->name);
    }
    entry.connections = visitor->relays;
    entry.calls_in_flight = visitor->calls_in_flight;
    entry.bytes_queued = session.link().out().size();
    all.push_back(std::move(entry));
  }
  co_return all;
}

Task<std::vector<builtin::Count>> HubService::counters() {
  const DoorCounters& door = hub_.door();
  std::vector<builtin::Count> all = {{"door_streams", door.streams},
                                     {"door_accepted", door.accepted},
                                     {"door_silent", door.silent},
                                     {"door_too_many", door.too_many},
                                     {"door_strangers", door.strangers}};
  for (const auto& [spoken, count] : door.refused) all.push_back({"door_refused_" + spoken, count});
  co_return all;
}

}  // namespace parley::hub
