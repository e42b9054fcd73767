#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "hub/hub_suite.h"
#include "runtime/commands/line_carrier.h"
#include "runtime/commands/session_carrier.h"

namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using suite::HubWorld;
using suite::Party;
using ::testing::HasSubstr;

struct Add {
  int a, b;
};
struct Sum {
  int sum;
  bool operator==(const Sum&) const = default;
};

// A process with a registry, which a session or lines join to the hub.
struct Process {
  explicit Process(HubWorld& of) : world(of), registry(of.world.loop) {}

  Result<void> attach(Party& party, AttachOptions options = {.is_router = true}) {
    return world.world.run(registry.attach(session_carrier(*party.session, "hub"), std::move(options)));
  }
  Result<void> attach_lines(std::optional<io::Peer::Credentials> as = std::nullopt) {
    auto carrier = LineCarrier::make(world.world.loop, world.dial(as), {.id = "hub"});
    return world.world.run(registry.attach(std::move(carrier), {.is_router = true}));
  }
  void offers_add(std::string name = "math.add") {
    world.world.run(registry.command(std::move(name), "Adds", [](Add in) { return Sum{in.a + in.b}; })).value();
  }
  Result<Sum> add(std::string name = "math.add") {
    return world.world.run(registry.execute<Sum>(std::move(name), Add{2, 3}));
  }

  HubWorld& world;
  Registry registry;
};

Task<void> sleep_an_hour(io::Loop& loop) { co_await Sleep(loop, 1h); }

HubOptions with_rules(std::initializer_list<const char*> rules) {
  HubOptions options;
  options.tokens.add("worker", "the secret of the worker").value();
  options.tokens.add("client", "the secret of the client").value();
  for (const char* rule : rules) options.policy.add(core::Rule::parse(rule).value()).value();
  return options;
}
runtime::SessionOptions with_token(std::string secret) {
  runtime::SessionOptions options;
  options.metadata.add(std::string(wire::roam::names::token), std::move(secret));
  return options;
}

TEST(HubCommands, a_worker_offers_and_a_client_calls_through_the_hub) {
  HubWorld hub;
  const auto worker_session = hub.party(), client_session = hub.party();
  Process worker(hub), client(hub);
  worker.attach(*worker_session).value();
  client.attach(*client_session).value();
  worker.offers_add();
  EXPECT_EQ(client.add().value(), Sum{5});
  const auto listed = hub.world.run(list_commands(*client_session->session)).value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].id, "math.add");
  EXPECT_EQ(client.add("math.sub").error().code, Code::not_found);
  worker.registry.close();
  client.registry.close();
}

TEST(HubCommands, nobody_chooses_the_name_that_another_has_and_a_session_is_attached_a_few_times_at_most) {
  HubWorld hub;
  const auto session = hub.party();
  std::vector<std::unique_ptr<Process>> processes;
  std::vector<std::string> callers;
  const auto note = [&](CommandContext& context) { callers.push_back(context.caller()); };
  hub.world.run(hub.hub->registry().command("who", "", note)).value();
  for (int i = 0; i < 9; ++i) {
    processes.push_back(std::make_unique<Process>(hub));
    auto carrier = session_carrier(*session->session, "hub", i == 0 ? "a name of two lines\n" : "lines-1");
    const auto attached = hub.world.run(processes.back()->registry.attach(std::move(carrier), {.is_router = true}));
    EXPECT_EQ(attached.has_value(), i < 8) << i;
    if (attached) hub.world.run(processes.back()->registry.execute("who")).value();
    if (!attached) EXPECT_EQ(attached.error().code, Code::overloaded);
  }
  ASSERT_EQ(callers.size(), 8u);
  EXPECT_EQ(callers[0], "session#1");
  EXPECT_EQ(callers[1], "lines-1#2");
  for (const auto& each : processes) each->registry.close();
}

TEST(HubCommands, a_foreign_registry_in_lines_calls_and_is_called) {
  HubWorld hub;
  const auto session = hub.party();
  Process ours(hub), foreign(hub);
  ours.attach(*session).value();
  foreign.attach_lines().value();
  ours.offers_add();
  foreign.offers_add("foreign.add");
  EXPECT_EQ(foreign.add().value(), Sum{5});
  EXPECT_EQ(ours.add("foreign.add").value(), Sum{5});
  int heard = 0;
  auto subscription = foreign.registry.on<Sum>("sum", [&](std::string_view, Sum) { ++heard; }).value();
  ours.registry.emit("sum", Sum{1}).value();
  hub.world.settle();
  EXPECT_EQ(heard, 1);
  foreign.registry.close();
  ours.registry.close();
}

TEST(HubCommands, a_worker_that_dies_is_told_of_at_once) {
  // rule: commands/weakness.23
  HubWorld hub;
  auto worker_session = hub.party();
  const auto client_session = hub.party();
  auto worker = std::make_unique<Process>(hub);
  Process client(hub);
  worker->attach(*worker_session).value();
  client.attach(*client_session).value();
  hub.world.run(worker->registry.command("slow", "", [&] { return sleep_an_hour(hub.world.loop); })).value();
  auto call = client.registry.execute("slow");
  call.bind(hub.world.loop.executor());
  ASSERT_FALSE(call.start());
  hub.world.settle();
  worker_session->session->break_off({Code::protocol, "it dies"});
  hub.world.settle();
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(call.promise().take().error().code, Code::sent_then_lost);
  EXPECT_TRUE(hub.hub->registry().commands().empty());
  worker.reset();
  client.registry.close();
}

