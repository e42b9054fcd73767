#include <cstdio>

#include "calculator.h"

// The service of the README in a new build, whose sums are one too much.
struct Desk final : Calculator {
  parley::Task<std::int64_t> add(std::int64_t a, std::int64_t b) override { co_return a + b; }
  parley::Task<std::int64_t> sum(parley::Rx<std::int32_t> numbers) override {
    std::int64_t total = 1;
    while (auto number = co_await numbers.recv()) total += *number;
    co_return total;
  }
};

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: changed_calculator ADDRESS\n", stderr), 2;
  Desk desk;
  parley::Loop loop;
  auto server = parley::listen(loop, argv[1]);
  if (!server) return std::fprintf(stderr, "%s\n", to_string(server.error()).c_str()), 1;
  server->serve<Calculator>("Calculator", desk).value();
  std::puts(server->address().c_str()), std::fflush(stdout);
  loop.run();
}
