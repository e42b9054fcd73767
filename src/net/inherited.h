#pragma once

#include <memory>

#include "io/stream.h"
#include "net/epoll_reactor.h"

namespace parley::net {

// Standard input and output as one stream. At its end both lead to /dev/null, so that the peer sees the end and nothing
// else that is opened later takes their numbers.
Result<std::unique_ptr<io::Stream>> open_stdio(EpollReactor& reactor);

// A descriptor that this process was started with: a stream socket, or one end of a pipe. The stream owns it.
Result<std::unique_ptr<io::Stream>> open_inherited(EpollReactor& reactor, int number);

}  // namespace parley::net
