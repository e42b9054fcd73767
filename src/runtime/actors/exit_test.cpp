#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "async/wait.h"
#include "base/prng.h"
#include "runtime/actors/actors.h"
#include "runtime/world_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = ExitReason::Kind;

using Log = std::vector<std::string>;

class ActorExitTest : public ::testing::Test {
 protected:
  ActorExitTest() { world_.settle(); }

  Log log_;
  runtime::suite::World world_;
  Actors actors_{world_.loop};
};

Task<Result<void>> idle(Actor& self) {
  co_await self.receive<std::monostate>();
  co_return {};
}

enum class Way { returns, finishes, fails, throws, throws_a_number };

Task<Result<void>> end_so(Actor& self, Way way) {
  co_await self.receive<std::monostate>();
  switch (way) {
    case Way::returns: co_return {};
    case Way::finishes: co_return self.finish();
    case Way::fails: co_return fail(Code::failed, "the disk is full");
    case Way::throws: throw std::runtime_error("out of cheese");
    case Way::throws_a_number: throw 4;
  }
}

Exited only_exit(Actor& guest, runtime::suite::World& world) {
  static constexpr auto take = [](Actor& self) -> Task<Exited> { co_return co_await self.receive<Exited>(); };
  Exited exited = world.run(take(guest));
  EXPECT_EQ(guest.mailbox_size(), 0u);
  return exited;
}

TEST_F(ActorExitTest, whoever_watches_is_told_how_it_ended) {
  // rule: conversations/D-23
  const auto reason_of = [&](Way way) {
    Guest guest(actors_);
    const ActorRef actor = actors_.spawn(end_so, way).value();
    guest->monitor(actor).value();
    actor.send(std::monostate()).value();
    world_.settle();
    const Exited exited = only_exit(*guest, world_);
    EXPECT_EQ(exited.who, actor);
    return exited.reason;
  };
  EXPECT_EQ(reason_of(Way::returns), (ExitReason{Kind::normal, ""}));
  EXPECT_EQ(reason_of(Way::finishes), (ExitReason{Kind::finished, ""}));
  EXPECT_EQ(reason_of(Way::fails), (ExitReason{Kind::error, to_string(Error{Code::failed, "the disk is full"})}));
  EXPECT_EQ(reason_of(Way::throws), (ExitReason{Kind::error, "out of cheese"}));
  EXPECT_EQ(reason_of(Way::throws_a_number).kind, Kind::error);
  EXPECT_EQ(actors_.counters().threw, 2u);
  EXPECT_EQ(actors_.counters().ended, actors_.counters().spawned);
}

TEST_F(ActorExitTest, all_who_watch_are_told_the_same_instant_once) {
  // rule: conversations/R-62, conversations/R-65, conversations/R-68
  Guest first(actors_);
  Guest second(actors_);
  const ActorRef watched = actors_.spawn(idle).value();
  const ActorRef other = actors_.spawn(idle).value();
  first->monitor(watched).value();
  first->monitor(watched).value();
  second->monitor(watched).value();
  second->monitor(other).value();
  world_.pass(5ms);
  const Instant when = world_.clock.at;
  watched.exit({.kind = Kind::killed});
  world_.pass(5ms);
  EXPECT_EQ(first->mailbox_size(), 2u);
  EXPECT_EQ(second->mailbox_size(), 1u);
  EXPECT_EQ(only_exit(*second, world_).when, when);
  static constexpr auto take = [](Actor& self) -> Task<Exited> { co_return co_await self.receive<Exited>(); };
  EXPECT_EQ(world_.run(take(*first)).when, when);
  EXPECT_EQ(world_.run(take(*first)).when, when);
  other.exit();
  EXPECT_EQ(only_exit(*second, world_).who, other);
}

