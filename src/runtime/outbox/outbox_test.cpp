#include "runtime/outbox/outbox.h"

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
using Incarnation = Outbox::Incarnation;
using WhenFull = Outbox::WhenFull;
using Stage = builtin::OutboxTicket::Stage;

class OutboxTest : public OutboxWorld {};

TEST_F(OutboxTest, a_command_is_applied_and_its_ticket_says_what_came_of_it) {
  // rule: delivery/R-02, delivery/W-08, delivery/K-08
  connect();
  EXPECT_TRUE(between->attached());
  const Ticket ticket = send(7);
  const Ticket copy = ticket;
  EXPECT_EQ(result_of(ticket), core::applied(R"({"count":1})"));
  EXPECT_EQ(result_of(copy), *ticket.peek());
  EXPECT_THAT(host->noted, ElementsAre(7));
}

TEST_F(OutboxTest, the_handler_is_told_which_ticket_it_is_for) {
  connect();
  const Ticket plain = send(1);
  const Ticket with_meta = send(2, {.meta = R"({"by":"me"})"});
  const Ticket forged = send(3, {.meta = R"({ "ticket": "another" })"});
  world.settle();
  EXPECT_THAT(host->metas, ElementsAre(R"({"ticket":")" + outbox.text_of(plain) + R"("})",
                                       R"({"by":"me","ticket":")" + outbox.text_of(with_meta) + R"("})",
                                       R"({"ticket":")" + outbox.text_of(forged) + R"("})"));
}

TEST_F(OutboxTest, a_command_that_cannot_do_it_and_one_that_does_not_fit_have_failed) {
  connect();
  const Ticket refused = outbox.send("refuse", Note{1}).value();
  const Ticket wrong = outbox.send_json("note", R"({"number":"seven"})").value();
  EXPECT_EQ(result_of(refused).kind, Kind::failed);
  EXPECT_THAT(result_of(refused).error.note, ::testing::HasSubstr("no window of that name"));
  EXPECT_EQ(result_of(wrong).kind, Kind::failed);
  EXPECT_EQ(kind(result_of(wrong).error), parley::Kind::invalid);
}

TEST_F(OutboxTest, a_command_that_nobody_has_yet_is_waited_for) {
  connect();
  const Ticket ticket = outbox.send("late").value();
  const Ticket typo = outbox.send("notee", Note{1}, {.deadline = 2s}).value();
  world.settle();
  EXPECT_EQ(ticket.peek(), nullptr);
  world.run(host->registry.command("late", "Comes later", [] { return Noted{5}; })).value();
  world.settle();
  EXPECT_EQ(result_of(ticket), core::applied(R"({"count":5})"));
  world.pass(2s);
  EXPECT_EQ(result_of(typo).kind, Kind::expired);
  EXPECT_EQ(result_of(typo).error.note, "nobody has the command notee; did you mean note?");
}

TEST_F(OutboxTest, a_cancel_reaches_a_command_that_nobody_has_yet) {
  // rule: delivery/K-08, delivery/R-35
  connect();
  const Ticket ticket = outbox.send("late").value();
  world.settle();
  EXPECT_EQ(world.run(outbox.ask_peer(ticket.number()))->stage, Stage::waiting);
  EXPECT_EQ(host->service->entries().front().waiting, 1u);
  EXPECT_EQ(outbox.cancel(ticket), Outbox::Cancelled::asked);
  EXPECT_EQ(result_of(ticket).kind, Kind::cancelled);
  int runs = 0;
  world.run(host->registry.command("late", "Comes later", [&runs] { return Noted{++runs}; })).value();
  world.settle();
  EXPECT_EQ(runs, 0);
  const Ticket late = outbox.send("late.too", {.deadline = 1s}).value();
  world.pass(1s);
  EXPECT_EQ(result_of(late).kind, Kind::expired);
  const auto counters = host->service->counters();
  EXPECT_EQ(counters.cancelled, 1u);
  EXPECT_EQ(counters.expired, 1u);
  EXPECT_EQ(counters.started, 0u);
}

TEST_F(OutboxTest, what_cannot_be_encoded_is_refused_when_it_is_sent_and_blocks_nobody) {
  // rule: delivery/W-16, delivery/R-22, delivery/K-06
  EXPECT_EQ(outbox.send_json("note", "{").error().code, Code::json);
  EXPECT_EQ(outbox.send_json("no name", "{}").error().code, Code::invalid);
  EXPECT_EQ(outbox.send_json("note", "{}", {.meta = "[]"}).error().code, Code::invalid);
  const Ticket ticket = send(1);
  connect();
  EXPECT_EQ(result_of(ticket).kind, Kind::applied);
}

