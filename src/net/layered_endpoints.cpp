#include "net/layered_endpoints.h"

#include <functional>
#include <utility>

#include "net/endpoint.h"
#include "net/http_client.h"
#include "net/http_connection.h"
#include "net/http_url.h"
#include "net/websocket_stream.h"

namespace parley::net {

namespace {

using Kind = io::Uri::Kind;
using Put = std::move_only_function<Result<std::unique_ptr<io::Stream>>(std::unique_ptr<io::Stream>)>;

bool has_tls(const io::Uri& uri) { return uri.kind == Kind::tls || uri.kind == Kind::websocket_tls; }
bool has_websocket(const io::Uri& uri) { return uri.kind == Kind::websocket || uri.kind == Kind::websocket_tls; }

io::Uri below(io::Uri uri) {
  uri.kind = Kind::tcp;
  uri.path.clear();
  return uri;
}

// Puts something over each stream that comes.
class LayeredListener final : public io::Listener, private io::ListenerEvents {
 public:
  LayeredListener(std::unique_ptr<io::Listener> inner, std::string address, Put put)
      : inner_(std::move(inner)), address_(std::move(address)), put_(std::move(put)) {}
  void start(io::ListenerEvents& events) override {
    events_ = &events;
    inner_->start(*this);
  }
  const std::string& address() const override { return address_; }

 private:
  // What cannot be put over one is not there for any, which listen() has looked for.
  void on_stream(std::unique_ptr<io::Stream> stream) override {
    if (auto layered = put_(std::move(stream))) events_->on_stream(*std::move(layered));
  }
  void on_listener_failed(Error error) override { events_->on_listener_failed(std::move(error)); }

  std::unique_ptr<io::Listener> inner_;
  const std::string address_;
  Put put_;
  io::ListenerEvents* events_ = nullptr;
};

class LayeredDialer final : public io::Dialer {
 public:
  LayeredDialer(std::unique_ptr<io::Dialer> inner, std::string address, Put put)
      : inner_(std::move(inner)), address_(std::move(address)), put_(std::move(put)) {}
  Task<Result<std::unique_ptr<io::Stream>>> dial() override {
    auto stream = co_await inner_->dial();
    if (!stream) co_return fail(std::move(stream).error());
    co_return put_(*std::move(stream));
  }
  const std::string& address() const override { return address_; }

 private:
  std::unique_ptr<io::Dialer> inner_;
  const std::string address_;
  Put put_;
};

}  // namespace

LayeredEndpoints::LayeredEndpoints(io::Loop& loop, EpollReactor& reactor, io::TlsOptions tls,
                                   io::WebSocketOptions websocket)
    : loop_(loop), reactor_(reactor), tls_(std::move(tls)), websocket_(std::move(websocket)) {}

Result<std::unique_ptr<io::Stream>> LayeredEndpoints::accept_websocket(std::unique_ptr<io::Stream>& stream,
                                                                       io::WebSocketUse use) {
  io::WebSocketOptions options = websocket_;
  if (!use.path.empty()) options.path = std::move(use.path);
  options.is_text_lines = use.is_text_lines;
  if (use.message_bytes_max != 0) options.opening_bytes_max = options.message_bytes_max = use.message_bytes_max;
  if (use.opening_bytes_max != 0) options.opening_bytes_max = use.opening_bytes_max;
  options.is_let_in = std::move(use.is_let_in);
  return std::make_unique<WebSocketStream>(loop_, std::move(stream), std::move(options));
}

io::WebSocketOptions LayeredEndpoints::options_at(const io::Uri& uri) const {
  io::WebSocketOptions options = websocket_;
  options.path = uri.path;
  options.is_text_lines = uri.path.substr(0, uri.path.find('?')) == io::text_lines_path;
  return options;
}

Result<std::unique_ptr<io::HttpConnection>> LayeredEndpoints::accept_http(std::unique_ptr<io::Stream>& stream,
                                                                          io::HttpHandler& handler,
                                                                          io::HttpLimits limits) {
  return std::make_unique<HttpConnection>(loop_, std::move(stream), handler,
                                          HttpAccess{websocket_.hosts, websocket_.origins}, limits);
}

Result<std::unique_ptr<io::HttpClient>> LayeredEndpoints::http_client(std::string_view url,
                                                                      io::HttpClientOptions options) {
  PARLEY_TRY(HttpUrl parsed, parse_http_url(url));
  PARLEY_TRY(auto there, dialer(parsed.uri));
  return std::make_unique<HttpClient>(loop_, std::move(there), std::move(parsed), options);
}

Result<std::unique_ptr<io::Listener>> LayeredEndpoints::listen(const io::Uri& uri) {
  if (!has_tls(uri) && !has_websocket(uri)) return make_listener(loop_, reactor_, uri);
  if (has_tls(uri)) PARLEY_TRY(tls_.check_acceptor());
  PARLEY_TRY(auto inner, make_listener(loop_, reactor_, below(uri)));
  PARLEY_TRY(io::Uri address, io::parse_uri(inner->address()));
  address.kind = uri.kind;
  address.path = uri.path;
  Put put = [this, uri](std::unique_ptr<io::Stream> stream) -> Result<std::unique_ptr<io::Stream>> {
    if (has_tls(uri)) {
      PARLEY_TRY(stream, tls_.accept(loop_, stream));
    }
    if (!has_websocket(uri)) return stream;
    return std::make_unique<WebSocketStream>(loop_, std::move(stream), options_at(uri));
  };
  return std::make_unique<LayeredListener>(std::move(inner), io::to_string(address), std::move(put));
}

Result<std::unique_ptr<io::Dialer>> LayeredEndpoints::dialer(const io::Uri& uri) {
  if (!has_tls(uri) && !has_websocket(uri)) return make_dialer(loop_, reactor_, uri);
  PARLEY_TRY(auto inner, make_dialer(loop_, reactor_, below(uri)));
  Put put = [this, uri](std::unique_ptr<io::Stream> stream) -> Result<std::unique_ptr<io::Stream>> {
    if (has_tls(uri)) {
      PARLEY_TRY(stream, tls_.dial(loop_, stream, uri.name));
    }
    if (!has_websocket(uri)) return stream;
    return std::make_unique<WebSocketStream>(loop_, std::move(stream), UpgradeTarget{host_and_port(uri), uri.path},
                                             options_at(uri));
  };
  return std::make_unique<LayeredDialer>(std::move(inner), io::to_string(uri), std::move(put));
}

}  // namespace parley::net
