#include "runtime/commands/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "async/wait.h"
#include "runtime/commands/registries_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using namespace registries_suite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using RegistryTest = Registries;

class Counter {
 public:
  Result<Sum> add(Add in) { return Sum{total += in.a + in.b}; }
  Task<void> reset() {
    total = 0;
    co_return;
  }
  int total = 0;
};

TEST_F(RegistryTest, a_function_is_a_command_whatever_it_takes_and_gives) {
  Registry registry(world.loop());
  Counter counter;
  run(registry.command("t.value", "", [](Add in) { return Sum{in.a + in.b}; })).value();
  run(registry.command("t.result", "", [](Add in) -> Result<Sum> { return Sum{in.a - in.b}; })).value();
  run(registry.command("t.task", "", [](Add in) -> Task<Sum> { co_return Sum{in.a * in.b}; })).value();
  run(registry.command("t.both", "", [](Add in) -> Task<Result<Sum>> { co_return Sum{in.a}; })).value();
  run(registry.command("t.nothing", "", [] {})).value();
  run(registry.command("t.context", "", [](CommandContext& context) { return context.command(); })).value();
  run(registry.command("t.method", "", counter, &Counter::add)).value();
  run(registry.command("t.reset", "", counter, &Counter::reset)).value();
  EXPECT_EQ(run(registry.execute<Sum>("t.value", Add{2, 3})).value(), Sum{5});
  EXPECT_EQ(run(registry.execute<Sum>("t.result", Add{2, 3})).value(), Sum{-1});
  EXPECT_EQ(run(registry.execute<Sum>("t.task", Add{2, 3})).value(), Sum{6});
  EXPECT_EQ(run(registry.execute<Sum>("t.both", Add{2, 3})).value(), Sum{2});
  EXPECT_TRUE(run(registry.execute("t.nothing")).has_value());
  EXPECT_EQ(run(registry.execute<std::string>("t.context")).value(), "t.context");
  EXPECT_EQ(run(registry.execute<Sum>("t.method", Add{2, 3})).value(), Sum{5});
  EXPECT_EQ(run(registry.execute<Sum>("t.method", Add{2, 3})).value(), Sum{10});
  EXPECT_TRUE(run(registry.execute("t.reset")).has_value());
  EXPECT_EQ(counter.total, 0);
}

TEST_F(RegistryTest, the_same_command_by_json) {
  Registry registry(world.loop());
  run(registry.command("add", "Adds", [](Add in) { return Sum{in.a + in.b}; }, {.read_only = true})).value();
  EXPECT_EQ(run(registry.execute_json("add", R"({"a":2,"b":3})")).value().result, R"({"sum":5})");
  const auto commands = registry.commands();
  ASSERT_EQ(commands.size(), 1u);
  EXPECT_EQ(commands[0].description, "Adds");
  EXPECT_THAT(commands[0].schema, HasSubstr(R"("required":["a","b"])"));
  EXPECT_EQ(commands[0].annotations.is_read_only, true);
}

TEST_F(RegistryTest, a_request_that_does_not_fit_is_refused_with_the_path_before_the_handler) {
  // rule: commands/weakness.13
  Registry registry(world.loop());
  int runs = 0;
  run(registry.command("add", "", [&](Add in) {
    ++runs;
    return Sum{in.a + in.b};
  })).value();
  const Error error = error_of(registry.execute_json("add", R"({"a":2,"b":"x"})"));
  EXPECT_EQ(error.code, Code::arguments);
  EXPECT_THAT(error.note, HasSubstr("b"));
  EXPECT_EQ(error_of(registry.execute_json("add", R"({"a":2})")).code, Code::arguments);
  EXPECT_EQ(error_of(registry.execute_json("add", R"({"a":2,"b":3,"c":4})")).code, Code::arguments);
  EXPECT_EQ(runs, 0);
}

TEST_F(RegistryTest, a_command_that_takes_nothing_takes_absent_empty_and_null) {
  // rule: commands/REG-26
  Registry registry(world.loop());
  run(registry.command("void", "", [] {})).value();
  for (const char* request : {"", "{}", "null"}) {
    EXPECT_EQ(run(registry.execute_json("void", request)).value().result, "") << request;
  }
  EXPECT_EQ(error_of(registry.execute_json("void", R"({"a":1})")).code, Code::arguments);
}

TEST_F(RegistryTest, what_a_handler_throws_is_the_error_of_that_call_alone) {
  Registry registry(world.loop());
  run(registry.command("throws", "", [](Add) -> Sum { throw std::runtime_error("no such file"); })).value();
  run(registry.command("later", "", [](Add) -> Task<Sum> {
    co_await Yield();
    throw std::runtime_error("too late");
  })).value();
  for (const char* request : {R"({"a":1,"b":1})", R"({"a":1,"b":2})"}) {
    const Error error = error_of(registry.execute_json("throws", request));
    EXPECT_EQ(error.code, Code::handler_threw);
    EXPECT_EQ(error.note, "no such file");
  }
  EXPECT_EQ(error_of(registry.execute<Sum>("throws", Add{})).note, "no such file");
  EXPECT_EQ(error_of(registry.execute_json("later", R"({"a":1,"b":1})")).note, "too late");
  EXPECT_EQ(error_of(registry.execute<Sum>("later", Add{})).note, "too late");
  EXPECT_EQ(registry.runtime_counters().handlers_threw, 5u);
}