TEST_F(ActorExitTest, one_that_has_ended_already_is_told_of_at_once_with_the_instant_of_its_end) {
  // rule: conversations/R-63
  const ActorRef gone = actors_.spawn(idle).value();
  gone.exit({.kind = Kind::error, .text = "early"});
  const Instant when = world_.clock.at;
  world_.pass(1s);
  Guest guest(actors_);
  guest->monitor(gone).value();
  ASSERT_EQ(guest->mailbox_size(), 1u);
  Exited exited = only_exit(*guest, world_);
  EXPECT_EQ(exited.when, when);
  EXPECT_EQ(exited.reason.text, "early");
  guest->link(gone).value();
  exited = only_exit(*guest, world_);
  EXPECT_EQ(exited.when, when);
  world_.pass(1s);
  EXPECT_EQ(guest->mailbox_size(), 0u);
}

TEST_F(ActorExitTest, one_that_watched_and_is_gone_is_nobody_to_tell) {
  // rule: conversations/R-66
  const ActorRef watched = actors_.spawn(idle).value();
  Guest stays(actors_);
  {
    Guest leaves(actors_);
    leaves->monitor(watched).value();
    stays->monitor(watched).value();
  }
  watched.exit();
  EXPECT_EQ(only_exit(*stays, world_).who, watched);
}

TEST_F(ActorExitTest, who_watches_no_more_is_not_told) {
  Guest guest(actors_);
  const ActorRef watched = actors_.spawn(idle).value();
  guest->monitor(watched).value();
  guest->monitor(watched).value();
  guest->link(watched).value();
  guest->unmonitor(watched);
  guest->unlink(watched);
  watched.exit({.kind = Kind::killed});
  world_.settle();
  EXPECT_EQ(guest->mailbox_size(), 0u);
}

Task<Result<void>> link_to(Actor& self, ActorRef other, bool traps, Log* log) {
  self.trap_exits(traps);
  if (auto linked = self.link(other); !linked) co_return linked;
  for (;;) log->push_back(to_string((co_await self.receive<Exited>()).reason));
}

TEST_F(ActorExitTest, a_crash_ends_who_is_linked_with_the_same_reason_in_both_directions) {
  const ActorRef first = actors_.spawn(idle).value();
  const ActorRef second = actors_.spawn(link_to, first, false, &log_).value();
  const ActorRef third = actors_.spawn(link_to, second, false, &log_).value();
  world_.settle();
  second.exit({.kind = Kind::error, .text = "boom"});
  for (const ActorRef& each : {first, second, third}) {
    ASSERT_TRUE(each.has_ended());
    EXPECT_EQ(each.get()->exit_reason(), (ExitReason{Kind::error, "boom"}));
  }
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(ActorExitTest, a_good_end_ends_nobody_who_is_linked) {
  // rule: conversations/R-58
  for (const Way way : {Way::returns, Way::finishes}) {
    const ActorRef ends = actors_.spawn(end_so, way).value();
    const ActorRef stays = actors_.spawn(link_to, ends, false, &log_).value();
    world_.settle();
    ends.send(std::monostate()).value();
    world_.settle();
    EXPECT_TRUE(ends.has_ended());
    EXPECT_FALSE(stays.has_ended());
  }
}

TEST_F(ActorExitTest, who_traps_exits_receives_them_all_the_good_ones_too) {
  const ActorRef well = actors_.spawn(end_so, Way::returns).value();
  const ActorRef badly = actors_.spawn(end_so, Way::throws).value();
  actors_.spawn(link_to, well, true, &log_).value();
  actors_.spawn(link_to, badly, true, &log_).value();
  world_.settle();
  well.send(std::monostate()).value();
  badly.send(std::monostate()).value();
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("normal", "error: out of cheese"));
}

TEST_F(ActorExitTest, being_killed_cannot_be_trapped_and_who_is_linked_sees_killed) {
  const ActorRef other = actors_.spawn(idle).value();
  const ActorRef trapping = actors_.spawn(link_to, other, true, &log_).value();
  const ActorRef watching = actors_.spawn(link_to, trapping, true, &log_).value();
  world_.settle();
  trapping.exit({.kind = Kind::error, .text = "please"});
  world_.settle();
  EXPECT_FALSE(trapping.has_ended());
  trapping.exit({.kind = Kind::killed});
  EXPECT_TRUE(trapping.has_ended());
  EXPECT_TRUE(other.has_ended());
  EXPECT_EQ(other.get()->exit_reason().kind, Kind::killed);
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("error: please", "killed"));
  EXPECT_FALSE(watching.has_ended());
}

