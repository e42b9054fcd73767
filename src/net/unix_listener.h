#pragma once

#include <memory>
#include <string>

#include "net/socket_listener.h"

namespace parley::net {

// Listens at a path, under the rules of SocketFile.
Result<std::unique_ptr<SocketListener>> listen_unix(io::Loop& loop, EpollReactor& reactor, std::string path,
                                                    ListenOptions options = {});

}  // namespace parley::net
