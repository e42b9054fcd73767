// Boost.Asio over TLS, Beast's WebSocket, and both; coroutines, one io_context thread per side, epoll.
// variant=tls|websocket|wss. Over TLS frames are [u32 length][payload] as in asio.cpp; a WebSocket has a binary message
// for each. No flow control beyond TCP's.
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include "bench.hpp"
using namespace bench;
namespace as = boost::asio;
namespace beast = boost::beast;
using as::awaitable;
using as::use_awaitable;
using Socket = as::ip::tcp::socket;
using Tls = beast::ssl_stream<Socket>;  // Asio's, but what is gathered leaves in one record
using WebSocket = beast::websocket::stream<Socket>;
using Both = beast::websocket::stream<Tls>;

static bool has_tls(const Options& o) { return o.variant() != "websocket"; }
static std::string certificate(const Options& o) { return "/tmp/asio-bench-" + std::to_string(o.port()) + ".pem"; }
static void make_certificate(const Options& o) {
  std::string f = certificate(o);
  std::string cmd = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=bench "
                    "-addext subjectAltName=IP:127.0.0.1 -keyout " + f + ".key -out " + f + " 2>/dev/null";
  check(std::system(cmd.c_str()) == 0, "openssl");
}
static as::ssl::context context(const Options& o, bool server) {
  as::ssl::context c(server ? as::ssl::context::tlsv13_server : as::ssl::context::tlsv13_client);
  if (!has_tls(o)) return c;
  if (server) {
    c.use_certificate_chain_file(certificate(o));
    c.use_private_key_file(certificate(o) + ".key", as::ssl::context::pem);
  } else {
    c.load_verify_file(certificate(o));
    c.set_verify_mode(as::ssl::verify_peer);
  }
  return c;
}

// Sends one frame, whose first four bytes are its length, and reads one into the end of `in`.
static awaitable<void> put(Tls& s, std::vector<char>& frame) { co_await as::async_write(s, as::buffer(frame), use_awaitable); }
static awaitable<size_t> take(Tls& s, std::vector<char>& into) {
  uint32_t len;
  co_await as::async_read(s, as::buffer(&len, 4), use_awaitable);
  if (into.size() < len) into.resize(len);
  co_await as::async_read(s, as::buffer(into.data(), len), use_awaitable);
  co_return len;
}
template <class S>
awaitable<void> put(beast::websocket::stream<S>& s, std::vector<char>& frame) {
  co_await s.async_write(as::buffer(frame.data() + 4, frame.size() - 4), use_awaitable);
}
template <class S>
awaitable<size_t> take(beast::websocket::stream<S>& s, std::vector<char>& into) {
  beast::flat_static_buffer_base to(into.data(), into.size());
  co_return co_await s.async_read(to, use_awaitable);
}
template <class T>
std::vector<char> framed(const T& t, size_t size = sizeof(T)) {
  std::vector<char> f(4 + size, 'x');
  uint32_t len = uint32_t(size);
  std::memcpy(f.data(), &len, 4);
  std::memcpy(f.data() + 4, &t, std::min(size, sizeof t));
  return f;
}

static awaitable<void> open(Tls& s, bool server, as::ssl::stream_base::handshake_type type) {
  (void)server;
  co_await s.async_handshake(type, use_awaitable);
}
template <class S>
awaitable<void> open(beast::websocket::stream<S>& s, bool server, as::ssl::stream_base::handshake_type type) {
  if constexpr (std::is_same_v<S, Tls>) co_await s.next_layer().async_handshake(type, use_awaitable);
  s.binary(true);
  s.auto_fragment(false);
  s.read_message_max(64 << 20);
  if (server) co_await s.async_accept(use_awaitable);
  else co_await s.async_handshake("127.0.0.1", "/roam", use_awaitable);
}

