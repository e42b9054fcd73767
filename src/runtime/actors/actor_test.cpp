#include "runtime/actors/actor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "async/scope.h"
#include "async/wait.h"
#include "runtime/actors/actors.h"
#include "runtime/world_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Number {
  int value;
};
struct Word {
  std::string text;
};

using Log = std::vector<std::string>;

class ActorTest : public ::testing::Test {
 protected:
  ActorTest() { world_.settle(); }

  runtime::suite::World world_;
  Log log_;
  Actors actors_{world_.loop};
};

Task<Result<void>> idle(Actor& self) {
  co_await self.receive<std::monostate>();
  co_return {};
}

Task<Result<void>> write_down(Actor& self, Log* log) {
  for (;;) {
    auto message = co_await self.receive<Number, Word>();
    if (const auto* number = std::get_if<Number>(&message)) {
      log->push_back(std::to_string(number->value));
      if (number->value == 0) co_return {};
    } else {
      log->push_back(std::get<Word>(message).text);
    }
  }
}

TEST_F(ActorTest, messages_come_in_the_order_in_which_they_were_sent) {
  const ActorRef writer = actors_.spawn(write_down, &log_).value();
  ASSERT_TRUE(writer.send(Number{1}));
  ASSERT_TRUE(writer.send(Word{"two"}));
  world_.settle();
  ASSERT_TRUE(writer.send(Number{3}));
  ASSERT_TRUE(writer.send(Word{"four"}));
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("1", "two", "3", "four"));
}

Task<Result<void>> words_first(Actor& self, Log* log) {
  for (int i = 0; i < 2; ++i) log->push_back((co_await self.receive<Word>()).text);
  for (int i = 0; i < 2; ++i) log->push_back(std::to_string((co_await self.receive<Number>()).value));
  co_return {};
}

TEST_F(ActorTest, what_is_not_wanted_yet_stays_in_its_order) {
  const ActorRef actor = actors_.spawn(words_first, &log_).value();
  ASSERT_TRUE(actor.send(Number{1}));
  ASSERT_TRUE(actor.send(Word{"a"}));
  ASSERT_TRUE(actor.send(Number{2}));
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("a"));
  ASSERT_TRUE(actor.send(Word{"b"}));
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("a", "b", "1", "2"));
  EXPECT_TRUE(actor.has_ended());
}

Task<Result<void>> evens(Actor& self, Log* log) {
  for (;;) {
    const Number even = co_await self.receive_if<Number>([](const Number& number) { return number.value % 2 == 0; });
    log->push_back(std::to_string(even.value));
  }
}

TEST_F(ActorTest, a_predicate_picks_among_messages_of_a_type) {
  const ActorRef actor = actors_.spawn(evens, &log_).value();
  for (int i = 1; i <= 6; ++i) ASSERT_TRUE(actor.send(Number{i}));
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("2", "4", "6"));
  EXPECT_EQ(actor.get()->mailbox_size(), 3u);
}

Task<Result<void>> wait_a_second(Actor& self, Log* log) {
  const Result<Number> number = co_await self.receive<Number>(1s);
  log->push_back(number ? std::to_string(number->value) : to_string(number.error()));
  co_return {};
}

TEST_F(ActorTest, a_receive_ends_at_its_deadline_and_later_messages_are_none_of_its) {
  const ActorRef in_time = actors_.spawn(wait_a_second, &log_).value();
  const ActorRef too_late = actors_.spawn(wait_a_second, &log_).value();
  world_.pass(999ms);
  ASSERT_TRUE(in_time.send(Number{5}));
  world_.pass(1ms);
  EXPECT_THAT(log_, ElementsAre("5", "timed_out: the deadline passed (no such message came)"));
  EXPECT_TRUE(too_late.has_ended());
}

TEST_F(ActorTest, a_full_mailbox_refuses_and_takes_again_when_there_is_room) {
  // rule: conversations/D-11
  const ActorRef actor = actors_.spawn({.mailbox_items_max = 2}, write_down, &log_).value();
  ASSERT_TRUE(actor.send(Number{1}));
  ASSERT_TRUE(actor.send(Number{2}));
  const Result<void> refused = actor.send(Number{3});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::overloaded);
  world_.settle();
  EXPECT_TRUE(actor.send(Number{4}));
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("1", "2", "4"));
}

