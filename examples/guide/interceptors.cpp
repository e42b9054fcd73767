#include <parley/interceptor.h>
#include <parley/parley.h>
#include <parley/tracing.h>
#include <cstdio>

class Shop {
 public:
  virtual parley::Task<std::uint64_t> price(std::string item) = 0;
};
PARLEY_SERVICE(Shop, (price, args(item), idempotent));

// Asks another shop, on behalf of whoever asked it.
class Broker {
 public:
  virtual parley::Task<parley::Result<std::uint64_t>> quote(parley::Context& context, std::string item) = 0;
};
PARLEY_SERVICE(Broker, (quote, args(item)));

struct ShopService final : Shop {
  parley::Task<std::uint64_t> price(std::string item) override { co_return item.size() * 100; }
};

struct BrokerService final : Broker {
  std::optional<parley::Client<Shop>> shop;
  parley::Task<parley::Result<std::uint64_t>> quote(parley::Context& context, std::string item) override {
    auto price = co_await co_await shop->with(context.forward()).call<&Shop::price>(item);
    co_return price + 5;
  }
};

// Lets each guest make two calls.
struct Quota final : parley::Interceptor {
  parley::Result<void> before(parley::CallView& call) override {
    const std::string* guest = call.metadata.find_text("guest");
    if (!guest) return parley::fail(parley::Code::permission, "say whose guest you are");
    if (++calls[*guest] > 2) return parley::fail(parley::Code::overloaded, "two calls are all you get");
    return {};
  }
  void after(const parley::CallView& call, const parley::CallOutcome& outcome) override {
    std::printf("  %.*s took %zu bytes and gave %zu\n", static_cast<int>(call.name.size()), call.name.data(),
                call.argument_bytes, outcome.result_bytes);
  }
  std::map<std::string, int> calls;
};

// A sink of one's own; parley::TraceFile writes each span as a line of JSON.
struct Printed final : parley::SpanSink {
  bool take(const parley::Span& span) override {
    if (trace.empty()) trace = span.trace_id;
    std::printf("  %s %s: %s, %s\n", span.kind.c_str(), span.name.c_str(), span.outcome.c_str(),
                span.trace_id == trace ? "the first trace" : "another trace");
    return true;
  }
  std::string trace;
};

parley::Task<parley::Result<void>> use(parley::Loop& loop, BrokerService& broker,
                                       std::shared_ptr<parley::Tracing> spans) {
  auto to_shop = co_await co_await parley::connect(loop, "mem:shop", {.interceptors = {spans}});
  broker.shop = to_shop->client<Shop>("Shop");

  auto session = co_await co_await parley::connect(loop, "mem:broker");
  auto anybody = session->client<Broker>("Broker");
  auto refused = co_await anybody.call<&Broker::quote>("tea");
  std::printf("%s\n", to_string(refused.error()).c_str());

  auto ada = anybody.with({.metadata = {{"guest", "Ada"}}});
  for (const char* item : {"tea", "cake", "lamp"}) {
    auto quote = co_await ada.call<&Broker::quote>(item);
    std::printf("%s: %s\n", item, quote ? std::to_string(*quote).c_str() : to_string(quote.error()).c_str());
  }
  broker.shop.reset();  // a client does not outlive its loop, and the broker does
  co_return {};
}

int main() {
  ShopService shop;
  BrokerService broker;
  auto spans = std::make_shared<parley::Tracing>(std::make_shared<Printed>());
  parley::Loop loop;
  auto at_shop = parley::listen(loop, "mem:shop").value();
  at_shop.serve<Shop>("Shop", shop).value();
  auto at_broker = parley::listen(loop, "mem:broker").value();
  at_broker.intercept(std::make_shared<Quota>());
  at_broker.intercept(spans);
  at_broker.serve<Broker>("Broker", broker).value();
  auto used = loop.run_until(use(loop, broker, spans));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
