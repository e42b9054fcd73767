#include "net/socket_stream.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "net/descriptor.h"

namespace parley::net {

namespace {

// Room for the numbers of the descriptors that may come with one read.
union ControlRoom {
  cmsghdr header;  // for its alignment
  std::array<char, CMSG_SPACE(sizeof(int) * io::descriptors_per_write_max)> bytes;
};

constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
constexpr int keepalive_s = 15;
constexpr int keepalive_probes = 3;

int domain_of(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : -1;
}

std::optional<io::Peer::Credentials> credentials_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return io::Peer::Credentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace

std::unique_ptr<io::Stream> SocketStream::make(EpollReactor& reactor, io::Descriptor socket, std::string address) {
  const int domain = domain_of(socket.number());
  const bool is_local = domain == AF_UNIX;
  if (domain == AF_INET || domain == AF_INET6) {
    const auto set = [&](int level, int option, int value) {
      ::setsockopt(socket.number(), level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    // Whoever is silent is asked by the system, and has gone if nothing of his answers.
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_s);
    set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_s / keepalive_probes);
    set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
  }
  io::Peer peer{std::move(address), is_local ? credentials_of(socket.number()) : std::nullopt};
  // tidy: allow new the constructor is private
  return std::unique_ptr<io::Stream>(new SocketStream(reactor, std::move(socket), std::move(peer), is_local));
}

SocketStream::SocketStream(EpollReactor& reactor, io::Descriptor socket, io::Peer peer, bool is_local)
    : EpollSource(reactor, std::move(socket)), peer_(std::move(peer)), is_local_(is_local) {}

void SocketStream::start(io::StreamEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a stream is started once");
  events_ = &events;
  if (auto watched = watch_input(true); !watched) {
    fail_writing(std::move(watched).error());
    is_unwatched_ = true;  // which the reactor reports in its own time
  }
  if (wants_writable_) want_writable();
}

void SocketStream::on_input() { events_->on_readable(); }
void SocketStream::on_output() { events_->on_writable(); }
bool SocketStream::on_spin() { return events_->on_spin(); }

io::Transfer SocketStream::fail_reading(Error why) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(why));
  is_read_over_ = is_read_dead_ = is_write_dead_ = true;
  inbox_.clear();
  static_cast<void>(watch_input(false));
  return {io::Transfer::Status::failed, 0};
}

io::Transfer SocketStream::fail_writing(Error why) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(why));
  is_write_dead_ = true;
  return {io::Transfer::Status::failed, 0};
}

Error SocketStream::failure() const { return failure_ ? *failure_ : Error{}; }

io::Transfer SocketStream::read_some(std::span<std::uint8_t> into) {
  PARLEY_ASSERT(!into.empty());
  if (is_read_over_) [[unlikely]] {
    return {is_read_dead_ ? io::Transfer::Status::failed : io::Transfer::Status::ended, 0};
  }
  if (is_unwatched_) [[unlikely]]
    return fail_reading(*failure_);
  std::ptrdiff_t count = 0;
  do {
    count = receive(into);
  } while (count < 0 && errno == EINTR);
  if (count > 0) [[likely]] {
    reactor().note_input(*this);
    return {io::Transfer::Status::moved, static_cast<std::size_t>(count)};
  }
  if (count == 0) {
    is_read_over_ = true;
    static_cast<void>(watch_input(false));
    return {io::Transfer::Status::ended, 0};
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
  if (is_read_dead_) return {io::Transfer::Status::failed, 0};
  return fail_reading(system_error(Code::link_lost, "reading from " + peer_.address, errno));
}

std::ptrdiff_t SocketStream::receive(std::span<std::uint8_t> into) {
  if (!is_local_) return ::recv(number(), into.data(), into.size(), MSG_DONTWAIT);
  iovec bytes{into.data(), into.size()};
  ControlRoom room;
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = room.bytes.size();
  const std::ptrdiff_t count = ::recvmsg(number(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count >= 0 && (message.msg_controllen != 0 || (message.msg_flags & MSG_CTRUNC))) [[unlikely]] {
    if (!take_descriptors(&message)) {
      errno = EPROTO;
      return -1;
    }
  }
  return count;
}

// Everything that came is taken over, so that nothing stays open unnoticed, before it is judged.
bool SocketStream::take_descriptors(const void* header) {
  auto& message = *static_cast<msghdr*>(const_cast<void*>(header));
  Result<void> taken;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t at = 0; at < count; ++at) {
      int passed = -1;
      std::memcpy(&passed, CMSG_DATA(part) + at * sizeof(int), sizeof passed);
      io::Descriptor descriptor = own(passed);
      if (taken) taken = inbox_.add(std::move(descriptor));
    }
  }
  if (taken && (message.msg_flags & MSG_CTRUNC)) {
    taken = fail(Code::too_many_descriptors,
                 fmt::format("more than {} descriptors came at once, or this process may open no more of them",
                             io::descriptors_per_write_max));
  }
  if (taken) return true;
  fail_reading(std::move(taken).error());
  return false;
}