TEST_F(ActorTest, what_an_actor_has_not_received_when_it_ends_is_counted_and_destroyed) {
  const ActorRef actor = actors_.spawn(idle).value();
  const auto token = std::make_shared<int>(1);
  ASSERT_TRUE(actor.send(token));
  ASSERT_TRUE(actor.send(token));
  world_.settle();
  EXPECT_EQ(token.use_count(), 3);
  actor.exit();
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(actors_.counters().discarded, 2u);
  const Result<void> refused = actor.send(token);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::not_found);
}

Task<Result<void>> unpack(Actor& self, int* seen) {
  const auto box = co_await self.receive<std::unique_ptr<int>>();
  *seen = *box;
  co_return {};
}

TEST_F(ActorTest, a_message_that_can_only_be_moved_is_moved) {
  int seen = 0;
  const ActorRef actor = actors_.spawn(unpack, &seen).value();
  ASSERT_TRUE(actor.send(std::make_unique<int>(7)));
  world_.settle();
  EXPECT_EQ(seen, 7);
}

// A task beside the body receives and is dropped before it runs on.
Task<void> receive_beside(Actor& self, Log* log) {
  const Number number = co_await self.receive<Number>();
  log->push_back("beside " + std::to_string(number.value));
}
Task<Result<void>> drop_a_receive(Actor& self, Log* log) {
  {
    Scope scope(co_await this_executor());
    scope.spawn(receive_beside(self, log));
    self.ref().send(Number{1}).value();
  }
  const Number number = co_await self.receive<Number>();
  log->push_back("body " + std::to_string(number.value));
  co_return {};
}

TEST_F(ActorTest, a_message_given_to_a_receive_that_is_dropped_is_not_lost) {
  actors_.spawn(drop_a_receive, &log_).value();
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("body 1"));
}

TEST_F(ActorTest, a_name_leads_to_an_actor_as_long_as_it_lives) {
  const ActorRef first = actors_.spawn({.name = "writer"}, write_down, &log_).value();
  EXPECT_EQ(actors_.find("writer"), first);
  const Result<ActorRef> second = actors_.spawn({.name = "writer"}, write_down, &log_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::in_use);
  first.exit();
  EXPECT_FALSE(actors_.find("writer"));
  EXPECT_TRUE(actors_.spawn({.name = "writer"}, write_down, &log_));
}

TEST_F(ActorTest, too_many_actors_are_refused) {
  Actors few(world_.loop, {.actors_max = 1});
  const ActorRef one = few.spawn(idle).value();
  const Result<ActorRef> two = few.spawn(idle);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, Code::overloaded);
  one.exit();
  EXPECT_TRUE(few.spawn(idle));
}

Task<Result<void>> send_itself(Actor& self, int* left) {
  self.ref().send(Number{0}).value();
  while (--*left > 0) {
    co_await self.receive<Number>();
    self.ref().send(Number{0}).value();
  }
  co_return {};
}

TEST_F(ActorTest, one_that_keeps_itself_busy_stops_nobody) {
  int left = 100'000;
  actors_.spawn(send_itself, &left).value();
  const ActorRef writer = actors_.spawn(write_down, &log_).value();
  ASSERT_TRUE(writer.send(Word{"my turn"}));
  world_.loop.executor().run_ready(20);
  EXPECT_THAT(log_, ElementsAre("my turn"));
  EXPECT_GT(left, 50'000);
  world_.settle();
  EXPECT_EQ(left, 0);
}

// Each frame that dies says so.
struct Mourner {
  Mourner(Log* log, std::string name) : log(log), name(std::move(name)) {}
  Mourner(Mourner&& other) noexcept : log(std::exchange(other.log, nullptr)), name(std::move(other.name)) {}
  ~Mourner() {
    if (log) log->push_back(name);
  }
  Log* log;
  std::string name;
};

Task<Result<void>> kill_oneself(Actor& self, Log* log) {
  const Mourner mourner(log, "frame");
  self.ref().exit({.kind = ExitReason::Kind::killed});
  log->push_back("still here");
  co_await self.receive<Number>();
  log->push_back("never");
  co_return {};
}

TEST_F(ActorTest, one_that_ends_itself_runs_to_its_next_wait_and_is_destroyed_after_it) {
  const ActorRef actor = actors_.spawn(kill_oneself, &log_).value();
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("still here", "frame"));
  EXPECT_EQ(actor.get()->exit_reason().kind, ExitReason::Kind::killed);
}

