#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/instant.h"
#include "wire/command/message.h"

// `_meta`, which stands beside what a message says: docs/WIRE.md, 16.9.
namespace parley::wire::command {

// The members of `_meta` that only Parley knows.
inline constexpr std::string_view remaining_key = "parley-remaining-us";  // of a request: when nobody waits any more
inline constexpr std::string_view hops_key = "parley-hops";               // of a request: how often it was passed on
inline constexpr std::string_view token_key = "parley-token";             // of the first message: as whom one comes
inline constexpr std::string_view error_key = "parley-error";             // of a response: the code of the error
inline constexpr std::string_view note_key = "parley-note";               // beside it, where nothing else has its text
inline constexpr std::string_view provider_key = "parley-provider";       // of a definition: who has the command

// What is left of a request's deadline, as a Parley peer said it; a day at most.
std::optional<Duration> remaining_of(std::string_view meta);
// How often a request was passed on; 0 where nobody counted.
std::uint32_t hops_of(std::string_view meta);

// A member of an object as JSON; empty where it has none, or there is no object.
std::string meta_member(std::string_view meta, std::string_view key);
// The object with the member, which replaces one of that key; without where `value` is empty.
std::string with_meta_member(std::string_view meta, std::string_view key, std::string_view value);

}  // namespace parley::wire::command
