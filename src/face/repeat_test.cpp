#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "face/server.h"
#include "face/session.h"
#include "hub/hub.h"
#include "runtime/world_suite.h"
#include "sim/testing_world.h"

// What becomes of idempotent calls when the session under them is lost and dialled again.
namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::World;

class Ledger {
 public:
  Task<std::string> read(std::string name) { return wait(std::move(name)); }
  Task<std::string> write(std::string name) { return wait(std::move(name)); }
  Task<std::string> sum(std::string name, Rx<std::uint32_t> numbers) {
    while (co_await numbers.recv()) {
    }
    co_return name;
  }
  Task<std::string> wait(std::string name) {
    asked.push_back(name);
    co_await release.wait();
    co_return name + "!";
  }
  std::vector<std::string> asked;
  Event release;
};
PARLEY_SERVICE(Ledger, (read, args(name), idempotent), write, (sum, idempotent));

class Repeat : public ::testing::Test {
 protected:
  void open(const Options& options = {}) {
    server.emplace(listen(world.loop, "mem:ledger", options).value());
    ASSERT_TRUE(server->serve<Ledger>("Ledger", ledger));
  }
  Client<Ledger> connected(Options options = {.redial = true}) {
    session = world.run(connect(world.loop, "mem:ledger", std::move(options))).value();
    return session->client<Ledger>("Ledger");
  }
  void lose() {
    server.reset();
    world.settle();
  }
  void come_back() {
    open();
    world.pass(5s);
  }
  template <class T>
  CallResultOf<T> end_of(Call<T>& call) {
    world.settle();
    EXPECT_TRUE(call.is_done());
    return call.await_resume();
  }

  Ledger ledger;
  World world;
  std::optional<Server> server;
  std::unique_ptr<Session> session;
};

