#include <parley/testing.h>
#include <cstdlib>
#include "station_service.h"

// A watcher whose link breaks is told so, and the station forgets it.
void a_cut_ends_the_watch(std::uint64_t seed) {
  StationService service;
  parley::testing::World world(seed);
  auto server = parley::listen(world.loop(), "unix:/run/station.sock").value();
  server.serve<Station>("Station", service).value();
  {
    auto session = world.run(parley::connect(world.loop(), "unix:/run/station.sock")).value();
    auto station = session->client<Station>("Station");
    auto [tx, rx] = parley::channel<Reading>();
    auto watching = station.call<&Station::watch>("roof", std::move(tx));
    world.run(station.call<&Station::record>(Reading{"roof", 21.5})).value();
    world.expect(world.run(rx.recv())->celsius == 21.5, "the reading arrives");

    world.links().cut();
    auto ended = world.run(std::move(watching));
    world.expect(kind(ended.error()) == parley::Kind::unknown, "the call was sent and not answered");
    world.expect(!world.run(rx.recv()), "the channel has ended");
    world.expect(rx.error()->code == parley::Code::link_lost, "and says why");
  }
  server.close();
  world.expect_quiet();
}

int main(int argc, char** argv) {
  if (argc > 1) return a_cut_ends_the_watch(std::strtoull(argv[1], nullptr, 10)), 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) a_cut_ends_the_watch(seed);
}
