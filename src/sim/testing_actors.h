#pragma once

#include <concepts>
#include <deque>
#include <source_location>
#include <string_view>
#include <utility>

#include "runtime/actors/actors.h"
#include "sim/testing_world.h"

namespace parley::testing {

// The mailboxes of actors in a world, as a test sees them: each message to an actor waits here until the test says that
// it expects it; then it is delivered, and everything that comes of it happens, up to the next messages. What an actor
// is asked is a message, an Ask; the answer goes straight to who asked. Dies before the actors and before the world;
// what still waits then is discarded.
class Mailboxes final : private runtime::Tap {
 public:
  Mailboxes(World& world, Actors& actors) : world_(world), actors_(actors) { actors_.set_tap(this); }
  ~Mailboxes();
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;

  // The next message to that actor is a T for which the predicate holds: it gets it now.
  template <class T, std::predicate<const T&> Predicate>
  void expect(const ActorRef& to, Predicate predicate, std::source_location where = std::source_location::current()) {
    world_.settle(where);
    runtime::Message* const next = next_to(to);
    world_.expect(next != nullptr, "a message to this actor", where);
    world_.expect(next->type == &runtime::MessageOf<T>::type_of, "a message of this type", where);
    world_.expect(predicate(static_cast<const runtime::MessageOf<T>*>(next)->value), "a message like this", where);
    deliver(*next);
    world_.settle(where);
  }
  template <class T>
  void expect(const ActorRef& to, std::source_location where = std::source_location::current()) {
    expect<T>(to, [](const T&) { return true; }, where);
  }
  // No message of that type waits for that actor.
  template <class T>
  void disallow(const ActorRef& to, std::source_location where = std::source_location::current()) {
    world_.settle(where);
    for (const Held& each : held_) {
      world_.expect(each.to != to || each.message->type != &runtime::MessageOf<T>::type_of, "no message of this type",
                    where);
    }
  }
  // No message waits for anybody.
  void expect_none(std::source_location where = std::source_location::current()) {
    world_.settle(where);
    world_.expect(held_.empty(), "no message", where);
  }

  // As if somebody had asked the actor to end for this reason.
  void inject_exit(const ActorRef& whom, ExitReason reason,
                   std::source_location where = std::source_location::current()) {
    whom.exit(std::move(reason));
    world_.settle(where);
  }
  // Lets this much time pass, with all that happens in it; messages go on waiting.
  void advance_time(Duration duration, std::source_location where = std::source_location::current()) {
    world_.pass(duration, where);
  }

 private:
  struct Held {
    ActorRef to;
    runtime::Message* message;
  };
  void hold(runtime::Message& message) override { held_.push_back({ActorRef(*message.to), &message}); }
  runtime::Message* next_to(const ActorRef& to);
  void deliver(runtime::Message& message);

  World& world_;
  Actors& actors_;
  std::deque<Held> held_;
};

}  // namespace parley::testing
