#include <cstdio>
#include "calculator.h"

parley::Result<void> use(std::string address) {
  PARLEY_TRY(auto session, parley::blocking::connect(address));
  auto calculator = session.client<Calculator>("Calculator");
  PARLEY_TRY(auto five, calculator.call<&Calculator::add>(2, 3));
  std::printf("2 + 3 = %ld\n", five);

  auto [tx, rx] = session.channel<std::int32_t>();
  auto total = calculator.start<&Calculator::sum>(std::move(rx));
  for (std::int32_t number : {1, 2, 3}) PARLEY_TRY(tx.send(number));
  tx.close();
  PARLEY_TRY(auto six, total.get());
  std::printf("1 + 2 + 3 = %ld\n", six);
  return {};
}

int main(int argc, char** argv) {
  auto used = use(argc > 1 ? argv[1] : "unix:/tmp/calculator.sock");
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
