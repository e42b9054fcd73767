#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

#include "runtime/pair_suite.h"

// Ends that were built from different versions of one service.
namespace parley::runtime::evolution_test {

using namespace suite;

namespace first {

class Shop {
 public:
  Task<std::int64_t> price(std::int64_t item) { co_return item * 10; }
};
PARLEY_SERVICE(Shop, price);

}  // namespace first

namespace more {

class Shop {
 public:
  Task<std::int64_t> stock(std::int64_t item) { co_return item; }
  Task<std::int64_t> price(std::int64_t item) { co_return item * 20; }
};
PARLEY_SERVICE(Shop, stock, price);

}  // namespace more

namespace changed {

class Shop {
 public:
  Task<std::int64_t> cost(std::int64_t item) { co_return item; }
  Task<std::int64_t> price(std::int32_t item) { co_return item; }
};
PARLEY_SERVICE(Shop, cost, price);

}  // namespace changed

template <auto Method, class S>
Result<std::int64_t> ask(Pair& pair, std::int32_t item) {
  auto call = Client<S>(*pair.a).template call<Method>(item);
  return pair.world.run(outcome(call));
}

TEST(Evolution, methods_may_be_added_at_either_end_first) {
  // rule: calls/rpc.schema-evolution
  Pair old_server;
  first::Shop old_shop;
  ASSERT_TRUE(add_service<first::Shop>(old_server.table_b, old_shop));
  EXPECT_EQ((ask<&more::Shop::price, more::Shop>(old_server, 3).value()), 30);
  EXPECT_EQ((ask<&more::Shop::stock, more::Shop>(old_server, 3).error().code), Code::method);
  EXPECT_EQ((ask<&more::Shop::price, more::Shop>(old_server, 4).value()), 40) << "the session goes on";

  Pair new_server;
  more::Shop new_shop;
  ASSERT_TRUE(add_service<more::Shop>(new_server.table_b, new_shop));
  EXPECT_EQ((ask<&first::Shop::price, first::Shop>(new_server, 3).value()), 60);
}

TEST(Evolution, a_new_name_or_another_type_is_another_method) {
  // rule: calls/rpc.schema-evolution
  Pair pair;
  first::Shop shop;
  ASSERT_TRUE(add_service<first::Shop>(pair.table_b, shop));
  EXPECT_EQ((ask<&changed::Shop::cost, changed::Shop>(pair, 3).error().code), Code::method);
  EXPECT_EQ((ask<&changed::Shop::price, changed::Shop>(pair, 3).error().code), Code::method);
  EXPECT_EQ((ask<&first::Shop::price, first::Shop>(pair, 3).value()), 30);
}

}  // namespace parley::runtime::evolution_test
