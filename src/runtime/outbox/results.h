#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/outbox/outbox_service.h"

// How tickets and their results are said.
namespace parley::runtime {

// "00c0ffee12345678-17": an outbox and the number of a ticket in it.
std::string ticket_text(std::uint64_t outbox, std::uint64_t ticket);

builtin::OutboxHeard item_of(const core::OutboxReceiver::Said& said);
core::TicketResult result_of(builtin::OutboxEnded said);
builtin::OutboxResults results_in(const std::uint64_t (&by_kind)[6]);

// What became of a command that ran, or could not.
core::TicketResult result_of(Result<Registry::Answer> answer);

// The `meta` of a command with its ticket. Errors: json, and invalid where it is no object.
Result<std::string> with_ticket(std::string_view meta, std::string_view ticket);
// Runs a command of a registry, once somebody has it. The rights outlive the task.
Task<core::TicketResult> execute(Registry& registry, const core::Rights* rights, builtin::OutboxCommand command,
                                 Instant deadline);

void add(core::OutboxReceiverCounters& all, const core::OutboxReceiverCounters& one);

}  // namespace parley::runtime
