#include "till.h"
#include <parley/testing.h>
#include <cstdlib>

using parley::testing::Direction;

// Ten payments over a network that delays what it carries, cuts every other link somewhere, and refuses some dials.
void pay_ten_times(std::uint64_t seed) {
  TillService service;
  parley::testing::World world(seed);
  auto server = parley::listen(world.loop(), "sim:till").value();
  server.serve<Till>("Till", service).value();

  auto links = world.links("sim:till");
  links.carry({.delay_min = std::chrono::microseconds(50), .delay_max = std::chrono::milliseconds(20)});
  for (int payment = 0; payment < 10; ++payment) {
    if (world.prng().chance(500)) links.cut_next_after(world.prng().below(200), Direction::to_dialer);
    if (world.prng().chance(200)) links.refuse_next();
    auto total = world.run(pay(world.loop(), "sim:till", "payment " + std::to_string(payment), 5));
    world.expect(total.has_value(), "every payment is answered in the end");
  }
  world.expect(service.total == 50, "each payment is taken once");
  server.close();
  world.expect_quiet();
}

// A failure says its seed: `till_test 17` runs that one alone.
int main(int argc, char** argv) {
  if (argc > 1) return pay_ten_times(std::strtoull(argv[1], nullptr, 10)), 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) pay_ten_times(seed);
}
