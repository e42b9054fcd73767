#include <parley/parley.h>
#include <cstdio>

namespace shop {

enum class Size { small, large };
struct Item {
  std::string name;
  Size size = Size::small;
  std::uint32_t count = 0;
  std::optional<std::string> note;  // may be left out
};
PARLEY_FIELDS(Item, (count, default_(1u), describe("how many of them")));

struct Receipt {
  std::uint64_t number = 0;
  std::map<std::string, std::uint32_t> counts;
};
struct SoldOut {
  std::string name;
  std::uint32_t left = 0;
};

class Shop {
 public:
  virtual parley::Task<parley::Either<Receipt, SoldOut>> order(std::vector<Item> items) = 0;
  virtual parley::Task<parley::Result<std::uint32_t>> stock(parley::Context& context, std::string_view name) = 0;
};
PARLEY_SERVICE(Shop, (order, args(items), describe("Buys all of it, or nothing")), (stock, args(name), idempotent));

}  // namespace shop

struct ShopService final : shop::Shop {
  std::map<std::string, std::uint32_t, std::less<>> left = {{"tea", 3}, {"mug", 0}};

  parley::Task<parley::Either<shop::Receipt, shop::SoldOut>> order(std::vector<shop::Item> items) override {
    shop::Receipt receipt{.number = 1, .counts = {}};
    for (const shop::Item& item : items) receipt.counts[item.name] += item.count;
    for (const auto& [name, count] : receipt.counts) {
      if (count > left[name]) co_return parley::own_error(shop::SoldOut{name, left[name]});
    }
    for (const auto& [name, count] : receipt.counts) left[name] -= count;
    co_return receipt;
  }
  parley::Task<parley::Result<std::uint32_t>> stock(parley::Context& context, std::string_view name) override {
    auto found = left.find(name);
    if (found == left.end()) co_return parley::fail(parley::Code::not_found, "we never had any");
    context.reply_metadata().add("aisle", std::uint64_t{4});
    co_return found->second;
  }
};

parley::Task<parley::Result<void>> use(parley::Loop& loop) {
  auto session = co_await co_await parley::connect(loop, "mem:shop");
  auto client = session->client<shop::Shop>("Shop");

  for (std::uint32_t count : {2u, 2u}) {
    auto ordered = co_await client.call<&shop::Shop::order>(std::vector{shop::Item{.name = "tea", .count = count}});
    if (ordered) std::printf("receipt %lu\n", ordered.value().number);
    if (ordered.own()) std::printf("only %u of %s left\n", ordered.own()->left, ordered.own()->name.c_str());
    if (ordered.error()) co_return parley::fail(*ordered.error());
  }

  auto stock = co_await client.call<&shop::Shop::stock>("mug").detailed();
  std::printf("%u mugs, aisle %lu\n", stock.result.value(), *stock.metadata.find_number("aisle"));
  auto hats = co_await client.call<&shop::Shop::stock>("hat");
  std::printf("%s\n", to_string(hats.error()).c_str());
  co_return {};
}

int main() {
  ShopService service;
  parley::Loop loop;
  auto server = parley::listen(loop, "mem:shop").value();
  server.serve<shop::Shop>("Shop", service).value();
  auto used = loop.run_until(use(loop));
  if (!used) return std::fprintf(stderr, "%s\n", to_string(used.error()).c_str()), 1;
}
