#include <parley/parley.h>
#include <cstdio>

struct Add {
  std::int64_t a, b;
};
struct Sum {
  std::int64_t sum;
};

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string hub) {
  auto session = co_await co_await parley::connect(loop, hub);
  parley::Registry registry(loop);
  co_await co_await parley::attach(registry, *session);
  auto answer = co_await co_await registry.execute<Sum>("math.add", Add{2, 3});
  std::printf("2 + 3 = %ld\n", answer.sum);
  co_return {};
}

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("Usage: command_client HUB_ADDRESS\n", stderr), 2;
  parley::Loop loop;
  auto used = loop.run_until(use(loop, argv[1]));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
