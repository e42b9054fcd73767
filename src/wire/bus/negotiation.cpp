#include "wire/bus/negotiation.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::wire::bus {

static bool is_between(Version version, Version lowest, Version highest) {
  return lowest <= version && version <= highest;
}

std::optional<Version> choose_version(Version lowest, Version highest, std::span<const Version> versions) {
  std::optional<Version> best;
  for (const Version version : versions) {
    if (is_between(version, lowest, highest) && (!best || *best < version)) best = version;
  }
  return best;
}

std::variant<ConnectAck, ConnectError> answer(const Connect& connect, const Offer& offer) {
  const std::optional<Version> version = choose_version(connect.lowest, connect.highest, offer.versions);
  if (!version) return ConnectError{Reason::version, "no version of yours is spoken here"};
  return ConnectAck{*version, offer.capabilities};
}

Result<std::uint32_t> agree(const Connect& connect, const ConnectAck& ack, std::uint32_t capabilities) {
  if (!is_between(ack.selected, connect.lowest, connect.highest)) {
    return fail(Code::version,
                fmt::format("{}.{} was chosen, and {}.{} to {}.{} asked for", ack.selected.major, ack.selected.minor,
                            connect.lowest.major, connect.lowest.minor, connect.highest.major, connect.highest.minor));
  }
  return ack.capabilities & capabilities;
}

bool accepts_schema(std::span<const SchemaId> accepted, const SchemaId& schema) {
  return accepted.empty() || std::ranges::find(accepted, schema) != accepted.end();
}

}  // namespace parley::wire::bus
