#include <cstdio>
#include "station_service.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("Usage: service ADDRESS\n", stderr), 2;
  StationService station;
  parley::Loop loop;
  auto server = parley::listen(loop, argv[1]);
  if (!server) return std::fprintf(stderr, "%s\n", to_string(server.error()).c_str()), 1;
  server->serve<Station>("Station", station).value();
  std::printf("listens at %s\n", server->address().c_str()), std::fflush(stdout);
  loop.run();
}
