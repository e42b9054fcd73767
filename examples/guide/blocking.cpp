#include <parley/parley.h>
#include <cstdio>
#include <thread>

class Primes {
 public:
  virtual parley::Task<bool> is_prime(std::uint32_t number) = 0;
  virtual parley::Task<void> below(std::uint32_t limit, parley::Tx<std::uint32_t> primes) = 0;
};
PARLEY_SERVICE(Primes, (is_prime, args(number), idempotent), (below, args(limit, primes)));

struct PrimesService final : Primes {
  static bool check(std::uint32_t number) {
    for (std::uint32_t factor = 2; factor * factor <= number; ++factor) {
      if (number % factor == 0) return false;
    }
    return number > 1;
  }
  parley::Task<bool> is_prime(std::uint32_t number) override { co_return check(number); }
  parley::Task<void> below(std::uint32_t limit, parley::Tx<std::uint32_t> primes) override {
    for (std::uint32_t number = 2; number < limit; ++number) {
      if (check(number) && !co_await primes.send(number)) co_return;
    }
    primes.close();
  }
};

// Another process, or a thread of a program that has no loop: it waits where it stands.
parley::Result<void> ask(std::string address) {
  PARLEY_TRY(auto session, parley::blocking::connect(address));
  auto primes = session.client<Primes>("Primes");
  PARLEY_TRY(bool is_prime, primes.call<&Primes::is_prime>(97u));
  std::printf("97: %s\n", is_prime ? "prime" : "not prime");

  auto [tx, rx] = session.channel<std::uint32_t>();
  auto done = primes.start<&Primes::below>(20u, std::move(tx));
  while (auto prime = rx.recv()) std::printf("%u ", *prime);
  std::printf("\n");
  return done.get();
}

int main(int argc, char** argv) {
  PrimesService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "unix:" + std::string(argc > 1 ? argv[1] : "/tmp") + "/primes.sock").value();
  server.serve<Primes>("Primes", service).value();

  parley::Result<void> asked;
  std::jthread thread([&] {
    asked = ask(server.address());
    loop.stop();
  });
  loop.run();
  thread.join();
  if (!asked) return std::fprintf(stderr, "%s\n", to_string(asked.error()).c_str()), 1;
}
