#include "net/epoll_reactor.h"

#include <sched.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "net/descriptor.h"

namespace parley::net {

namespace {

timespec to_timespec(Duration duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
}

// Cores that this thread may use; what it is pinned away from does not help it to spin.
int usable_cores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return ::sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

// What a poke or an alarm left in its descriptor. There may be nothing.
void drain(const io::Descriptor& counter) {
  std::uint64_t count = 0;
  static_cast<void>(!::read(counter.number(), &count, sizeof count));
}

}  // namespace

EpollSource::~EpollSource() { reactor_.remove(*this); }

Result<void> EpollSource::watch_input(bool is_wanted) {
  if (wants_input_ == is_wanted) return {};
  wants_input_ = is_wanted;
  return reactor_.update(*this);
}

Result<void> EpollSource::watch_output() {
  if (wants_output_) return {};
  wants_output_ = true;
  return reactor_.update(*this);
}

io::Descriptor EpollSource::take_descriptor() {
  reactor_.remove(*this);
  return std::move(descriptor_);
}

Result<std::unique_ptr<EpollReactor>> EpollReactor::make(io::Clock& clock, ReactorOptions options) {
  io::Descriptor epoll = own(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail(system_error(code_of(errno), "epoll_create1", errno));
  io::Descriptor waker = own(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!waker) return fail(system_error(code_of(errno), "eventfd", errno));
  const Duration spin = options.spin_on_few_cores || usable_cores() >= 4 ? options.spin : Duration();
  // tidy: allow new the constructor is private
  std::unique_ptr<EpollReactor> reactor(new EpollReactor(clock, spin, std::move(epoll), std::move(waker)));
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &reactor->waker_}};
  if (::epoll_ctl(reactor->epoll_.number(), EPOLL_CTL_ADD, reactor->waker_.number(), &event) != 0) {
    return fail(system_error(code_of(errno), "epoll_ctl", errno));
  }
  return reactor;
}

EpollReactor::EpollReactor(io::Clock& clock, Duration spin, io::Descriptor epoll, io::Descriptor waker)
    : clock_(clock), spin_(spin), spin_now_(spin), epoll_(std::move(epoll)), waker_(std::move(waker)) {}

EpollReactor::~EpollReactor() = default;

Result<void> EpollReactor::update(EpollSource& source) {
  const std::uint32_t wanted =
      (source.wants_input_ ? std::uint32_t{EPOLLIN} : 0u) | (source.wants_output_ ? std::uint32_t{EPOLLOUT} : 0u);
  if (!source.wants_input_ && hot_ == &source) hot_ = nullptr;
  if (source.is_always_ready_) {
    if (wanted == 0) {
      source.leave();
    } else if (!source.is_linked()) {
      always_ready_.push_back(source);
      keep_fd_readable();
    }
    return {};
  }
  if (wanted == source.registered_) return {};
  // One that wants nothing is taken out: a hang-up would be reported to it for ever.
  const int operation = wanted == 0 ? EPOLL_CTL_DEL : source.registered_ == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  epoll_event event{.events = wanted, .data = {.ptr = &source}};
  if (::epoll_ctl(epoll_.number(), operation, source.number(), &event) == 0) {
    source.registered_ = wanted;
    return {};
  }
  const int why = errno;
  source.is_always_ready_ = true;
  always_ready_.push_back(source);
  keep_fd_readable();
  if (why == EPERM) return {};
  return fail(system_error(code_of(why), "epoll_ctl", why));
}

void EpollReactor::remove(EpollSource& source) {
  if (source.registered_ != 0) {
    ::epoll_ctl(epoll_.number(), EPOLL_CTL_DEL, source.number(), nullptr);
    source.registered_ = 0;
  }
  source.wants_input_ = source.wants_output_ = false;
  source.leave();
  for (std::size_t at = 0; at < batch_size_; ++at) {
    if (batch_[at].data.ptr != &source) continue;
    batch_[at].data.ptr = nullptr;
    ++stats_.events_dropped;
  }
  if (spun_ == &source) spun_ = nullptr;
  if (hot_ == &source) hot_ = nullptr;
  if (telling_ == &source) telling_ = nullptr;
}

bool EpollReactor::wait(Instant until) {
  ++stats_.waits;
  int count = 0;
  if (!always_ready_.empty()) {
    count = ask_kernel(Duration());
  } else if (until == Instant() || !may_spin_now()) {
    count = sleep(until);
  } else if (const Instant begin = clock_.now(); !spin(begin, until, count)) {
    count = sleep(until);
    learn_from_vain_spin(count > 0 ? clock_.now() - begin : Duration::max());
  }
  return sort_out(count);
}

bool EpollReactor::may_spin_now() {
  if (!hot_ || spin_ == Duration()) return false;
  if (skip_ == 0) return true;
  --skip_;
  ++stats_.spins_skipped;
  return false;
}

// Sleeps until something happens; nothing tells the difference between a signal and nothing.
int EpollReactor::sleep(Instant until) {
  for (;;) {
    Duration left(-1);
    if (until == Instant()) {
      left = Duration();
    } else if (!until.is_never()) {
      left = std::max(until - clock_.now(), Duration());
    }
    const int count = ask_kernel(left);
    if (count >= 0) return count;
    if (left == Duration()) return 0;
  }
}

