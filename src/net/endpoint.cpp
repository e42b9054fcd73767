#include "net/endpoint.h"

#include <utility>

#include "io/memory_listener.h"
#include "net/inherited.h"
#include "net/tcp_dialer.h"
#include "net/tcp_listener.h"
#include "net/unix_dialer.h"
#include "net/unix_listener.h"

namespace parley::net {

namespace {

// Hands out a stream that was there from the beginning.
class OnceListener final : public io::Listener {
 public:
  OnceListener(io::Loop& loop, std::unique_ptr<io::Stream> stream)
      : executor_(loop.executor()), stream_(std::move(stream)), address_(stream_->peer().address) {}
  void start(io::ListenerEvents& events) override {
    events_ = &events;
    executor_.post(ready_);
  }
  const std::string& address() const override { return address_; }

 private:
  struct Report final : Ready {
    explicit Report(OnceListener& owner)
        : Ready([](Ready& node) { static_cast<Report&>(node).listener.report(); }), listener(owner) {}
    OnceListener& listener;
  };
  void report() { events_->on_stream(std::move(stream_)); }

  Executor& executor_;
  std::unique_ptr<io::Stream> stream_;
  const std::string address_;
  io::ListenerEvents* events_ = nullptr;
  Report ready_{*this};
};

class OnceDialer final : public io::Dialer {
 public:
  explicit OnceDialer(std::unique_ptr<io::Stream> stream)
      : stream_(std::move(stream)), address_(stream_->peer().address) {}
  Task<Result<std::unique_ptr<io::Stream>>> dial() override {
    if (!stream_) co_return fail(Code::closed, address_ + " can be dialed once, and was");
    co_return std::move(stream_);
  }
  const std::string& address() const override { return address_; }

 private:
  std::unique_ptr<io::Stream> stream_;
  const std::string address_;
};

Result<std::unique_ptr<io::Stream>> open_given(EpollReactor& reactor, const io::Uri& uri) {
  return uri.kind == io::Uri::Kind::stdio ? open_stdio(reactor) : open_inherited(reactor, uri.descriptor);
}

}  // namespace

Result<std::unique_ptr<io::Listener>> make_listener(io::Loop& loop, EpollReactor& reactor, const io::Uri& uri,
                                                    ListenOptions options) {
  switch (uri.kind) {
    case io::Uri::Kind::unix_socket: return listen_unix(loop, reactor, uri.name, options);
    case io::Uri::Kind::tcp: return listen_tcp(loop, reactor, uri.name, uri.port, options);
    case io::Uri::Kind::memory: return io::MemoryListener::listen(loop, uri.name);
    case io::Uri::Kind::tls:
    case io::Uri::Kind::websocket:
    case io::Uri::Kind::websocket_tls: return fail(Code::unsupported, io::to_string(uri) + " is no plain stream");
    case io::Uri::Kind::stdio:
    case io::Uri::Kind::descriptor: break;
  }
  PARLEY_TRY(auto stream, open_given(reactor, uri));
  return std::make_unique<OnceListener>(loop, std::move(stream));
}

Result<std::unique_ptr<io::Dialer>> make_dialer(io::Loop& loop, EpollReactor& reactor, const io::Uri& uri) {
  switch (uri.kind) {
    case io::Uri::Kind::unix_socket: return std::make_unique<UnixDialer>(reactor, uri.name);
    case io::Uri::Kind::tcp: return std::make_unique<TcpDialer>(loop, reactor, uri.name, uri.port);
    case io::Uri::Kind::memory: return std::make_unique<io::MemoryDialer>(loop, uri.name);
    case io::Uri::Kind::tls:
    case io::Uri::Kind::websocket:
    case io::Uri::Kind::websocket_tls: return fail(Code::unsupported, io::to_string(uri) + " is no plain stream");
    case io::Uri::Kind::stdio:
    case io::Uri::Kind::descriptor: break;
  }
  PARLEY_TRY(auto stream, open_given(reactor, uri));
  return std::make_unique<OnceDialer>(std::move(stream));
}

}  // namespace parley::net
