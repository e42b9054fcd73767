#include "net/socket_listener.h"

#include <cerrno>
#include <utility>

#include "net/descriptor.h"
#include "net/socket_stream.h"
#include "net/tcp_address.h"

namespace parley::net {

SocketListener::SocketListener(io::Loop& loop, EpollReactor& reactor, io::Descriptor socket, std::string address,
                               std::unique_ptr<SocketFile> file, ListenOptions options)
    : EpollSource(reactor, std::move(socket)),
      loop_(loop),
      address_(std::move(address)),
      options_(options),
      file_(std::move(file)),
      resume_([](Timer& timer) { static_cast<void>(static_cast<Resume&>(timer).listener.watch_input(true)); }, *this) {}

// The file goes before the socket, so that whoever finds it finds somebody listening.
SocketListener::~SocketListener() {
  if (is_destroyed_) *is_destroyed_ = true;
}

void SocketListener::start(io::ListenerEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a listener is started once");
  events_ = &events;
  if (auto watched = watch_input(true); !watched) failure_ = std::make_unique<Error>(std::move(watched).error());
}

void SocketListener::stop(Error why) {
  static_cast<void>(watch_input(false));
  events_->on_listener_failed(std::move(why));
}

void SocketListener::on_input() {
  if (failure_) return stop(*failure_);
  bool is_destroyed = false;
  is_destroyed_ = &is_destroyed;
  for (int count = 0; count < batch_max; ++count) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    io::Descriptor socket =
        own(::accept4(number(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      ++stats_.accepted;
      events_->on_stream(SocketStream::make(reactor(), std::move(socket), peer_address(from)));
      if (is_destroyed) return;
      continue;
    }
    const int error = errno;
    const Verdict verdict = judge(error);
    if (verdict == Verdict::skip) {
      ++stats_.skipped;
      continue;
    }
    is_destroyed_ = nullptr;
    if (verdict == Verdict::pause) pause();
    if (verdict == Verdict::stop) stop(system_error(code_of(error), "accepting at " + address_, error));
    return;
  }
  is_destroyed_ = nullptr;
}

// accept() also reports what happened to the connection that it would have given.
SocketListener::Verdict SocketListener::judge(int error) {
  switch (error) {
    case EAGAIN: return Verdict::nothing;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return Verdict::pause;
    case EBADF:
    case EFAULT:
    case EINVAL:
    case ENOTSOCK: return Verdict::stop;
    default: return Verdict::skip;
  }
}

void SocketListener::pause() {
  ++stats_.paused;
  static_cast<void>(watch_input(false));
  loop_.executor().arm(resume_, loop_.now() + options_.pause);
}

std::string SocketListener::peer_address(const sockaddr_storage& address) const {
  return address.ss_family == AF_UNIX ? address_ : tcp_text(address);
}

}  // namespace parley::net
