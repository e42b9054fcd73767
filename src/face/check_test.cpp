#include "face/check.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "face/server.h"
#include "hub/hub.h"
#include "runtime/world_suite.h"

// A service as a client knows it against the one that is provided.
namespace parley {
namespace there {

class Calculator {
 public:
  Task<std::int64_t> add(std::int64_t a, std::int32_t b) { co_return a + b; }
  Task<std::int64_t> sum(Rx<std::int32_t>) { co_return 0; }
};
PARLEY_SERVICE(Calculator, (add, args(a, b)), sum);

}  // namespace there

namespace {

class Calculator {
 public:
  virtual ~Calculator() = default;
  virtual Task<std::int64_t> add(std::int64_t a, std::int64_t b) = 0;
};
PARLEY_SERVICE(Calculator, (add, args(a, b)));

namespace part {
class Calculator {
 public:
  virtual ~Calculator() = default;
  virtual Task<std::int64_t> sum(Rx<std::int32_t> numbers) = 0;
};
PARLEY_SERVICE(Calculator, sum);
}  // namespace part

class Check : public testing::Test {
 protected:
  Check() { services.serve<there::Calculator>("Desk", served).value(); }
  void open_hub() {
    hub = std::make_unique<Hub>(world.loop);
    ASSERT_TRUE(hub->listen("mem:here"));
    worker = connected({.services = &services, .offer = true});
  }
  void open_server() {
    server.emplace(listen(world.loop, "mem:here").value());
    server->serve<there::Calculator>("Desk", served).value();
  }
  std::unique_ptr<Session> connected(const Options& options = {}) {
    auto session = world.run(connect(world.loop, "mem:here", options));
    EXPECT_TRUE(session);
    return std::move(*session);
  }

  there::Calculator served;
  Services services;
  runtime::suite::World world;
  std::unique_ptr<Hub> hub;
  std::unique_ptr<Session> worker;
  std::optional<Server> server;
};

constexpr const char* b_differs = "\"Desk\": add differs: argument 2 (b) is i32 there and i64 here";

TEST_F(Check, the_first_argument_that_differs_is_named) {
  open_hub();
  auto session = connected();
  const auto checked = world.run(check<Calculator>(*session, "Desk"));
  EXPECT_EQ(checked.error(), (Error{Code::method, b_differs}));
}

TEST_F(Check, what_only_the_provider_has_does_not_count) {
  open_hub();
  auto session = connected();
  EXPECT_TRUE(world.run(check<there::Calculator>(*session, "Desk")));
  EXPECT_TRUE(world.run(check<part::Calculator>(*session, "Desk")));
}

TEST_F(Check, a_name_that_nobody_provides_is_not_found_with_the_nearest) {
  open_hub();
  auto session = connected();
  EXPECT_EQ(world.run(check<Calculator>(*session, "Disk")).error(),
            (Error{Code::not_found, "nobody provides \"Disk\"; did you mean \"Desk\"?"}));
}

TEST_F(Check, without_a_hub_the_class_decides_as_it_does_in_calls) {
  open_server();
  auto session = connected();
  EXPECT_TRUE(world.run(check<part::Calculator>(*session, "whatever")));
  EXPECT_EQ(world.run(check<Calculator>(*session, "Desk")).error(), (Error{Code::method, b_differs}));
  EXPECT_EQ(world.run(check<Calculator>(*session, "Calculator")).error().code, Code::method);
}

TEST_F(Check, ends_with_the_session) {
  open_hub();
  auto session = connected();
  session->close();
  EXPECT_EQ(world.run(check<Calculator>(*session, "Desk")).error().code, Code::closed);
}

}  // namespace
}  // namespace parley
