#include "net/tcp_address.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "net/descriptor.h"

namespace parley::net {

namespace {

constexpr std::size_t addresses_max = 16;

int ask(const std::string& host, std::uint16_t port, int flags, std::vector<SocketAddress>& into) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), fmt::format("{}", port).c_str(), &hints, &found);
  if (failure != 0) return failure;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* at = found; at && into.size() < addresses_max; at = at->ai_next) {
    SocketAddress address;
    if (at->ai_addrlen > sizeof address.storage) continue;
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
    into.push_back(address);
  }
  return 0;
}

}  // namespace

std::string tcp_text(const sockaddr_storage& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  const socklen_t size = address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host.data(), host.size(), port.data(),
                    port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "tcp:?";
  }
  return address.ss_family == AF_INET6 ? fmt::format("tcp:[{}]:{}", host.data(), port.data())
                                       : fmt::format("tcp:{}:{}", host.data(), port.data());
}

std::vector<SocketAddress> literal_addresses(const std::string& host, std::uint16_t port) {
  std::vector<SocketAddress> addresses;
  ask(host, port, AI_NUMERICHOST, addresses);
  return addresses;
}

Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port) {
  std::vector<SocketAddress> addresses;
  const int failure = ask(host, port, AI_ADDRCONFIG, addresses);
  const int number = errno;
  if (failure == 0 && !addresses.empty()) return addresses;
  const std::string what = "resolving " + host;
  if (failure == EAI_SYSTEM) return fail(system_error(Code::address, what, number));
  return fail(Code::address, fmt::format("{}: {}", what, failure ? ::gai_strerror(failure) : "no addresses"));
}

}  // namespace parley::net