TEST_F(OutboxTest, commands_wait_for_the_peer_and_keep_their_order) {
  // rule: delivery/R-05, delivery/R-16
  for (int i = 0; i < 5; ++i) send(i);
  connect();
  send(5);
  world.settle();
  EXPECT_THAT(host->noted, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(OutboxTest, a_command_that_runs_when_the_session_breaks_runs_once_and_its_result_comes_over_the_next_one) {
  // rule: delivery/W-11, delivery/K-04
  connect();
  const Ticket ticket = hang(1);
  world.settle();
  cut();
  connect();
  EXPECT_EQ(ticket.peek(), nullptr);
  cut();
  host->may_go_on.set();
  world.settle();
  EXPECT_EQ(ticket.peek(), nullptr);
  connect();
  EXPECT_EQ(result_of(ticket), core::applied(R"({"count":1})"));
  EXPECT_THAT(host->noted, ElementsAre(1));
}

TEST_F(OutboxTest, a_host_that_was_started_anew_gets_what_any_may_have_and_nothing_else) {
  // rule: delivery/K-05, delivery/W-12
  connect();
  const Ticket same = hang(1);
  const Ticket any = hang(2, {.incarnation = Incarnation::any});
  world.settle();
  restart_host();
  const Ticket meant_for_the_old = send(3);
  connect();
  EXPECT_EQ(result_of(same).kind, Kind::unknown);
  EXPECT_EQ(result_of(meant_for_the_old).kind, Kind::failed);
  EXPECT_EQ(result_of(meant_for_the_old).error.note, "peer restarted");
  EXPECT_THAT(host->noted, ElementsAre(2));
  host->may_go_on.set();
  EXPECT_EQ(result_of(any).kind, Kind::applied);
  send(4);
  world.settle();
  EXPECT_THAT(host->noted, ElementsAre(2, 4));
}

// The outbox of another life is another outbox.
TEST_F(OutboxTest, an_outbox_that_was_started_anew_inherits_nothing) {
  connect();
  send(1);
  world.settle();
  cut();
  Outbox second(world.loop, {.name = "to the host"});
  const Between again(world, second, *host);
  EXPECT_EQ(result_of(second.send("note", Note{2}).value()).kind, Kind::applied);
  EXPECT_THAT(host->noted, ElementsAre(1, 2));
  EXPECT_THAT(host->service->entries(), SizeIs(2));
}

class OutboxOneAtATimeTest : public OutboxTest {
 protected:
  OutboxOneAtATimeTest() { restart_host({.limits = {.at_once = 1}}); }
};

TEST_F(OutboxOneAtATimeTest, a_cancel_in_flight_ends_what_has_not_been_started_and_not_what_runs) {
  // rule: delivery/W-19, delivery/R-35
  connect();
  const Ticket runs = hang(1);
  const Ticket waits = hang(2);
  world.settle();
  EXPECT_EQ(outbox.cancel(runs), Outbox::Cancelled::asked);
  EXPECT_EQ(outbox.cancel(waits), Outbox::Cancelled::asked);
  EXPECT_EQ(result_of(waits).kind, Kind::cancelled);
  EXPECT_EQ(runs.peek(), nullptr);
  host->may_go_on.set();
  EXPECT_EQ(result_of(runs).kind, Kind::applied);
  EXPECT_THAT(host->noted, ElementsAre(1));
}

TEST_F(OutboxOneAtATimeTest, what_is_not_started_by_its_deadline_has_expired_and_what_was_cut_short_is_not_known) {
  connect();
  const Ticket runs = hang(1, {.deadline = 2s});
  const Ticket waits = hang(2, {.deadline = 1s});
  world.pass(1s);
  EXPECT_EQ(result_of(waits).kind, Kind::expired);
  world.pass(1s);
  EXPECT_EQ(result_of(runs).kind, Kind::unknown);
  EXPECT_THAT(host->noted, ElementsAre(1));
}

TEST_F(OutboxTest, of_two_hosts_that_come_at_once_the_later_one_is_the_peer_and_nothing_is_doubled) {
  // rule: delivery/K-09, delivery/R-08, delivery/R-12
  Host other(world);
  send(1);
  connect();
  const Between second(world, outbox, other);
  const Ticket ticket = send(2);
  world.settle();
  EXPECT_EQ(result_of(ticket).kind, Kind::applied);
  EXPECT_THAT(host->noted, ElementsAre(1));
  EXPECT_THAT(other.noted, ElementsAre(2));
  EXPECT_EQ(outbox.machine().counters().sessions_replaced, 1u);
  EXPECT_FALSE(host->service->entries()[0].is_connected);
}

TEST_F(OutboxTest, a_second_session_to_the_same_host_takes_over_where_the_first_one_was) {
  connect();
  const Ticket ticket = hang(1);
  world.settle();
  const Between second(world, outbox, *host);
  host->may_go_on.set();
  EXPECT_EQ(result_of(ticket).kind, Kind::applied);
  EXPECT_THAT(host->noted, ElementsAre(1));
}

TEST_F(OutboxTest, a_peer_that_serves_no_outboxes_is_told_of_and_the_commands_go_on_waiting) {
  const Ticket ticket = send(1);
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:bare", {});
  const Services none;
  runtime::suite::Hold a(
      runtime::Session::start(world.loop, std::make_unique<runtime::FramedLink>(world.loop, std::move(near), Limits()),
                              runtime::Session::Role::initiator, {}, nullptr));
  runtime::suite::Hold b(
      runtime::Session::start(world.loop, std::make_unique<runtime::FramedLink>(world.loop, std::move(far), Limits()),
                              runtime::Session::Role::acceptor, {}, &none.table()));
  EXPECT_EQ(world.run(outbox.attach(*a)).error().code, Code::unsupported);
  EXPECT_EQ(ticket.peek(), nullptr);
  connect();
  EXPECT_EQ(result_of(ticket).kind, Kind::applied);
}

// Nobody waits for a peer that has been stopped: what is sent to it is kept, and its session ends.
TEST_F(OutboxTest, a_peer_that_reads_nothing_loses_its_session_and_sending_never_waits) {
  // rule: delivery/W-13, delivery/W-25, delivery/K-01
  Outbox large(world.loop, {.limits = {.bytes_max = std::size_t{4} << 20}});
  auto session = std::make_unique<Between>(world, large, *host);
  const Ticket hangs = large.send("hang", Note{0}).value();
  world.settle();
  session->is_host_stopped = true;
  session->is_pipe_full = true;
  const OutboxSendOptions options{.incarnation = Incarnation::any,
                                  .meta = R"({"pad":")" + std::string(30'000, 'x') + "\"}"};
  std::vector<Ticket> tickets;
  for (int i = 1; i < 64; ++i) {
    tickets.push_back(large.send("note", Note{i}, options).value());
    world.settle();  // the session takes no more after some of them
  }
  EXPECT_EQ(large.send("note", Note{64}).error(), (Error{Code::overloaded, "backpressure overflow"}));
  world.pass(10s);
  EXPECT_FALSE(large.machine().is_connected());
  EXPECT_EQ(large.machine().counters().silences, 1u);
  session.reset();
  restart_host();
  session = std::make_unique<Between>(world, large, *host);
  for (const Ticket& each : tickets) EXPECT_EQ(result_of(each).kind, Kind::applied);
  EXPECT_EQ(result_of(hangs).kind, Kind::unknown);
  EXPECT_THAT(host->noted, SizeIs(63));
}

TEST_F(OutboxTest, commands_of_one_turn_leave_in_one_write) {
  // rule: delivery/W-24, delivery/R-45
  connect();
  const std::uint64_t before = between->statistics.writes;
  for (int i = 0; i < 50; ++i) send(i);
  world.settle();
  EXPECT_THAT(host->noted, SizeIs(50));
  EXPECT_LE(between->statistics.writes - before, 4u);
}

TEST_F(OutboxTest, each_result_is_told_once_and_before_whoever_waits_for_it_goes_on) {
  // rule: delivery/R-29, delivery/K-08, delivery/W-05
  std::vector<std::pair<std::uint64_t, Kind>> told;
  outbox.on_result([&](std::uint64_t ticket, const TicketResult& result) { told.emplace_back(ticket, result.kind); });
  const Ticket dropped = send(1, {.group = "saga 1", .deadline = 1s});
  const Ticket kept = send(2);
  world.pass(1s);
  EXPECT_THAT(told, ElementsAre(std::pair(dropped.number(), Kind::expired)));
  connect();
  EXPECT_THAT(told, ElementsAre(std::pair(dropped.number(), Kind::expired), std::pair(kept.number(), Kind::applied)));
}

TEST_F(OutboxTest, who_coordinates_knows_of_a_failure_and_why_before_anybody_else) {
  // rule: delivery/K-08, delivery/R-30
  const Ticket ticket = send(1, {.group = "saga 1", .deadline = 1h});
  std::vector<std::string> order;
  outbox.on_result([&](std::uint64_t, const TicketResult& result) {
    EXPECT_EQ(ticket.peek(), nullptr) << "nobody is told yet";
    order.push_back("told: " + result.error.note);
  });
  Running<TicketResult> waiting(world, ticket.result());
  world.pass(30s);
  order.push_back(waiting.take().error.note);
  EXPECT_THAT(order, ElementsAre("told: peer unreachable", "peer unreachable"));
}

TEST_F(OutboxTest, whoever_is_told_of_a_result_may_send_the_next_one) {
  outbox.on_result([&](std::uint64_t, const TicketResult&) {
    if (host->noted.size() < 3) send(static_cast<int>(host->noted.size()));
  });
  connect();
  send(0);
  world.settle();
  EXPECT_THAT(host->noted, ElementsAre(0, 1, 2));
}

TEST_F(OutboxTest, both_ends_can_be_asked_for_a_ticket) {
  // rule: delivery/K-08
  connect();
  const Ticket ticket = hang(1);
  world.settle();
  EXPECT_EQ(outbox.ticket(ticket.number()).stage, Stage::received);
  EXPECT_EQ(world.run(outbox.ask_peer(ticket.number()))->stage, Stage::running);
  EXPECT_EQ(host->service->ticket(outbox.text_of(ticket))->stage, Stage::running) << "as its meta names it";
  EXPECT_EQ(host->service->ticket("17").error().code, Code::invalid);
  host->may_go_on.set();
  result_of(ticket);
  EXPECT_EQ(outbox.ticket(ticket.number()).result, Kind::applied);
  EXPECT_EQ(outbox.ticket(ticket.number()).code, 0u) << "no error";
  world.settle();
  EXPECT_EQ(world.run(outbox.ask_peer(ticket.number()))->stage, Stage::unknown);  // its sender has the result
  EXPECT_EQ(outbox.ticket(99).stage, Stage::unknown);
  cut();
  EXPECT_EQ(world.run(outbox.ask_peer(1)).error().code, Code::not_sent);
}

TEST_F(OutboxTest, each_end_says_what_it_has) {
  // rule: delivery/W-26
  host->service->show(outbox);
  connect();
  const Ticket ticket = hang(1);
  send(2);
  world.settle();
  const auto entries = host->service->entries();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].end, builtin::OutboxEntry::End::sender);
  EXPECT_EQ(entries[0].name, "to the host");
  EXPECT_EQ(entries[0].in_flight, 1u);
  EXPECT_EQ(entries[0].results.applied, 1u);
  EXPECT_TRUE(entries[0].oldest.has_value());
  EXPECT_EQ(entries[1].end, builtin::OutboxEntry::End::receiver);
  EXPECT_EQ(outbox.text_of(ticket), entries[1].outbox + "-1");
  EXPECT_EQ(entries[1].in_flight, 1u);
  EXPECT_GT(entries[1].bytes, 0u) << "what runs, too";
  EXPECT_EQ(entries[1].results.applied, 1u);
  EXPECT_EQ(host->service->counters().started, 2u);
}

