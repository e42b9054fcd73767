#include <parley/parley.h>
#include <cstdio>
#include <cstring>

class Converter {
 public:
  virtual parley::Task<std::int64_t> fahrenheit(std::int64_t celsius) = 0;
  virtual parley::Task<void> table(std::int64_t from, std::int64_t to, parley::Tx<std::int64_t> out) = 0;
};
PARLEY_SERVICE(Converter, (fahrenheit, args(celsius), idempotent), (table, args(from, to, out)));

struct ConverterService final : Converter {
  bool rounds_up = false;
  std::int64_t convert(std::int64_t celsius) const { return (celsius * 9 + (rounds_up ? 4 : 0)) / 5 + 32; }

  parley::Task<std::int64_t> fahrenheit(std::int64_t celsius) override { co_return convert(celsius); }
  parley::Task<void> table(std::int64_t from, std::int64_t to, parley::Tx<std::int64_t> out) override {
    for (; from <= to; ++from) {
      if (!co_await out.send(convert(from))) co_return;
    }
    out.close();
  }
};

parley::Task<parley::Result<void>> offer(parley::Loop& loop, const char* hub, const parley::Services& services) {
  auto session = co_await co_await parley::connect(loop, hub, {.services = &services, .offer = true});
  std::puts("offered");
  std::fflush(stdout);
  co_return co_await session->closed();
}

// guide_recording HUB [new]: a worker with the converter, or with its new build.
int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("guide_recording HUB [new]\n", stderr), 2;
  ConverterService converter;
  converter.rounds_up = argc > 2 && std::strcmp(argv[2], "new") == 0;
  parley::Loop loop;
  parley::Services services;
  services.serve<Converter>("Converter", converter).value();
  auto done = loop.run_until(offer(loop, argv[1], services));
  if (!done) return std::fprintf(stderr, "%s\n", to_string(done.error()).c_str()), 1;
}
