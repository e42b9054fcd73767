// What a user needs of the package to test a service of his own: a fault, virtual time, and nothing left in the end.
#include <parley/parley.h>
#include <parley/testing.h>

class Echo {
 public:
  virtual parley::Task<std::string> say(std::string text) = 0;
};
PARLEY_SERVICE(Echo, say);

struct EchoService final : Echo {
  parley::Task<std::string> say(std::string text) override { co_return text; }
};

int main() {
  EchoService service;
  parley::testing::World world(7);
  auto server = parley::listen(world.loop(), "unix:/run/echo.sock").value();
  server.serve<Echo>("Echo", service).value();
  {
    auto session = world.run(parley::connect(world.loop(), "unix:/run/echo.sock")).value();
    auto echo = session->client<Echo>("Echo");
    world.expect(*world.run(echo.call<&Echo::say>("hello")) == "hello", "the echo answers");
    world.links().half_open(parley::testing::Direction::to_listener);
    const parley::Instant began = world.now();
    const auto unheard = world.run(echo.call<&Echo::say>("hello?"));
    world.expect(!unheard && kind(unheard.error()) == parley::Kind::unknown, "the call is lost on its way");
    world.expect(world.now() - began == std::chrono::seconds(20), "the system gives up after 20 seconds");
    world.expect(world.faults().gave_up == 1, "the fault is counted");
  }
  server.close();
  world.expect_quiet();
}
