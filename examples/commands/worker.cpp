#include <parley/parley.h>
#include <cstdio>

struct Add {
  std::int64_t a, b;
};
struct Sum {
  std::int64_t sum;
};

parley::Task<parley::Result<void>> work(parley::Loop& loop, std::string hub) {
  auto session = co_await co_await parley::connect(loop, hub, {.redial = true});
  parley::Registry registry(loop);
  co_await co_await parley::attach(registry, *session);
  co_await co_await registry.command("math.add", "Adds two integers", [](Add in) { return Sum{in.a + in.b}; });
  std::puts("attached"), std::fflush(stdout);
  co_return co_await session->closed();
}

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: command_worker HUB_ADDRESS\n", stderr), 2;
  parley::Loop loop;
  auto worked = loop.run_until(work(loop, argv[1]));
  if (!worked) return std::fprintf(stderr, "%s\n", to_string(worked.error()).c_str()), 1;
}
