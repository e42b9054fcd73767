#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace parley::core {

// One command in an outbox: from 1, in the order of send(); none is used twice.
using Ticket = std::uint64_t;

// What became of a command, once and for all.
struct TicketResult {
  enum class Kind : std::uint8_t {
    applied,    // it ran, and this is what it gave
    failed,     // it ran and says that it could not do it, or there is nobody who could run it
    expired,    // its time, or that of the outage, was over before it was started
    cancelled,  // before it was started: by its sender, by a newer one of its key, or because its outbox closes
    refused,    // it had been taken, and there was no room to keep it
    unknown,    // sent, and it may have been applied
  };
  Kind kind = Kind::unknown;
  Error error = {};        // of all but `applied`
  std::string value = {};  // of `applied`: JSON

  friend bool operator==(const TicketResult&, const TicketResult&) = default;
  std::size_t bytes() const { return error.note.size() + value.size(); }
};

constexpr std::string_view to_string(TicketResult::Kind kind) {
  constexpr std::string_view names[] = {"applied", "failed", "expired", "cancelled", "refused", "unknown"};
  return names[static_cast<std::size_t>(kind)];
}

// What an outbox says first: the life of the peer that it knows, and which results of that one it has, in order.
struct OutboxHello {
  std::optional<std::uint64_t> incarnation = {};
  std::optional<std::uint32_t> results = {};
};
// And what it is told: which life of the peer this is, what that has of this outbox, in order, and how many commands it
// takes beyond those with a result.
struct OutboxWelcome {
  std::uint64_t incarnation = 0;
  std::optional<std::uint32_t> received = {};
  std::uint32_t room = 0;
};

// What is said of a command that found no room, of a peer that was away too long, and at the end of an outbox.
inline constexpr std::string_view overflow_note = "backpressure overflow";
inline constexpr std::string_view unreachable_note = "peer unreachable";
inline constexpr std::string_view shutting_down_note = "shutting down";

inline TicketResult ended(TicketResult::Kind kind, Code code, std::string_view note) {
  return {kind, {code, std::string(note)}, {}};
}
inline TicketResult applied(std::string value) { return {TicketResult::Kind::applied, {}, std::move(value)}; }
inline TicketResult expired(std::string_view why) { return ended(TicketResult::Kind::expired, Code::deadline, why); }
inline TicketResult cancelled(std::string_view why) {
  return ended(TicketResult::Kind::cancelled, Code::cancelled, why);
}
inline TicketResult not_known(std::string_view why) { return ended(TicketResult::Kind::unknown, Code::unknown, why); }
inline TicketResult not_sent(std::string_view why) { return ended(TicketResult::Kind::failed, Code::not_sent, why); }

}  // namespace parley::core
