#include <cstdio>
#include "station.h"

parley::Task<parley::Result<void>> feed(parley::Client<Station> station) {
  auto [tx, rx] = parley::channel<Reading>();
  auto count = station.call<&Station::record_all>(std::move(rx));
  for (int i = 0; i < 1000; ++i) co_await co_await tx.send(Reading{"roof", 20 + i * 0.01});
  tx.close();
  std::printf("%lu readings went\n", co_await co_await count);
  co_return {};
}

parley::Task<parley::Result<void>> watch(parley::Client<Station> station) {
  auto [tx, rx] = parley::channel<Reading>();
  auto watching = station.call<&Station::watch>("roof", std::move(tx));
  for (double warmer : {30.5, 31.0}) {
    auto reading = co_await rx.recv();
    if (!reading) co_return parley::fail(*rx.error());
    std::printf("roof: %.2f\n", reading->celsius);
    co_await co_await station.call<&Station::record>(Reading{"roof", warmer});
  }
  watching.cancel();
  auto ended = co_await watching;
  std::printf("%s\n", to_string(ended.error()).c_str());
  co_return {};
}

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  co_await co_await feed(session->client<Station>("Station"));
  co_return co_await watch(session->client<Station>("Station"));
}

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("Usage: stream ADDRESS\n", stderr), 2;
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argv[1]));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
