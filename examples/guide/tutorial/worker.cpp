#include <cstdio>
#include "station_service.h"

parley::Task<parley::Result<void>> offer(parley::Loop& loop, std::string hub, const parley::Services& services) {
  auto session = co_await co_await parley::connect(loop, hub, {.services = &services, .offer = true, .redial = true});
  std::puts("offered"), std::fflush(stdout);
  co_return co_await session->closed();
}

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("Usage: worker HUB\n", stderr), 2;
  StationService station;
  parley::Loop loop;
  parley::Services services;
  services.serve<Station>("Station", station).value();
  auto offered = loop.run_until(offer(loop, argv[1], services));
  if (!offered) return std::fprintf(stderr, "%s\n", to_string(offered.error()).c_str()), 1;
}
