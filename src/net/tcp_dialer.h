#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "io/loop.h"
#include "io/stream.h"
#include "net/epoll_reactor.h"
#include "net/resolver.h"

namespace parley::net {

struct DialOptions {
  Duration connect_max = std::chrono::seconds(10);  // for each address of a name
  Resolver::Ask ask = &resolve;
};

// Dials a host by address or by name. The addresses of a name are tried one after another in the system's order of
// preference; the error says what became of each.
class TcpDialer final : public io::Dialer {
 public:
  TcpDialer(io::Loop& loop, EpollReactor& reactor, std::string host, std::uint16_t port, DialOptions options = {});
  Task<Result<std::unique_ptr<io::Stream>>> dial() override;
  const std::string& address() const override { return address_; }

 private:
  class Connecting;
  Task<Result<std::unique_ptr<io::Stream>>> connect(SocketAddress to);

  io::Loop& loop_;
  EpollReactor& reactor_;
  const std::string host_;
  const std::uint16_t port_;
  const std::string address_;
  const DialOptions options_;
  Resolver resolver_;
};

}  // namespace parley::net
