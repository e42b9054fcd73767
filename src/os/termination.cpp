#include "os/termination.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <thread>

#include "base/assert.h"

namespace parley::os {

class Termination::State {
 public:
  State(std::move_only_function<void()> asked, std::move_only_function<void()> asked_to_reload)
      : asked_(std::move(asked)), asked_to_reload_(std::move(asked_to_reload)) {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, number);
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
    signals_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
    stop_ = ::eventfd(0, EFD_CLOEXEC);
    PARLEY_ASSERT(signals_ >= 0 && stop_ >= 0, signals_, stop_);
    thread_ = std::thread([this] { watch(); });
  }
  ~State() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(stop_, &one, sizeof one));
    thread_.join();
    ::close(signals_);
    ::close(stop_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  void watch() {
    pollfd both[2] = {{signals_, POLLIN, 0}, {stop_, POLLIN, 0}};
    while (both[1].revents == 0) {
      if (::poll(both, 2, -1) < 0) continue;
      signalfd_siginfo taken{};
      if (both[0].revents == 0 || ::read(signals_, &taken, sizeof taken) != sizeof taken) continue;
      if (taken.ssi_signo == SIGHUP && asked_to_reload_) {
        asked_to_reload_();
      } else {
        asked_();
      }
    }
  }

  std::move_only_function<void()> asked_;
  std::move_only_function<void()> asked_to_reload_;
  sigset_t before_{};
  int signals_ = -1;
  int stop_ = -1;
  std::thread thread_;
};

Termination::Termination(std::move_only_function<void()> asked, std::move_only_function<void()> asked_to_reload)
    : state_(std::make_unique<State>(std::move(asked), std::move(asked_to_reload))) {}
Termination::~Termination() = default;

void ignore_broken_pipes() {
  sigset_t broken_pipe;
  ::sigemptyset(&broken_pipe);
  ::sigaddset(&broken_pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
}

}  // namespace parley::os
