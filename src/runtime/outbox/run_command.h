#pragma once

#include "runtime/outbox/outbox_service.h"

namespace parley::runtime {

// Runs a command of a registry, once somebody has it: until the deadline, he may be on the way. The turn and the rights
// outlive the task.
Task<core::TicketResult> run_command(Registry& registry, OutboxService::Turn& turn, const core::Rights* rights,
                                     builtin::OutboxCommand command, Instant deadline);

}  // namespace parley::runtime
