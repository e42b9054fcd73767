#include <parley/parley.h>
#include <unistd.h>
#include <cstdio>

class Echo {
 public:
  virtual parley::Task<std::string> say(std::string text) = 0;
};
PARLEY_SERVICE(Echo, (say, args(text)));

struct EchoService final : Echo {
  parley::Task<std::string> say(std::string text) override { co_return text; }
};

// A session with the provider itself where the hub makes one, else the way through the hub.
parley::Task<parley::Result<std::unique_ptr<parley::Session>>> find(parley::Loop& loop, std::string hub,
                                                                    std::string name) {
  auto session = co_await co_await parley::connect(loop, hub);
  auto direct = co_await parley::introduce(*session, name);
  if (direct) std::printf("directly, without the hub between\n");
  if (!direct) std::printf("through the hub: %s\n", to_string(direct.error()).c_str());
  co_return direct ? std::move(*direct) : std::move(session);
}

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string hub, const parley::Services& services) {
  auto worker = co_await co_await parley::connect(loop, hub, {.services = &services, .offer = true});
  auto session = co_await co_await find(loop, hub, "Echo");
  auto echo = session->client<Echo>("Echo");
  std::printf("%s\n", (co_await co_await echo.call<&Echo::say>("hello")).c_str());
  co_return {};
}

parley::Result<void> run(std::string address, bool introduces) {
  EchoService echo;
  parley::Loop loop;
  parley::Services services;
  PARLEY_TRY(services.serve<Echo>("Echo", echo));
  parley::HubOptions options;
  options.policy = parley::core::Policy::of_owner(parley::core::Principal::of_user(::getuid()));
  if (introduces) options.socket_pair = parley::socket_pair;
  parley::Hub hub(loop, std::move(options));
  PARLEY_TRY(hub.listen(address));
  return loop.run_until(use(loop, address, services));
}

int main(int argc, char** argv) {
  const std::string address = "unix:" + std::string(argc > 1 ? argv[1] : "/tmp") + "/hub.sock";
  for (bool introduces : {true, false}) {
    auto done = run(address, introduces);
    if (!done) return std::fprintf(stderr, "%s\n", to_string(done.error()).c_str()), 1;
  }
}
