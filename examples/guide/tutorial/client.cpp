#include <cstdio>
#include "station.h"

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  auto station = session->client<Station>("Station");
  co_await co_await station.call<&Station::record>(Reading{"roof", 21.5});

  for (const char* sensor : {"roof", "cellar"}) {
    auto latest = co_await station.call<&Station::latest>(sensor);
    if (latest) std::printf("%s: %.1f\n", sensor, latest->celsius);
    if (latest.own()) std::printf("%s: no such sensor\n", sensor);
    if (latest.error()) co_return parley::fail(*latest.error());
  }
  co_return {};
}

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("Usage: client ADDRESS\n", stderr), 2;
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argv[1]));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
