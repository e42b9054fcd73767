#include "runtime/commands/service_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/wait.h"
#include "runtime/call.h"
#include "runtime/client.h"
#include "sim/world.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

}  // namespace

namespace service_commands {

enum class MathError { division_by_zero, overflow };
struct Point {
  int x = 0;
  int y = 0;
};

class Calculator {
 public:
  Task<std::int64_t> add(std::int64_t a, std::optional<std::int64_t> b) { co_return a + b.value_or(0); }
  Task<Either<std::int64_t, MathError>> divide(Context& context, std::int64_t a, std::int64_t b) {
    deadline = context.deadline();
    if (b == 0) co_return own_error(MathError::division_by_zero);
    co_return a / b;
  }
  Task<Result<Point>> mirror(Point point) {
    if (point.x < 0) co_return fail(Code::permission, "not on that side");
    co_return Point{point.y, point.x};
  }
  Task<std::int64_t> sum(Rx<std::int32_t> numbers) {
    static_cast<void>(numbers);
    co_return 0;
  }
  Task<void> wait(Context& context) {
    context.on_cancel([this](const Error& why, const Metadata&) { stopped = why; });
    co_await never.wait();
  }

  std::optional<Instant> deadline;
  std::optional<Error> stopped;
  Event never;
};
PARLEY_SERVICE(Calculator, (add, args(a, b), describe("Adds")), (divide, args(a, b), idempotent), mirror, sum, wait);

class Nameless {
 public:
  Task<std::int64_t> first(std::int64_t a) { co_return a; }
  Task<std::int64_t> second(std::int64_t a, std::int64_t b) { co_return a + b; }
};
PARLEY_SERVICE(Nameless, (first, args(a)), second);

}  // namespace service_commands

namespace {

using service_commands::Calculator;

class ServiceCommandsTest : public ::testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    return world.loop().run_until(std::move(task));
  }
  Result<std::string> call(std::string name, std::string request) {
    auto answer = run(registry->execute_json(std::move(name), std::move(request)));
    if (!answer) return fail(answer.error());
    return answer->result;
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const CommandDefinition& each : registry->commands()) all.push_back(each.id);
    return all;
  }

  sim::World world{1};
  Calculator calculator;
  std::optional<Registry> registry{std::in_place, world.loop()};
};

TEST_F(ServiceCommandsTest, methods_without_channels_are_commands) {
  run(registry->service("Calculator", calculator)).value();
  EXPECT_THAT(names(), ElementsAre("Calculator.add", "Calculator.divide", "Calculator.mirror", "Calculator.wait"));
  EXPECT_EQ(call("Calculator.add", R"({"a":2,"b":3})").value(), "5");
  EXPECT_EQ(call("Calculator.add", R"({"a":2})").value(), "2");
  EXPECT_EQ(call("Calculator.divide", R"({"a":7,"b":2})").value(), "3");
  EXPECT_EQ(call("Calculator.mirror", R"({"x":1,"y":2})").value(), R"({"x":2,"y":1})");
}

TEST_F(ServiceCommandsTest, they_say_what_they_take_and_give) {
  run(registry->service("Calculator", calculator)).value();
  const CommandDefinition add = registry->definition("Calculator.add").value();
  EXPECT_EQ(add.description, "Adds");
  EXPECT_THAT(add.schema, HasSubstr(R"("required":["a"])"));
  EXPECT_THAT(add.schema, HasSubstr(R"("response")"));
  EXPECT_EQ(registry->definition("Calculator.divide")->annotations.is_idempotent, true);
  EXPECT_THAT(registry->definition("Calculator.wait")->schema, ::testing::Not(HasSubstr(R"("response")")));
}

TEST_F(ServiceCommandsTest, what_does_not_fit_and_what_goes_wrong_is_said) {
  run(registry->service("Calculator", calculator)).value();
  const Error unfit = call("Calculator.add", R"({"a":"x"})").error();
  EXPECT_EQ(unfit.code, Code::arguments);
  EXPECT_THAT(unfit.note, HasSubstr("$.a"));
  const Error own = call("Calculator.divide", R"({"a":1,"b":0})").error();
  EXPECT_EQ(own.code, Code::failed);
  EXPECT_EQ(own.note, R"("division_by_zero")");
  const Error refused = call("Calculator.mirror", R"({"x":-1,"y":2})").error();
  EXPECT_EQ(refused.code, Code::permission);
  EXPECT_THAT(refused.note, HasSubstr("not on that side"));
}

TEST_F(ServiceCommandsTest, deadlines_and_cancels_reach_the_method) {
  run(registry->service("Calculator", calculator)).value();
  run(registry->execute_json("Calculator.divide", R"({"a":1,"b":1})", {.deadline = 3s})).value();
  ASSERT_TRUE(calculator.deadline.has_value());
  EXPECT_LE(*calculator.deadline, world.loop().now() + 3s);
  auto late = run(registry->execute_json("Calculator.wait", "", {.deadline = 1s}));
  EXPECT_EQ(late.error().code, Code::deadline);
  world.settle();
  ASSERT_TRUE(calculator.stopped.has_value());
}

TEST_F(ServiceCommandsTest, all_or_none_are_registered) {
  service_commands::Nameless nameless;
  const auto refused = run(registry->service("Nameless", nameless));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::invalid);
  EXPECT_THAT(refused.error().note, HasSubstr("second"));
  EXPECT_THAT(names(), ElementsAre());

  run(registry->command("Calculator.mirror", "", [] {})).value();
  EXPECT_EQ(run(registry->service("Calculator", calculator)).error().code, Code::in_use);
  EXPECT_THAT(names(), ElementsAre("Calculator.mirror"));
}

TEST_F(ServiceCommandsTest, the_registry_goes_while_a_method_runs) {
  run(registry->service("Calculator", calculator)).value();
  auto call = registry->execute_json("Calculator.wait", "");
  call.bind(world.executor());
  call.start();
  world.settle();
  registry.reset();
  EXPECT_EQ(world.run_until([&] { return call.is_done() && calculator.stopped; }), sim::World::Stop::done);
  EXPECT_EQ(call.promise().take().error().code, Code::closed);
}

}  // namespace
}  // namespace parley