Task<void> kill_from_beside(Actor& self, Log* log) {
  co_await Yield();
  self.ref().exit({.kind = ExitReason::Kind::killed});
  log->push_back("killed");
}
Task<Result<void>> own_a_scope(Actor& self, Log* log) {
  const Mourner mourner(log, "frame");
  Scope scope(co_await this_executor());
  scope.spawn(kill_from_beside(self, log));
  co_await self.receive<Number>();
  co_return {};
}

TEST_F(ActorTest, a_task_of_an_actor_may_end_it) {
  actors_.spawn(own_a_scope, &log_).value();
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("killed", "frame"));
}

TEST_F(ActorTest, the_frames_die_with_the_actors_of_the_loop) {
  {
    Actors short_lived(world_.loop);
    static constexpr auto mourn = [](Actor& self, Mourner) -> Task<Result<void>> {
      co_await self.receive<Number>();
      co_return {};
    };
    short_lived.spawn(mourn, Mourner(&log_, "waiting")).value();
    world_.settle();
    short_lived.spawn(mourn, Mourner(&log_, "not begun")).value();
    const ActorRef ended = short_lived.spawn(mourn, Mourner(&log_, "ended before")).value();
    ended.exit();
    EXPECT_THAT(log_, IsEmpty());
  }
  EXPECT_THAT(log_, ::testing::UnorderedElementsAre("waiting", "not begun", "ended before"));
  world_.settle();
}

Task<void> listen_in(Actor& guest, Log* log) { log->push_back((co_await guest.receive<Word>()).text); }

TEST_F(ActorTest, a_task_that_is_no_actor_receives_as_a_guest) {
  Guest guest(actors_);
  ASSERT_TRUE(guest->ref().send(Word{"hello"}));
  world_.run(listen_in(*guest, &log_));
  EXPECT_THAT(log_, ElementsAre("hello"));
}

TEST_F(ActorTest, that_are_idle_wake_nobody) {
  // rule: conversations/R-68
  for (int i = 0; i < 1000; ++i) static_cast<void>(actors_.spawn(idle).value());
  world_.settle();
  EXPECT_EQ(actors_.size(), 1000u);
  EXPECT_EQ(world_.loop.executor().timer_count(), 0u);
  EXPECT_FALSE(world_.loop.executor().has_ready());
  EXPECT_TRUE(world_.loop.executor().next_deadline().is_never());
}

bool is_no_good(const Number& number) {
  if (number.value == 0) throw std::runtime_error("a zero");
  return false;
}

Task<Result<void>> wants_what_throws(Actor& self) {
  co_await self.receive_if<Number>(is_no_good);
  co_return {};
}

TEST_F(ActorTest, what_a_predicate_throws_ends_who_receives_and_not_who_sends) {
  for (const bool waits : {true, false}) {
    Guest guest(actors_);
    const ActorRef picky = actors_.spawn(wants_what_throws).value();
    guest->monitor(picky).value();
    if (waits) world_.settle();
    EXPECT_TRUE(picky.send(Number{0}));
    EXPECT_TRUE(picky.send(Number{1}));
    world_.settle();
    ASSERT_TRUE(picky.has_ended());
    EXPECT_EQ(picky.get()->exit_reason().text, "a zero");
    EXPECT_EQ(guest->mailbox_size(), 1u);
  }
}

Task<Result<void>> sends_two(Actor&, ActorRef to) {
  static_cast<void>(to.send(Number{2}));
  co_return {};
}

TEST(ActorOrderTest, what_was_sent_before_the_first_turn_comes_first) {
  runtime::suite::World world;
  Log log;
  Actors actors(world.loop);
  const ActorRef writer = actors.spawn(write_down, &log).value();
  static_cast<void>(actors.spawn(sends_two, writer).value());
  EXPECT_TRUE(writer.send(Number{1}));
  world.settle();
  EXPECT_THAT(log, ElementsAre("1", "2"));
}

}  // namespace
}  // namespace parley