// The number of events, -1 after a signal. A negative time has no limit.
int EpollReactor::ask_kernel(Duration left) {
  ++(left == Duration() ? stats_.looks : stats_.sleeps);
  const auto size = static_cast<int>(batch_max);
  int count = -1;
  if (left > Duration() && has_nanoseconds_) {
    const timespec limit = to_timespec(left);
    count = ::epoll_pwait2(epoll_.number(), batch_.data(), size, &limit, nullptr);
    if (count >= 0 || errno != ENOSYS) {
      PARLEY_ASSERT(count >= 0 || errno == EINTR, errno);
      return count;
    }
    has_nanoseconds_ = false;
  }
  int milliseconds = -1;
  if (left >= Duration()) {
    const auto rounded_up = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    milliseconds = static_cast<int>(std::min<std::int64_t>(rounded_up, std::numeric_limits<int>::max()));
  }
  count = ::epoll_wait(epoll_.number(), batch_.data(), size, milliseconds);
  PARLEY_ASSERT(count >= 0 || errno == EINTR, errno);
  return count;
}

// What is for the reactor itself is done here; the rest waits for dispatch().
bool EpollReactor::sort_out(int count) {
  batch_size_ = static_cast<std::size_t>(std::max(count, 0));
  std::size_t own = 0;
  for (std::size_t at = 0; at < batch_size_; ++at) {
    const void* const whom = batch_[at].data.ptr;
    if (whom != &waker_ && whom != &alarm_) continue;
    if (whom == &alarm_) alarm_at_ = Instant::never();
    drain(whom == &waker_ ? waker_ : alarm_);
    batch_[at].data.ptr = nullptr;
    ++own;
  }
  return batch_size_ > own || spun_ || !always_ready_.empty();
}

void EpollReactor::dispatch() {
  if (spun_) {
    ++stats_.events;
    std::exchange(spun_, nullptr)->on_input();
  }
  for (std::size_t at = 0; at < batch_size_; ++at) {
    if (batch_[at].data.ptr) tell(batch_[at]);
  }
  batch_size_ = 0;
  if (!always_ready_.empty()) {
    tell_always_ready();
    keep_fd_readable();
  }
}

void EpollReactor::tell(epoll_event& slot) {
  EpollSource& source = *static_cast<EpollSource*>(slot.data.ptr);
  ++stats_.events;
  if (source.wants_output_ && (slot.events & (EPOLLOUT | EPOLLHUP | EPOLLERR))) {
    source.wants_output_ = false;
    source.on_output();
    if (!slot.data.ptr) return;
    static_cast<void>(update(source));  // unless it wants more: taking something out does not fail
  }
  if (source.wants_input_ && (slot.events & (EPOLLIN | EPOLLHUP | EPOLLERR))) source.on_input();
}

void EpollReactor::tell_always_ready() {
  IntrusiveList<EpollSource> round;
  round.take_all(always_ready_);
  while (!round.empty()) {
    EpollSource& source = round.pop_front();
    always_ready_.push_back(source);
    telling_ = &source;
    ++stats_.events;
    if (source.wants_output_) {
      source.wants_output_ = false;
      source.on_output();
      if (!telling_) continue;
    }
    if (source.wants_input_) source.on_input();
    if (telling_) static_cast<void>(update(source));
  }
  telling_ = nullptr;
}

bool EpollReactor::spin(Instant begin, Instant until, int& count) {
  if (until <= begin) return true;
  const Instant end = std::min(begin + spin_now_, until);
  ++stats_.spins;
  for (;;) {
    // Counted over all spins, so that a stream with news at every try does not starve the others.
    if (++tries_ > tries_per_look) {
      tries_ = 0;
      if (count = ask_kernel(Duration()); count > 0) break;
      if (clock_.now() >= end) return false;
    }
    EpollSource* const tried = hot_;
    spun_ = tried;
    // One that came to its end while it was read is no longer hot, and must be told whatever it said.
    if (tried->on_spin() || hot_ != tried) break;
    spun_ = nullptr;
  }
  count = std::max(count, 0);
  backoff_ = 0;
  ++stats_.spin_hits;
  return true;
}

// What came soon after would have been found by a longer spin, and then no sleep would be in the peer's way either. If
// the longest does not find it, or it did not come soon, spinning is no use for a while.
void EpollReactor::learn_from_vain_spin(Duration waited) {
  const bool is_soon = waited / spin_growth_max < spin_;
  if (is_soon && spin_now_ < spin_ * spin_growth_max) {
    spin_now_ = std::min(spin_now_ * 2, spin_ * spin_growth_max);
    return;
  }
  if (!is_soon) spin_now_ = spin_;
  skip_ = backoff_ = std::clamp(backoff_ * 2, skip_min, skip_max);
}

void EpollReactor::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(waker_.number(), &one, sizeof one));  // full means that it is readable already
}

int EpollReactor::fd() const { return alarm_ ? epoll_.number() : -1; }

// Always-ready sources are not in epoll, so something else must say that there is work.
void EpollReactor::keep_fd_readable() {
  if (alarm_ && !always_ready_.empty()) wake();
}

void EpollReactor::set_alarm(Instant when) {
  if (!alarm_) {
    alarm_ = own(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = &alarm_}};
    if (alarm_ && ::epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, alarm_.number(), &event) != 0) alarm_.reset();
    if (!alarm_) return;  // then there is no fd() either
    keep_fd_readable();
  }
  if (when == alarm_at_) return;
  itimerspec setting{};
  if (!when.is_never()) setting.it_value = to_timespec(std::max(when - clock_.now(), Duration(1)));
  ::timerfd_settime(alarm_.number(), 0, &setting, nullptr);
  alarm_at_ = when;
}

}  // namespace parley::net
