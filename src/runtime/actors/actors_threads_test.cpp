#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "io/threads_suite.h"
#include "runtime/actors/actors.h"

namespace parley {
namespace {

using Kind = ExitReason::Kind;

// A loop with actors on a thread of its own, until it is destroyed.
class Place {
 public:
  explicit Place(ActorsOptions options = {}) : thread_([this, options] { turn(options); }) { started_.wait(); }
  ~Place() {
    loop_.stop();
    thread_.join();
  }

  // Does it over there, and waits for it.
  template <class Work>
  void on(Work work) {
    std::latch done(1);
    loop_.post([&] {
      work(*actors_);
      done.count_down();
    });
    done.wait();
  }
  template <class Body, class... Args>
  ActorRef spawn(Body body, Args... args) {
    ActorRef ref;
    on([&](Actors& actors) { ref = actors.spawn(body, args...).value(); });
    return ref;
  }

 private:
  void turn(ActorsOptions options) {
    Actors actors(loop_, options);
    actors_ = &actors;
    loop_.post([this] { started_.count_down(); });
    loop_.run();
  }

  io::suite::StandingClock clock_;
  io::suite::ConstantRandom random_;
  io::suite::SleepingReactor reactor_;
  io::Loop loop_{clock_, reactor_, random_};
  Actors* actors_ = nullptr;
  std::latch started_{1};
  std::jthread thread_;
};

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

Task<Result<void>> idle(Actor& self) {
  co_await self.receive<std::monostate>();
  co_return {};
}

struct Ping {
  int number;
  ActorRef from;
};

Task<Result<void>> pong(Actor& self) {
  for (;;) {
    const Ping ping = co_await self.receive<Ping>();
    ping.from.send(ping.number).value();
  }
}

Task<Result<void>> ping(Actor& self, ActorRef other, int count, std::atomic<int>* sum) {
  for (int i = 1; i <= count; ++i) {
    other.send(Ping{i, self.ref()}).value();
    *sum += co_await self.receive<int>();
  }
  co_return {};
}

TEST(ActorsThreadsTest, messages_go_between_loops_and_back) {
  std::atomic<int> sum = 0;
  Place here;
  Place there;
  const ActorRef other = there.spawn(pong);
  const ActorRef actor = here.spawn(ping, other, 1000, &sum);
  wait_until([&] { return actor.has_ended(); });
  EXPECT_EQ(sum, 1000 * 1001 / 2);
}

Task<Result<void>> expect_in_order(Actor& self, int senders, int each, std::atomic<bool>* is_good) {
  std::vector<int> next(static_cast<std::size_t>(senders));
  for (int i = 0; i < senders * each; ++i) {
    const auto [sender, number] = co_await self.receive<std::pair<int, int>>();
    if (number != next[static_cast<std::size_t>(sender)]++) co_return fail(Code::bug);
  }
  *is_good = true;
  co_return {};
}

TEST(ActorsThreadsTest, many_threads_send_and_the_order_of_each_is_kept) {
  constexpr int senders = 3;
  constexpr int each = 5000;
  std::atomic<bool> is_good = false;
  Place place;
  const ActorRef actor = place.spawn(expect_in_order, senders, each, &is_good);
  {
    std::vector<std::jthread> threads;
    for (int sender = 0; sender < senders; ++sender) {
      threads.emplace_back([actor, sender] {
        for (int i = 0; i < each; ++i) actor.send(std::pair(sender, i)).value();
      });
    }
  }
  wait_until([&] { return actor.has_ended(); });
  EXPECT_TRUE(is_good);
}

TEST(ActorsThreadsTest, a_loop_that_does_not_turn_takes_so_many_messages_and_no_more) {
  // rule: conversations/D-11
  Place place({.inbox_items_max = 100});
  const ActorRef actor = place.spawn(idle);
  place.on([&](Actors&) {
    std::jthread([&] {
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(actor.send(i));
      const Result<void> refused = actor.send(100);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code, Code::overloaded);
    }).join();
  });
  place.on([](Actors&) {});
  EXPECT_TRUE(actor.send(100));
}

Task<Result<void>> answer(Actor& self) {
  for (int i = 0; i < 10; ++i) {
    auto ask = co_await self.receive<Ask<int, int>>();
    ask.answer(ask.question + 1);
  }
  co_return fail(Code::failed, "tired");
}

Task<Result<void>> ask_on(Actor& self, ActorRef other, std::atomic<int>* answered) {
  for (;;) {
    const Result<int> number = co_await self.ask<int>(other, 1);
    if (!number) co_return fail(number.error());
    *answered += 1;
  }
}

TEST(ActorsThreadsTest, questions_go_between_loops_and_end_with_the_asked_one) {
  Place here;
  Place there;
  for (int round = 0; round < 100; ++round) {  // some are on their way when it ends
    std::atomic<int> answered = 0;
    const ActorRef actor = here.spawn(ask_on, there.spawn(answer), &answered);
    wait_until([&] { return actor.has_ended(); });
    EXPECT_EQ(answered, 10);
  }
}

struct Told {
  std::atomic<int> count = 0;
  std::atomic<std::int64_t> when = 0;
  std::atomic<Kind> kind = Kind::normal;
};

Task<Result<void>> watch(Actor& self, ActorRef other, bool links, Told* told) {
  self.trap_exits();
  if (auto tied = links ? self.link(other) : self.monitor(other); !tied) co_return tied;
  for (;;) {
    const Exited exited = co_await self.receive<Exited>();
    if (exited.who) {
      told->kind = exited.reason.kind;
      told->count += 1;
    }
  }
}

TEST(ActorsThreadsTest, the_end_of_one_reaches_those_who_watch_from_another_loop) {
  Told monitored;
  Told linked;
  Place here;
  Place there;
  const ActorRef other = there.spawn(idle);
  here.spawn(watch, other, false, &monitored);
  here.spawn(watch, other, true, &linked);
  other.exit({.kind = Kind::killed});
  wait_until([&] { return monitored.count == 1 && linked.count == 1; });
  EXPECT_EQ(monitored.kind, Kind::killed);
  EXPECT_EQ(linked.kind, Kind::killed);
  here.spawn(watch, other, false, &monitored);  // it has ended already
  wait_until([&] { return monitored.count == 2; });
}

TEST(ActorsThreadsTest, a_loop_that_goes_away_is_no_connection_for_who_is_tied_to_it) {
  Told monitored;
  Told linked;
  Place here;
  ActorRef other;
  ActorRef dies_along;
  {
    Place there;
    other = there.spawn(idle);
    here.spawn(watch, other, false, &monitored);
    here.spawn(watch, other, true, &linked);
    here.on([&](Actors& actors) {
      dies_along = actors.spawn(idle).value();
      dies_along.get()->link(other).value();
    });
  }
  wait_until([&] { return monitored.count == 1 && linked.count == 1 && dies_along.has_ended(); });
  EXPECT_EQ(monitored.kind, Kind::no_connection);
  EXPECT_EQ(linked.kind, Kind::no_connection);
  EXPECT_EQ(other.send(1).error().code, Code::not_found);
  here.spawn(watch, other, true, &linked);  // nobody there any more
  wait_until([&] { return linked.count == 2; });
}

TEST(ActorsThreadsTest, watching_and_ending_race_and_each_who_watches_is_told_once) {
  // rule: conversations/R-64
  constexpr int rounds = 25'000;
  constexpr int watchers = 4;
  Told told;
  Place here;
  Place there;
  for (int done = 0; done < rounds;) {
    std::vector<ActorRef> victims;
    there.on([&](Actors& actors) {
      for (int i = 0; i < 100; ++i) victims.push_back(actors.spawn(idle).value());
    });
    std::latch start(2);
    std::jthread killer([&] {
      start.arrive_and_wait();
      for (const ActorRef& victim : victims) victim.exit({.kind = Kind::killed});
    });
    std::vector<ActorRef> watching;
    here.on([&](Actors& actors) {
      start.arrive_and_wait();
      for (const ActorRef& victim : victims) {
        for (int i = 0; i < watchers; ++i) watching.push_back(actors.spawn(watch, victim, i % 2 == 0, &told).value());
      }
    });
    killer.join();
    done += 100;
    wait_until([&] { return told.count >= done * watchers; });
    for (const ActorRef& each : watching) each.exit({.kind = Kind::killed});
    here.on([](Actors&) {});
    there.on([](Actors&) {});
    ASSERT_EQ(told.count, done * watchers);
  }
}

struct LinkTo {
  ActorRef other;
};

// Links when it is told to, and counts that, and what it is told of ends.
Task<Result<void>> trap(Actor& self, std::atomic<int>* linked, std::atomic<int>* told) {
  self.trap_exits();
  for (;;) {
    auto news = co_await self.receive<LinkTo, Exited>();
    if (const auto* link = std::get_if<LinkTo>(&news)) {
      if (auto made = self.link(link->other); !made) co_return made;
      ++*linked;
    } else {
      ++*told;
    }
  }
}

TEST(ActorsThreadsTest, two_that_link_each_other_at_once_are_linked_once) {
  constexpr int rounds = 2000;
  std::atomic<int> linked = 0;
  std::atomic<int> told_here = 0;
  std::atomic<int> told_there = 0;
  Place here;
  Place there;
  for (int round = 1; round <= rounds; ++round) {
    const ActorRef one = here.spawn(trap, &linked, &told_here);
    const ActorRef other = there.spawn(trap, &linked, &told_there);
    std::latch start(2);
    std::jthread linking([&] {
      start.arrive_and_wait();
      one.send(LinkTo{other}).value();
    });
    start.arrive_and_wait();
    other.send(LinkTo{one}).value();
    linking.join();
    wait_until([&] { return linked == 2 * round; });  // one that links after it was told is told again
    (round % 2 == 0 ? one : other).exit({.kind = Kind::killed});
    wait_until([&] { return told_here + told_there >= round; });
    for (Place* place : {&here, &there, &here, &there}) place->on([](Actors&) {});
    ASSERT_EQ(told_here + told_there, round);
    (round % 2 == 0 ? other : one).exit({.kind = Kind::killed});
  }
}

TEST(ActorsThreadsTest, requests_to_end_and_ties_do_not_fill_the_inbox_of_a_loop_that_does_not_turn) {
  std::atomic<int> linked = 0;
  std::atomic<int> told = 0;
  Place here;
  Place there({.inbox_items_max = 64});
  const ActorRef other = there.spawn(trap, &linked, &told);
  std::latch goes_on(1);
  std::latch is_held(1);
  std::jthread holding([&] {
    there.on([&](Actors&) {
      is_held.count_down();
      goes_on.wait();
    });
  });
  is_held.wait();
  for (int i = 0; i < 100'000; ++i) other.exit({.kind = Kind::error, .text = "end"});
  here.on([&](Actors& actors) {
    Guest guest(actors);
    int made = 0;
    while (made < 1000 && guest->monitor(other)) {
      guest->unmonitor(other);
      ++made;
    }
    EXPECT_EQ(made, 64);
    EXPECT_EQ(guest->monitor(other).error().code, Code::overloaded);
  });
  goes_on.count_down();
  holding.join();
  there.on([](Actors&) {});
  there.on([](Actors&) {});
  EXPECT_EQ(told, 1);
}

// Both directions at once, and nothing is left behind (the sanitizers look).
TEST(ActorsThreadsTest, both_ends_of_links_end_at_once) {
  Place here;
  Place there;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::pair<ActorRef, ActorRef>> pairs;
    std::vector<ActorRef> others;
    there.on([&](Actors& actors) {
      for (int i = 0; i < 20; ++i) others.push_back(actors.spawn(idle).value());
    });
    here.on([&](Actors& actors) {
      for (const ActorRef& other : others) {
        pairs.emplace_back(actors.spawn(idle).value(), other);
        pairs.back().first.get()->link(other).value();
      }
    });
    std::jthread killer([&] {
      for (const auto& [first, second] : pairs) second.exit({.kind = Kind::killed});
    });
    for (const auto& [first, second] : pairs) first.exit({.kind = Kind::killed});
    killer.join();
    wait_until([&] {
      for (const auto& [first, second] : pairs) {
        if (!first.has_ended() || !second.has_ended()) return false;
      }
      return true;
    });
  }
}

}  // namespace
}  // namespace parley
