#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "base/histogram.h"
#include "bench.hpp"
#include "io/loop.h"
#include "io/uri.h"
#include "net/endpoint.h"
#include "net/system_clock.h"
#include "net/system_random.h"
#include "parley/hub.h"

// A hub whose loop is watched from around it: when a message that carries a mark came to be readable, and when it had
// been written on. The hub itself is the one of the library, as it is.
namespace bench_parley {

// What is found in the bytes of a marked message: of whose calls it is. One call of each is under way at a time.
struct Mark {
  static constexpr std::string_view head = "@probe:";
  static constexpr std::size_t size = 16;
  static constexpr std::size_t probes_max = 16;
  static std::string of(std::size_t probe, std::uint64_t number) {
    std::string digits = std::to_string(100'000'000 + number % 100'000'000).substr(1);
    return std::string(head) + static_cast<char>('a' + probe) + digits;
  }
  // The probe whose mark lies there; probes_max if none does.
  static std::size_t at(std::string_view text) {
    if (text.size() < size || !text.starts_with(head)) return probes_max;
    return std::min<std::size_t>(static_cast<std::size_t>(text[head.size()] - 'a'), probes_max);
  }
};

// In nanoseconds.
struct Delays {
  parley::Histogram histogram;
  std::uint64_t most = 0;
  void add(std::uint64_t ns) {
    histogram.add(ns);
    most = std::max(most, ns);
  }
  double us(std::uint32_t permille) const { return static_cast<double>(histogram.quantile(permille)) / 1e3; }
  double most_us() const { return static_cast<double>(most) / 1e3; }
};

// In memory that all processes of a run share.
struct Report {
  static constexpr std::size_t floods_max = 2;
  // The hub's. By probe: the clock on the wall, and the processor time that the hub spent meanwhile.
  std::atomic<bool> is_measuring = false;
  std::array<Delays, Mark::probes_max> wall;
  std::array<Delays, Mark::probes_max> cpu;
  Delays turns;
  // Of those who flood: what each reaches alone, in items or calls a second, and how many there have been.
  std::array<std::atomic<double>, floods_max> alone = {};
  std::array<std::atomic<std::uint64_t>, floods_max> sent = {};
  std::atomic<int> alone_now = -1;  // whose turn it is to find that out
  std::atomic<bool> is_flooded = false;

  static Report& map(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bench::check(file >= 0 && ::ftruncate(file, sizeof(Report)) == 0, "the report's file");
    void* const memory = ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    bench::check(memory != MAP_FAILED, "mmap");
    ::close(file);
    return *static_cast<Report*>(memory);
  }
};

// When what is read now can have come at the earliest: right after the hub last looked and did not see it. That was
// the end of the wait before this turn's, or of this turn's if the hub slept in it.
class Watch {
 public:
  explicit Watch(Report& report) : report_(report) {}

  void wait_begins() {
    const std::uint64_t now = bench::now_ns();
    if (woken_.wall != 0 && report_.is_measuring) report_.turns.add(now - woken_.wall);
    waits_since_ = now;
  }
  void wait_ended() {
    const Moment now = moment();
    earliest_ = now.wall - waits_since_ > sleep_min_ns ? now : woken_;
    woken_ = now;
  }
  void on_read(std::size_t probe) { came_[probe] = earliest_; }
  void on_written(std::size_t probe) {
    const Moment came = std::exchange(came_[probe], {});
    if (came.wall == 0 || !report_.is_measuring) return;
    const Moment now = moment();
    report_.wall[probe].add(now.wall - came.wall);
    report_.cpu[probe].add(now.cpu - came.cpu);
  }

 private:
  struct Moment {
    std::uint64_t wall = 0;
    std::uint64_t cpu = 0;
  };
  static Moment moment() { return {bench::now_ns(), bench::now_ns(CLOCK_THREAD_CPUTIME_ID)}; }
  // A wait that takes less may have found something that was there already.
  static constexpr std::uint64_t sleep_min_ns = 20'000;

  Report& report_;
  std::uint64_t waits_since_ = 0;
  Moment woken_;
  Moment earliest_;
  std::array<Moment, Mark::probes_max> came_;
};

// Finds marks in bytes that come in pieces.
class MarkFinder {
 public:
  template <class Found>
  void look(parley::ByteView bytes, Found found) {
    const std::string_view text = parley::as_text(bytes);
    if (!tail_.empty()) {
      const std::string seam = tail_ + std::string(text.substr(0, Mark::size - 1));
      search(seam, found);
    }
    search(text, found);
    tail_ = text.size() >= Mark::size ? text.substr(text.size() - (Mark::size - 1)) : tail_ + std::string(text);
    if (tail_.size() >= Mark::size) tail_.erase(0, tail_.size() - (Mark::size - 1));
  }

