#include "scene.h"

// Each fault of the simulated network happens, is counted, and is seen by both ends.
namespace parley_user {
namespace {

using parley::Kind;
using parley::testing::Faults;

TEST(TestingFaults, a_perfect_network_has_none) {
  Scene scene;
  EXPECT_EQ(*scene.world.run(scene.meet().call<&Desk::measure>(std::string(1'000'000, 'x'))), 1'000'000u);
  scene.close();
  scene.world.expect_quiet();
  const Faults faults = scene.world.faults();
  EXPECT_EQ(faults.cut + faults.closed + faults.half_open + faults.garbage + faults.stalled + faults.split, 0u);
}

TEST(TestingFaults, a_cut_is_seen_by_both_ends) {
  Scene scene;
  auto desk = scene.meet();
  auto call = desk.call<&Desk::wait_in_vain>();
  scene.world.settle();
  EXPECT_EQ(scene.world.links("sim:desk").count(), 1u);
  EXPECT_EQ(scene.world.links("sim:desk").cut(), 1u);
  EXPECT_EQ(scene.world.links("sim:desk").cut(), 0u);
  EXPECT_EQ(scene.world.links("sim:desk").count(), 0u);
  EXPECT_EQ(scene.world.run(std::move(call)).error().code, Code::sent_then_lost);
  scene.world.settle();
  EXPECT_EQ(scene.client_error(), Code::link_lost);
  EXPECT_EQ(scene.server_error(), Code::link_lost);
  EXPECT_EQ(scene.server.session_count(), 0u);
  EXPECT_EQ(scene.world.faults().cut, 1u);
  // The next one is a link of its own.
  EXPECT_EQ(*scene.world.run(scene.meet().call<&Desk::add>(2, 3)), 5);
}

TEST(TestingFaults, a_link_that_closes_looks_like_a_good_end_to_both) {
  Scene scene;
  auto desk = scene.meet();
  auto call = desk.call<&Desk::wait_in_vain>();
  scene.world.settle();
  EXPECT_EQ(scene.world.links().close(), 1u);
  EXPECT_EQ(kind(scene.world.run(std::move(call)).error()), Kind::unknown);
  scene.world.settle();
  EXPECT_TRUE(scene.client_end && *scene.client_end);
  EXPECT_TRUE(scene.server_end && *scene.server_end);
  EXPECT_EQ(scene.world.faults().closed, 1u);
}

TEST(TestingFaults, a_half_open_link_loses_calls_until_the_system_gives_up) {
  Scene scene;
  World& world = scene.world;
  auto desk = scene.meet();
  EXPECT_EQ(world.links().half_open(Direction::to_listener), 1u);
  EXPECT_EQ(world.links().half_open(Direction::to_listener), 0u);
  const parley::Instant began = world.now();
  EXPECT_EQ(world.run(desk.with({.deadline = 2s}).call<&Desk::add>(2, 3)).error().code, Code::deadline);
  EXPECT_EQ(world.now(), began + 2s);
  EXPECT_EQ(scene.service.calls, 0);
  EXPECT_FALSE(scene.client_end || scene.server_end);
  world.pass(18s);
  EXPECT_EQ(scene.client_error(), Code::link_lost);
  EXPECT_EQ(scene.server_error(), Code::link_lost);
  EXPECT_EQ(world.faults().half_open, 1u);
  EXPECT_EQ(world.faults().gave_up, 1u);
  EXPECT_EQ(world.faults().cut, 0u);
}

TEST(TestingFaults, a_half_open_link_loses_answers_of_calls_that_were_served) {
  Scene scene;
  auto desk = scene.meet();
  EXPECT_EQ(scene.world.links().half_open(Direction::to_dialer), 1u);
  EXPECT_EQ(scene.world.run(desk.with({.deadline = 2s}).call<&Desk::add>(2, 3)).error().code, Code::deadline);
  EXPECT_EQ(scene.service.calls, 1);
  // The other direction falls silent as well, and the link ends when it would have without that.
  EXPECT_EQ(scene.world.links().half_open(Direction::both), 1u);
  EXPECT_EQ(scene.world.faults().half_open, 2u);
  scene.world.pass(18s);
  EXPECT_EQ(scene.world.faults().gave_up, 1u);
}

TEST(TestingFaults, garbage_is_a_breach_where_it_arrives_and_reported_to_the_other_end) {
  Scene scene;
  scene.meet();
  EXPECT_EQ(scene.world.links().send_garbage(Direction::to_listener), 1u);
  scene.world.settle();
  ASSERT_TRUE(scene.server_error());
  EXPECT_EQ(kind(*scene.server_error()), Kind::protocol);
  EXPECT_EQ(scene.client_error(), Code::reported);
  EXPECT_EQ(scene.world.faults().garbage, 1u);
}

TEST(TestingFaults, garbage_waits_for_the_end_of_the_message_that_is_arriving) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Scene scene(seed);
    scene.world.links().carry({.bytes_per_second = 1'000'000, .piece_bytes_max = 1'000});
    auto call = scene.meet().call<&Desk::measure>(std::string(100'000, 'x'));
    scene.world.pass(std::chrono::microseconds(scene.world.prng().between(20'000, 80'000)));
    EXPECT_EQ(scene.world.links().send_garbage(Direction::to_listener), 1u);
    EXPECT_EQ(scene.world.faults().garbage, 0u);
    // The message itself is not harmed, and its call reaches the service.
    scene.world.pass(1s);
    EXPECT_EQ(scene.service.calls, 1);
    EXPECT_EQ(scene.world.faults().garbage, 1u);
    ASSERT_TRUE(scene.server_error()) << scene.world.replay();
    EXPECT_EQ(kind(*scene.server_error()), Kind::protocol);
    EXPECT_NE(scene.server_error(), Code::frame_truncated);
  }
}

TEST(TestingFaults, a_stall_holds_back_what_arrives_and_loses_nothing) {
  Scene scene;
  auto desk = scene.meet();
  const parley::Instant began = scene.world.now();
  EXPECT_EQ(scene.world.links().stall(300ms, Direction::to_dialer), 1u);
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(2, 3)), 5);
  EXPECT_EQ(scene.world.now(), began + 300ms);
  EXPECT_EQ(scene.world.links().stall(300ms), 1u);
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(2, 3)), 5);
  EXPECT_EQ(scene.world.now(), began + 600ms);
  EXPECT_EQ(scene.world.faults().stalled, 3u);
}

