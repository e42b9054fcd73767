// Actors of Parley, in one process; the scenarios and the command line of peer_caf and peer_inproc.
//   actors_bench roundtrip|ask|throughput|monitor|link|idle [threads=1|2] [cpus=0,1] [spin=1]
// threads=1: both actors on one loop; 2: each on a loop and a thread of its own, where spin=1 turns the loops without
// ever sleeping. idle: n actors and n conversations (1000) for a second in which nobody says anything.
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "async/wait.h"
#include "bench.hpp"
#include "net/epoll_reactor.h"
#include "net/system_clock.h"
#include "net/system_random.h"
#include "runtime/actors/actors.h"
#include "runtime/conversations/conversations.h"

namespace {

using namespace parley;

// A loop with its actors; on the thread that turns it.
struct Place {
  explicit Place(bool spins) : reactor(net::EpollReactor::make(clock).value()) {
    if (spins) loop.spin_at_doors(std::chrono::milliseconds(1));
  }

  net::SystemClock clock;
  std::unique_ptr<net::EpollReactor> reactor;
  net::SystemRandom random;
  io::Loop loop{clock, *reactor, random};
};

struct Question {
  std::int32_t a;
  std::int32_t b;
  ActorRef from;
};

Task<Result<void>> adder(Actor& self) {
  for (;;) {
    const Question question = co_await self.receive<Question>();
    static_cast<void>(question.from.send(question.a + question.b));
  }
}

Task<Result<void>> caller(Actor& self, ActorRef server, bench::Meter* meter) {
  meter->start();
  std::uint64_t begin = bench::now_ns();
  for (std::int32_t x = 1;; ++x) {
    server.send(Question{x, 2, self.ref()}).value();
    const std::int32_t sum = co_await self.receive<std::int32_t>();
    bench::check(sum == x + 2, "sum");
    if (!meter->complete(begin)) break;
    begin = meter->last();
  }
  server.exit();
  co_return {};
}

Task<Result<void>> answerer(Actor& self) {
  for (;;) {
    auto ask = co_await self.receive<Ask<std::pair<std::int32_t, std::int32_t>, std::int32_t>>();
    ask.answer(ask.question.first + ask.question.second);
  }
}

Task<Result<void>> asker(Actor& self, ActorRef server, bench::Meter* meter) {
  meter->start();
  std::uint64_t begin = bench::now_ns();
  for (std::int32_t x = 1;; ++x) {
    const Result<std::int32_t> sum = co_await self.ask<std::int32_t>(server, std::pair(x, std::int32_t{2}));
    bench::check(sum.has_value() && *sum == x + 2, "sum");
    if (!meter->complete(begin)) break;
    begin = meter->last();
  }
  server.exit();
  co_return {};
}

Task<Result<void>> sink(Actor& self, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) bench::check(co_await self.receive<std::int64_t>() == i, "order");
  co_return {};
}

Task<Result<void>> source(Actor& self, ActorRef to, std::int64_t count) {
  for (std::int64_t i = 0; i < count;) {
    if (auto sent = to.send(i)) {
      ++i;
    } else if (kind(sent.error()) == Kind::overloaded) {
      co_await Yield();
    } else {
      co_return sent;
    }
  }
  co_return {};
}

std::uint64_t died = 0;

Task<Result<void>> mortal(Actor& self) {
  co_await self.receive<std::int32_t>();
  died = bench::now_ns();
  co_return fail(Code::failed);
}

Task<Result<void>> watcher(Actor& self, bench::Meter* meter, std::int64_t count, bool links) {
  self.trap_exits();
  for (std::int64_t i = 0; i < count; ++i) {
    const ActorRef victim = co_await self.actors().spawn(mortal);
    co_await (links ? self.link(victim) : self.monitor(victim));
    co_await victim.send(std::int32_t{1});
    co_await self.receive<Exited>();
    meter->sample(bench::now_ns() - died);
  }
  co_return {};
}

Task<void> until_end_of(Actor& guest, ActorRef actor) {
  bench::check(guest.monitor(actor).has_value(), "monitor");
  co_await guest.receive<Exited>();
}

// `make` spawns the actor that is waited for, given the loop of the other side.
template <class Here, class There>
void measure(const bench::Options& options, There make_there, Here make_here) {
  const bool is_apart = options.num("threads", 1) > 1;
  const bool spins = options.num("spin", 0) != 0;
  const std::string cpus = options.str("cpus", "0,1");
  const std::string here_cpu = cpus.substr(0, cpus.find(','));
  bench::pin(here_cpu);
  Place here(spins);
  Actors actors(here.loop);
  io::Loop* there = nullptr;
  ActorRef other;
  std::jthread thread;
  if (is_apart) {
    std::latch started(1);
    thread = std::jthread([&] {
      bench::pin(cpus.substr(cpus.find(',') + 1));
      Place place(spins);
      Actors its(place.loop);
      other = make_there(its);
      there = &place.loop;
      started.count_down();
      place.loop.run();
    });
    started.wait();
  } else {
    other = make_there(actors);
  }
  Guest guest(actors);
  here.loop.run_until(until_end_of(*guest, make_here(actors, other)));
  if (there) there->stop();
}

