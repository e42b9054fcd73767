#pragma once

#include <memory>

#include "io/loop.h"
#include "io/tls_options.h"
#include "io/websocket_options.h"

namespace parley {

struct LoopOptions {
  // How long a wait looks again and again at the busiest stream, and at what other threads send its actors, before it
  // sleeps: 20 us saves most of the price of a sleep per call and costs a core. For streams it grows to eight times
  // that where what it missed comes soon after. Zero is off.
  Duration spin{};
  bool spin_on_few_cores = false;  // below four usable cores it is off unless this says so
  io::TlsOptions tls;              // for tls: and wss:, and for who comes with TLS to a hub
  io::WebSocketOptions websocket;  // for ws: and wss:, and for who comes with HTTP to a hub
};

namespace face {

struct SystemParts;

// What a loop over the system is made of; made before the loop and destroyed after it.
class LoopParts {
 protected:
  explicit LoopParts(const LoopOptions& options);
  ~LoopParts();
  std::unique_ptr<SystemParts> parts_;
};

}  // namespace face

// A loop over the system: epoll, the monotonic clock, the kernel's random numbers. One per thread, owned by main, with
// no thread of its own; io::Loop tells of run(), stop(), poll_once(), fd(), post() and run_until(). Sessions, servers
// and clients made on it are used on its thread and die before it. A system without descriptors to spare is fatal here.
class Loop final : private face::LoopParts, public io::Loop {
 public:
  explicit Loop(const LoopOptions& options = {});
  ~Loop() override;

  Result<std::unique_ptr<io::Listener>> listen(std::string_view uri) override;
  Result<std::unique_ptr<io::Dialer>> dialer(std::string_view uri) override;
  Result<std::unique_ptr<io::Stream>> accept_tls(std::unique_ptr<io::Stream>& stream) override;
  using io::Loop::accept_websocket;
  using io::Loop::http_client;
  Result<std::unique_ptr<io::Stream>> accept_websocket(std::unique_ptr<io::Stream>& stream,
                                                       io::WebSocketUse use) override;
  Result<std::unique_ptr<io::HttpConnection>> accept_http(std::unique_ptr<io::Stream>& stream, io::HttpHandler& handler,
                                                          io::HttpLimits limits) override;
  Result<std::unique_ptr<io::HttpClient>> http_client(std::string_view url, io::HttpClientOptions options) override;

  // Reads the files of LoopOptions::tls again: who comes from now on gets the new certificate, sessions that are there
  // stay as they are. Errors: not_found, invalid; then nothing changes.
  Result<void> reload_tls();
};

}  // namespace parley