TEST_F(RegistryTest, a_command_is_reached_through_a_parent_and_back) {
  Registry root(world.loop()), left(world.loop()), right(world.loop());
  join(root, left, "left");
  join(root, right, "right");
  run(left.command("left.add", "", [](Add in) { return Sum{in.a + in.b}; })).value();
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the registry keeps the lambda
  run(right.command("right.twice", "", [&](Add in) -> Task<Result<Sum>> {
    co_return co_await right.execute<Sum>("left.add", Add{in.a * 2, in.b * 2});
  })).value();
  EXPECT_EQ(run(root.execute<Sum>("left.add", Add{2, 3})).value(), Sum{5});
  EXPECT_EQ(run(left.execute<Sum>("right.twice", Add{2, 3})).value(), Sum{10});
  EXPECT_EQ(error_of(left.execute("nobody.has.it")).code, Code::not_found);
}

TEST_F(RegistryTest, a_registration_that_the_router_refuses_leaves_nothing_and_says_why) {
  // rule: commands/REG-08, commands/weakness.27, commands/weakness.31
  Registry root(world.loop()), child(world.loop());
  run(root.command("taken", "", [] {})).value();
  join(root, child, "child");
  const Error error = error_of(child.command("taken", "", [] {}));
  EXPECT_EQ(error.code, Code::in_use);
  EXPECT_THAT(error.note, HasSubstr("parent"));
  EXPECT_FALSE(child.remove_command("taken"));
  run(child.command("free", "", [] {})).value();
  EXPECT_TRUE(run(root.execute("free")).has_value());
}

TEST_F(RegistryTest, dropping_the_call_stops_the_handler_wherever_it_runs) {
  // rule: commands/weakness.7
  Registry root(world.loop()), child(world.loop());
  join(root, child, "child");
  int live = 0;
  struct Alive {
    explicit Alive(int& count) : live(count) { ++live; }
    ~Alive() { --live; }
    int& live;
  };
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the registry keeps the lambda
  run(child.command("slow", "", [&](CommandContext&) -> Task<void> {
    const Alive alive(live);
    co_await Sleep(world.executor(), 1h);
  })).value();
  {
    auto call = root.execute("slow");
    begin(call);
    ASSERT_FALSE(call.is_done());
    settle();
    EXPECT_EQ(live, 1);
  }
  settle();
  EXPECT_EQ(live, 0);
  EXPECT_EQ(child.requests_in_flight(), 0u);
}

TEST_F(RegistryTest, a_deadline_travels_and_stops_the_handler) {
  // rule: commands/weakness.6, commands/weakness.4
  Registry root(world.loop()), child(world.loop());
  join(root, child, "child");
  Instant deadline;
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the registry keeps the lambda
  run(child.command("slow", "", [&](CommandContext& context) -> Task<void> {
    deadline = context.deadline();
    co_await Sleep(world.executor(), 1h);
  })).value();
  const Instant begin = world.now();
  const Error error = error_of(root.execute<void>("slow", runtime::Nothing(), {.deadline = 200ms}));
  EXPECT_EQ(error.code, Code::deadline);
  EXPECT_EQ(world.now(), begin + 200ms);
  EXPECT_EQ(deadline, begin + 200ms);
  settle();
  EXPECT_EQ(child.requests_in_flight(), 0u);
}

TEST_F(RegistryTest, progress_and_partial_results_reach_the_caller_through_a_parent) {
  // rule: commands/weakness.8
  Registry root(world.loop()), left(world.loop()), right(world.loop());
  join(root, left, "left");
  join(root, right, "right");
  run(left.command("work", "", [](CommandContext& context) -> Task<Sum> {
    context.progress({.done = 1, .total = 2, .message = "half"});
    co_await Yield();
    context.partial(Sum{7});
    co_return Sum{9};
  })).value();
  std::vector<std::string> heard;
  ExecuteOptions options;
  options.on_progress = [&](std::string_view content) { heard.emplace_back(content); };
  EXPECT_EQ(run(right.execute<Sum>("work", runtime::Nothing(), std::move(options))).value(), Sum{9});
  EXPECT_THAT(heard, ElementsAre(R"({"progress":1,"total":2,"message":"half"})", R"({"partial":{"sum":7}})"));
}

