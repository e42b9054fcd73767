#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace parley::net {

// An address of the system with its size.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// "tcp:127.0.0.1:4711", "tcp:[::1]:4711"
std::string tcp_text(const sockaddr_storage& address);

// What a host written as an address stands for; nothing if it is a name. Asks nobody.
std::vector<SocketAddress> literal_addresses(const std::string& host, std::uint16_t port);

// What the system's resolver says, in its order of preference. Blocks.
Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port);

}  // namespace parley::net
