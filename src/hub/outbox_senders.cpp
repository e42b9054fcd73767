#include "hub/outbox_senders.h"

#include <memory>

namespace parley::hub {

OutboxService::Who outbox_senders(HubState& hub) {
  return [&hub](Context& context) -> Result<OutboxService::Sender> {
    const Visitor* const visitor = hub.visitor_of(context.session());
    if (!visitor) return fail(Code::closed, "the session");
    return OutboxService::Sender{
        .principal = to_string(visitor->rights().principal()),
        .rights = std::make_shared<const core::Rights>(visitor->rights()),
        .sees_all = visitor->rights().may(core::Verb::operate, builtin::outbox_name),
    };
  };
}

}  // namespace parley::hub
