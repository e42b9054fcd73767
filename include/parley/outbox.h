#pragma once

// Outbox: commands to one peer that are kept until there is a result of each; and OutboxService, which runs them.
#include "base/compiler.h"

#include "face/outbox.h"
#include "runtime/outbox/outbox.h"
#include "runtime/outbox/outbox_service.h"
