#include "net/epoll_reactor.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "net/net_world_suite.h"
#include "net/socket_stream.h"

namespace parley::net::suite {
namespace {

using io::suite::End;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

std::pair<std::unique_ptr<End>, std::unique_ptr<End>> connect(EpollReactor& reactor) {
  auto [first, second] = make_socket_pair(reactor).value();
  return {std::make_unique<End>(std::move(first)), std::make_unique<End>(std::move(second))};
}

// A clock that goes on by one microsecond whenever somebody looks at it.
struct CountingClock final : io::Clock {
  Instant now() override { return at = at + microseconds(1); }
  std::chrono::system_clock::time_point wall() override { return {}; }
  Instant at = Instant::from_ns(1'000'000);
};

TEST(EpollReactor, a_wait_ends_at_its_time_and_not_before) {
  SystemClock clock;
  auto reactor = EpollReactor::make(clock).value();
  Prng prng(1);
  for (int i = 0; i < 50; ++i) {
    const Instant until = clock.now() + std::chrono::nanoseconds(prng.between(1, 1'000'000));
    EXPECT_FALSE(reactor->wait(until));
    EXPECT_GE(clock.now(), until);
  }
  EXPECT_FALSE(reactor->wait(clock.now() + Duration(-1)));
  EXPECT_FALSE(reactor->wait(Instant()));
  EXPECT_EQ(reactor->stats().waits, 52u);
  EXPECT_LE(reactor->stats().sleeps, 50u);
}

TEST(EpollReactor, waking_ends_one_wait) {
  SystemClock clock;
  auto reactor = EpollReactor::make(clock).value();
  reactor->wake();
  reactor->wake();
  EXPECT_FALSE(reactor->wait(Instant::never()));
  const Instant until = clock.now() + microseconds(100);
  EXPECT_FALSE(reactor->wait(until));
  EXPECT_GE(clock.now(), until) << "woken twice";
}

TEST(EpollReactor, what_dies_between_wait_and_dispatch_is_told_nothing) {
  EpollWorld world;
  std::vector<std::unique_ptr<End>> writers;
  std::vector<std::unique_ptr<End>> readers;
  for (int i = 0; i < 10; ++i) {
    auto [writer, reader] = connect(world.reactor());
    reader->start();
    ASSERT_EQ(writer->write(as_bytes("x")).bytes, 1u);
    writers.push_back(std::move(writer));
    readers.push_back(std::move(reader));
  }
  ASSERT_TRUE(world.reactor().wait(Instant()));
  readers[0]->destroy();
  readers[9]->destroy();
  // The first one that is told destroys two that wait for their turn, and a newcomer takes the place of one.
  std::unique_ptr<End> newcomer;
  std::vector<End*> told;
  for (std::size_t i = 1; i < 9; ++i) {
    readers[i]->at_readable = [&, i] {
      if (told.empty()) {
        readers[i == 3 ? 4 : 3]->destroy();
        readers[i == 5 ? 6 : 5]->destroy();
        newcomer = connect(world.reactor()).first;
        newcomer->start();
      }
      told.push_back(readers[i].get());
    };
  }
  world.reactor().dispatch();
  EXPECT_EQ(told.size(), 6u);
  EXPECT_EQ(newcomer->readable_count, 0u);
  EXPECT_EQ(world.reactor().stats().events_dropped, 4u);
}

TEST(EpollReactor, more_events_than_one_batch_holds_are_all_told) {
  EpollWorld world;
  std::vector<std::unique_ptr<End>> ends;
  for (int i = 0; i < 150; ++i) {
    auto [writer, reader] = connect(world.reactor());
    reader->start();
    ASSERT_EQ(writer->write(as_bytes("x")).bytes, 1u);
    ends.push_back(std::move(reader));
    ends.push_back(std::move(writer));
  }
  ASSERT_TRUE(world.turn_until(
      [&] { return std::ranges::count_if(ends, [](const auto& end) { return end->received.size() == 1; }) == 150; }));
  EXPECT_LE(world.reactor().stats().waits, 20u);
}

TEST(EpollReactor, the_kernel_is_asked_to_report_writability_only_while_somebody_waits_for_it) {
  EpollWorld world;
  auto [a, b] = connect(world.reactor());
  a->start();
  a->want_writable();
  ASSERT_TRUE(world.turn_until([&] { return a->writable_count == 1; }));
  const auto events = world.reactor().stats().events;
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(world.reactor().stats().events, events);
}

// --- spinning --------------------------------------------------------------------------------------------

constexpr ReactorOptions spinning{.spin = hours(1), .spin_on_few_cores = true};

// Makes a stream the most recently active one.
void warm_up(EpollWorld& world, End& reader, End& writer) {
  const std::size_t before = reader.received.size();
  ASSERT_EQ(writer.write(as_bytes("w")).bytes, 1u);
  ASSERT_TRUE(world.turn_until([&] { return reader.received.size() == before + 1; }));
}

// Lets the peer write when it is spun on for the third time; reads by itself what came.
struct SpunOn final : io::StreamEvents {
  SpunOn(std::unique_ptr<io::Stream> stream, End& peer) : stream(std::move(stream)), peer(peer) {
    this->stream->start(*this);
  }
  void on_readable() override {
    ++readable_count;
    if (kept) {
      received += std::exchange(kept, 0);
      return;
    }
    received += read();
  }
  void on_writable() override {}
  bool on_spin() override {
    EXPECT_EQ(kept, 0u) << "spun on again before it could act";
    if (++spins == answer_at) {
      EXPECT_EQ(peer.write(as_bytes("answer")).bytes, 6u);
    }
    kept = read();
    return kept > 0;
  }
  std::size_t read() {
    std::uint8_t bytes[16];
    return stream->read_some(bytes).bytes;
  }
  std::unique_ptr<io::Stream> stream;
  End& peer;
  int spins = 0;
  int answer_at = 3;
  std::size_t kept = 0;
  std::size_t received = 0;
  std::size_t readable_count = 0;
};

TEST(EpollReactorSpin, finds_what_comes_while_it_spins_without_sleeping) {
  EpollWorld world(spinning);
  auto [a, b] = make_socket_pair(world.reactor()).value();
  End peer(std::move(a));
  SpunOn spun(std::move(b), peer);
  ASSERT_EQ(peer.write(as_bytes("first")).bytes, 5u);
  ASSERT_TRUE(world.turn_until([&] { return spun.received == 5; }));
  const auto before = world.reactor().stats();
  ASSERT_TRUE(world.turn_until([&] { return spun.received == 11; }));
  const auto& after = world.reactor().stats();
  EXPECT_EQ(spun.spins, 3);
  EXPECT_EQ(after.spins - before.spins, 1u);
  EXPECT_EQ(after.spin_hits - before.spin_hits, 1u);
  EXPECT_EQ(after.sleeps, before.sleeps);
  EXPECT_EQ(spun.readable_count, 2u);
}

TEST(EpollReactorSpin, in_vain_skips_sixteen_waits_then_thirty_two_up_to_a_bound) {
  CountingClock clock;
  auto reactor = EpollReactor::make(clock, {.spin = microseconds(5), .spin_on_few_cores = true}).value();
  auto [a, b] = make_socket_pair(*reactor).value();
  End peer(std::move(a));
  SpunOn spun(std::move(b), peer);
  spun.answer_at = -1;
  ASSERT_EQ(peer.write(as_bytes("first")).bytes, 5u);
  ASSERT_TRUE(reactor->wait(Instant()));
  reactor->dispatch();
  ASSERT_EQ(spun.received, 5u);

  const auto wait_once = [&](bool is_woken) {
    if (is_woken) reactor->wake();
    EXPECT_FALSE(reactor->wait(clock.at + microseconds(20)));
  };
  for (const std::uint64_t skipped : {16u, 32u, 64u, 128u, 256u, 512u, 1024u, 2048u, 4096u, 4096u}) {
    const auto before = reactor->stats();
    wait_once(false);
    EXPECT_EQ(reactor->stats().spins, before.spins + 1);
    for (std::uint64_t i = 0; i < skipped; ++i) wait_once(true);
    EXPECT_EQ(reactor->stats().spins, before.spins + 1);
    EXPECT_EQ(reactor->stats().spins_skipped, before.spins_skipped + skipped);
  }
  EXPECT_EQ(reactor->stats().spin_hits, 0u);

  // A hit forgets all that.
  spun.answer_at = spun.spins + 2;
  EXPECT_TRUE(reactor->wait(clock.at + microseconds(20)));
  reactor->dispatch();
  EXPECT_EQ(reactor->stats().spin_hits, 1u);
  spun.answer_at = -1;
  wait_once(false);
  const auto before = reactor->stats();
  for (int i = 0; i < 16; ++i) wait_once(true);
  EXPECT_EQ(reactor->stats().spins_skipped, before.spins_skipped + 16);
  wait_once(false);
  EXPECT_EQ(reactor->stats().spins, before.spins + 1);
}

// Does something when a time has come.
struct ActingClock final : io::Clock {
  Instant now() override {
    at = at + microseconds(1);
    if (at >= when) {
      when = Instant::never();
      act();
    }
    return at;
  }
  std::chrono::system_clock::time_point wall() override { return {}; }
  Instant at = Instant::from_ns(1'000'000);
  Instant when = Instant::never();
  std::move_only_function<void()> act;
};

TEST(EpollReactorSpin, grows_to_eight_times_while_what_it_missed_comes_soon_after) {
  ActingClock clock;
  auto reactor = EpollReactor::make(clock, {.spin = microseconds(5), .spin_on_few_cores = true}).value();
  auto [a, b] = make_socket_pair(*reactor).value();
  End peer(std::move(a));
  SpunOn spun(std::move(b), peer);
  spun.answer_at = -1;
  clock.act = [&] { EXPECT_EQ(peer.write(as_bytes("x")).bytes, 1u); };
  clock.act();
  const auto hits_when_it_comes_after = [&](int us) {
    const auto before = reactor->stats();
    clock.when = clock.at + microseconds(us + 1);
    EXPECT_TRUE(reactor->wait(Instant::never()));
    reactor->dispatch();
    EXPECT_EQ(reactor->stats().spins, before.spins + (before.waits == 0 ? 0 : 1));
    return reactor->stats().spin_hits - before.spin_hits;
  };
  hits_when_it_comes_after(1);  // the first wait finds what is there, and makes the stream the one to spin on
  clock.when = Instant::never();
  for (const int us : {5, 10, 20}) {
    EXPECT_EQ(hits_when_it_comes_after(us), 0u) << "just missed";
    EXPECT_EQ(hits_when_it_comes_after(us + 2), 1u) << "the next one lasts twice as long";
  }
  // The longest one finds nothing: spinning is no use.
  EXPECT_EQ(hits_when_it_comes_after(40), 0u);
  const auto before = reactor->stats();
  clock.act();
  EXPECT_TRUE(reactor->wait(Instant::never()));
  EXPECT_EQ(reactor->stats().spins_skipped, before.spins_skipped + 1);
}

TEST(EpollReactorSpin, a_wait_that_is_due_does_not_spin) {
  CountingClock clock;
  auto reactor = EpollReactor::make(clock, {.spin = hours(1), .spin_on_few_cores = true}).value();
  auto [a, b] = make_socket_pair(*reactor).value();
  End peer(std::move(a));
  SpunOn spun(std::move(b), peer);
  ASSERT_EQ(peer.write(as_bytes("first")).bytes, 5u);
  ASSERT_TRUE(reactor->wait(Instant()));
  reactor->dispatch();
  EXPECT_FALSE(reactor->wait(Instant()));
  EXPECT_FALSE(reactor->wait(clock.at));
  EXPECT_EQ(spun.spins, 0);
  EXPECT_EQ(reactor->stats().spins, 0u);
  // One that is due soon spins until then and no longer.
  spun.answer_at = -1;
  EXPECT_FALSE(reactor->wait(clock.at + microseconds(10)));
  EXPECT_EQ(reactor->stats().spins, 1u);
}

TEST(EpollReactorSpin, one_busy_stream_does_not_starve_the_others) {
  EpollWorld world(spinning);
  auto [busy, its_peer] = connect(world.reactor());
  auto [quiet, quiet_peer] = connect(world.reactor());
  busy->read_max = 1;
  busy->start();
  quiet->start();
  const std::vector<std::uint8_t> plenty(10'000, 'b');
  ASSERT_EQ(its_peer->write(plenty).bytes, plenty.size());
  ASSERT_TRUE(world.turn_until([&] { return busy->received.size() >= 20; }));
  ASSERT_EQ(quiet_peer->write(as_bytes("q")).bytes, 1u);
  const auto waits = world.reactor().stats().waits;
  ASSERT_TRUE(world.turn_until([&] { return quiet->received.size() == 1; }));
  EXPECT_LE(world.reactor().stats().waits - waits, 12u);
  EXPECT_LT(busy->received.size(), plenty.size());
}

TEST(EpollReactorSpin, ends_with_a_wake) {
  EpollWorld world(spinning);
  auto [a, b] = connect(world.reactor());
  a->start();
  warm_up(world, *a, *b);
  world.reactor().wake();
  EXPECT_FALSE(world.reactor().wait(Instant::never()));
}

TEST(EpollReactorSpin, a_stream_that_died_is_not_spun_on) {
  EpollWorld world(spinning);
  auto [a, b] = connect(world.reactor());
  a->start();
  warm_up(world, *a, *b);
  a->destroy();
  const auto spins = world.reactor().stats().spins;
  SystemClock clock;
  EXPECT_FALSE(world.reactor().wait(clock.now() + microseconds(50)));
  EXPECT_EQ(world.reactor().stats().spins, spins);
}

TEST(EpollReactorSpin, a_stream_that_was_read_before_its_start_is_not_spun_on) {
  EpollWorld world(spinning);
  auto [a, b] = connect(world.reactor());
  ASSERT_EQ(b->write(as_bytes("x")).bytes, 1u);
  std::uint8_t byte = 0;
  ASSERT_EQ(a->read({&byte, 1}).bytes, 1u);
  SystemClock clock;
  EXPECT_FALSE(world.reactor().wait(clock.now() + microseconds(50)));
  EXPECT_EQ(world.reactor().stats().spins, 0u);
}

TEST(EpollReactorSpin, is_off_without_four_cores_unless_asked_for) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  int core = 0;
  while (!CPU_ISSET(core, &before)) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  SystemClock clock;
  EXPECT_FALSE(EpollReactor::make(clock, {.spin = microseconds(20)}).value()->may_spin());
  EXPECT_TRUE(EpollReactor::make(clock, {.spin = microseconds(20), .spin_on_few_cores = true}).value()->may_spin());
  EXPECT_FALSE(EpollReactor::make(clock).value()->may_spin());
  EXPECT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
}

// --- foreign main loops ----------------------------------------------------------------------------------

// Somebody else's main loop: waits on our descriptor alone, and calls us when it is readable.
struct ForeignLoop {
  explicit ForeignLoop(int number) : epoll(own(::epoll_create1(EPOLL_CLOEXEC))) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    EXPECT_EQ(::epoll_ctl(epoll.number(), EPOLL_CTL_ADD, number, &event), 0);
  }
  bool is_readable(int limit_ms) {
    epoll_event event;
    return ::epoll_wait(epoll.number(), &event, 1, limit_ms) == 1;
  }
  io::Descriptor epoll;
};

Task<void> tick(Executor& executor, int& ticks) {
  for (;;) {
    co_await Sleep(executor, milliseconds(3));
    ++ticks;
  }
}

TEST(ForeignMainLoop, drives_timers_and_streams_without_a_call_in_vain) {
  EpollWorld world;
  auto [a, b] = connect(world.reactor());
  b->start();
  int ticks = 0;
  ForeignLoop foreign(world.loop().fd());
  EXPECT_FALSE(foreign.is_readable(0));
  Scope scope(world.loop().executor());
  scope.spawn(tick(world.loop().executor(), ticks));
  int turns = 0;
  while (ticks < 10) {
    ASSERT_TRUE(foreign.is_readable(60'000)) << "a timer was due and nobody said so";
    world.loop().poll_once();
    ++turns;
  }
  EXPECT_LE(turns, 12);
  scope.cancel_all();
  world.loop().poll_once();  // takes the alarm back
  turns = 0;
  for (std::size_t i = 1; i <= 10; ++i) {
    ASSERT_EQ(a->write(as_bytes("x")).bytes, 1u);
    while (b->received.size() < i) {
      ASSERT_TRUE(foreign.is_readable(60'000)) << "a stream had news and nobody said so";
      world.loop().poll_once();
      ++turns;
    }
  }
  EXPECT_LE(turns, 12);
  EXPECT_FALSE(foreign.is_readable(0)) << "nothing is due, and yet it is readable";
}

TEST(ForeignMainLoop, is_told_of_posted_work_and_of_timers_made_between_turns) {
  EpollWorld world;
  ForeignLoop foreign(world.loop().fd());
  world.loop().poll_once();
  EXPECT_FALSE(foreign.is_readable(0));
  bool has_run = false;
  world.loop().post([&] { has_run = true; });
  ASSERT_TRUE(foreign.is_readable(60'000));
  while (!has_run) world.loop().poll_once();
  EXPECT_FALSE(foreign.is_readable(0));
  int ticks = 0;
  Scope scope(world.loop().executor());
  scope.spawn(tick(world.loop().executor(), ticks));
  ASSERT_TRUE(foreign.is_readable(60'000));
  while (ticks == 0) world.loop().poll_once();
}

TEST(ForeignMainLoop, the_alarm_can_be_moved_and_taken_back) {
  SystemClock clock;
  auto reactor = EpollReactor::make(clock).value();
  EXPECT_EQ(reactor->fd(), -1) << "costs nothing before it is asked for";
  reactor->set_alarm(Instant::never());
  pollfd poll{.fd = reactor->fd(), .events = POLLIN, .revents = 0};
  ASSERT_GE(poll.fd, 0);
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
  reactor->set_alarm(Instant::from_ns(1));  // long past
  EXPECT_EQ(::poll(&poll, 1, 60'000), 1);
  EXPECT_FALSE(reactor->wait(Instant()));
  EXPECT_EQ(::poll(&poll, 1, 0), 0) << "told once";
  const Instant soon = clock.now() + milliseconds(2);
  reactor->set_alarm(clock.now() + hours(1));
  reactor->set_alarm(soon);
  EXPECT_EQ(::poll(&poll, 1, 60'000), 1);
  EXPECT_GE(clock.now(), soon);
  reactor->set_alarm(Instant::never());
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
}

}  // namespace
}  // namespace parley::net::suite
