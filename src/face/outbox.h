#pragma once

#include "face/session.h"
#include "runtime/outbox/outbox.h"

namespace parley {

// From now on the commands of an outbox go to the peer of this session; Outbox::attach() says until when, and its
// errors.
inline Task<Result<void>> attach(Outbox& outbox, Session& session) { return outbox.attach(session.runtime()); }

}  // namespace parley
