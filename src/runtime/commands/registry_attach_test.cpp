#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/wait.h"
#include "runtime/commands/registries_suite.h"

// How carriers come to a registry and go, and what they do not take.
namespace parley {
namespace {

using namespace std::chrono_literals;
using namespace registries_suite;
using ::testing::HasSubstr;
using RegistryAttachTest = Registries;

struct Text {
  std::string text;
};

TEST_F(RegistryAttachTest, what_was_here_before_the_router_is_there_once_it_is_attached) {
  // rule: commands/REG-09
  Registry parent(world.loop());
  Registry child(world.loop());
  run(parent.command("t.taken", "of the parent", [] {})).value();
  run(child.command("t.taken", "of the child", [] {})).value();
  run(child.command("t.early", "", [] {})).value();
  auto [up, down] = carrier_pair({world.loop(), "parent"}, {world.loop(), "child"});
  run(parent.attach(down)).value();
  std::vector<std::string> unannounced;
  child.on_unannounced([&](const core::Registry::Unannounced& each) { unannounced.push_back(each.command); });
  run(child.attach(up, {.is_router = true})).value();
  EXPECT_TRUE(parent.definition("t.early").has_value());
  EXPECT_EQ(parent.definition("t.taken")->description, "of the parent");
  EXPECT_EQ(child.definition("t.taken")->description, "of the child");
  EXPECT_EQ(child.counters().announcements_refused, 1u);
  EXPECT_EQ(unannounced, std::vector<std::string>{"t.taken"});
}

TEST_F(RegistryAttachTest, what_the_router_had_from_somebody_else_is_taken_when_that_one_goes) {
  // rule: commands/REG-05
  Registry parent(world.loop());
  Registry child(world.loop());
  run(parent.command("t.taken", "of the parent", [] {})).value();
  run(child.command("t.taken", "of the child", [] {})).value();
  auto [up, down] = carrier_pair({world.loop(), "parent"}, {world.loop(), "child"});
  run(parent.attach(down)).value();
  run(child.attach(up, {.is_router = true})).value();
  settle();
  EXPECT_TRUE(parent.remove_command("t.taken"));
  ASSERT_TRUE(parent.definition("t.taken").has_value());
  EXPECT_EQ(parent.definition("t.taken")->description, "of the child");
  EXPECT_TRUE(run(parent.execute("t.taken")));
  EXPECT_TRUE(child.remove_command("t.taken"));
  settle();
  EXPECT_FALSE(parent.definition("t.taken").has_value());
}

TEST_F(RegistryAttachTest, whoever_waits_while_it_attaches_or_for_a_carrier_hears_of_the_end) {
  std::optional<Registry> registry(std::in_place, world.loop());
  run(registry->command("t.early", "", [] {})).value();
  auto [up, silent] = carrier_pair({world.loop(), "router"}, {world.loop(), "child"});
  auto attaching = registry->attach(up, {.is_router = true});
  auto detached = registry->detached("router");
  begin(attaching);
  begin(detached);
  settle();
  EXPECT_FALSE(attaching.is_done()) << "the router has not answered";
  registry.reset();
  EXPECT_EQ(end(attaching).error().code, Code::closed);
  EXPECT_EQ(world.run_until([&] { return detached.is_done(); }), sim::World::Stop::done);
}

TEST_F(RegistryAttachTest, a_router_that_goes_before_it_answers_was_not_attached) {
  Registry registry(world.loop());
  run(registry.command("t.early", "", [] {})).value();
  auto [up, silent] = carrier_pair({world.loop(), "router"}, {world.loop(), "child"});
  auto attaching = registry.attach(up, {.is_router = true});
  begin(attaching);
  settle();
  silent->close();
  EXPECT_EQ(end(attaching).error().code, Code::link_lost);
  EXPECT_EQ(registry.carrier_count(), 0u);
  EXPECT_TRUE(registry.definition("t.early").has_value());
}

TEST_F(RegistryAttachTest, a_carrier_that_goes_ends_calls_at_once_and_takes_its_commands_along) {
  // rule: commands/REG-23
  Registry root(world.loop()), child(world.loop());
  join(root, child, "child");
  run(child.command("slow", "", [&]() -> Task<void> { co_await Sleep(world.executor(), 1h); })).value();
  auto call = root.execute("slow");
  begin(call);
  settle();
  const Instant before = world.now();
  EXPECT_TRUE(root.detach("child"));
  EXPECT_EQ(end(call).error().code, Code::sent_then_lost);
  EXPECT_EQ(world.now(), before);
  EXPECT_EQ(error_of(root.execute("slow")).code, Code::not_found);
  EXPECT_EQ(root.carrier_count(), 0u);
  EXPECT_FALSE(root.detach("child"));
}

TEST_F(RegistryAttachTest, a_registry_that_is_destroyed_says_so_to_who_waits) {
  Registry root(world.loop());
  auto child = std::make_unique<Registry>(world.loop());
  join(root, *child, "child");
  run(child->command("slow", "", [&]() -> Task<void> { co_await Sleep(world.executor(), 1h); })).value();
  auto call = root.execute("slow");
  begin(call);
  settle();
  child.reset();
  EXPECT_EQ(end(call).error().code, Code::closed);
  run(root.detached("child"));
  EXPECT_EQ(root.carrier_count(), 0u);
}

TEST_F(RegistryAttachTest, what_is_too_large_for_a_carrier_ends_by_itself_and_harms_nothing_else) {
  Registry root(world.loop());
  Registry child(world.loop());
  auto [up, down] = carrier_pair({world.loop(), "parent"}, {world.loop(), "child"}, {.message_bytes_max = 2000});
  run(root.attach(down)).value();
  run(child.attach(up, {.is_router = true})).value();
  const std::string large(5000, 'x');
  run(child.command("echo", "", [](Text in) { return in; })).value();
  run(child.command("large", "", [&] { return large; })).value();
  int heard = 0;
  auto listening = root.on<std::string>("e", [&](std::string_view, std::string) { ++heard; }).value();
  settle();

  EXPECT_EQ(error_of(root.execute<Text>("echo", Text{large})).code, Code::too_large);
  const Error result = error_of(root.execute<std::string>("large"));
  EXPECT_EQ(result.code, Code::too_large);
  EXPECT_THAT(result.note, HasSubstr("the result"));
  child.emit("e", large).value();
  child.emit("e", std::string("x")).value();
  settle();
  EXPECT_EQ(heard, 1);
  EXPECT_EQ(child.runtime_counters().events_dropped, 1u);
  EXPECT_EQ(error_of(child.command("many", large, [] {})).code, Code::too_large);
  EXPECT_EQ(run(root.execute<Text>("echo", Text{"x"})).value().text, "x");
}

TEST_F(RegistryAttachTest, a_provider_that_takes_nothing_more_refuses_calls_and_stays) {
  // rule: commands/REG-28
  Registry root(world.loop());
  auto [up, down] = carrier_pair({world.loop(), "parent"}, {world.loop(), "child"}, {.messages_max = 4});
  run(root.attach(down)).value();
  up->send({.id = "l", .body = wire::command::ListResponse{"?", {{.id = "slow"}}}}).value();
  settle();
  std::vector<Task<Result<void>>> calls;
  for (int i = 0; i < 6; ++i) {
    calls.push_back(root.execute("slow"));
    begin(calls.back());
  }
  settle();
  EXPECT_EQ(root.carrier_count(), 1u);
  EXPECT_FALSE(calls.front().is_done());
  EXPECT_EQ(end(calls.back()).error().code, Code::overloaded);
}

// Takes its time to start.
class SlowCarrier final : public Carrier {
 public:
  SlowCarrier() : Carrier("slow") {}
  Task<Result<void>> start() override {
    co_await started.wait();
    co_return Result<void>();
  }
  Result<void> send(const CommandMessage&) override { return {}; }
  Task<void> writable() override { co_return; }
  Task<std::optional<ReceivedCommand>> receive() override { co_return std::nullopt; }
  void close() override {}
  Event started;
};

TEST_F(RegistryAttachTest, a_registry_that_goes_while_a_carrier_starts_says_so) {
  for (const bool is_destroyed : {false, true}) {
    std::optional<Registry> registry(std::in_place, world.loop());
    auto carrier = std::make_shared<SlowCarrier>();
    auto attaching = registry->attach(carrier);
    begin(attaching);
    settle();
    registry->close();
    if (is_destroyed) registry.reset();
    carrier->started.set();
    EXPECT_EQ(end(attaching).error().code, Code::closed);
  }
}

TEST_F(RegistryAttachTest, a_start_that_fails_leaves_nothing_behind) {
  // rule: commands/REG-02, commands/weakness.22
  Registry registry(world.loop());
  auto [first, second] = carrier_pair({world.loop(), "peer"}, {world.loop(), "us"});
  first->close();
  EXPECT_EQ(error_of(registry.attach(first)).code, Code::closed);
  EXPECT_EQ(registry.carrier_count(), 0u);
  auto [again, other] = carrier_pair({world.loop(), "peer"}, {world.loop(), "us"});
  EXPECT_TRUE(run(registry.attach(again)).has_value());
  const Error twice = error_of(registry.attach(other->id() == "us" ? again : other));
  EXPECT_EQ(twice.code, Code::in_use);
}

}  // namespace
}  // namespace parley
