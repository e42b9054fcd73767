#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/socket_listener.h"

namespace parley::net {

// Listens at an address of this machine, written as one, or at `localhost`, which is 127.0.0.1. Port 0 lets the system
// choose; address() says what it chose.
Result<std::unique_ptr<SocketListener>> listen_tcp(io::Loop& loop, EpollReactor& reactor, const std::string& host,
                                                   std::uint16_t port, ListenOptions options = {});

}  // namespace parley::net
