#include <cstdio>
#include "calculator.h"

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  auto calculator = session->client<Calculator>("Calculator");
  std::printf("2 + 3 = %ld\n", co_await co_await calculator.call<&Calculator::add>(2, 3));

  auto [tx, rx] = parley::channel<std::int32_t>();
  auto total = calculator.call<&Calculator::sum>(std::move(rx));
  for (std::int32_t number : {1, 2, 3}) co_await co_await tx.send(number);
  tx.close();
  std::printf("1 + 2 + 3 = %ld\n", co_await co_await total);
  co_return {};
}

int main(int argc, char** argv) {
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argc > 1 ? argv[1] : "unix:/tmp/calculator.sock"));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
