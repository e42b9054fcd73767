#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/intrusive_list.h"
#include "io/clock.h"
#include "io/reactor.h"
#include "io/stream.h"

namespace parley::net {

class EpollReactor;

// An open descriptor whose readiness is watched: the part of a stream or listener that the reactor knows. Belongs to
// one reactor, which outlives it. Destroying it takes the descriptor out of the reactor, then closes it; nothing is
// told afterwards, not even what was noticed before.
class EpollSource : public ListNode {
 public:
  EpollSource(const EpollSource&) = delete;
  EpollSource& operator=(const EpollSource&) = delete;

  int number() const { return descriptor_.number(); }

 protected:
  EpollSource(EpollReactor& reactor, io::Descriptor descriptor)
      : reactor_(reactor), descriptor_(std::move(descriptor)) {}
  ~EpollSource();

  // Level-triggered, until it is called with false.
  Result<void> watch_input(bool is_wanted);
  // Once. After an error of either the source counts as always ready, so that whoever waits for it finds out.
  Result<void> watch_output();
  // Ends all watching and hands the descriptor out.
  io::Descriptor take_descriptor();
  EpollReactor& reactor() const { return reactor_; }

 private:
  friend class EpollReactor;
  // Called from dispatch(); the source may be destroyed by them.
  virtual void on_input() = 0;
  virtual void on_output() = 0;
  // Called from wait() in place of sleeping: whether something came, which on_input() will then be about.
  virtual bool on_spin() { return false; }

  EpollReactor& reactor_;
  io::Descriptor descriptor_;
  std::uint32_t registered_ = 0;  // what epoll knows
  bool wants_input_ = false;
  bool wants_output_ = false;
  bool is_always_ready_ = false;  // epoll does not take it: a regular file
};

struct ReactorOptions {
  // How long wait() looks again and again at the most recently active stream before it sleeps. It saves the price of
  // sleeping and waking, two thirds of a call's time, and costs a core. 20 us is a good value: it grows to eight times
  // that where what it missed comes soon after, as on a machine that wakes slowly. Zero is off.
  Duration spin{};
  // Spinning steals the core that the peer needs; below four usable cores it is off unless this says otherwise.
  bool spin_on_few_cores = false;
};

// Waits by epoll, level-triggered. Made for one loop and owned by whoever owns that; wake() alone may be called from
// other threads. A source that is destroyed between wait() and the end of dispatch() is told nothing.
class EpollReactor final : public io::Reactor {
 public:
  struct Stats {
    std::uint64_t waits = 0;           // calls of wait()
    std::uint64_t sleeps = 0;          // of the kernel, with a time to wait
    std::uint64_t looks = 0;           // of the kernel, without
    std::uint64_t events = 0;          // told to sources
    std::uint64_t events_dropped = 0;  // their source had died
    std::uint64_t spins = 0;           // began
    std::uint64_t spin_hits = 0;       // found something
    std::uint64_t spins_skipped = 0;   // by the back-off
  };

  // The clock must be the system's monotonic one; a test may pass another one that runs as fast.
  static Result<std::unique_ptr<EpollReactor>> make(io::Clock& clock, ReactorOptions options = {});
  ~EpollReactor() override;
  EpollReactor(const EpollReactor&) = delete;
  EpollReactor& operator=(const EpollReactor&) = delete;

  bool wait(Instant until) override;
  void dispatch() override;
  void wake() override;
  int fd() const override;
  void set_alarm(Instant when) override;

  // Called by a stream that has read something: it is the one to spin on, if it wants to hear of more.
  void note_input(EpollSource& source) {
    if (source.wants_input_) hot_ = &source;
  }
  const Stats& stats() const { return stats_; }
  bool may_spin() const { return spin_ > Duration(); }

 private:
  friend class EpollSource;
  static constexpr std::size_t batch_max = 64;
  static constexpr std::uint32_t tries_per_look = 8;  // of a spin, between two looks at the clock and at all others
  static constexpr int spin_growth_max = 8;
  static constexpr std::uint32_t skip_min = 16;
  static constexpr std::uint32_t skip_max = 4096;

  EpollReactor(io::Clock& clock, Duration spin, io::Descriptor epoll, io::Descriptor waker);
  Result<void> update(EpollSource& source);
  void remove(EpollSource& source);
  int sleep(Instant until);
  int ask_kernel(Duration left);
  bool sort_out(int count);
  void tell(epoll_event& slot);
  void tell_always_ready();
  bool may_spin_now();
  // Whether it found something; if so, `count` is what sort_out() is to see.
  bool spin(Instant begin, Instant until, int& count);
  void learn_from_vain_spin(Duration waited);
  void keep_fd_readable();

  io::Clock& clock_;
  const Duration spin_;
  Duration spin_now_;
  io::Descriptor epoll_;
  io::Descriptor waker_;
  io::Descriptor alarm_;  // made when a foreign main loop needs it
  Instant alarm_at_ = Instant::never();
  bool has_nanoseconds_ = true;  // the kernel knows epoll_pwait2

  std::array<epoll_event, batch_max> batch_;  // what wait() found; a slot of null is told to nobody
  std::size_t batch_size_ = 0;
  EpollSource* spun_ = nullptr;  // what a spin found
  IntrusiveList<EpollSource> always_ready_;
  EpollSource* telling_ = nullptr;

  EpollSource* hot_ = nullptr;
  std::uint32_t tries_ = 0;  // since the last look
  std::uint32_t skip_ = 0;   // so many waits do not spin
  std::uint32_t backoff_ = 0;
  Stats stats_;
};

}  // namespace parley::net
