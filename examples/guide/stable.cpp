#include <parley/parley.h>
#include <parley/testing.h>
#include <cstdio>

using namespace std::chrono_literals;

class Counter {
 public:
  virtual parley::Task<std::uint64_t> sum(parley::Rx<std::uint64_t> numbers) = 0;
};
PARLEY_SERVICE(Counter, (sum, args(numbers)));

struct CounterService final : Counter {
  parley::Task<std::uint64_t> sum(parley::Rx<std::uint64_t> numbers) override {
    std::uint64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
};

// A call that lasts a second. What it says when its link breaks every 100 ms depends on the session.
parley::Task<std::string> count(parley::io::Loop& loop, parley::Options options) {
  auto session = co_await parley::connect(loop, "tcp:counter.example:4711", options);
  if (!session) co_return to_string(session.error());
  auto counter = (*session)->client<Counter>("Counter");
  auto [tx, rx] = parley::channel<std::uint64_t>();
  auto sum = counter.call<&Counter::sum>(std::move(rx));
  for (std::uint64_t number = 1; number <= 100; ++number) {
    if (!co_await tx.send(number)) break;
    co_await parley::Sleep(loop, 10ms);
  }
  tx.close();
  auto total = co_await sum;
  if (total) co_return std::to_string(*total);
  if (!options.redial) co_return to_string(total.error());

  // Redialled: what ran is over, and the same client works again.
  co_await parley::Sleep(loop, 1s);
  auto [again_tx, again_rx] = parley::channel<std::uint64_t>();
  auto again = counter.call<&Counter::sum>(std::move(again_rx));
  again_tx.close();
  auto empty = co_await again;
  co_return to_string(total.error()) + ", then " + (empty ? std::to_string(*empty) : to_string(empty.error()));
}

parley::Task<void> cut_often(parley::io::Loop& loop, parley::testing::Links links) {
  for (int cuts = 0; cuts < 5; ++cuts) {
    co_await parley::Sleep(loop, 100ms);
    links.cut();
  }
}

int main() {
  CounterService service;
  for (auto [name, options] :
       {std::pair{"bare", parley::Options{}}, std::pair{"redial", parley::Options{.redial = true}},
        std::pair{"stable", parley::Options{.stable = true}}}) {
    parley::testing::World world(1);
    auto server = parley::listen(world.loop(), "tcp:counter.example:4711").value();
    server.serve<Counter>("Counter", service).value();
    parley::Scope scope(world.loop());
    scope.spawn(cut_often(world.loop(), world.links()));
    std::printf("%s: %s\n", name, world.run(count(world.loop(), options)).c_str());
  }
}
