#include <parley/parley.h>
#include <cstdio>

class Echo {
 public:
  virtual parley::Task<std::string> say(parley::Context& context, std::string text) = 0;
};
PARLEY_SERVICE(Echo, (say, args(text)));

struct EchoService final : Echo {
  parley::Task<std::string> say(parley::Context& context, std::string text) override {
    co_return text + ", " + context.peer().certificate;
  }
};

parley::Task<parley::Result<std::string>> greet(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  co_return co_await session->client<Echo>("Echo").call<&Echo::say>("hello");
}

int main() {
  EchoService echo;
  parley::LoopOptions options;
  options.tls.certificate = "own.pem";  // both ends have one here, and accept what this authority has signed
  options.tls.key = "own.key";
  options.tls.authorities = "authority.pem";
  options.tls.clients = parley::io::TlsOptions::Clients::required;
  parley::Loop loop(options);
  auto server = parley::listen(loop, "tls:127.0.0.1:0");
  if (!server) return std::fprintf(stderr, "%s\n", to_string(server.error()).c_str()), 1;
  server->serve<Echo>("Echo", echo).value();
  auto answer = loop.run_until(greet(loop, server->address()));
  if (!answer) return std::fprintf(stderr, "%s\n", to_string(answer.error()).c_str()), 1;
  std::printf("%s\n", answer->c_str());
}
