#include <parley/parley.h>
#include <cstdio>

class Echo {
 public:
  virtual parley::Task<std::string> say(std::string text) = 0;
};
PARLEY_SERVICE(Echo, (say, args(text)));

struct EchoService final : Echo {
  parley::Task<std::string> say(std::string text) override { co_return text; }
};

parley::Task<parley::Result<std::string>> greet(parley::Loop& loop, std::string address) {
  auto session = co_await co_await parley::connect(loop, address);
  co_return co_await session->client<Echo>("Echo").call<&Echo::say>("hello over " +
                                                                    address.substr(0, address.find(':')));
}

parley::Result<void> use(std::string folder) {
  EchoService echo;
  parley::Loop loop;
  for (std::string address : {"unix:" + folder + "/echo.sock", std::string("tcp:127.0.0.1:0"),
                              std::string("ws:127.0.0.1:0"), std::string("mem:echo")}) {
    PARLEY_TRY(auto server, parley::listen(loop, address));
    PARLEY_TRY(server.serve<Echo>("Echo", echo));
    PARLEY_TRY(auto answer, loop.run_until(greet(loop, server.address())));
    std::printf("%s\n", answer.c_str());
  }
  return {};
}

int main(int argc, char** argv) {
  auto used = use(argc > 1 ? argv[1] : "/tmp");
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