TEST_F(OutboxTest, one_that_is_closed_sends_what_it_has_and_the_peer_forgets_it) {
  // rule: delivery/K-12
  connect();
  const Ticket ticket = send(1);
  Running<void> closing(world, outbox.close(5s));
  EXPECT_TRUE(closing.is_done());
  EXPECT_EQ(result_of(ticket).kind, Kind::applied);
  EXPECT_EQ(outbox.send("note", Note{2}).error().code, Code::closed);
  EXPECT_THAT(host->service->entries(), IsEmpty());
  EXPECT_EQ(host->service->counters().results[0], 1u);
}

TEST_F(OutboxTest, one_that_is_closed_ends_when_the_peer_has_heard_it_and_waits_a_second_for_that) {
  connect();
  send(1);
  world.settle();
  between->is_host_stopped = true;
  Running<void> closing(world, outbox.close(5s));
  world.pass(999ms);
  EXPECT_FALSE(closing.is_done());
  world.pass(1ms);
  EXPECT_TRUE(closing.is_done());
}

TEST_F(OutboxTest, one_whose_session_breaks_while_it_says_farewell_has_ended) {
  connect();
  send(1);
  world.settle();
  between->is_host_stopped = true;
  Running<void> closing(world, outbox.close(5s));
  Running<void> again(world, outbox.close(5s));
  EXPECT_FALSE(closing.is_done());
  cut();
  EXPECT_TRUE(closing.is_done());
  EXPECT_TRUE(again.is_done());
}

