#include "face/loop.h"

#include "io/uri.h"
#include "net/epoll_reactor.h"
#include "net/layered_endpoints.h"
#include "net/system_clock.h"
#include "net/system_random.h"

namespace parley {

namespace face {

struct SystemParts {
  net::SystemClock clock;
  net::SystemRandom random;
  std::unique_ptr<net::EpollReactor> reactor;
  std::unique_ptr<net::LayeredEndpoints> endpoints;
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
    : face::LoopParts(options), io::Loop(parts_->clock, *parts_->reactor, parts_->random) {
  if (parts_->reactor->may_spin()) spin_at_doors(options.spin);
  parts_->endpoints = std::make_unique<net::LayeredEndpoints>(*this, *parts_->reactor, options.tls, options.websocket);
}

Loop::~Loop() = default;

Result<std::unique_ptr<io::Listener>> Loop::listen(std::string_view text) {
  PARLEY_TRY(const io::Uri uri, io::parse_uri(text));
  return parts_->endpoints->listen(uri);
}

Result<std::unique_ptr<io::Dialer>> Loop::dialer(std::string_view text) {
  PARLEY_TRY(const io::Uri uri, io::parse_uri(text));
  return parts_->endpoints->dialer(uri);
}

Result<std::unique_ptr<io::Stream>> Loop::accept_tls(std::unique_ptr<io::Stream>& stream) {
  return parts_->endpoints->accept_tls(stream);
}

Result<std::unique_ptr<io::Stream>> Loop::accept_websocket(std::unique_ptr<io::Stream>& stream, io::WebSocketUse use) {
  return parts_->endpoints->accept_websocket(stream, std::move(use));
}

Result<std::unique_ptr<io::HttpConnection>> Loop::accept_http(std::unique_ptr<io::Stream>& stream,
                                                              io::HttpHandler& handler, io::HttpLimits limits) {
  return parts_->endpoints->accept_http(stream, handler, limits);
}

Result<std::unique_ptr<io::HttpClient>> Loop::http_client(std::string_view url, io::HttpClientOptions options) {
  return parts_->endpoints->http_client(url, options);
}

Result<void> Loop::reload_tls() { return parts_->endpoints->reload_tls(); }

}  // namespace parley
