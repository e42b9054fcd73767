#include <fcntl.h>
#include <parley/parley.h>
#include <unistd.h>
#include <cstdio>

// Opens files for programs that may not do so themselves. What travels is a number; the file goes beside it.
class Opener {
 public:
  virtual parley::Task<parley::Result<std::uint64_t>> open(parley::Context& context, std::string path) = 0;
};
PARLEY_SERVICE(Opener, (open, args(path)));

struct OpenerService final : Opener {
  parley::Task<parley::Result<std::uint64_t>> open(parley::Context& context, std::string path) override {
    parley::Descriptor file = parley::own_descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) co_return parley::fail(parley::Code::not_found, path);
    std::vector<parley::Descriptor> files;
    files.push_back(std::move(file));
    co_return context.pass(std::move(files));
  }
};

parley::Task<parley::Result<void>> use(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  auto opener = session->client<Opener>("Opener");
  std::uint64_t number = co_await co_await opener.call<&Opener::open>("/proc/self/comm");
  parley::Descriptor file = co_await session->claim_descriptor(number);

  char text[64];
  const auto size = ::read(file.number(), text, sizeof text);
  std::printf("%.*s", static_cast<int>(size), text);

  auto again = session->claim_descriptor(number);
  std::printf("%s\n", to_string(again.error()).c_str());
  co_return {};
}

int main(int argc, char** argv) {
  OpenerService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "unix:" + std::string(argc > 1 ? argv[1] : "/tmp") + "/opener.sock").value();
  server.serve<Opener>("Opener", service).value();
  auto used = loop.run_until(use(loop, server.address()));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
