#include "face/loop.h"

#include "io/uri.h"
#include "net/endpoint.h"
#include "net/epoll_reactor.h"
#include "net/system_clock.h"
#include "net/system_random.h"

namespace parley {

namespace face {

struct SystemParts {
  net::SystemClock clock;
  net::SystemRandom random;
  std::unique_ptr<net::EpollReactor> reactor;
};

LoopParts::LoopParts(const LoopOptions& options) : parts_(std::make_unique<SystemParts>()) {
  auto reactor =
      net::EpollReactor::make(parts_->clock, {.spin = options.spin, .spin_on_few_cores = options.spin_on_few_cores});
  PARLEY_ASSERT(reactor.has_value(), to_string(reactor.error()));
  parts_->reactor = *std::move(reactor);
}

LoopParts::~LoopParts() = default;

}  // namespace face

Loop::Loop(const LoopOptions& options)
    : face::LoopParts(options), io::Loop(parts_->clock, *parts_->reactor, parts_->random) {}

Loop::~Loop() = default;

Result<std::unique_ptr<io::Listener>> Loop::listen(std::string_view text) {
  PARLEY_TRY(const io::Uri uri, io::parse_uri(text));
  return net::make_listener(*this, *parts_->reactor, uri);
}

Result<std::unique_ptr<io::Dialer>> Loop::dialer(std::string_view text) {
  PARLEY_TRY(const io::Uri uri, io::parse_uri(text));
  return net::make_dialer(*this, *parts_->reactor, uri);
}

}  // namespace parley
