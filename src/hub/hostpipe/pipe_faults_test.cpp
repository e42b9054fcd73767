#include <gmock/gmock.h>

#include "hub/hostpipe/pipe_gate.h"
#include "hub/hostpipe/pipe_suite.h"
#include "io/fault_stream.h"

// A pipe that breaks, wherever it does.
namespace parley::hub {
namespace {

using namespace pipe_suite;
using namespace std::chrono_literals;
using runtime::suite::World;
using ::testing::HasSubstr;

// A gate whose streams break as the plan says.
struct Breaking {
  explicit Breaking(io::FaultPlan& plan) : plan(plan) {}
  std::unique_ptr<io::Stream> come() {
    auto [near, far] = io::MemoryStream::make_pair(world.loop);
    gate.admit({.stream = std::make_unique<io::FaultStream>(world.loop, std::move(near), plan),
                .seen = core::Principal::of_own_process(),
                .until = world.loop.now() + 5s});
    world.settle();
    return std::move(far);
  }
  void say(io::Stream& stream, std::string_view line) {
    static_cast<void>(stream.write_some(as_bytes(std::string(line) + "\n")));
    world.settle();
  }
  std::string heard(io::Stream& stream) {
    std::string all;
    std::array<char, 4096> bytes{};
    for (;;) {
      const auto moved = stream.read_some({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
      if (moved.status != io::Transfer::Status::moved) return all;
      all.append(bytes.data(), moved.bytes);
      world.settle();
    }
  }

  io::FaultPlan& plan;
  World world;
  const Gate door{core::Policy::of_owner(core::Principal::of_own_process()), {}};
  Registry registry{world.loop};
  PipeGate gate{{world.loop, door, registry},
                with_commands({"n"}).hostpipe,
                [](const auto&, const auto&, auto, auto, const auto&) {},
                4};
};

TEST(PipeFaults, any_read_or_write_that_fails_ends_the_session_and_whatever_waits_for_it) {
  // rule: delivery/W-21
  using Call = Running<Result<Registry::Answer>>;
  for (std::uint64_t fail_at = 0;; ++fail_at) {
    SCOPED_TRACE(fail_at);
    io::FaultPlan plan{.fail_at = fail_at};
    Breaking at(plan);
    auto host = at.come();
    at.say(*host, register_17);
    Call first(at.world, at.registry.execute_json("host.spawn_pool_window", {}));
    static_cast<void>(at.registry.emit("n"));
    at.world.settle();
    at.say(*host, R"({"cmd":"report_pool_window_added","saga_id":1})");
    Call second(at.world, at.registry.execute_json("host.reap_panes", {}));
    const std::string heard = at.heard(*host);
    const bool is_through = !plan.has_failed();
    if (is_through) {
      EXPECT_TRUE(first.take().has_value());
      EXPECT_THAT(heard, HasSubstr("reap_panes"));
      EXPECT_TRUE(at.gate.has_host());
      host.reset();
      at.world.settle();
    } else {
      ASSERT_TRUE(first.is_done());
      const auto ended = first.take();
      if (!ended)
        EXPECT_TRUE(kind(ended.error()) == Kind::unknown || kind(ended.error()) == Kind::lost ||
                    ended.error().code == Code::not_found)
            << to_string(ended.error());
      if (!ended && kind(ended.error()) == Kind::lost) {
        EXPECT_THAT(heard, ::testing::Not(HasSubstr("\"saga_id\":1}"))) << "it was not sent, and is heard";
      }
    }
    ASSERT_TRUE(second.is_done());
    EXPECT_FALSE(second.take().has_value());
    EXPECT_FALSE(at.gate.has_host());
    EXPECT_EQ(at.registry.carrier_count(), 0u);
    EXPECT_TRUE(at.registry.commands().empty());
    EXPECT_EQ(at.gate.counters().broken, plan.has_failed() ? 1u : 0u);
    if (!plan.has_failed()) break;
    auto next = at.come();
    plan.fail_at = io::FaultPlan::never;
    at.say(*next, register_17);
    EXPECT_TRUE(at.gate.has_host()) << "its place is free";
  }
}

TEST(PipeFaults, the_last_of_hosts_that_come_and_go_in_one_turn_has_its_commands) {
  // rule: delivery/K-09
  io::FaultPlan plan;
  Breaking at(plan);
  auto first = at.come(), second = at.come(), third = at.come();
  at.say(*first, register_17);
  EXPECT_EQ(at.registry.commands().size(), 3u);
  const auto write = [](io::Stream& stream, std::string_view line) {
    static_cast<void>(stream.write_some(as_bytes(std::string(line) + "\n")));
  };
  first.reset();
  write(*second, std::string(register_17) + "\n{\"cmd\":\"goodbye\"}");
  write(*third, register_17);
  at.world.settle();
  EXPECT_EQ(at.gate.counters().registered, 3u);
  EXPECT_TRUE(at.gate.has_host());
  EXPECT_EQ(at.gate.counters().names_refused, 0u);
  EXPECT_EQ(at.registry.commands().size(), 3u);
}

TEST(PipeFaults, a_host_that_dies_in_a_line_has_not_said_it_wherever_that_is) {
  // rule: delivery/W-14
  const std::string line = R"({"cmd":"report_pool_window_added","saga_id":1})";
  for (std::size_t part = 0; part <= line.size(); ++part) {
    Registered at;
    auto call = at.call("host.spawn_pool_window");
    at.host.write(line.substr(0, part));
    EXPECT_FALSE(call.is_done()) << part;
    at.host.die();
    ASSERT_TRUE(call.is_done()) << part;
    const auto ended = call.take();
    // Whose last line has all but its end has said it.
    EXPECT_EQ(ended.has_value(), part == line.size());
    if (!ended) EXPECT_EQ(ended.error().code, Code::sent_then_lost);
  }
}

TEST(PipeFaults, hosts_that_come_and_go_leave_nothing) {
  // rule: delivery/K-09
  io::FaultPlan plan;
  Breaking at(plan);
  for (int i = 0; i < 1000; ++i) {
    auto host = at.come();
    at.say(*host, register_17);
    ASSERT_TRUE(at.gate.has_host());
    Running<Result<Registry::Answer>> call(at.world, at.registry.execute_json("host.spawn_pool_window", {}));
    if (i % 3 == 0) at.say(*host, R"({"cmd":"goodbye"})");
    host.reset();
    at.world.settle();
    ASSERT_TRUE(call.is_done());
    ASSERT_EQ(call.take().error().code, Code::sent_then_lost);
  }
  EXPECT_EQ(at.gate.counters().registered, 1000u);
  EXPECT_EQ(at.gate.counters().lost, 1000u);
  EXPECT_EQ(at.gate.newcomer_count() + at.gate.leaving_count(), 0u);
  at.registry.close();
  EXPECT_EQ(at.world.loop.executor().timer_count(), 0u);
  EXPECT_EQ(at.world.loop.blocks().held_count(), 0u);
}

}  // namespace
}  // namespace parley::hub
