#include "net/pipe_stream.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "net/descriptor.h"

namespace parley::net {

namespace {

bool is_socket_descriptor(int number) {
  struct stat found{};
  return ::fstat(number, &found) == 0 && S_ISSOCK(found.st_mode);
}

// Keeps a write to a pipe without reader from raising SIGPIPE in this thread, whatever the program does with that
// signal: pipes have no flag for it. One that was pending before stays so.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    if (!was_pending_) ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeGuard() {
    if (was_pending_) return;
    const int error = errno;
    if (is_raised) {
      const timespec at_once{};
      while (::sigtimedwait(&sigpipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  bool is_raised = false;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

ssize_t write_silently(int number, ByteView from) {
  SigpipeGuard guard;
  const ssize_t count = ::write(number, from.data(), from.size());
  guard.is_raised = count < 0 && errno == EPIPE;
  return count;
}

}  // namespace

PipeStream::Side::Side(EpollReactor& reactor, io::Descriptor descriptor, PipeStream& owner)
    : EpollSource(reactor, std::move(descriptor)),
      is_open_for_use(number() >= 0),
      is_socket(is_socket_descriptor(number())),
      stream_(owner) {
  if (!is_open_for_use || is_socket) return;
  const int flags = ::fcntl(number(), F_GETFL);
  if (flags >= 0 && !(flags & O_NONBLOCK) && ::fcntl(number(), F_SETFL, flags | O_NONBLOCK) == 0) flags_before_ = flags;
}

PipeStream::Side::~Side() { put_flags_back(); }

void PipeStream::Side::put_flags_back() {
  if (flags_before_ >= 0) ::fcntl(number(), F_SETFL, std::exchange(flags_before_, -1));
}

void PipeStream::Side::close() {
  put_flags_back();
  take_descriptor().reset();
}

PipeStream::PipeStream(EpollReactor& reactor, io::Descriptor in, io::Descriptor out, std::string address)
    : peer_{std::move(address), std::nullopt},
      in_(reactor, std::move(in), *this),
      out_(reactor, std::move(out), *this) {}

void PipeStream::start(io::StreamEvents& events) {
  PARLEY_ASSERT(events_ == nullptr, "a stream is started once");
  events_ = &events;
  // What epoll does not take - a file, a side that is missing - counts as always ready, which is true of both.
  if (auto watched = in_.watch_input(true); !watched && in_.is_open_for_use) {
    fail_writing(std::move(watched).error());
    is_unwatched_ = true;
  }
  if (wants_writable_) want_writable();
}

io::Transfer PipeStream::read_some(std::span<std::uint8_t> into) {
  PARLEY_ASSERT(!into.empty());
  if (is_read_over_) return {is_read_dead_ ? io::Transfer::Status::failed : io::Transfer::Status::ended, 0};
  ssize_t count = 0;
  if (is_unwatched_) {
    errno = EIO;
    count = -1;
  } else if (in_.is_open_for_use) {
    do {
      count = in_.is_socket ? ::recv(in_.number(), into.data(), into.size(), MSG_DONTWAIT)
                            : ::read(in_.number(), into.data(), into.size());
    } while (count < 0 && errno == EINTR);
  }
  if (count > 0) {
    in_.reactor().note_input(in_);
    return {io::Transfer::Status::moved, static_cast<std::size_t>(count)};
  }
  if (count < 0 && errno == EAGAIN) return {};
  const int error = errno;
  is_read_over_ = true;
  static_cast<void>(in_.watch_input(false));
  if (count == 0) return {io::Transfer::Status::ended, 0};
  is_read_dead_ = true;
  return fail_writing(system_error(Code::link_lost, "reading from " + peer_.address, error));
}

io::Transfer PipeStream::fail_writing(Error why) {
  if (!failure_) failure_ = std::make_unique<Error>(std::move(why));
  is_write_dead_ = true;
  return {io::Transfer::Status::failed, 0};
}

io::Transfer PipeStream::write_some(ByteView from, std::span<io::Descriptor> with) {
  PARLEY_ASSERT(!from.empty());
  if (is_write_dead_) return {io::Transfer::Status::failed, 0};
  if (!with.empty()) return fail_writing(io::no_descriptors(peer_.address));
  if (is_finished_) return fail_writing({Code::closed, "written after the end"});
  if (!out_.is_open_for_use) return fail_writing({Code::refused, peer_.address + " is open for reading only"});
  ssize_t count = 0;
  do {
    count = out_.is_socket ? ::send(out_.number(), from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                           : write_silently(out_.number(), from);
  } while (count < 0 && errno == EINTR);
  if (count > 0) return {io::Transfer::Status::moved, static_cast<std::size_t>(count)};
  if (count < 0 && errno == EAGAIN) return {};
  return fail_writing(system_error(Code::link_lost, "writing to " + peer_.address, count < 0 ? errno : EIO));
}

void PipeStream::want_writable() {
  wants_writable_ = true;
  if (!events_) return;
  wants_writable_ = false;
  if (auto watched = out_.watch_output(); !watched && out_.number() >= 0) fail_writing(std::move(watched).error());
}

void PipeStream::finish() {
  if (std::exchange(is_finished_, true)) return;
  if (out_.is_socket) {
    ::shutdown(out_.number(), SHUT_WR);
  } else {
    out_.close();
  }
}

}  // namespace parley::net
