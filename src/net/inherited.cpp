#include "net/inherited.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/descriptor.h"
#include "net/pipe_stream.h"
#include "net/socket_stream.h"

namespace parley::net {

namespace {

io::Descriptor own_standard(int number) {
  return io::Descriptor(number, [](int standard) {
    const io::Descriptor nowhere = own(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!nowhere || ::dup2(nowhere.number(), standard) < 0) ::close(standard);
  });
}

int socket_option(int socket, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

Result<void> check_socket(int number) {
  if (socket_option(number, SO_TYPE) != SOCK_STREAM) {
    return fail(Code::uri, fmt::format("fd:{} is a socket of messages; it takes a stream socket or a pipe", number));
  }
  if (socket_option(number, SO_ACCEPTCONN) == 1) {
    return fail(Code::uri, fmt::format("fd:{} is a socket that listens; it takes a connected one or a pipe", number));
  }
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(number, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
    return fail(Code::uri, fmt::format("fd:{} is a socket that is not connected", number));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<io::Stream>> open_stdio(EpollReactor& reactor) {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO}) {
    const char* const name = number == STDIN_FILENO ? "input" : "output";
    struct stat found{};
    if (::fstat(number, &found) != 0) {
      return fail(Code::uri, fmt::format("stdio: needs standard {}, and descriptor {} is not open", name, number));
    }
    if (S_ISDIR(found.st_mode)) return fail(Code::uri, fmt::format("stdio: standard {} is a directory", name));
  }
  return std::make_unique<PipeStream>(reactor, own_standard(STDIN_FILENO), own_standard(STDOUT_FILENO), "stdio:");
}

Result<std::unique_ptr<io::Stream>> open_inherited(EpollReactor& reactor, int number) {
  struct stat found{};
  if (::fstat(number, &found) != 0) {
    return fail(Code::uri, fmt::format("fd:{0}: descriptor {0} is not open in this process", number));
  }
  const bool is_socket = S_ISSOCK(found.st_mode);
  if (!is_socket && !S_ISFIFO(found.st_mode)) {
    return fail(Code::uri, fmt::format("fd:{} is neither a socket nor a pipe", number));
  }
  if (is_socket) {
    PARLEY_TRY(check_socket(number));
  }
  const int flags = ::fcntl(number, F_GETFL);
  ::fcntl(number, F_SETFD, FD_CLOEXEC);
  std::string address = fmt::format("fd:{}", number);
  if (is_socket) return SocketStream::make(reactor, own(number), std::move(address));
  switch (flags & O_ACCMODE) {
    case O_RDONLY: return std::make_unique<PipeStream>(reactor, own(number), io::Descriptor(), std::move(address));
    case O_WRONLY: return std::make_unique<PipeStream>(reactor, io::Descriptor(), own(number), std::move(address));
    default: return fail(Code::uri, fmt::format("fd:{} is both ends of a pipe, and would read what it writes", number));
  }
}

}  // namespace parley::net
