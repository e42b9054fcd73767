#include "runtime/outbox/outbox_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "runtime/outbox/outbox_suite.h"

namespace parley {
namespace {

using namespace runtime::suite;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = TicketResult::Kind;

class OutboxServiceTest : public OutboxWorld {};

TEST_F(OutboxServiceTest, a_host_that_goes_while_a_command_runs_leaves_nothing_behind) {
  connect();
  const Ticket ticket = hang(1);
  world.settle();
  host->service->close();
  world.settle();
  EXPECT_FALSE(outbox.machine().is_connected());
  world.pass(30s);
  EXPECT_EQ(result_of(ticket).kind, Kind::unknown);
}

TEST_F(OutboxServiceTest, a_host_has_a_bound_of_outboxes_and_forgets_the_one_that_is_away_for_the_longest) {
  restart_host({.outboxes_max = 2, .outboxes_per_principal_max = 2});
  Outbox other(world.loop);
  Outbox third(world.loop);
  connect();
  send(1);
  world.settle();
  cut();
  {
    const Between second(world, other, *host);
    const Between last(world, third, *host);
    EXPECT_TRUE(third.machine().is_connected());
    EXPECT_THAT(host->service->entries(), SizeIs(2));
    connect();  // both of the others are there
    EXPECT_EQ(between->attached().error().code, Code::overloaded);
  }
  EXPECT_FALSE(outbox.machine().is_connected());
  world.pass(5s);  // it is asked again
  EXPECT_TRUE(outbox.machine().is_connected());
  EXPECT_EQ(outbox.machine().counters().restarts, 1u);
}

TEST_F(OutboxServiceTest, an_outbox_that_is_away_too_long_is_forgotten_and_its_commands_are_not_run_again) {
  restart_host({.away_max = 1min});
  Outbox patient(world.loop, {.limits = {.outage_max = 1h}, .deadline = 1h});
  auto first = std::make_unique<Between>(world, patient, *host);
  const Ticket ticket = patient.send("hang", Note{1}).value();
  world.settle();
  first.reset();
  world.pass(2min);
  connect();  // which is when it is looked at
  const Between second(world, patient, *host);
  EXPECT_EQ(result_of(ticket).kind, Kind::unknown);
  EXPECT_THAT(host->noted, ElementsAre(1));
}

TEST_F(OutboxServiceTest, an_outbox_that_comes_back_to_a_host_after_another_one_begins_anew) {
  // rule: delivery/K-05
  Host other(world);
  for (const bool is_run : {true, false}) {
    connect();
    const Ticket first = is_run ? send(1) : hang(1);
    world.settle();
    cut();
    {
      const Between elsewhere(world, outbox, other);
      send(2);
      world.settle();
    }
    connect();
    const Ticket back = send(3);
    EXPECT_EQ(result_of(back).kind, Kind::applied);
    if (!is_run) EXPECT_EQ(result_of(first).kind, Kind::unknown);
    cut();
  }
  EXPECT_THAT(host->noted, ElementsAre(1, 3, 1, 3));
  EXPECT_THAT(other.noted, ElementsAre(2, 2));
}

TEST_F(OutboxServiceTest, what_still_runs_when_its_outbox_ends_is_forgotten_when_it_has_ended) {
  auto own = std::make_unique<Outbox>(world.loop);
  auto there = std::make_unique<Between>(world, *own, *host);
  const Ticket ticket = own->send("hang", Note{1}, {.deadline = 1s}).value();
  world.settle();
  Running<void> closing(world, own->close(0s));
  EXPECT_EQ(result_of(ticket).kind, Kind::unknown);
  EXPECT_THAT(host->service->entries(), SizeIs(1));
  host->may_go_on.set();
  world.settle();
  EXPECT_THAT(host->service->entries(), IsEmpty());
}

}  // namespace
}  // namespace parley
