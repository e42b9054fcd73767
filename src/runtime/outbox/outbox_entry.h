#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/instant.h"
#include "core/outbox/ticket.h"

// What the ends of an outbox say of it.
namespace parley::builtin {

// What is known of one ticket at either end.
struct OutboxTicket {
  // At whoever has the outbox: waiting (for room), queued, sent, received, over; at the other end waiting, running,
  // over. `unknown`: it never came, or is forgotten.
  enum class Stage : std::uint8_t { unknown, waiting, queued, sent, received, running, over };
  Stage stage = Stage::unknown;
  std::optional<core::TicketResult::Kind> result = {};
  std::uint32_t code = 0;
  std::string note = {};
};
struct OutboxResults {
  std::uint64_t applied = 0;
  std::uint64_t failed = 0;
  std::uint64_t expired = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t refused = 0;
  std::uint64_t unknown = 0;
};
// One outbox as one of its ends sees it.
struct OutboxEntry {
  enum class End : std::uint8_t { sender, receiver };
  End end = End::sender;
  std::string outbox = {};  // its id in 16 hexadecimal digits, as its tickets begin
  std::string name = {};
  std::string principal = {};  // at a receiver: who sends
  bool is_connected = false;
  std::uint64_t waiting = 0;            // for room; at a receiver, to be started
  std::uint64_t queued = 0;             // to be sent
  std::uint64_t in_flight = 0;          // without a result; at a receiver, running
  std::uint64_t bytes = 0;              // of commands; at a receiver, of results too
  std::uint64_t results_kept = 0;       // at a receiver, until the sender has them
  std::optional<Duration> oldest = {};  // age of the oldest without a result
  OutboxResults results = {};           // in all
};

}  // namespace parley::builtin
