#include "os/kernel.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <fstream>

namespace parley::os {

namespace {

// Closes what a trial opened.
class Opened {
 public:
  explicit Opened(int number) : number_(number) {}
  ~Opened() {
    if (number_ >= 0) ::close(number_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  explicit operator bool() const { return number_ >= 0; }
  int number() const { return number_; }

 private:
  int number_;
};

bool waits_for_nanoseconds() {
  const Opened epoll(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  const timespec none{};
  return epoll && ::epoll_pwait2(epoll.number(), &event, 1, &none, nullptr) == 0;
}

bool can_be_woken() { return static_cast<bool>(Opened(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))); }

bool reads_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  return static_cast<bool>(Opened(::signalfd(-1, &none, SFD_CLOEXEC)));
}

bool tells_peers() {
  int both[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0) return false;
  const Opened one(both[0]);
  const Opened other(both[1]);
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(one.number(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::getuid();
}

}  // namespace

std::optional<OpenFilesLimit> open_files_limit(std::int64_t pid) {
  rlimit limit{};
  if (::prlimit(static_cast<pid_t>(pid), RLIMIT_NOFILE, nullptr, &limit) != 0) return std::nullopt;
  return OpenFilesLimit{.soft = limit.rlim_cur, .hard = limit.rlim_max};
}

void raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // else it stays as it is
}

std::optional<std::uint64_t> listen_queue_max() {
  std::ifstream file("/proc/sys/net/core/somaxconn");
  std::uint64_t most = 0;
  if (!(file >> most)) return std::nullopt;
  return most;
}

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? std::string(name.sysname) + " " + name.release : std::string();
}

std::vector<KernelFeature> kernel_features() {
  return {{"eventfd", "wakes a loop from other threads", true, can_be_woken()},
          {"SO_PEERCRED", "tells a hub whose process comes", true, tells_peers()},
          {"signalfd", "ends a hub in good order", true, reads_signals()},
          {"epoll_pwait2", "timers of less than a millisecond", false, waits_for_nanoseconds()}};
}

}  // namespace parley::os
