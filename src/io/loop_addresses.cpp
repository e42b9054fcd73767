#include "io/loop.h"
#include "io/memory_listener.h"
#include "io/uri.h"

namespace parley::io {

namespace {

Result<std::string> memory_name(std::string_view text) {
  PARLEY_TRY(Uri uri, parse_uri(text));
  if (uri.kind != Uri::Kind::memory) return fail(Code::unsupported, "this loop has no network: only mem: addresses");
  return std::move(uri.name);
}

}  // namespace

Result<std::unique_ptr<Listener>> Loop::listen(std::string_view uri) {
  PARLEY_TRY(std::string name, memory_name(uri));
  return MemoryListener::listen(*this, std::move(name));
}

Result<std::unique_ptr<Dialer>> Loop::dialer(std::string_view uri) {
  PARLEY_TRY(std::string name, memory_name(uri));
  return std::unique_ptr<Dialer>(std::make_unique<MemoryDialer>(*this, std::move(name)));
}

Result<std::unique_ptr<Stream>> Loop::accept_tls(std::unique_ptr<Stream>&) {
  return fail(Code::unsupported, "this loop has no TLS");
}

Result<std::unique_ptr<Stream>> Loop::accept_websocket(std::unique_ptr<Stream>&, WebSocketUse) {
  return fail(Code::unsupported, "this loop has no WebSockets");
}

Result<std::unique_ptr<HttpConnection>> Loop::accept_http(std::unique_ptr<Stream>&, HttpHandler&, HttpLimits) {
  return fail(Code::unsupported, "this loop has no HTTP");
}

Result<std::unique_ptr<HttpClient>> Loop::http_client(std::string_view, HttpClientOptions) {
  return fail(Code::unsupported, "this loop has no HTTP");
}

}  // namespace parley::io