TEST_F(OutboxTest, one_that_is_closed_in_an_outage_ends_by_then) {
  const Ticket ticket = send(1);
  Running<void> closing(world, outbox.close(5s));
  EXPECT_FALSE(closing.is_done());
  world.pass(5s);
  EXPECT_TRUE(closing.is_done());
  EXPECT_EQ(result_of(ticket).kind, Kind::cancelled);
}

TEST_F(OutboxTest, destroying_one_ends_every_ticket) {
  auto own = std::make_unique<Outbox>(world.loop);
  const Ticket waits = own->send("note", Note{1}).value();
  own.reset();
  EXPECT_EQ(result_of(waits).kind, Kind::cancelled);
  EXPECT_EQ(result_of(waits).error.note, "shutting down");
}

// What the first one remembers of it is of another time.
TEST_F(OutboxTest, whoever_is_told_of_a_result_may_attach_another_session) {
  Host other(world);
  connect();
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:other", {});
  runtime::suite::Hold a(
      runtime::Session::start(world.loop, std::make_unique<runtime::FramedLink>(world.loop, std::move(near), Limits()),
                              runtime::Session::Role::initiator, {}, nullptr));
  runtime::suite::Hold b(
      runtime::Session::start(world.loop, std::make_unique<runtime::FramedLink>(world.loop, std::move(far), Limits()),
                              runtime::Session::Role::acceptor, {}, &other.services.table()));
  world.settle();
  int attached = 0;
  Scope scope(world.loop.executor());
  const auto attach = [](Outbox& box, runtime::Session& session, int& count) -> Task<void> {
    const auto attached = co_await box.attach(session);
    count += attached ? 1 : 100;
    if (!attached) ADD_FAILURE() << to_string(attached.error());
  };
  outbox.on_result([&](std::uint64_t, const TicketResult&) {
    if (attached == 0) scope.spawn(attach(outbox, *a, attached));
  });
  send(1);
  world.settle();
  EXPECT_EQ(attached, 1);
  send(2);
  world.settle();
  EXPECT_THAT(other.noted, ElementsAre(2));
  EXPECT_FALSE(host->service->entries()[0].is_connected);
}