Task<Result<void>> sleeper(Actor& self) {
  co_await self.receive<std::int32_t>();
  co_return {};
}

struct Silent final : Party {
  void on_message(Message) override {}
  void on_over(ConversationId) override {}
};

std::size_t heap_bytes() { return ::mallinfo2().uordblks; }

// What n of each hold, and how often the kernel's wait ends while they do nothing.
void measure_idle(const bench::Options& options, std::size_t count) {
  bench::pin("0");
  Place place(false);
  Actors actors(place.loop);
  Conversations conversations(place.loop, {});
  Silent silent;
  const Participant provider = conversations.add(silent, "silent").value();
  conversations.provide("silence", provider).value();
  std::vector<ActorRef> refs(count);

  const std::size_t without = heap_bytes();
  for (ActorRef& ref : refs) ref = actors.spawn(sleeper).value();
  while (place.loop.poll_once()) {
  }
  const std::size_t with_actors = heap_bytes();
  constexpr std::size_t of_one_owner = 1000;
  for (std::size_t i = 0; i < count; ++i) {
    conversations.open({.subject = "silence", .deadline = std::chrono::hours(1), .owner = i / of_one_owner}).value();
  }
  while (place.loop.poll_once()) {
  }
  const std::size_t with_conversations = heap_bytes();

  const Instant end = place.clock.now() + std::chrono::seconds(1);
  std::uint64_t turns = 0;
  for (; place.clock.now() < end; ++turns) place.loop.poll_once(end);
  bench::check(actors.size() == count && conversations.size() == count, "all are there");
  const auto each = [count](std::size_t bytes) { return static_cast<double>(bytes) / static_cast<double>(count); };
  std::printf(
      "{\"case\":\"%s\",\"test\":\"idle\",\"peer\":\"parley\",\"rep\":%s,\"n\":%zu,\"idle_wakeups\":%llu,"
      "\"bytes_per_actor\":%.1f,\"bytes_per_conversation\":%.1f}\n",
      options.str("case", "D").c_str(), options.str("rep", "0").c_str(), count,
      static_cast<unsigned long long>(turns - 1), each(with_actors - without), each(with_conversations - with_actors));
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::parse(argc, argv);
  if (options.scenario == "idle") {
    measure_idle(options, static_cast<std::size_t>(options.num("n", 1000)));
    return 0;
  }
  bench::Meter meter(options, {});
  const auto count = static_cast<std::int64_t>(options.num("n", options.scenario == "throughput" ? 1e6 : 50000));
  const auto nobody = [](Actors&) { return ActorRef(); };
  if (options.scenario == "roundtrip") {
    measure(
        options, [](Actors& actors) { return actors.spawn(adder).value(); },
        [&](Actors& actors, ActorRef other) { return actors.spawn(caller, other, &meter).value(); });
  } else if (options.scenario == "ask") {
    measure(
        options, [](Actors& actors) { return actors.spawn(answerer).value(); },
        [&](Actors& actors, ActorRef other) { return actors.spawn(asker, other, &meter).value(); });
  } else if (options.scenario == "throughput") {
    ActorRef to;
    measure(
        options, [&](Actors& actors) { return to = actors.spawn(sink, count).value(); },
        [&](Actors& actors, ActorRef other) {
          meter.begin();
          const ActorRef from = actors.spawn(source, other, count).value();
          return other ? other : from;
        });
    meter.end(static_cast<std::uint64_t>(count));
  } else {
    meter.begin();
    measure(options, nobody, [&](Actors& actors, ActorRef) {
      return actors.spawn(watcher, &meter, count, options.scenario == "link").value();
    });
    meter.end(static_cast<std::uint64_t>(count));
  }
  const std::string threads = options.str("threads", "1");
  bench::print("{\"case\":\"" + options.str("case", "D") + "\",\"test\":\"" + options.scenario +
                   "\",\"peer\":\"parley-" + threads + "thr" + (options.num("spin", 0) != 0 ? "-spin" : "") +
                   "\",\"place\":\"" + options.str("place", "split") + "\",\"rep\":" + options.str("rep", "0"),
               options, meter);
}
