#include <parley/parley.h>
#include <parley/raw.h>
#include <cstdio>

class Greeter {
 public:
  virtual parley::Task<std::string> greet(std::string name) = 0;
  virtual parley::Task<std::uint32_t> count() = 0;
};
PARLEY_SERVICE(Greeter, (greet, args(name)), count);

struct GreeterService final : Greeter {
  std::uint32_t greeted = 0;
  parley::Task<std::string> greet(std::string name) override {
    ++greeted;
    co_return "hello " + name;
  }
  parley::Task<std::uint32_t> count() override { co_return greeted; }
};

// Passes every call on to another session, whatever it is, and looks at its size. It knows no service.
class Proxy final : public parley::RawHandler {
 public:
  explicit Proxy(parley::Session& to) : to_(to) {}

  parley::Task<parley::Result<parley::RawResponse>> handle(parley::RawRequest& request) override {
    std::printf("%zu bytes of arguments\n", request.arguments().size());
    if (request.channel_count() != 0)
      co_return parley::fail(parley::Code::unsupported, "this proxy passes no channels");
    parley::CallOptions options{.deadline = std::nullopt, .metadata = request.metadata()};
    co_return co_await to_.raw_call(request.method(), request.arguments().view(), {}, options);
  }

 private:
  parley::Session& to_;
};

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto behind = co_await co_await parley::connect(loop, "mem:greeter");
  Proxy proxy(*behind);
  auto server = co_await parley::listen(loop, "mem:proxy");
  co_await server.serve_rest(proxy);

  auto session = co_await co_await parley::connect(loop, "mem:proxy");
  auto greeter = session->client<Greeter>("Greeter");
  std::printf("%s\n", (co_await co_await greeter.call<&Greeter::greet>("Ada")).c_str());
  std::printf("%u greeted\n", co_await co_await greeter.call<&Greeter::count>());
  co_return {};
}

int main() {
  GreeterService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:greeter").value();
  server.serve<Greeter>("Greeter", service).value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
