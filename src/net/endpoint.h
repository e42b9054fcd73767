#pragma once

#include <memory>

#include "io/loop.h"
#include "io/stream.h"
#include "io/uri.h"
#include "net/epoll_reactor.h"
#include "net/socket_listener.h"

namespace parley::net {

// Listens at whatever plain stream the address says; net/layered_endpoints.h has those that are not. `stdio:` and `fd:`
// are streams already: their listener gives that one, once.
Result<std::unique_ptr<io::Listener>> make_listener(io::Loop& loop, EpollReactor& reactor, const io::Uri& uri,
                                                    ListenOptions options = {});

// Dials whatever the address says. `stdio:` and `fd:` can be dialed once.
Result<std::unique_ptr<io::Dialer>> make_dialer(io::Loop& loop, EpollReactor& reactor, const io::Uri& uri);

}  // namespace parley::net