TEST(TestingFaults, a_delay_lies_between_its_bounds) {
  Scene scene;
  scene.world.links("sim:desk").carry({.delay_min = 10ms, .delay_max = 30ms}, Direction::to_listener);
  scene.world.links("sim:desk").carry({.delay_min = 1ms, .delay_max = 1ms}, Direction::to_dialer);
  auto desk = scene.meet();
  parley::Duration shortest = 1h;
  parley::Duration longest{};
  for (int round = 0; round < 50; ++round) {
    const parley::Instant began = scene.world.now();
    EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(2, 3)), 5);
    shortest = std::min(shortest, scene.world.now() - began);
    longest = std::max(longest, scene.world.now() - began);
  }
  EXPECT_GE(shortest, 11ms);
  EXPECT_LT(shortest, 15ms);
  EXPECT_GT(longest, 27ms);
  EXPECT_LE(longest, 31ms);
}

TEST(TestingFaults, a_slow_reader_holds_up_its_writer) {
  Scene scene;
  auto desk = scene.meet();
  scene.world.links().carry({.buffer_bytes = 4'000, .bytes_per_second = 100'000}, Direction::to_listener);
  const parley::Instant began = scene.world.now();
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::measure>(std::string(500'000, 'x'))), 500'000u);
  EXPECT_GT(scene.world.now(), began + 5s);
  EXPECT_LT(scene.world.now(), began + 6s);
  EXPECT_GT(scene.world.faults().blocked, 10u);
  // Fast again.
  scene.world.links().carry({});
  const parley::Instant then = scene.world.now();
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::measure>(std::string(500'000, 'x'))), 500'000u);
  EXPECT_EQ(scene.world.now(), then);
}

TEST(TestingFaults, bytes_come_in_pieces_and_writes_are_taken_in_part) {
  Scene scene;
  scene.world.links().carry({.piece_bytes_max = 3, .short_writes = 500});
  auto desk = scene.meet();
  for (int round = 0; round < 50; ++round) EXPECT_EQ(*scene.world.run(desk.call<&Desk::add>(round, 3)), round + 3);
  EXPECT_GT(scene.world.faults().split, 50u);
  EXPECT_GT(scene.world.faults().short_writes, 10u);
}

TEST(TestingFaults, the_next_dials_are_refused) {
  Scene scene;
  scene.world.links("sim:desk").refuse_next(2);
  scene.world.links("sim:elsewhere").refuse_next(5);
  for (int dials = 0; dials < 2; ++dials) EXPECT_EQ(dial(scene.world).error().code, Code::address);
  EXPECT_TRUE(dial(scene.world));
  scene.world.links().refuse_next();
  EXPECT_EQ(dial(scene.world).error().code, Code::address);
  EXPECT_TRUE(dial(scene.world));
  EXPECT_EQ(scene.world.faults().refused, 3u);
}

TEST(TestingFaults, a_cut_inside_a_message_truncates_it) {
  Scene scene;
  auto desk = scene.meet();
  EXPECT_EQ(scene.world.links().cut_after(1'000, Direction::to_listener), 1u);
  EXPECT_EQ(kind(scene.world.run(desk.call<&Desk::measure>(std::string(5'000, 'x'))).error()), Kind::unknown);
  scene.world.settle();
  EXPECT_EQ(scene.client_error(), Code::link_lost);
  EXPECT_TRUE(scene.server_error());
  EXPECT_EQ(scene.world.faults().cut, 1u);
}

TEST(TestingFaults, the_next_link_is_cut_within_its_handshake_and_the_one_after_it_is_not) {
  for (const Direction direction : {Direction::to_listener, Direction::to_dialer}) {
    Scene scene;
    scene.world.links("sim:desk").cut_next_after(6, direction);
    const auto session = dial(scene.world);
    ASSERT_FALSE(session);
    EXPECT_EQ(kind(session.error()), Kind::lost) << to_string(session.error());
    EXPECT_EQ(scene.world.faults().cut, 1u);
    EXPECT_EQ(*scene.world.run(scene.meet().call<&Desk::add>(2, 3)), 5);
  }
}

TEST(TestingFaults, a_later_plan_replaces_an_earlier_one) {
  Scene scene;
  auto desk = scene.meet();
  scene.world.links().cut_after(10, Direction::to_listener);
  scene.world.links().cut_after(1'000'000, Direction::to_dialer);
  EXPECT_EQ(*scene.world.run(desk.call<&Desk::measure>(std::string(5'000, 'x'))), 5'000u);
  EXPECT_EQ(scene.world.faults().cut, 0u);
}

TEST(TestingFaults, hit_the_links_that_they_are_for) {
  Scene scene;
  const parley::Server other = parley::listen(scene.world.loop(), "sim:other").value();
  const auto first = dial(scene.world).value();
  const auto elsewhere = dial(scene.world, "sim:other").value();
  const auto second = dial(scene.world).value();
  EXPECT_EQ(scene.world.links().count(), 3u);
  EXPECT_EQ(scene.world.links("sim:desk").count(), 2u);
  EXPECT_EQ(scene.world.links("sim:desk").nth(1).cut(), 1u);
  scene.world.settle();
  EXPECT_TRUE(first->is_open());
  EXPECT_TRUE(elsewhere->is_open());
  EXPECT_FALSE(second->is_open());
  // Of all links it is the second that was dialed.
  EXPECT_EQ(scene.world.links().nth(1).cut(), 1u);
  scene.world.settle();
  EXPECT_TRUE(first->is_open());
  EXPECT_FALSE(elsewhere->is_open());
  EXPECT_EQ(scene.world.links("sim:nowhere").cut(), 0u);
}

TEST(TestingFaults, what_is_said_of_all_holds_for_each_address_until_it_is_told_otherwise) {
  Scene scene;
  const parley::Server other = parley::listen(scene.world.loop(), "sim:other").value();
  const auto rtt = [&](const std::string& address) {
    const parley::Instant began = scene.world.now();
    EXPECT_TRUE(dial(scene.world, address));
    return scene.world.now() - began;
  };
  scene.world.links("sim:desk").carry({.delay_min = 5ms, .delay_max = 5ms});
  EXPECT_EQ(rtt("sim:desk"), 10ms);
  EXPECT_EQ(rtt("sim:other"), 0ms);
  scene.world.links().carry({.delay_min = 1ms, .delay_max = 1ms});
  EXPECT_EQ(rtt("sim:desk"), 2ms);
  EXPECT_EQ(rtt("sim:other"), 2ms);
  scene.world.links("sim:other").carry({});
  EXPECT_EQ(rtt("sim:desk"), 2ms);
  EXPECT_EQ(rtt("sim:other"), 0ms);
}

}  // namespace
}  // namespace parley_user
