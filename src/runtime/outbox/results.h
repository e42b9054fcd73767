#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/outbox/outbox_service.h"

// How tickets and their results are said.
namespace parley::runtime {

// "00c0ffee12345678".
std::string outbox_text(std::uint64_t outbox);
// "00c0ffee12345678-17": an outbox and the number of a ticket in it.
std::string ticket_text(std::uint64_t outbox, std::uint64_t ticket);
struct TicketName {
  std::uint64_t outbox = 0;
  std::uint64_t number = 0;
};
// Errors: invalid.
Result<TicketName> read_ticket(std::string_view text);

// 0 of what was applied.
std::uint32_t code_of(core::TicketResult::Kind kind, const Error& error);
builtin::OutboxHeard item_of(const core::OutboxReceiver::Said& said);
core::TicketResult result_of(builtin::OutboxEnded said);
builtin::OutboxResults results_in(const std::uint64_t (&by_kind)[6]);

// The `meta` of a command with its ticket. Errors: json, and invalid where it is no object.
Result<std::string> with_ticket(std::string_view meta, std::string_view ticket);
}  // namespace parley::runtime
