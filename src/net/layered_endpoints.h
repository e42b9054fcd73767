#pragma once

#include <memory>

#include "io/loop.h"
#include "io/stream.h"
#include "io/uri.h"
#include "io/websocket_options.h"
#include "net/epoll_reactor.h"
#include "net/tls.h"

namespace parley::net {

// All addresses of io/uri.h: what net/endpoint.h makes, and TLS, WebSocket or both over it. Of one loop; what it made
// dies before it.
class LayeredEndpoints {
 public:
  LayeredEndpoints(io::Loop& loop, EpollReactor& reactor, io::TlsOptions tls, io::WebSocketOptions websocket);

  // Errors: those of the streams below, and for TLS `unsupported` without a certificate, not_found, invalid.
  Result<std::unique_ptr<io::Listener>> listen(const io::Uri& uri);
  Result<std::unique_ptr<io::Dialer>> dialer(const io::Uri& uri);

  Result<std::unique_ptr<io::Stream>> accept_tls(std::unique_ptr<io::Stream>& stream) {
    return tls_.accept(loop_, stream);
  }
  Result<std::unique_ptr<io::Stream>> accept_websocket(std::unique_ptr<io::Stream>& stream, io::WebSocketUse use);
  // Hosts and origins are those of the WebSockets.
  Result<std::unique_ptr<io::HttpConnection>> accept_http(std::unique_ptr<io::Stream>& stream, io::HttpHandler& handler,
                                                          io::HttpLimits limits);
  Result<std::unique_ptr<io::HttpClient>> http_client(std::string_view url, io::HttpClientOptions options);
  Result<void> reload_tls() { return tls_.reload(); }

 private:
  io::WebSocketOptions options_at(const io::Uri& uri) const;

  io::Loop& loop_;
  EpollReactor& reactor_;
  Tls tls_;
  const io::WebSocketOptions websocket_;
};

}  // namespace parley::net