TEST(HubCommands, who_may_not_offer_call_see_publish_or_subscribe_does_not) {
  // rule: commands/weakness.12, commands/REG-19
  HubWorld hub(with_rules({"token:worker offer,publish work.**", "token:client call work.open"}));
  const auto worker_session = hub.party(with_token("the secret of the worker"));
  const auto client_session = hub.party(with_token("the secret of the client"));
  Process worker(hub), client(hub);
  worker.attach(*worker_session).value();
  client.attach(*client_session).value();
  worker.offers_add("work.open");
  worker.offers_add("work.secret");
  EXPECT_FALSE(hub.world.run(worker.registry.command("other.add", "", [] {})).has_value());
  EXPECT_EQ(client.add("work.open").value(), Sum{5});
  EXPECT_EQ(client.add("work.secret").error().code, Code::not_found);
  const auto seen = hub.world.run(list_commands(*client_session->session)).value();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].id, "work.open");
  int heard = 0;
  auto listening = worker.registry.on_json("**", [](std::string_view, std::string_view) { return true; }).value();
  auto all = client.registry.on_json("**", [&](std::string_view, std::string_view) { return ++heard != 0; }).value();
  auto& there = hub.hub->registry();
  auto at_hub = there.on_json("**", [](std::string_view, std::string_view) { return true; }).value();
  hub.world.settle();
  worker.registry.emit("work.done").value();
  client.registry.emit("work.forged").value();
  hub.world.settle();
  EXPECT_EQ(heard, 1) << "its own alone";
  EXPECT_EQ(hub.hub->registry().counters().events_refused, 1u);
  client.registry.close();
  worker.registry.close();
}

TEST(HubCommands, a_stranger_in_lines_says_his_token_in_his_first_message) {
  HubWorld hub(with_rules({"token:client call **"}));
  const io::Peer::Credentials stranger{.pid = 1, .uid = 4711, .gid = 4711};
  auto carrier = LineCarrier::make(hub.world.loop, hub.dial(stranger), {.id = "hub"});
  hub.world.run(carrier->start()).value();
  const auto list = [&](std::string secret) {
    return CommandMessage{
        .id = "1", .body = wire::command::ListRequest(), .meta = R"({"parley-token":")" + secret + "\"}"};
  };
  carrier->send(list("the secret of the client")).value();
  hub.world.settle();
  EXPECT_TRUE(hub.world.run(carrier->receive()).has_value());
  EXPECT_EQ(hub.hub->registry().carrier_count(), 1u);
  auto wrong = LineCarrier::make(hub.world.loop, hub.dial(stranger), {.id = "hub"});
  hub.world.run(wrong->start()).value();
  wrong->send(list("the secret of nobody else")).value();
  hub.world.settle();
  EXPECT_FALSE(hub.world.run(wrong->receive()).has_value());
  EXPECT_EQ(hub.hub->registry().carrier_count(), 1u);
  carrier->close();
  hub.world.settle();
}

TEST(HubCommands, strangers_in_lines_push_out_each_other_and_nobody_else) {
  HubOptions options;
  options.limits.sessions_max = 2;
  options.limits.newcomers_max = 2;
  HubWorld hub(std::move(options));
  Process worker(hub);
  worker.attach_lines().value();
  worker.offers_add();
  std::vector<std::unique_ptr<io::Stream>> silent;
  const auto comes = [&] {
    silent.push_back(hub.dial());
    const auto began = silent.back()->write_some(as_bytes(std::string_view(R"({"type":"list.commands.request",)")));
    ASSERT_EQ(began.status, io::Transfer::Status::moved);
    hub.world.settle();
  };
  const auto is_over = [&](std::size_t i) {
    std::array<std::uint8_t, 16> bytes;
    return silent[i]->read_some(bytes).status != io::Transfer::Status::would_block;
  };
  for (int i = 0; i < 3; ++i) comes();
  EXPECT_TRUE(is_over(0));
  EXPECT_FALSE(is_over(1) || is_over(2));
  EXPECT_EQ(hub.hub->command_gate().pushed_out, 1u);
  Process client(hub);
  client.attach_lines().value();
  EXPECT_EQ(client.add(), Sum{5}) << "one more newcomer, who is let in";
  Process third(hub);
  static_cast<void>(third.attach_lines());
  hub.world.settle();
  EXPECT_EQ(third.registry.carrier_count(), 0u) << "there is room for two";
  EXPECT_EQ(hub.hub->command_gate().too_many, 1u);
  hub.world.pass(60s);
  EXPECT_TRUE(is_over(2));
  EXPECT_EQ(client.add(), Sum{5});
  client.registry.close();
  worker.registry.close();
  hub.world.settle();
}

TEST(HubCommands, a_name_is_a_service_or_a_command) {
  HubWorld hub;
  const auto session = hub.party();
  Process process(hub);
  process.attach(*session).value();
  process.offers_add("Probe");
  auto directory = session->client<builtin::Directory>(builtin::directory_name);
  auto offered = directory.call<&builtin::Directory::offer>(suite::probe_offer());
  const auto refused = hub.outcome_of(offered);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::in_use);
  EXPECT_THAT(refused.error().note, HasSubstr("is a command"));
  process.registry.close();
}

}  // namespace
}  // namespace parley::hub
