// Parley inside one thread: a typed call straight to the object, and one through a session over the memory link,
// encoded and decoded both ways. `inproc_parley [calls]` prints the best of five runs; `inproc_parley calls N
// IN_FLIGHT` and `inproc_parley items N` run once, for a tool that counts instructions: nothing in them depends on
// chance or time.
#include <charconv>
#include <cstdlib>

#include "adder.h"
#include "bench.hpp"
#include "net/epoll_reactor.h"
#include "net/system_clock.h"
#include "runtime/memory_link.h"

namespace {

std::uint64_t allocations = 0;

using bench_parley::Bench;
using namespace parley;

class Service final : public Bench {
 public:
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
  Task<std::uint64_t> stream(std::uint64_t count, std::uint64_t, std::uint64_t size, Tx<ByteView> out) override {
    const std::vector<std::uint8_t> item(size, 'x');
    for (std::uint64_t i = 0; i < count; ++i) bench::check((co_await out.send(ByteView(item))).has_value(), "send");
    out.close();
    co_return count;
  }
  Task<std::uint64_t> stream256(std::uint64_t, std::uint64_t, std::uint64_t, Tx<ByteView, 256>) override {
    co_return 0;
  }
  Task<std::uint64_t> stream1024(std::uint64_t, std::uint64_t, std::uint64_t, Tx<ByteView, 1024>) override {
    co_return 0;
  }
};

Task<void> direct(Bench& bench, std::int32_t calls) {
  for (std::int32_t i = 0; i < calls; ++i) {
    bench::check(co_await bench.add(i, 2) == i + 2, "sum");
  }
}

Task<void> over_link(Client<Bench> bench, std::int64_t& left, int& running) {
  for (std::int32_t x = 0; left > 0; ++x) {
    --left;
    const Result<std::int32_t> sum = co_await bench.call<&Bench::add>(x, 2);
    bench::check(sum.has_value() && *sum == x + 2, "sum");
  }
  --running;
}

Task<void> receive(Client<Bench> bench, std::uint64_t count) {
  auto [tx, rx] = channel<ByteView>();
  auto call = bench.call<&Bench::stream>(count, std::uint64_t{0}, std::uint64_t{64}, std::move(tx));
  std::uint64_t received = 0;
  while (co_await rx.recv()) ++received;
  const Result<std::uint64_t> sent = co_await call;
  bench::check(sent.has_value() && received == count, "every item");
}

// Hash seeds count instructions too.
class FixedRandom final : public io::Random {
 public:
  std::uint64_t next() override { return 0x9e3779b97f4a7c15u; }
};

// Two sessions of one loop, joined by a memory link.
struct Pair {
  Pair() {
    bench::check(services.serve<Bench>("Bench", service).has_value(), "serve");
    auto [near, far] = runtime::make_memory_links(loop);
    acceptor = std::make_unique<Session>(
        runtime::Session::start(loop, std::move(far), runtime::Session::Role::acceptor, {}, &services.table()));
    initiator = *loop.run_until(open_session(loop, std::move(near)));
  }
  void run(std::int64_t calls, int in_flight) {
    int running = in_flight;
    Scope scope(loop.executor());
    for (int i = 0; i < in_flight; ++i) scope.spawn(over_link(initiator->client<Bench>("Bench"), calls, running));
    while (running != 0) loop.executor().run_ready();
  }
  void run_items(std::uint64_t count) { loop.run_until(receive(initiator->client<Bench>("Bench"), count)); }

  Service service;
  Services services;
  net::SystemClock clock;
  std::unique_ptr<net::EpollReactor> reactor = *net::EpollReactor::make(clock);
  FixedRandom random;
  io::Loop loop{clock, *reactor, random};
  std::unique_ptr<Session> acceptor;
  std::unique_ptr<Session> initiator;
};

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  bench::check(read.ec == std::errc() && value > 0, "a number of calls");
  return value;
}

template <class Run>
void measure(const char* name, std::int64_t calls, Run run) {
  double best = 1e9;
  std::uint64_t allocated = 0;
  for (int repetition = 0; repetition < 5; ++repetition) {
    const std::uint64_t before = allocations;
    const std::uint64_t begin = bench::now_ns();
    run();
    best = std::min(best, double(bench::now_ns() - begin) / double(calls));
    allocated = allocations - before;
  }
  std::printf(
      "{\"case\":\"inproc\",\"peer\":\"parley\",\"what\":\"%s\",\"ns_per_call\":%.2f,\"allocations\":%lu,\"calls\":%ld}"
      "\n",
      name, best, static_cast<unsigned long>(allocated), static_cast<long>(calls));
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  if (what == "calls" && argc == 4) {
    Pair().run(number(argv[2]), static_cast<int>(number(argv[3])));
    return 0;
  }
  if (what == "items" && argc == 3) {
    Pair().run_items(static_cast<std::uint64_t>(number(argv[2])));
    return 0;
  }
  bench::pin("0");
  const std::int64_t calls = argc > 1 ? number(argv[1]) : 2'000'000;
  Pair pair;
  Bench& object = pair.service;
  asm volatile("" : : "r"(&object) : "memory");
  measure("direct", calls, [&] { pair.loop.run_until(direct(object, static_cast<std::int32_t>(calls))); });
  for (const int in_flight : {1, 64, 512}) {
    measure(("memory link, " + std::to_string(in_flight) + " in flight").c_str(), calls,
            [&] { pair.run(calls, in_flight); });
  }
  measure("memory link, an item of 64 bytes", calls, [&] { pair.run_items(static_cast<std::uint64_t>(calls)); });
  return 0;
}