io::Transfer SocketStream::write_some(ByteView from, std::span<io::Descriptor> with) {
  PARLEY_ASSERT(!from.empty());
  if (is_write_dead_) [[unlikely]]
    return {io::Transfer::Status::failed, 0};
  if (with.size() > io::descriptors_per_write_max || (!is_local_ && !with.empty())) [[unlikely]] {
    return fail_writing(is_local_
                            ? Error{Code::too_many_descriptors, fmt::format("{} descriptors with one write; {} "
                                                                            "may go",
                                                                            with.size(), io::descriptors_per_write_max)}
                            : io::no_descriptors(peer_.address));
  }
  std::ptrdiff_t count = 0;
  do {
    count = send(from, with);
  } while (count < 0 && errno == EINTR);
  if (count > 0) [[likely]] {
    for (io::Descriptor& descriptor : with) descriptor.reset();
    passed_ += with.size();
  }
  return wrote(count);
}

io::Transfer SocketStream::write_both(ByteView first, ByteView second) {
  PARLEY_ASSERT(!first.empty() && !second.empty());
  if (is_write_dead_) [[unlikely]]
    return {io::Transfer::Status::failed, 0};
  iovec bytes[2] = {{const_cast<std::uint8_t*>(first.data()), first.size()},
                    {const_cast<std::uint8_t*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = bytes;
  message.msg_iovlen = 2;
  std::ptrdiff_t count = 0;
  do {
    count = ::sendmsg(number(), &message, send_flags);
  } while (count < 0 && errno == EINTR);
  return wrote(count);
}

// What the system said to a write.
io::Transfer SocketStream::wrote(std::ptrdiff_t count) {
  if (count > 0) [[likely]]
    return {io::Transfer::Status::moved, static_cast<std::size_t>(count)};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
  if (is_finished_) return fail_writing({Code::closed, "written after the end"});
  const Code code = errno == ETOOMANYREFS ? Code::too_many_descriptors : Code::link_lost;
  return fail_writing(system_error(code, "writing to " + peer_.address, errno));
}

std::ptrdiff_t SocketStream::send(ByteView from, std::span<const io::Descriptor> with) {
  if (with.empty()) [[likely]]
    return ::send(number(), from.data(), from.size(), send_flags);
  iovec bytes{const_cast<std::uint8_t*>(from.data()), from.size()};
  ControlRoom room;
  std::memset(&room, 0, sizeof room);
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = room.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * with.size());
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int) * with.size());
  for (std::size_t at = 0; at < with.size(); ++at) {
    const int passed = with[at].number();
    PARLEY_ASSERT(passed >= 0);
    std::memcpy(CMSG_DATA(part) + at * sizeof(int), &passed, sizeof passed);
  }
  return ::sendmsg(number(), &message, send_flags);
}

void SocketStream::want_writable() {
  wants_writable_ = true;
  if (!events_) return;
  wants_writable_ = false;
  if (auto watched = watch_output(); !watched) fail_writing(std::move(watched).error());
}

void SocketStream::finish() {
  is_finished_ = true;
  ::shutdown(number(), SHUT_WR);
}

Result<io::Descriptor> SocketStream::claim_descriptor(std::uint64_t number) {
  if (!is_local_) return io::Stream::claim_descriptor(number);
  return inbox_.claim(number);
}

Result<std::pair<std::unique_ptr<io::Stream>, std::unique_ptr<io::Stream>>> make_socket_pair(EpollReactor& reactor) {
  int sockets[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) != 0) {
    return fail(system_error(code_of(errno), "socketpair", errno));
  }
  io::Descriptor first = own(sockets[0]);
  io::Descriptor second = own(sockets[1]);
  return std::pair(SocketStream::make(reactor, std::move(first), "unix:pair"),
                   SocketStream::make(reactor, std::move(second), "unix:pair"));
}

}  // namespace parley::net
