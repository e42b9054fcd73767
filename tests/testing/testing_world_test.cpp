#include "scene.h"

// What a world promises to a test: its own time, its own addresses, the same run for the same seed, and a failure that
// says what is wrong instead of a hang.
namespace parley_user {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(TestingWorld, runs_a_service_as_it_is_served_in_production) {
  Scene scene;
  auto desk = scene.meet();
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(2, 3)), 5);
  auto [tx, rx] = parley::channel<std::int32_t>();
  auto total = desk.call<&Desk::sum>(std::move(rx));
  for (const std::int32_t number : {1, 2, 3}) EXPECT_TRUE(scene.world.run(tx.send(number)));
  tx.close();
  EXPECT_EQ(*scene.world.run(std::move(total)), 6);
}

TEST(TestingWorld, lets_time_pass_only_while_there_is_nothing_to_do) {
  Scene scene;
  World& world = scene.world;
  auto desk = scene.meet();
  const parley::Instant began = world.now();
  EXPECT_EQ(*world.run(desk.call<&Desk::add>(2, 3)), 5);
  EXPECT_EQ(world.now(), began);
  EXPECT_TRUE(world.run(desk.call<&Desk::nap>(50u * 60 * 1000)));
  EXPECT_EQ(world.now(), began + 50min);
  world.run(parley::Sleep(world.loop(), 1ns));
  EXPECT_EQ(world.now(), began + 50min + 1ns);
}

TEST(TestingWorld, passes_just_the_time_that_it_is_told) {
  Scene scene;
  auto desk = scene.meet();
  const parley::Instant began = scene.world.now();
  auto first = desk.call<&Desk::nap>(10u);
  auto second = desk.call<&Desk::nap>(11u);
  scene.world.settle();
  EXPECT_EQ(scene.service.calls, 2);
  EXPECT_EQ(scene.world.now(), began);
  scene.world.pass(10ms);
  EXPECT_TRUE(first.is_done());
  EXPECT_FALSE(second.is_done());
  EXPECT_EQ(scene.world.now(), began + 10ms);
  scene.world.pass(1ms);
  EXPECT_TRUE(second.is_done());
}

TEST(TestingWorld, waits_for_whatever_can_be_awaited) {
  World world(7);
  parley::Event event;
  event.set();
  world.run(event.wait());
  parley::Queue<int> queue(1);
  queue.push(4).value();
  EXPECT_EQ(world.run(queue.pop()), 4);
}

// Everything that happened, and what it came to.
struct Outcome {
  std::uint64_t hash = 0;
  parley::Instant end;
  parley::testing::Faults faults;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
Outcome rough_run(std::uint64_t seed) {
  Scene scene(seed);
  scene.world.links().carry({.delay_min = 10us,
                             .delay_max = 5ms,
                             .piece_bytes_max = 20,
                             .short_writes = 300,
                             .stalls = 100,
                             .stall_max = 20ms});
  auto desk = scene.meet();
  for (int round = 0; round < 20; ++round) {
    const std::string text(scene.world.prng().below(5000), 'x');
    EXPECT_EQ(*scene.world.run(desk.call<&Desk::measure>(text)), text.size());
  }
  return {scene.world.trace().hash(), scene.world.now(), scene.world.faults()};
}

TEST(TestingWorld, repeats_a_run_from_its_seed) {
  const Outcome run = rough_run(7);
  EXPECT_EQ(rough_run(7), run);
  EXPECT_NE(rough_run(8), run);
  EXPECT_GT(run.faults.split, 0u);
  EXPECT_GT(run.faults.short_writes, 0u);
  EXPECT_GT(run.faults.stalled, 0u);
}

// One that asks nobody for a sign of life: that happens again and again, and so nothing stands still.
parley::Options patient() {
  parley::Options options;
  options.limits.keepalive = parley::Duration::zero();
  return options;
}

TEST(TestingWorld, reports_a_deadlock_with_its_line_its_seed_and_what_is_open) {
  Scene scene(4711, throwing());
  auto desk = scene.meet(patient());
  const std::string failure = failure_of([&] { scene.world.run(desk.call<&Desk::wait_in_vain>()).value(); });
  EXPECT_THAT(failure, AllOf(HasSubstr("testing_world_test.cpp:"), HasSubstr("a deadlock"), HasSubstr("seed 4711"),
                             HasSubstr("both ends of link 0 to sim:desk"), HasSubstr("the listener at sim:desk")));
  // And goes on: what waited is cancelled.
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(2, 3)), 5);
}

Task<void> tick(parley::Executor& executor) {
  for (;;) co_await parley::Sleep(executor, 1s);
}

TEST(TestingWorld, reports_what_takes_longer_than_it_may) {
  WorldOptions options = throwing();
  options.run_max = 90s;
  Scene scene(7, std::move(options));
  auto desk = scene.meet(patient());
  parley::Scope background(scene.world.loop());
  background.spawn(tick(scene.world.loop()));
  const std::string failure = failure_of([&] { scene.world.run(desk.call<&Desk::wait_in_vain>()).value(); });
  EXPECT_THAT(failure, AllOf(HasSubstr("not ended after 90 s"), HasSubstr("a timer"), HasSubstr("seed 7")));
}

