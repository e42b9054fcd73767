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

int main(int argc, char** argv) {
  Desk desk;
  parley::Loop loop;
  auto server = parley::listen(loop, argc > 1 ? argv[1] : "unix:/tmp/calculator.sock");
  if (!server) return std::fprintf(stderr, "%s\n", to_string(server.error()).c_str()), 1;
  server->serve<Calculator>("Calculator", desk).value();
  std::puts(server->address().c_str()), std::fflush(stdout);
  loop.run();
}
