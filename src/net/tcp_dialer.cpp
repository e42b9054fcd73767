#include "net/tcp_dialer.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "async/event_timer.h"
#include "async/wait.h"
#include "io/uri.h"
#include "net/descriptor.h"
#include "net/socket_stream.h"

namespace parley::net {

namespace {

std::string uri_text(const std::string& host, std::uint16_t port) {
  io::Uri uri{.kind = io::Uri::Kind::tcp};
  uri.name = host;
  uri.port = port;
  return io::to_string(uri);
}

// Dialing a free port of this machine can meet the socket's own number: it is then connected with itself.
bool is_connected_to_itself(int socket) {
  SocketAddress own_end;
  SocketAddress other_end;
  own_end.size = other_end.size = sizeof own_end.storage;
  return ::getsockname(socket, reinterpret_cast<sockaddr*>(&own_end.storage), &own_end.size) == 0 &&
         ::getpeername(socket, reinterpret_cast<sockaddr*>(&other_end.storage), &other_end.size) == 0 &&
         own_end.size == other_end.size && std::memcmp(&own_end.storage, &other_end.storage, own_end.size) == 0;
}

}  // namespace

// A socket on its way. Done when the system has decided or the time is up.
class TcpDialer::Connecting final : public EpollSource {
 public:
  Connecting(EpollReactor& reactor, io::Descriptor socket) : EpollSource(reactor, std::move(socket)) {}
  using EpollSource::take_descriptor;
  using EpollSource::watch_output;

  Event done;
  EventTimer limit{done};

 private:
  void on_input() override {}
  void on_output() override { done.set(); }
};

TcpDialer::TcpDialer(io::Loop& loop, EpollReactor& reactor, std::string host, std::uint16_t port, DialOptions options)
    : loop_(loop),
      reactor_(reactor),
      host_(std::move(host)),
      port_(port),
      address_(uri_text(host_, port)),
      options_(options),
      resolver_(loop, options.ask) {}

Task<Result<std::unique_ptr<io::Stream>>> TcpDialer::dial() {
  if (port_ == 0) co_return fail(Code::uri, address_ + ": port 0 is for listening");
  auto addresses = literal_addresses(host_, port_);
  const bool is_name = addresses.empty();
  if (is_name) {
    auto found = co_await resolver_.resolve(host_, port_);
    if (!found) co_return fail(Error{found.error().code, address_ + ": " + found.error().note});
    addresses = *std::move(found);
  }
  Error failure{Code::address, {}};
  for (const SocketAddress& to : addresses) {
    auto stream = co_await connect(to);
    if (stream) co_return std::move(stream);
    failure.code = stream.error().code;
    failure.note += (failure.note.empty() ? "" : "; ") + stream.error().note;
  }
  if (is_name) failure.note = address_ + ": " + failure.note;
  co_return fail(std::move(failure));
}

Task<Result<std::unique_ptr<io::Stream>>> TcpDialer::connect(SocketAddress to) {
  std::string text = tcp_text(to.storage);
  io::Descriptor socket = own(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) co_return fail(system_error(code_of(errno), text, errno));
  if (::connect(socket.number(), to.get(), to.size) != 0) {
    if (errno != EINPROGRESS) co_return fail(system_error(code_of(errno), text, errno));
    Connecting connecting(reactor_, std::move(socket));
    co_await connecting.watch_output();
    // By the clock: whoever dials from outside of a turn has an executor whose time stood still.
    loop_.executor().arm(connecting.limit, loop_.clock().now() + options_.connect_max);
    co_await connecting.done.wait();
    const bool is_late = !connecting.limit.is_armed();
    socket = connecting.take_descriptor();
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.number(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) co_return fail(system_error(code_of(error), text, error));
    if (is_late) {
      const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(options_.connect_max);
      co_return fail(Code::timed_out, fmt::format("{}: no answer within {} ms", text, limit.count()));
    }
  }
  if (is_connected_to_itself(socket.number())) co_return fail(Code::address, text + ": Connection refused");
  co_return SocketStream::make(reactor_, std::move(socket), std::move(text));
}

}  // namespace parley::net
