#include "net/unix_listener.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "net/descriptor.h"

namespace parley::net {

Result<std::unique_ptr<SocketListener>> listen_unix(io::Loop& loop, EpollReactor& reactor, std::string path,
                                                    ListenOptions options) {
  const std::string address = "unix:" + path;
  PARLEY_TRY(auto file, SocketFile::claim(std::move(path)));
  io::Descriptor socket = own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail(system_error(code_of(errno), address, errno));
  PARLEY_TRY(file->bind(socket.number()));
  if (::listen(socket.number(), options.waiting_max) != 0) return fail(system_error(code_of(errno), address, errno));
  return std::make_unique<SocketListener>(loop, reactor, std::move(socket), address, std::move(file), options);
}

}  // namespace parley::net