TEST_F(Repeat, an_idempotent_call_is_made_again_on_the_session_that_comes_next) {
  // rule: calls/retry.policy.idem, calls/retry.policy.non-idem.default
  open();
  auto client = connected();
  auto call = client.call<&Ledger::read>("a");
  auto other = client.call<&Ledger::write>("b");
  world.settle();
  lose();
  EXPECT_FALSE(call.is_done());
  EXPECT_EQ(end_of(other).error().code, Code::sent_then_lost) << "it may have happened";
  come_back();
  EXPECT_EQ(ledger.asked, (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_EQ(session->counters().calls_repeated, 1u);
  ledger.release.set();
  EXPECT_EQ(end_of(call).value(), "a!");
  EXPECT_EQ(session->runtime().repeats().bytes(), 0u);
}

TEST_F(Repeat, a_call_says_it_where_its_method_does_not) {
  open();
  auto client = connected();
  auto yes = client.with({.idempotent = true}).call<&Ledger::write>("yes");
  auto no = client.with({.idempotent = false}).call<&Ledger::read>("no");
  auto raw = session->raw_call(service::MethodInfo<&Ledger::write>::id, as_bytes("\3raw"), {}, {.idempotent = true});
  world.settle();
  lose();
  EXPECT_EQ(end_of(no).error().code, Code::sent_then_lost);
  come_back();
  EXPECT_EQ(ledger.asked, (std::vector<std::string>{"yes", "no", "raw", "yes", "raw"}));
  ledger.release.set();
  EXPECT_EQ(end_of(yes).value(), "yes!");
  world.settle();
  EXPECT_TRUE(raw.is_done());
}

TEST_F(Repeat, only_a_session_that_dials_again_keeps_anything) {
  open();
  auto client = connected({});
  auto call = client.call<&Ledger::read>("a");
  EXPECT_EQ(session->runtime().repeats().bytes(), 0u);
  world.settle();
  lose();
  EXPECT_EQ(end_of(call).error().code, Code::sent_then_lost);
}

TEST_F(Repeat, a_call_with_a_channel_is_not_made_again) {
  open();
  auto client = connected();
  auto [out, in] = channel<std::uint32_t>();
  auto call = client.call<&Ledger::sum>("a", std::move(in));
  auto [raw_out, raw_in] = raw_channel(16);
  std::vector<RawChannel> channels;
  channels.emplace_back(std::move(raw_in));
  auto raw = session->raw_call(service::MethodInfo<&Ledger::sum>::id, as_bytes("\1r"), std::move(channels),
                               {.idempotent = true});
  world.settle();
  EXPECT_EQ(session->runtime().repeats().bytes(), 0u);
  lose();
  EXPECT_EQ(end_of(call).error().code, Code::sent_then_lost);
  EXPECT_TRUE(raw.is_done());
}

TEST_F(Repeat, it_is_made_again_a_bounded_number_of_times) {
  open();
  auto client = connected({.limits = {.repeats_max = 2}, .redial = true});
  auto call = client.call<&Ledger::read>("a");
  world.settle();
  for (int i = 0; i < 2; ++i) {
    lose();
    come_back();
    EXPECT_FALSE(call.is_done());
  }
  EXPECT_EQ(ledger.asked.size(), 3u);
  lose();
  EXPECT_EQ(end_of(call).error().code, Code::sent_then_lost);
}

TEST_F(Repeat, its_deadline_goes_on_meanwhile) {
  open();
  auto client = connected();
  auto here = client.with({.deadline = 10s}).call<&Ledger::read>("here");
  auto there = client.with({.deadline = 60s}).call<&Ledger::read>("there");
  world.settle();
  lose();
  world.pass(9s);
  EXPECT_FALSE(here.is_done());
  world.pass(1s);
  EXPECT_EQ(end_of(here).error().code, Code::deadline);
  come_back();
  EXPECT_EQ(ledger.asked, (std::vector<std::string>{"here", "there", "there"}));
  world.pass(40s);
  EXPECT_FALSE(there.is_done());
  world.pass(10s);
  EXPECT_EQ(end_of(there).error().code, Code::deadline);
}

TEST_F(Repeat, without_a_deadline_the_next_session_is_not_waited_for_for_ever) {
  open({.concurrent_requests_max = 1});
  auto client = connected({.limits = {.repeat_wait_max = 20s}, .redial = true});
  auto sent = client.call<&Ledger::read>("sent");
  auto in_line = client.call<&Ledger::read>("in line");
  world.settle();
  lose();
  world.pass(19s);
  EXPECT_FALSE(sent.is_done());
  EXPECT_FALSE(in_line.is_done());
  world.pass(1s);
  EXPECT_EQ(end_of(sent).error().code, Code::sent_then_lost);
  EXPECT_EQ(end_of(in_line).error().code, Code::not_sent) << "it never left";
  EXPECT_EQ(world.loop.executor().timer_count(), 1u) << "of the pause between dialings";
}

TEST_F(Repeat, what_is_refused_the_second_time_may_have_happened_the_first_time) {
  open();
  auto client = connected({.limits = {.waiting_calls_max = 1}, .redial = true});
  auto one = client.call<&Ledger::read>("one");
  auto two = client.call<&Ledger::read>("two");
  auto three = client.call<&Ledger::read>("three");
  world.settle();
  lose();
  open({.concurrent_requests_max = 1});
  world.pass(5s);
  EXPECT_EQ(end_of(three).error().code, Code::sent_then_lost) << "there is room for one, and one in line";
  lose();
  world.pass(30s);
  EXPECT_EQ(end_of(two).error().code, Code::sent_then_lost) << "though it was in line when the session was lost";
}

TEST_F(Repeat, arguments_are_kept_up_to_a_bound) {
  open();
  auto client = connected({.limits = {.repeat_bytes_max = 1000}, .redial = true});
  auto kept = client.call<&Ledger::read>(std::string(700, 'k'));
  auto beyond = client.call<&Ledger::read>(std::string(700, 'b'));
  world.settle();
  EXPECT_LE(session->runtime().repeats().bytes(), 1000u);
  lose();
  EXPECT_EQ(end_of(beyond).error().code, Code::sent_then_lost);
  come_back();
  EXPECT_EQ(ledger.asked.size(), 3u);
  EXPECT_FALSE(kept.is_done());
}

TEST_F(Repeat, one_that_is_dropped_or_moved_meanwhile_is_as_any_other) {
  open();
  auto client = connected();
  auto first = client.call<&Ledger::read>("moved");
  {
    auto dropped = client.call<&Ledger::read>("dropped");
    world.settle();
    lose();
  }
  auto moved = std::move(first);
  come_back();
  EXPECT_EQ(ledger.asked, (std::vector<std::string>{"moved", "dropped", "moved"}));
  EXPECT_FALSE(moved.is_done());
}

TEST_F(Repeat, when_the_session_is_closed_or_its_handle_goes_nothing_waits_any_more) {
  for (const bool closes : {true, false}) {
    open();
    auto client = connected();
    auto call = client.call<&Ledger::read>("a");
    world.settle();
    lose();
    EXPECT_FALSE(call.is_done());
    if (closes) {
      session->close();
    } else {
      session.reset();
    }
    EXPECT_EQ(end_of(call).error().code, Code::sent_then_lost);
  }
}

TEST_F(Repeat, a_session_that_is_closed_at_work_ends_its_calls) {
  open();
  auto client = connected();
  auto call = client.call<&Ledger::read>("a");
  world.settle();
  session->close();
  EXPECT_EQ(end_of(call).error().code, Code::sent_then_lost);
}

TEST_F(Repeat, behind_a_hub_the_connection_to_the_service_is_opened_again) {
  parley::testing::World sim(5);
  const std::string token(32, 't');
  HubOptions options;
  options.tokens.add("ours", token).value();
  options.policy.add(core::Rule::parse("token:ours see,call,offer Ledger").value()).value();
  Hub hub(sim.loop(), options);
  ASSERT_TRUE(hub.listen("sim:hub"));
  Services services;
  ASSERT_TRUE(services.serve<Ledger>("Ledger", ledger));
  auto worker = sim.run(connect(sim.loop(), "sim:hub", {.token = token, .services = &services, .offer = true})).value();
  auto own = sim.run(connect(sim.loop(), "sim:hub", {.token = token, .redial = true})).value();
  auto client = own->client<Ledger>("Ledger");
  auto call = client.call<&Ledger::read>("a");
  auto other = client.call<&Ledger::write>("b");
  sim.pass(1s);
  ASSERT_EQ(ledger.asked.size(), 2u);
  sim.links("sim:hub").nth(1).cut();
  sim.pass(5s);
  EXPECT_TRUE(other.is_done());
  EXPECT_EQ(ledger.asked, (std::vector<std::string>{"a", "b", "a"}));
  ledger.release.set();
  sim.pass(1s);
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(call.await_resume().value(), "a!");
}

TEST_F(Repeat, a_stable_session_that_is_lost_and_dialled_again_makes_them_again) {
  parley::testing::World sim(5);
  std::optional<Server> stable(listen(sim.loop(), "sim:ledger").value());
  ASSERT_TRUE(stable->serve<Ledger>("Ledger", ledger));
  auto own = sim.run(connect(sim.loop(), "sim:ledger", {.redial = true, .stable = true})).value();
  auto call = own->client<Ledger>("Ledger").call<&Ledger::read>("a");
  sim.pass(1s);
  sim.links("sim:ledger").cut();
  sim.pass(1s);
  EXPECT_EQ(own->counters().links_resumed, 1u);
  EXPECT_EQ(ledger.asked.size(), 1u) << "a session that goes on makes nothing again";
  stable.reset();
  stable.emplace(listen(sim.loop(), "sim:ledger").value());
  ASSERT_TRUE(stable->serve<Ledger>("Ledger", ledger));
  sim.pass(10s);
  EXPECT_EQ(ledger.asked.size(), 2u);
  EXPECT_EQ(own->counters().calls_repeated, 1u);
  ledger.release.set();
  sim.pass(1s);
  ASSERT_TRUE(call.is_done());
  EXPECT_EQ(call.await_resume().value(), "a!");
}

TEST_F(Repeat, when_the_loop_goes_no_call_is_left) {
  open();
  auto client = std::make_unique<Client<Ledger>>(connected());
  std::optional<Call<std::string>> call(client->call<&Ledger::read>("a"));
  world.settle();
  lose();
  call.reset();
  client.reset();
  EXPECT_EQ(session->runtime().repeats().bytes(), 0u);
}

}  // namespace
}  // namespace parley