TEST_F(OutboxTest, attaching_a_session_that_has_ended_says_so) {
  connect();
  between->near().close({Code::closed, "over"});
  world.settle();
  EXPECT_FALSE(world.run(outbox.attach(between->near())));
}

TEST_F(OutboxTest, whoever_waits_for_an_outbox_that_goes_is_told) {
  auto own = std::make_unique<Outbox>(world.loop);
  auto [near, far] = io::MemoryStream::make_pair(world.loop, "mem:silent", {});
  runtime::suite::Hold a(
      runtime::Session::start(world.loop, std::make_unique<runtime::FramedLink>(world.loop, std::move(near), Limits()),
                              runtime::Session::Role::initiator, {}, nullptr));
  Running<Result<void>> attaching(world, own->attach(*a));
  Running<void> closing(world, own->close(1h));
  static_cast<void>(own->send("note", Note{1}));
  own.reset();
  world.settle();
  EXPECT_EQ(attaching.take().error().code, Code::closed);
  EXPECT_TRUE(closing.is_done());
}

// --- whoever dies at any byte

TEST_F(OutboxTest, a_break_at_any_byte_of_either_direction_loses_and_doubles_nothing) {
  // rule: delivery/K-03, delivery/W-14, delivery/W-09, delivery/W-21, delivery/K-02
  const auto run = [&](std::uint64_t near_bytes, std::uint64_t far_bytes) {
    World own;
    Host there(own);
    Outbox box(own.loop);
    std::vector<Ticket> tickets;
    bool has_broken = false;
    {
      const Between first(own, box, there, std::size_t{256} << 10, near_bytes, far_bytes);
      for (int i = 0; i < 3; ++i) tickets.push_back(box.send("note", Note{i}).value());
      own.settle();
      has_broken = first.is_broken();
    }
    const Between second(own, box, there);
    own.settle();
    for (const Ticket& each : tickets) {
      EXPECT_TRUE(each.peek() && each.peek()->kind == Kind::applied) << near_bytes << " " << far_bytes;
    }
    EXPECT_THAT(there.noted, ElementsAre(0, 1, 2)) << near_bytes << " " << far_bytes;
    return has_broken;
  };
  std::uint64_t breaks = 0;
  for (; run(breaks, io::FaultPlan::never); ++breaks) ASSERT_FALSE(HasFailure());
  EXPECT_GT(breaks, 100u);
  std::uint64_t back = 0;
  for (; run(io::FaultPlan::never, back); ++back) ASSERT_FALSE(HasFailure());
  EXPECT_GT(back, 100u);
}

}  // namespace
}  // namespace parley
