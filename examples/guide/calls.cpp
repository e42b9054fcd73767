#include <parley/parley.h>
#include <cstdio>

using namespace std::chrono_literals;

class Kitchen {
 public:
  virtual parley::Task<std::string> cook(parley::Context& context, std::string dish, parley::Duration takes) = 0;
};
PARLEY_SERVICE(Kitchen, (cook, args(dish, takes)));

struct KitchenService final : Kitchen {
  parley::Task<std::string> cook(parley::Context& context, std::string dish, parley::Duration takes) override {
    context.on_cancel([this, dish](parley::Error, parley::Metadata metadata) {
      const std::string* reason = metadata.find_text("reason");
      static_cast<void>(bin.push(dish + " is thrown away" + (reason ? ": " + *reason : "")));
    });
    co_await parley::Sleep(co_await parley::this_executor(), takes);
    context.reply_metadata().add("cook", "Ada");
    const std::string* guest = context.metadata().find_text("guest");
    co_return dish + " for " + (guest ? *guest : "the house");
  }
  parley::Queue<std::string> bin{100};
};

parley::Task<parley::Result<void>> use(parley::Loop& loop, KitchenService& service) {
  auto session = co_await co_await parley::connect(loop, "mem:kitchen");
  auto kitchen = session->client<Kitchen>("Kitchen").with({.metadata = {{"guest", "table 4"}}});

  // Both run at once; the answers may come in any order.
  auto soup = kitchen.call<&Kitchen::cook>("soup", 20ms);
  auto rice = kitchen.call<&Kitchen::cook>("rice", 10ms);
  std::printf("%s\n", (co_await co_await soup).c_str());
  auto detailed = co_await rice.detailed();
  std::printf("%s by %s\n", detailed.result.value().c_str(), detailed.metadata.find_text("cook")->c_str());

  auto hurried = kitchen.with({.deadline = 30ms, .metadata = {{"guest", "table 5"}}});
  auto late = co_await hurried.call<&Kitchen::cook>("roast", 1h);
  std::printf("%s\n", to_string(late.error()).c_str());

  auto cake = kitchen.call<&Kitchen::cook>("cake", 1h);
  cake.cancel({{"reason", "the guest has left"}});
  std::printf("%s\n", to_string((co_await cake).error()).c_str());
  static_cast<void>(kitchen.call<&Kitchen::cook>("pie", 1h));  // dropped, and so cancelled
  for (int dishes = 0; dishes < 3; ++dishes) std::printf("%s\n", (co_await service.bin.pop())->c_str());
  co_return {};
}

int main() {
  KitchenService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:kitchen").value();
  server.serve<Kitchen>("Kitchen", service).value();
  auto used = loop.run_until(use(loop, service));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