 private:
  template <class Found>
  static void search(std::string_view text, Found& found) {
    for (std::size_t at = text.find('@'); at != text.npos; at = text.find('@', at + 1)) {
      const std::size_t probe = Mark::at(text.substr(at));
      if (probe < Mark::probes_max) found(probe);
    }
  }
  std::string tail_;  // less than a mark
};

class WatchedStream final : public parley::io::Stream {
 public:
  WatchedStream(std::unique_ptr<Stream> inner, Watch& watch) : inner_(std::move(inner)), watch_(watch) {}

  using Stream::write_some;
  void start(parley::io::StreamEvents& events) override { inner_->start(events); }
  parley::io::Transfer read_some(std::span<std::uint8_t> into) override {
    const parley::io::Transfer transfer = inner_->read_some(into);
    if (transfer.status == parley::io::Transfer::Status::moved) {
      in_.look(into.first(transfer.bytes), [&](std::size_t probe) { watch_.on_read(probe); });
    }
    return transfer;
  }
  parley::io::Transfer write_some(parley::ByteView from, std::span<parley::io::Descriptor> with) override {
    const parley::io::Transfer transfer = inner_->write_some(from, with);
    if (transfer.status == parley::io::Transfer::Status::moved) {
      out_.look(from.first(transfer.bytes), [&](std::size_t probe) { watch_.on_written(probe); });
    }
    return transfer;
  }
  void want_writable() override { inner_->want_writable(); }
  void finish() override { inner_->finish(); }
  parley::Error failure() const override { return inner_->failure(); }
  const parley::io::Peer& peer() const override { return inner_->peer(); }

 private:
  std::unique_ptr<Stream> inner_;
  Watch& watch_;
  MarkFinder in_;
  MarkFinder out_;
};

class WatchedListener final : public parley::io::Listener, private parley::io::ListenerEvents {
 public:
  WatchedListener(std::unique_ptr<Listener> inner, Watch& watch) : inner_(std::move(inner)), watch_(watch) {}
  void start(parley::io::ListenerEvents& events) override {
    events_ = &events;
    inner_->start(*this);
  }
  const std::string& address() const override { return inner_->address(); }

 private:
  void on_stream(std::unique_ptr<parley::io::Stream> stream) override {
    events_->on_stream(std::make_unique<WatchedStream>(std::move(stream), watch_));
  }
  void on_listener_failed(parley::Error error) override { events_->on_listener_failed(std::move(error)); }

  std::unique_ptr<Listener> inner_;
  Watch& watch_;
  parley::io::ListenerEvents* events_ = nullptr;
};

class WatchedReactor final : public parley::io::Reactor {
 public:
  WatchedReactor(parley::io::Clock& clock, Watch& watch) : watch_(watch) {
    auto made = parley::net::EpollReactor::make(clock, {});
    if (!made) bench::die(to_string(made.error()));
    inner_ = *std::move(made);
  }
  bool wait(parley::Instant until) override {
    watch_.wait_begins();
    const bool has_news = inner_->wait(until);
    watch_.wait_ended();
    return has_news;
  }
  void dispatch() override { inner_->dispatch(); }
  void wake() override { inner_->wake(); }
  int fd() const override { return inner_->fd(); }
  void set_alarm(parley::Instant when) override { inner_->set_alarm(when); }
  parley::net::EpollReactor& inner() { return *inner_; }

 private:
  Watch& watch_;
  std::unique_ptr<parley::net::EpollReactor> inner_;
};

struct WatchedParts {
  explicit WatchedParts(Report& report) : watch(report) {}
  parley::net::SystemClock clock;
  parley::net::SystemRandom random;
  Watch watch;
  WatchedReactor reactor{clock, watch};
};

class WatchedLoop final : private WatchedParts, public parley::io::Loop {
 public:
  explicit WatchedLoop(Report& report) : WatchedParts(report), Loop(clock, reactor, random) {}

  parley::Result<std::unique_ptr<parley::io::Listener>> listen(std::string_view text) override {
    PARLEY_TRY(const parley::io::Uri uri, parley::io::parse_uri(text));
    PARLEY_TRY(auto listener, parley::net::make_listener(*this, reactor.inner(), uri));
    return std::unique_ptr<parley::io::Listener>(std::make_unique<WatchedListener>(std::move(listener), watch));
  }

 private:
  using WatchedParts::clock;
  using WatchedParts::random;
  using WatchedParts::reactor;
};

}  // namespace bench_parley
