#include <cstdio>

#include "parley/describe.h"
#include "parley/parley.h"

// A program that knows a Calculator of another time. As a client: its call fails, and then it asks what is different.
// As a worker: it offers that one.
class Calculator {
 public:
  virtual ~Calculator() = default;
  virtual parley::Task<std::int64_t> add(std::int64_t a, std::int32_t b) = 0;
};
PARLEY_SERVICE(Calculator, (add, args(a, b)));

namespace {

struct Desk final : Calculator {
  parley::Task<std::int64_t> add(std::int64_t a, std::int32_t b) override { co_return a + b; }
};

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  auto calculator = session->client<Calculator>("Calculator");
  const auto sum = co_await calculator.call<&Calculator::add>(2, 3);
  if (!sum && sum.error().code == parley::Code::method) {
    co_await co_await parley::check<Calculator>(*session, "Calculator");
  }
  co_return {};
}

parley::Task<parley::Result<void>> offer(parley::Loop& loop, std::string address, const parley::Services& services) {
  auto session = co_await co_await parley::connect(loop, address, {.services = &services, .offer = true});
  std::puts("offered"), std::fflush(stdout);
  co_return co_await session->closed();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: old_calculator ADDRESS [offer]\n", stderr), 2;
  Desk desk;
  parley::Loop loop;
  parley::Services services;
  services.serve<Calculator>("Calculator", desk).value();
  auto done = loop.run_until(argc > 2 ? offer(loop, argv[1], services) : use(loop, argv[1]));
  if (!done) return std::fprintf(stderr, "%s\n", to_string(done.error()).c_str()), 1;
}
