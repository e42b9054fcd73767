#include "net/unix_dialer.h"

#include <sys/socket.h>

#include <cerrno>

#include "net/descriptor.h"
#include "net/socket_stream.h"
#include "net/unix_address.h"

namespace parley::net {

// A Unix socket connects at once or not at all: there is nothing to wait for.
Task<Result<std::unique_ptr<io::Stream>>> UnixDialer::dial() {
  auto address = UnixAddress::of(path_);
  if (!address) co_return fail(std::move(address).error());
  io::Descriptor socket = own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) co_return fail(system_error(code_of(errno), address_, errno));
  if (::connect(socket.number(), address->get(), address->size()) != 0) {
    if (errno == EAGAIN)
      co_return fail(Code::overloaded, address_ + ": too many connections wait to be accepted there");
    co_return fail(system_error(code_of(errno), address_, errno));
  }
  co_return SocketStream::make(reactor_, std::move(socket), address_);
}

}  // namespace parley::net
