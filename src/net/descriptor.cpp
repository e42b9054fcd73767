#include "net/descriptor.h"

#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>

namespace parley::net {

io::Descriptor own(int number) {
  return io::Descriptor(number, [](int open) { ::close(open); });
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