// Posts itself for ever.
struct Restless {
  void again() {
    loop.post([this] { again(); });
  }
  parley::io::Loop& loop;
};

TEST(TestingWorld, reports_a_loop_that_turns_while_time_stands_still) {
  World world(7, throwing());
  Restless restless{world.loop()};
  restless.again();
  const auto stands_still = HasSubstr("time stands still");
  EXPECT_THAT(failure_of([&] { world.settle(); }), stands_still);
  EXPECT_THAT(failure_of([&] { world.pass(1ms); }), stands_still);
  parley::Event never;
  EXPECT_THAT(failure_of([&] { world.run(never.wait()); }), stands_still);
}

TEST(TestingWorldDeathTest, prints_the_seed_and_aborts_where_nobody_says_otherwise) {
  World world(4711);
  parley::Event never;
  EXPECT_DEATH(world.run(never.wait()), "testing_world_test.cpp:.*a deadlock.*seed 4711");
  EXPECT_DEATH(world.expect(false, "the sum is right"), "testing_world_test.cpp:.*the sum is right .seed 4711");
}

TEST(TestingWorld, says_what_was_expected_and_when) {
  World world(4711, throwing());
  world.expect(true, "nothing");
  world.pass(1250ms);
  EXPECT_EQ(world.replay(), "seed 4711, 1.25 s after the start");
  EXPECT_THAT(
      failure_of([&] { world.expect(false, "the sum is right"); }),
      AllOf(HasSubstr("testing_world_test.cpp:"), HasSubstr("the sum is right (seed 4711, 1.25 s after the start)")));
}

TEST(TestingWorld, is_quiet_when_everything_has_been_closed) {
  Scene scene(7, throwing());
  scene.world.links().carry({.delay_min = 1ms, .delay_max = 5ms});
  {
    auto desk = scene.meet();
    EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(2, 3)), 5);
  }
  EXPECT_THAT(failure_of([&] { scene.world.expect_quiet(); }),
              AllOf(HasSubstr("both ends of link 0 to sim:desk"), HasSubstr("the listener at sim:desk")));
  scene.close();
  scene.world.expect_quiet();
}

TEST(TestingWorld, is_not_quiet_while_a_timer_runs_on) {
  World world(7, throwing());
  parley::Scope background(world.loop());
  background.spawn(tick(world.loop()));
  EXPECT_THAT(failure_of([&] { world.expect_quiet(); }), HasSubstr("there is a timer"));
  background.cancel_all();
  world.expect_quiet();
}

TEST(TestingWorld, leads_every_address_into_its_network) {
  DeskService service;
  World world(7);
  for (const std::string address : {"sim:desk", "unix:/no/such/folder/desk.sock", "tcp:127.0.0.1:1", "mem:desk"}) {
    SCOPED_TRACE(address);
    EXPECT_EQ(dial(world, address).error().code, Code::address);
    parley::Server server = parley::listen(world.loop(), address).value();
    server.serve<Desk>("Desk", service).value();
    EXPECT_EQ(server.address(), address);
    EXPECT_EQ(parley::listen(world.loop(), address).error().code, Code::in_use);
    const auto session = dial(world, address).value();
    EXPECT_EQ(*world.run(session->client<Desk>("Desk").call<&Desk::add>(2, 3)), 5);
    EXPECT_EQ(session->peer().address, address);
    EXPECT_EQ(world.links(address).count(), 1u);
  }
  EXPECT_EQ(world.faults().refused, 4u);
}

TEST(TestingWorld, chooses_ports_that_nobody_has) {
  World world(7);
  const parley::Server first = parley::listen(world.loop(), "tcp:127.0.0.1:0").value();
  const parley::Server second = parley::listen(world.loop(), "tcp:127.0.0.1:0").value();
  EXPECT_NE(first.address(), second.address());
  EXPECT_TRUE(dial(world, second.address()));
}

TEST(TestingWorld, knows_no_address_outside_of_it) {
  World world(7);
  EXPECT_EQ(dial(world, "stdio:").error().code, Code::unsupported);
  EXPECT_EQ(dial(world, "fd:3").error().code, Code::unsupported);
  EXPECT_EQ(dial(world, "sim:").error().code, Code::uri);
  EXPECT_EQ(dial(world, "desk").error().code, Code::uri);
}

TEST(TestingWorld, passes_descriptors_as_the_real_addresses_do) {
  World world(7);
  for (const auto& [address, passes] : {std::pair("unix:/desk.sock", true), std::pair("tcp:127.0.0.1:7", false)}) {
    const parley::Server server = parley::listen(world.loop(), address).value();
    const auto session = dial(world, address).value();
    EXPECT_EQ(session->pass({}).has_value(), passes) << address;
  }
}

}  // namespace
}  // namespace parley_user