TEST_F(ActorExitTest, of_requests_to_end_that_are_not_read_one_is_kept) {
  Guest guest(actors_);
  const ActorRef ref = guest->ref();
  for (int i = 0; i < 1000; ++i) ref.exit({.kind = Kind::error, .text = std::to_string(i)});
  EXPECT_EQ(guest->mailbox_size(), 1u);
  EXPECT_EQ(only_exit(*guest, world_).reason.text, "0");
  ref.exit({.kind = Kind::error, .text = "again"});
  EXPECT_EQ(only_exit(*guest, world_).reason.text, "again");
}

TEST_F(ActorExitTest, linking_twice_is_linking_once) {
  Guest guest(actors_);
  const ActorRef other = actors_.spawn(idle).value();
  guest->link(other).value();
  guest->link(other).value();
  other.exit();
  EXPECT_EQ(only_exit(*guest, world_).who, other);
  EXPECT_EQ(guest->link({}).error().code, Code::invalid);
  EXPECT_EQ(guest->link(guest->ref()).error().code, Code::invalid);
}

TEST_F(ActorExitTest, one_actor_makes_so_many_ties_and_no_more) {
  Actors few(world_.loop, {.ties_max = 2});
  Guest guest(few);
  const ActorRef other = few.spawn(idle).value();
  guest->monitor(other).value();
  guest->link(other).value();
  EXPECT_EQ(guest->monitor(other).error().code, Code::overloaded);
  guest->unlink(other);
  EXPECT_TRUE(guest->monitor(other));
}

// One after another in a long chain: no recursion, and each is told.
TEST_F(ActorExitTest, a_chain_of_a_hundred_thousand_ends_to_its_end) {
  constexpr int count = 100'000;
  ActorRef last = actors_.spawn(idle).value();
  const ActorRef first = last;
  for (int i = 1; i < count; ++i) {
    const ActorRef next = actors_.spawn(idle).value();
    next.get()->link(last).value();
    last = next;
  }
  world_.settle();
  first.exit({.kind = Kind::error, .text = "row"});
  EXPECT_TRUE(last.has_ended());
  EXPECT_EQ(actors_.size(), 0u);
}

Task<Result<void>> look_for_name(Actor& self, Actors* actors, ActorRef linked, Log* log) {
  self.trap_exits();
  self.link(linked).value();
  co_await self.receive<Exited>();
  log->push_back(actors->find("taken") ? "taken" : "free");
  co_return {};
}

struct AtDestruction {
  explicit AtDestruction(Actors* actors, Log* log) : actors(actors), log(log) {}
  AtDestruction(AtDestruction&& other) noexcept : actors(std::exchange(other.actors, nullptr)), log(other.log) {}
  ~AtDestruction() {
    if (actors) log->push_back(actors->find("taken") ? "taken" : "free");
  }
  Actors* actors;
  Log* log;
};

TEST_F(ActorExitTest, the_name_of_one_that_ends_is_free_before_anybody_is_told) {
  const ActorRef named = actors_.spawn({.name = "taken"}, idle).value();
  actors_.spawn(look_for_name, &actors_, named, &log_).value();
  world_.settle();
  named.send(AtDestruction(&actors_, &log_)).value();
  named.exit({.kind = Kind::killed});
  world_.settle();
  EXPECT_THAT(log_, ElementsAre("free", "free"));
}

TEST_F(ActorExitTest, whoever_begins_to_watch_around_the_end_is_told_once) {
  // rule: conversations/R-64
  Prng prng(20'261'127);
  for (int round = 0; round < 100'000; ++round) {
    Guest guest(actors_);
    const ActorRef watched = actors_.spawn(idle).value();
    std::size_t watches = 0;
    const std::uint64_t end_at = prng.between(0, 5);
    for (std::uint64_t step = 0; step < 5; ++step) {
      if (step == end_at) watched.exit({.kind = prng.between(0, 1) == 0 ? Kind::normal : Kind::killed});
      switch (prng.between(0, 3)) {
        case 0:
          guest->monitor(watched).value();
          ++watches;
          break;
        case 1:
          if (watches == 0) guest->monitor(watched).value();
          watches = std::max<std::size_t>(watches, 1);
          break;
        case 2: world_.loop.poll_once(); break;
        default: break;
      }
    }
    if (end_at == 5) watched.exit();
    ASSERT_EQ(guest->mailbox_size(), watches) << "round " << round;
  }
}

