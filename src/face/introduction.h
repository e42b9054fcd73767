#pragma once

#include <memory>
#include <string>

#include "face/session.h"

namespace parley {

// Asks a hub for a session of our own with somebody who provides that name, to talk without the hub between: calls take
// one hop, and what the hub counts, bounds and shows leaves them out. It checks once, now, that we may call the name.
// The peer is the provider as the hub knows it; client<S>() calls what it serves by that name, whatever name is given.
//
// The session is as good as one from connect() and independent of the hub's: it ends when one of the two closes it or
// dies, and so when the provider's own session with the hub is destroyed there; nothing dials again. `options` are its
// own; of these `token`, `offer`, `redial` and `stable` say nothing here.
//
// Errors: refused (the hub introduces nobody: HubOptions::socket_pair, or introduce = true in the configuration of
// `parley hub`), unsupported (the peer is no hub; or one of the two is not on a Unix socket, or takes no
// introductions), not_found, permission, overloaded, and what ends the call or the provider. A client can then go on
// through the hub. Dropping the task gives up.
Task<Result<std::unique_ptr<Session>>> introduce(Session& hub, std::string name, Options options = {});

}  // namespace parley
