#pragma once

#include "hub/services.h"
#include "runtime/outbox/outbox_service.h"

namespace parley::hub {

// Who sends commands through a hub: each as himself, with his rights. The hub outlives it.
OutboxService::Who outbox_senders(HubState& hub);

}  // namespace parley::hub