Task<Result<void>> ends_itself_and_returns(Actor& self) {
  self.ref().exit({.kind = Kind::error, .text = "early"});
  co_return {};
}

TEST_F(ActorExitTest, one_that_ends_itself_and_then_returns_has_ended_once) {
  Guest guest(actors_);
  const ActorRef ended = actors_.spawn(ends_itself_and_returns).value();
  guest->monitor(ended).value();
  world_.settle();
  EXPECT_EQ(only_exit(*guest, world_).reason.text, "early");
  EXPECT_EQ(actors_.counters().ended, 1u);
}

struct KillsAtItsEnd {
  ~KillsAtItsEnd() { victim.exit({.kind = Kind::killed}); }
  ActorRef victim;
};

Task<Result<void>> kills_the_linked_at_its_end(Actor& self, ActorRef victim) {
  const KillsAtItsEnd guard{victim};
  static_cast<void>(self.link(victim));
  co_return {};
}

TEST_F(ActorExitTest, one_that_is_ended_by_a_destructor_of_its_own_frame_is_destroyed_behind_that) {
  Guest guest(actors_);
  const ActorRef victim = actors_.spawn(idle).value();
  const ActorRef killer = actors_.spawn(kills_the_linked_at_its_end, victim).value();
  guest->monitor(killer).value();
  world_.settle();
  EXPECT_EQ(only_exit(*guest, world_).who, killer);
  EXPECT_TRUE(victim.has_ended());
}

// Counts at its destruction what somebody on another loop has been told of by then.
struct Looks {
  Looks(runtime::suite::World* there, Guest* guest, Log* log) : there(there), guest(guest), log(log) {}
  Looks(Looks&& other) noexcept : there(std::exchange(other.there, nullptr)), guest(other.guest), log(other.log) {}
  ~Looks() {
    if (!there) return;
    there->settle();
    log->push_back("told " + std::to_string((*guest)->mailbox_size()));
  }
  runtime::suite::World* there;
  Guest* guest;
  Log* log;
};

Task<Result<void>> idle_with(Actor& self, Looks looks) {
  co_await self.receive<std::monostate>();
  co_return {};
}

TEST_F(ActorExitTest, who_watches_from_another_loop_is_told_when_the_frame_is_gone) {
  runtime::suite::World there;
  there.settle();
  Actors others(there.loop);
  Guest guest(others);
  const ActorRef watched = actors_.spawn(idle_with, Looks(&there, &guest, &log_)).value();
  const ActorRef linked = others.spawn(idle).value();
  linked.get()->link(watched).value();
  guest->monitor(watched).value();
  there.settle();
  world_.settle();
  linked.exit({.kind = Kind::killed});  // and with it the watched one, which learns it from its inbox
  there.settle();
  guest->monitor(watched).value();  // comes from there too, while the frame still is
  guest->link(watched).value();
  world_.settle();
  there.settle();
  EXPECT_THAT(log_, ElementsAre("told 0"));
  EXPECT_EQ(guest->mailbox_size(), 3u);
}

Task<Result<void>> sleep_long(Actor& self) {
  co_await Sleep(self.actors().loop(), 1h);
  co_return {};
}

Task<void> receive_in(ActorRef other) { co_await other.get()->receive<std::monostate>(); }

using ActorExitDeathTest = ActorExitTest;

TEST_F(ActorExitDeathTest, a_task_outside_of_an_actor_that_receives_in_it_is_a_mistake_that_is_named) {
  const ActorRef other = actors_.spawn(sleep_long).value();
  const auto receive_and_end = [&] {
    runtime::suite::Running<void> outside(world_, receive_in(other));
    other.exit();
    world_.settle();
  };
  EXPECT_DEATH(receive_and_end(), "use a Guest");
}

}  // namespace
}  // namespace parley
