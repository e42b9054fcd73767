#include "net/tcp_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "net/descriptor.h"
#include "net/tcp_address.h"

namespace parley::net {

Result<std::unique_ptr<SocketListener>> listen_tcp(io::Loop& loop, EpollReactor& reactor, const std::string& host,
                                                   std::uint16_t port, ListenOptions options) {
  const auto addresses = literal_addresses(host == "localhost" ? "127.0.0.1" : host, port);
  if (addresses.empty()) {
    return fail(Code::uri, fmt::format("tcp:{}:{}: listening takes an address, not a name; write tcp:127.0.0.1:{}",
                                       host, port, port));
  }
  const SocketAddress& at = addresses.front();
  const std::string asked = tcp_text(at.storage);
  io::Descriptor socket = own(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(system_error(code_of(errno), asked, errno));
  const int on = 1;  // a restarted server does not wait for the connections of its predecessor to be forgotten
  ::setsockopt(socket.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.number(), at.get(), at.size) != 0 || ::listen(socket.number(), options.waiting_max) != 0) {
    return fail(system_error(code_of(errno), asked, errno));
  }
  SocketAddress got;
  got.size = sizeof got.storage;
  if (::getsockname(socket.number(), reinterpret_cast<sockaddr*>(&got.storage), &got.size) != 0) {
    return fail(system_error(code_of(errno), asked, errno));
  }
  return std::make_unique<SocketListener>(loop, reactor, std::move(socket), tcp_text(got.storage), nullptr, options);
}

}  // namespace parley::net