template <class S>
awaitable<void> serve_one(S s, bool stream) try {
  co_await open(s, true, as::ssl::stream_base::server);
  std::vector<char> in(4096);
  if (!stream) {
    for (;;) {
      co_await take(s, in);
      AddRequest r;
      std::memcpy(&r, in.data(), sizeof r);
      std::vector<char> out = framed(r.a + r.b);
      co_await put(s, out);
    }
  }
  for (StreamRequest r;;) {
    co_await take(s, in);
    std::memcpy(&r, in.data(), sizeof r);
    std::vector<char> item = framed('x', r.item), end = framed('x', 1);
    for (Limit lim(r.bytes, r.secs, r.item); lim.more();) co_await put(s, item);
    co_await put(s, end);
  }
} catch (const std::exception&) {
}
template <class S, class... Args>
awaitable<void> listen_loop(const Options& o, as::ip::tcp::acceptor& acceptor, Args&... args) {
  for (;;) {
    Socket socket = co_await acceptor.async_accept(use_awaitable);
    nodelay(o, socket.native_handle());
    as::co_spawn(acceptor.get_executor(), serve_one(S(std::move(socket), args...), o.scenario == "stream"), as::detached);
  }
}
static void serve(const Options& o, std::function<void()> ready) {
  if (has_tls(o)) make_certificate(o);
  as::io_context io(1);
  as::ssl::context tls = context(o, true);
  as::ip::tcp::acceptor acceptor(io, as::ip::tcp::v4(), listen_socket(o));
  ready();
  if (o.variant() == "tls") as::co_spawn(io, listen_loop<Tls>(o, acceptor, tls), as::detached);
  else if (o.variant() == "wss") as::co_spawn(io, listen_loop<Both>(o, acceptor, tls), as::detached);
  else as::co_spawn(io, listen_loop<WebSocket>(o, acceptor), as::detached);
  io.run();
}

template <class S>
awaitable<void> calls(S& s, Meter& m, useconds_t gap) {
  co_await open(s, false, as::ssl::stream_base::client);
  std::vector<char> in(4096);
  AddRequest r{0, 2};
  m.start();
  for (uint64_t t = now_ns();; t = m.last()) {
    if (gap) usleep(gap), t = now_ns();
    ++r.a;
    std::vector<char> out = framed(r);
    co_await put(s, out);
    co_await take(s, in);
    int32_t sum;
    std::memcpy(&sum, in.data(), 4);
    check(sum == r.a + 2, "sum");
    if (!m.complete(t)) co_return;
  }
}
template <class S>
awaitable<void> items(S& s, const Options& o, double secs, bool& opened, uint64_t& n) {
  if (!opened) co_await open(s, false, as::ssl::stream_base::client);
  opened = true;
  std::vector<char> out = framed(StreamRequest{o.bytes(), secs, o.item()}), in(o.item() + 1), item(o.item());
  co_await put(s, out);
  for (;; ++n) {
    if (co_await take(s, in) == 1) co_return;
    std::memcpy(item.data(), in.data(), item.size());
    asm volatile("" ::"r"(item.data()) : "memory");
  }
}
// What lives as long as the client does; the streams of both phases use one connection.
struct Client {
  explicit Client(const Options& o) : options(o), tls(context(o, false)) {
    Socket socket(io, as::ip::tcp::v4(), connect_socket(o));
    if (o.variant() == "tls") a = std::make_unique<Tls>(std::move(socket), tls);
    else if (o.variant() == "wss") b = std::make_unique<Both>(std::move(socket), tls);
    else c = std::make_unique<WebSocket>(std::move(socket));
  }
  template <class F>
  void run(F&& f) {
    auto done = [](std::exception_ptr e) { if (e) std::rethrow_exception(e); };
    if (a) as::co_spawn(io, f(*a), done);
    if (b) as::co_spawn(io, f(*b), done);
    if (c) as::co_spawn(io, f(*c), done);
    io.restart();
    io.run();
  }
  Options options;
  as::io_context io{1};
  as::ssl::context tls;
  std::unique_ptr<Tls> a;
  std::unique_ptr<Both> b;
  std::unique_ptr<WebSocket> c;
  bool opened = false;
};
static void unary(const Options& o, Meter& m) {
  Client client(o);
  client.run([&](auto& s) { return calls(s, m, useconds_t(o.num("gap_us", 0))); });
}
static std::function<uint64_t(double)> stream(const Options& o) {
  auto client = std::make_shared<Client>(o);
  return [client](double secs) {
    uint64_t n = 0;
    client->run([&](auto& s) { return items(s, client->options, secs, client->opened, n); });
    return n;
  };
}
int main(int c, char** v) { return run(c, v, {"asio", serve, unary, stream, {}, {}, {}}); }
