#include <parley/hub.h>
#include <parley/parley.h>
#include <cstdio>

class Clock {
 public:
  virtual parley::Task<std::string> now() = 0;
};
PARLEY_SERVICE(Clock, (now, idempotent));

struct ClockService final : Clock {
  parley::Task<std::string> now() override { co_return "noon"; }
};

parley::Task<parley::Result<void>> use(parley::Loop& loop, const parley::Services& services) {
  auto worker = co_await co_await parley::connect(loop, "mem:hub", {.services = &services, .offer = true});

  auto session = co_await co_await parley::connect(loop, "mem:hub", {.token = "a secret of the guest"});
  auto clock = session->client<Clock>("clock.wall");
  std::printf("%s\n", (co_await co_await clock.call<&Clock::now>()).c_str());

  auto secret = session->client<Clock>("clock.secret");
  auto refused = co_await secret.call<&Clock::now>();
  std::printf("%s\n", to_string(refused.error()).c_str());

  using parley::builtin::Directory;
  auto directory = session->client<Directory>(parley::builtin::directory_name);
  for (const auto& entry : co_await co_await directory.call<&Directory::list>()) {
    std::printf("%s is a %s\n", entry.name.c_str(), entry.service.c_str());
  }

  worker->close();
  for (int times = 0; times < 2; ++times) {
    auto gone = co_await clock.call<&Clock::now>();
    std::printf("%s\n", to_string(gone.error()).c_str());
  }
  co_return {};
}

parley::Result<void> run() {
  ClockService wall;
  parley::HubOptions options;  // its own process may everything; guests need a token and a rule
  PARLEY_TRY(options.tokens.add("guest", "a secret of the guest"));
  PARLEY_TRY(auto rule, parley::core::Rule::parse("token:guest call clock.wall"));
  PARLEY_TRY(options.policy.add(rule));

  parley::Loop loop;
  parley::Services services;
  PARLEY_TRY(services.serve<Clock>("clock.wall", wall));
  parley::Hub hub(loop, std::move(options));
  PARLEY_TRY(hub.listen("mem:hub"));
  return loop.run_until(use(loop, services));
}

int main() {
  auto done = run();
  if (!done) return std::fprintf(stderr, "%s\n", to_string(done.error()).c_str()), 1;
}
