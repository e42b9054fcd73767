#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "codec/postcard_writer.h"
#include "runtime/outbox/outbox_suite.h"
#include "runtime/pair_suite.h"

// What both ends say to each other, and what happens where that fails.
namespace parley {
namespace {

using namespace runtime::suite;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using Kind = TicketResult::Kind;

class OutboxWireTest : public ::testing::Test {
 protected:
  void connect() {
    between.reset();
    between = std::make_unique<Between>(world, outbox, host);
  }
  Ticket send(int number) { return outbox.send("note", Note{number}).value(); }

  World world;
  Host host{world};
  Outbox outbox{world.loop, {.name = "to the host"}};
  std::unique_ptr<Between> between;
};

TEST_F(OutboxWireTest, what_is_said_has_the_fields_of_a_frame) {
  // rule: delivery/K-02
  using namespace builtin;
  EXPECT_THAT(codec::to_postcard(OutboxOpening{.outbox = 5, .name = "n", .incarnation = 6, .results = 7}),
              ElementsAre(5, 1, 'n', 1, 6, 1, 7));
  EXPECT_THAT(codec::to_postcard(
                  OutboxSaid(OutboxSend{.number = 1, .ticket = 2, .remaining = 3ns, .frame = {{8, 9}}, .results = 4})),
              ElementsAre(0, 1, 2, 6, 1, 2, 8, 9, 1, 4));
  EXPECT_THAT(codec::to_postcard(OutboxSaid(OutboxCancel{2})), ElementsAre(1, 2));
  EXPECT_THAT(codec::to_postcard(OutboxSaid(OutboxTaken{3})), ElementsAre(2, 3));
  EXPECT_THAT(codec::to_postcard(OutboxHeard(OutboxReady{.incarnation = 6, .received = 1, .room = 9})),
              ElementsAre(0, 6, 1, 1, 9));
  EXPECT_THAT(
      codec::to_postcard(OutboxHeard(OutboxEnded{
          .number = 1, .ticket = 2, .kind = Kind::expired, .code = 3, .note = "n", .value = "v", .received = 4})),
      ElementsAre(1, 1, 2, 2, 3, 1, 'n', 1, 'v', 1, 4));
  EXPECT_THAT(codec::to_postcard(OutboxCommand{.name = "c", .request = "{}", .meta = ""}),
              ElementsAre(1, 'c', 2, '{', '}', 0));
}

TEST_F(OutboxWireTest, a_write_that_fails_is_the_end_of_the_session_for_both_ends) {
  // rule: delivery/W-21, delivery/R-12
  for (const bool is_of_the_host : {false, true}) {
    connect();
    io::FaultPlan& plan = is_of_the_host ? between->plans.second : between->plans.first;
    plan.fail_at_byte = plan.bytes_written + 3;
    const Ticket ticket = send(1);
    world.settle();
    EXPECT_TRUE(between->is_broken());
    EXPECT_FALSE(outbox.machine().is_connected());
    EXPECT_TRUE(outbox.machine().outage());
    EXPECT_FALSE(host.service->entries().at(0).is_connected);
    EXPECT_EQ(outbox.send("note", Note{2}, {.when_full = Outbox::WhenFull::only_if_connected}).error().code,
              Code::not_sent);
    EXPECT_EQ(ticket.peek(), nullptr);
    connect();
    EXPECT_EQ(world.run(ticket.result()).kind, Kind::applied);
  }
  EXPECT_THAT(host.noted, ElementsAre(1, 1));
}

// A message leaves in pieces here, and others are said over the same session.
TEST_F(OutboxWireTest, what_is_said_at_once_by_several_stays_whole_and_a_session_outlives_its_outbox) {
  // rule: delivery/R-03
  between = std::make_unique<Between>(world, outbox, host, 64);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 20; ++i) tickets.push_back(send(i));
  Running<Result<builtin::OutboxTicket>> asking(world, outbox.ask_peer(1));
  EXPECT_TRUE(asking.take());
  for (const Ticket& each : tickets) EXPECT_EQ(world.run(each.result()).kind, Kind::applied);
  const Between second(world, outbox, host);
  Client<builtin::Outbox> first(between->near());
  auto asked = first.call<&builtin::Outbox::ticket>(outbox.id(), 1);
  EXPECT_TRUE(world.run(outcome(asked)));
}

// Nothing is under way, so nothing but the session's own questions tells that nobody is there.
TEST_F(OutboxWireTest, a_peer_that_has_been_stopped_is_noticed_by_both_ends_without_any_command) {
  // rule: delivery/K-10
  connect();
  world.pass(60s);
  EXPECT_TRUE(outbox.machine().is_connected());
  between->is_host_stopped = true;
  for (int i = 0; i < 3; ++i) world.pass(Limits().keepalive);
  EXPECT_FALSE(outbox.machine().is_connected());
  EXPECT_FALSE(host.service->entries().at(0).is_connected);
  const Ticket ticket = send(1);
  connect();
  EXPECT_EQ(world.run(ticket.result()).kind, Kind::applied);
}

TEST_F(OutboxWireTest, a_clock_that_jumps_ahead_ends_what_is_over_and_the_session_goes_on) {
  // rule: delivery/K-07
  connect();
  const Ticket hangs = outbox.send("hang", Note{1}).value();
  const Ticket patient = outbox.send("hang", Note{2}, {.deadline = 24h}).value();
  world.settle();
  world.pass(5h);
  EXPECT_EQ(world.run(hangs.result()).kind, Kind::unknown);
  EXPECT_EQ(patient.peek(), nullptr);
  host.may_go_on.set();
  EXPECT_EQ(world.run(patient.result()).kind, Kind::applied);
  EXPECT_EQ(world.run(send(3).result()).kind, Kind::applied);
  EXPECT_EQ(outbox.machine().counters().sessions, 1u);
  EXPECT_THAT(host.noted, ElementsAre(1, 2, 3));
}

// Says these to whoever takes commands, and gives the first that is said back.
Task<std::vector<builtin::OutboxHeard>> converse(Client<builtin::Outbox> peer, std::vector<builtin::OutboxSaid> items,
                                                 std::size_t count) {
  auto [to_peer, said] = channel<builtin::OutboxSaid, builtin::outbox_items_ahead>();
  auto [heard, from_peer] = channel<builtin::OutboxHeard, builtin::outbox_items_ahead>();
  builtin::OutboxOpening opening{.outbox = 5};
  auto call = peer.call<&builtin::Outbox::attach>(std::move(opening), std::move(said), std::move(heard));
  for (const auto& item : items) (co_await to_peer.send(item)).value();
  std::vector<builtin::OutboxHeard> all;
  while (all.size() < count) all.push_back((co_await from_peer.recv()).value());
  co_return all;
}

// Another program than ours may say anything.
TEST_F(OutboxWireTest, a_frame_that_is_no_command_has_failed_and_keeps_nobody_waiting) {
  // rule: delivery/W-16
  connect();
  const auto item = [](std::uint32_t number, std::vector<std::uint8_t> frame) {
    return builtin::OutboxSaid(
        builtin::OutboxSend{.number = number, .ticket = number + 1, .remaining = 1min, .frame = std::move(frame)});
  };
  const auto command = codec::to_postcard(builtin::OutboxCommand{.name = "note", .request = R"({"number":4})"});
  const auto no_json = codec::to_postcard(builtin::OutboxCommand{.name = "note", .request = R"({"number":4)"});
  const auto heard = world.run(converse(Client<builtin::Outbox>(between->near()),
                                        {item(0, {0xff, 0xff}), item(1, no_json), item(2, command)}, 4));
  EXPECT_TRUE(std::holds_alternative<builtin::OutboxReady>(heard[0]));
  EXPECT_EQ(std::get<builtin::OutboxEnded>(heard[1]).kind, Kind::failed);
  EXPECT_EQ(std::get<builtin::OutboxEnded>(heard[2]).kind, Kind::failed);
  EXPECT_EQ(std::get<builtin::OutboxEnded>(heard[2]).code, static_cast<std::uint32_t>(Code::arguments));
  EXPECT_EQ(std::get<builtin::OutboxEnded>(heard[3]).kind, Kind::applied);
  EXPECT_THAT(host.noted, ElementsAre(4));
}

}  // namespace
}  // namespace parley
