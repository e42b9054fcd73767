#include "hub/services.h"

#include <algorithm>

namespace parley::hub {

namespace {

// What takes the right to operate.
constexpr std::string_view own_name = "parley.Hub";

std::optional<std::int64_t> pid_of(const Visitor& visitor) {
  const auto& credentials = visitor.session().peer().credentials;
  return credentials ? std::optional(credentials->pid) : std::nullopt;
}

}  // namespace

Task<std::vector<builtin::DirectoryEntry>> DirectoryService::list(Context& context) {
  std::vector<builtin::DirectoryEntry> all;
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) co_return all;
  for (const core::Directory::Entry& entry : hub_.names().entries(visitor->rights())) {
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
  co_return hub_.offer(*visitor, std::move(offer));
}

Task<bool> DirectoryService::withdraw(Context& context, std::string name) {
  Visitor* const visitor = hub_.visitor_of(context.session());
  co_return visitor&& hub_.names().withdraw(visitor->id(), name);
}

Result<void> HubService::check(Context& context) {
  const Visitor* const visitor = hub_.visitor_of(context.session());
  if (!visitor) return fail(Code::closed, "the session");
  return hub_.check(*visitor, core::Verb::operate, own_name);
}

Task<std::vector<builtin::SessionEntry>> HubService::who(Context& context) {
  std::vector<builtin::SessionEntry> all;
  const Visitor* const caller = hub_.visitor_of(context.session());
  for (Visitor* const visitor : hub_.visitors()) {
    runtime::Session& session = visitor->session();
    if (!caller || !visitor->has_entered()) continue;
    if (visitor != caller && !caller->rights().may(core::Verb::operate, own_name)) continue;
    builtin::SessionEntry entry{.id = visitor->id(), .address = session.peer().address, .pid = pid_of(*visitor)};
    if (session.peer().credentials) entry.uid = session.peer().credentials->uid;
    entry.principal = to_string(visitor->rights().principal());
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

Task<Result<std::vector<builtin::Count>>> HubService::counters(Context& context) {
  co_await check(context);
  const DoorCounters& door = hub_.door();
  std::vector<builtin::Count> all = {{"door_streams", door.streams},
                                     {"door_accepted", door.accepted},
                                     {"door_silent", door.silent},
                                     {"door_too_many", door.too_many},
                                     {"door_strangers", door.strangers},
                                     {"door_tokens_missing", door.tokens_missing},
                                     {"door_tokens_wrong", door.tokens_wrong}};
  for (const auto& [spoken, count] : door.refused) all.push_back({"door_refused_" + spoken, count});
  co_return all;
}

Task<Result<builtin::Refusals>> HubService::refusals(Context& context) {
  co_await check(context);
  co_return hub_.refused().all();
}

}  // namespace parley::hub
