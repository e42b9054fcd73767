#include <cstdio>
#include "calculator.h"

struct Desk final : Calculator {
  parley::Task<std::int64_t> add(std::int64_t a, std::int64_t b) override { co_return a + b; }
  parley::Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override {
    std::int64_t total = 0;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
};

// When the hub goes and comes back, the offer is there again.
parley::Task<parley::Result<void>> offer(parley::Loop& loop, std::string hub, const parley::Services& services) {
  auto session = co_await co_await parley::connect(loop, hub, {.services = &services, .offer = true, .redial = true});
  std::puts("offered"), std::fflush(stdout);
  co_return co_await session->closed();
}

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: hub_worker HUB_ADDRESS [NAME]\n", stderr), 2;
  Desk desk;
  parley::Loop loop;
  parley::Services services;
  auto served = services.serve<Calculator>(argc > 2 ? argv[2] : "Calculator", desk);
  if (!served) return std::fprintf(stderr, "%s\n", to_string(served.error()).c_str()), 2;
  auto offered = loop.run_until(offer(loop, argv[1], services));
  if (!offered) return std::fprintf(stderr, "%s\n", to_string(offered.error()).c_str()), 1;
}
