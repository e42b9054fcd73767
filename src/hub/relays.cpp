#include "hub/relays.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace parley::hub {

// So many clients, each with all it may have, find room at one provider.
static constexpr std::size_t clients_of_a_provider = 16;
// The names of one provider that are measured by themselves; each takes 4 KiB.
static constexpr std::size_t names_measured_max = 32;

Result<void> Relays::check_room(const Visitor& client, const Visitor& provider) const {
  const std::size_t relays_max = std::max<std::size_t>(options_.limits.connections_max / clients_of_a_provider, 1);
  if (client.relays >= relays_max) {
    return fail(Code::overloaded, fmt::format("{} connections of one client", relays_max));
  }
  const std::size_t queued_max = options_.limits.outbound_bytes_max * 16;
  for (const Visitor* each : {&client, &provider}) {
    if (each->session().link().out().size() > queued_max) return fail(Code::overloaded, "much is left unread");
  }
  return {};
}

Relay& Relays::join(Visitor& client, Visitor& provider, std::string name) {
  Histogram& latency = latency_of(provider, name);
  auto relay = std::make_unique<Relay>(
      static_cast<RelayEvents&>(*this),
      Relay::Parties{client.session(), provider.session(), std::move(name), latency, options_.tracing});
  Relay& joined = *relay;
  relays_.emplace(&joined, Joined{std::move(relay), &client, &provider});
  ++client.relays;
  return joined;
}

// A provider may offer many names, and ever new ones: beyond some of them they share a place, which has no name.
Histogram& Relays::latency_of(Visitor& provider, const std::string& name) const {
  const std::size_t names_max = std::min(options_.directory.offers_per_provider_max, names_measured_max);
  const bool has_room = provider.answered.contains(name) || provider.answered.size() < names_max;
  return provider.answered[has_room ? name : std::string()];
}

// Asked once in a keepalive, of those that something has been asked of.
bool Relays::waits_for(const Visitor& visitor) const {
  return std::ranges::any_of(relays_,
                             [&](const auto& each) { return each.second.relay->waits_for(visitor.session()); });
}

std::vector<RelayState> Relays::all() const {
  std::vector<RelayState> all;
  for (const auto& [relay, joined] : relays_) all.push_back({relay, joined.client, joined.provider});
  return all;
}

void Relays::on_load(Relay& relay, std::int64_t calls) {
  const Joined& joined = relays_.at(&relay);
  Visitor& provider = *joined.provider;
  provider.calls_in_flight += static_cast<std::uint64_t>(calls);
  joined.client->calls_waiting += static_cast<std::uint64_t>(calls);
  if (calls > 0) joined.client->calls_asked += static_cast<std::uint64_t>(calls);
  directory_.add_load(provider.id(), calls);
}

void Relays::on_over(Relay& relay) {
  auto over = std::move(relays_.extract(&relay).mapped());
  --over.client->relays;
  over.client->forget(relay);
  loop_.executor().bury(std::move(over.relay));
}

}  // namespace parley::hub
