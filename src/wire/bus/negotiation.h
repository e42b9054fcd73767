#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>

#include "base/error.h"
#include "wire/bus/frame.h"
#include "wire/bus/ids.h"

// What the two ends of the bus agree upon: a version, capabilities, and the schema of a subscription. Source:
// docs/WIRE.md, section 17.
namespace parley::wire::bus {

inline constexpr Version version_1_0{1, 0};

// What a server can do beyond the version; a client ignores bits that it does not know.
inline constexpr std::uint32_t capability_participants = 1;  // frames of type 1a, which we do not speak

// What an end speaks.
struct Offer {
  std::span<const Version> versions;  // in any order
  std::uint32_t capabilities = 0;
};

// The highest version of ours that lies in the client's range; nothing: there is none.
std::optional<Version> choose_version(Version lowest, Version highest, std::span<const Version> versions);
// The server's answer to a Connect, apart from who may: an ack, or an error with Reason::version.
std::variant<ConnectAck, ConnectError> answer(const Connect& connect, const Offer& offer);
// The client's look at the answer: capabilities that both ends have. Errors: version, when the server chose one that
// was not asked for.
Result<std::uint32_t> agree(const Connect& connect, const ConnectAck& ack, std::uint32_t capabilities);

// Whether a subscriber understands a topic's payloads: it lists their schema, or nothing at all.
bool accepts_schema(std::span<const SchemaId> accepted, const SchemaId& schema);

}  // namespace parley::wire::bus
