// Parley inside of an event loop that is not Parley's: a program with an epoll of its own, which also has other things
// to wait for. Two calls of the loop are all it takes: fd() is readable when there is something to do, and poll_once()
// does it. The same goes for the loops of Qt, GLib and libuv, which watch descriptors.
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "parley/parley.h"

class Counter {
 public:
  virtual ~Counter() = default;
  virtual parley::Task<std::uint64_t> count() = 0;
};
PARLEY_SERVICE(Counter, count);

namespace {

constexpr std::uint64_t calls_to_make = 1000;

struct RealCounter final : Counter {
  parley::Task<std::uint64_t> count() override { co_return ++counted; }
  std::uint64_t counted = 0;
};

struct Outcome {
  bool has_ended = false;
  std::uint64_t right = 0;
  std::optional<parley::Error> error;
};

parley::Task<parley::Result<void>> call_often(parley::Loop& loop, std::string address, std::uint64_t& right) {
  auto session = co_await co_await parley::connect(loop, address);
  auto counter = session->client<Counter>("counter");
  for (std::uint64_t i = 1; i <= calls_to_make; ++i) {
    right += co_await co_await counter.call<&Counter::count>() == i;
  }
  // Timers go through the descriptor as well.
  co_await parley::Sleep(loop, std::chrono::milliseconds(20));
  co_return {};
}

parley::Task<void> run(parley::Loop& loop, std::string address, Outcome& outcome) {
  if (const auto called = co_await call_often(loop, address, outcome.right); !called) outcome.error = called.error();
  outcome.has_ended = true;
}

void watch(int epoll, int descriptor) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = descriptor}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

// What the program would do without Parley: something every 5 ms.
int make_ticker() {
  const int ticker = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const itimerspec every{.it_interval = {0, 5'000'000}, .it_value = {0, 5'000'000}};
  ::timerfd_settime(ticker, 0, &every, nullptr);
  return ticker;
}

}  // namespace

int main() {
  std::string folder = std::filesystem::temp_directory_path() / "foreign-epoll-XXXXXX";
  if (!::mkdtemp(folder.data())) return 1;
  RealCounter counter;
  parley::Loop loop;
  auto server = parley::listen(loop, "unix:" + folder + "/counter.sock");
  if (!server) {
    std::printf("%s\n", parley::to_string(server.error()).c_str());
    return 1;
  }
  server->serve<Counter>("counter", counter).value();
  Outcome outcome;
  parley::Scope scope(loop);
  scope.spawn(run(loop, server->address(), outcome));

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const int ticker = make_ticker();
  watch(epoll, ticker);
  watch(epoll, loop.fd());
  std::uint64_t ticks = 0;
  std::uint64_t polls = 0;
  while (!outcome.has_ended) {
    std::array<epoll_event, 8> events;
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      if (events[static_cast<std::size_t>(i)].data.fd == ticker) {
        std::uint64_t times = 0;
        if (::read(ticker, &times, sizeof times) == sizeof times) ticks += times;
      } else {
        ++polls;
        loop.poll_once();  // never waits: its deadline has passed
      }
    }
  }
  ::close(ticker);
  ::close(epoll);
  server->close();
  std::filesystem::remove_all(folder);

  if (outcome.error) std::printf("%s\n", parley::to_string(*outcome.error).c_str());
  std::printf(
      "%llu of %llu answers are right; the loop was polled %llu times between %llu ticks of the program's own\n",
      static_cast<unsigned long long>(outcome.right), static_cast<unsigned long long>(calls_to_make),
      static_cast<unsigned long long>(polls), static_cast<unsigned long long>(ticks));
  return outcome.right == calls_to_make && ticks != 0 ? 0 : 1;
}
