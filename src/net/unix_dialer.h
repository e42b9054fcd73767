#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/stream.h"
#include "net/epoll_reactor.h"

namespace parley::net {

// Dials a path. Nobody there, or a file that a dead process left: Code::address.
class UnixDialer final : public io::Dialer {
 public:
  UnixDialer(EpollReactor& reactor, std::string path)
      : reactor_(reactor), path_(std::move(path)), address_("unix:" + path_) {}
  Task<Result<std::unique_ptr<io::Stream>>> dial() override;
  const std::string& address() const override { return address_; }

 private:
  EpollReactor& reactor_;
  const std::string path_;
  const std::string address_;
};

}  // namespace parley::net