TEST_F(RegistryTest, events_reach_who_listens_in_order_and_nobody_else) {
  // rule: commands/weakness.24
  Registry root(world.loop()), left(world.loop()), right(world.loop());
  join(root, left, "left");
  join(root, right, "right");
  std::vector<int> heard;
  int others = 0;
  auto sums = left.on<Sum>("sum.*", [&](std::string_view, Sum sum) { heard.push_back(sum.sum); }).value();
  auto rest = right.on<Sum>("other.**", [&](std::string_view, Sum) { ++others; }).value();
  settle();
  for (int i = 0; i < 100; ++i) right.emit("sum.new", Sum{i}).value();
  settle();
  ASSERT_EQ(heard.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(heard));
  EXPECT_EQ(others, 0);
  sums.reset();
  settle();
  right.emit("sum.new", Sum{1}).value();
  settle();
  EXPECT_EQ(heard.size(), 100u);
}

TEST_F(RegistryTest, a_listener_that_throws_and_one_that_cannot_read_harm_nobody) {
  // rule: commands/REG-20, commands/weakness.11
  Registry registry(world.loop());
  int heard = 0;
  auto throws = registry.on<Sum>("**", [](std::string_view, Sum) { throw 1; }).value();
  auto other = registry.on<std::string>("**", [](std::string_view, std::string) {}).value();
  auto good = registry.on<Sum>("**", [&](std::string_view, Sum) { ++heard; }).value();
  registry.emit("e", Sum{1}).value();
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(registry.runtime_counters().listeners_threw, 1u);
  EXPECT_EQ(registry.runtime_counters().events_undecodable, 1u);
}

TEST_F(RegistryTest, whoever_stops_watching_in_the_same_turn_is_told_nothing) {
  Registry registry(world.loop());
  Subscription second;
  int told = 0;
  auto first = registry.on_commands_changed([&] { second.reset(); });
  second = registry.on_commands_changed([&] { ++told; });
  run(registry.command("new", "", [] {})).value();
  settle();
  EXPECT_EQ(told, 0);
}

TEST_F(RegistryTest, a_function_of_this_process_has_a_deadline_only_where_one_is_given) {
  Registry registry(world.loop());
  Instant deadline;
  run(registry.command("look", "", [&](CommandContext& context) { deadline = context.deadline(); })).value();
  run(registry.execute("look")).value();
  EXPECT_TRUE(deadline.is_never());
  run(registry.execute("look", runtime::Nothing(), {.deadline = 5s})).value();
  EXPECT_EQ(deadline, world.loop().now() + 5s);
}

TEST_F(RegistryTest, handlers_that_run_at_once_are_bounded) {
  // rule: commands/weakness.3
  Registry registry(world.loop(), {.handlers_max = 2});
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the registry keeps the lambda
  run(registry.command("slow", "", [&]() -> Task<void> { co_await Sleep(world.executor(), 1s); })).value();
  std::vector<Task<Result<Registry::Answer>>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(registry.execute_json("slow", ""));
    begin(calls.back());
  }
  ASSERT_TRUE(calls[2].is_done());
  EXPECT_EQ(end(calls[2]).error().code, Code::overloaded);
  EXPECT_TRUE(end(calls[0]).has_value());
  EXPECT_EQ(registry.runtime_counters().handlers_refused, 1u);
}

TEST_F(RegistryTest, closing_ends_what_waits_and_is_idempotent) {
  // rule: commands/REG-32
  Registry root(world.loop()), child(world.loop());
  join(root, child, "child");
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): the registry keeps the lambda
  run(child.command("slow", "", [&]() -> Task<void> { co_await Sleep(world.executor(), 1h); })).value();
  auto call = child.execute_json("slow", "");
  begin(call);
  ASSERT_FALSE(call.is_done());
  child.close();
  child.close();
  settle();
  EXPECT_EQ(end(call).error().code, Code::closed);
  EXPECT_EQ(root.carrier_count(), 0u);
  EXPECT_EQ(error_of(child.execute("slow")).code, Code::closed);
  EXPECT_EQ(error_of(child.command("more", "", [] {})).code, Code::closed);
  EXPECT_EQ(world.executor().timer_count(), 0u);
}

TEST_F(RegistryTest, a_removed_command_is_gone_at_the_parent_and_for_those_who_watch) {
  // rule: commands/REG-30, commands/weakness.20
  Registry root(world.loop()), child(world.loop()), watcher(world.loop());
  join(root, child, "child");
  auto [up, down] = carrier_pair({world.loop(), "parent"}, {world.loop(), "watcher"});
  run(root.attach(down)).value();
  run(watcher.attach(up, {.is_router = true, .wants_commands = true})).value();
  settle();
  int changes = 0;
  auto told = watcher.on_commands_changed([&] { ++changes; });
  run(child.command("new", "", [] {})).value();
  settle();
  ASSERT_EQ(watcher.commands().size(), 1u);
  EXPECT_EQ(changes, 1);
  EXPECT_TRUE(child.remove_command("new"));
  EXPECT_FALSE(child.remove_command("new"));
  settle();
  EXPECT_TRUE(watcher.commands().empty());
  EXPECT_TRUE(root.commands().empty());
  EXPECT_EQ(changes, 2);
}

}  // namespace
}  // namespace parley
