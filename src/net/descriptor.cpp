#include "net/descriptor.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace parley::net {

io::Descriptor own(int number) {
  return io::Descriptor(number, [](int open) { ::close(open); });
}

Result<std::pair<io::Descriptor, io::Descriptor>> socket_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail(system_error(code_of(errno), "socketpair", errno));
  }
  return std::pair(own(ends[0]), own(ends[1]));
}

std::string system_note(std::string_view what, int number) {
  const char* text = ::strerrordesc_np(number);
  return text ? fmt::format("{}: {}", what, text) : fmt::format("{}: error {}", what, number);
}

Code code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ECONNREFUSED:
    case EADDRNOTAVAIL:
    case EHOSTUNREACH:
    case ENETUNREACH: return Code::address;
    case EADDRINUSE: return Code::in_use;
    case EACCES:
    case EPERM: return Code::permission;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:
    case EAGAIN: return Code::overloaded;
    case ETIMEDOUT: return Code::timed_out;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT: return Code::unsupported;
    case ENAMETOOLONG:
    case EINVAL: return Code::invalid;
    default: return Code::refused;
  }
}

}  // namespace parley::net
