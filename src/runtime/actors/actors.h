#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/actors/actor.h"
#include "runtime/actors/ask.h"
#include "runtime/actors/receive.h"

namespace parley {

struct SpawnOptions {
  std::string name = {};              // for find(); nobody else alive has it
  std::size_t mailbox_items_max = 0;  // 0: as in ActorsOptions
};

// The actors of one loop. Made and destroyed on its thread, or before it turns; dies before the loop, and not from
// inside an actor. Then all its actors end with `no_connection`, and their frames are destroyed. spawn() and find() are
// called on its thread.
class Actors {
 public:
  explicit Actors(io::Loop& loop, ActorsOptions options = {})
      : home_(std::make_shared<runtime::ActorHome>(loop, options)) {}
  ~Actors() { home_->close(); }
  Actors(const Actors&) = delete;
  Actors& operator=(const Actors&) = delete;

  // Starts `Task<Result<void>> body(Actor& self, ...)` with these arguments, which the body takes by value. It runs
  // through the ready queue: whoever spawns can link and send first. Errors: overloaded, in_use (the name), closed.
  template <class Body, class... Args>
    requires std::invocable<Body, Actor&, Args...>
  Result<ActorRef> spawn(SpawnOptions options, Body body, Args... args) {
    static_assert(std::is_empty_v<Body> || std::is_function_v<std::remove_pointer_t<Body>>,
                  "a body captures nothing: it outlives what it was made from, so give it arguments");
    static_assert(std::same_as<std::invoke_result_t<Body, Actor&, Args...>, Task<Result<void>>>,
                  "Task<Result<void>> body(Actor& self, ...)");
    PARLEY_TRY(const ActorRef ref, admit(std::move(options)));
    ref.get()->begin(*this, body(*ref.get(), std::move(args)...));
    return ref;
  }
  template <class Body, class... Args>
    requires std::invocable<Body, Actor&, Args...>
  Result<ActorRef> spawn(Body body, Args... args) {
    return spawn(SpawnOptions(), std::move(body), std::move(args)...);
  }

  // The living actor of that name, or none.
  ActorRef find(std::string_view name) const {
    Actor* const found = home_->find(name);
    return found ? found->ref() : ActorRef();
  }
  std::size_t size() const { return home_->size(); }
  const ActorsCounters& counters() const { return home_->counters(); }
  io::Loop& loop() const { return home_->loop(); }
  void set_tap(runtime::Tap* tap) { home_->set_tap(tap); }  // for parley::testing

 private:
  friend class Guest;
  Result<ActorRef> admit(SpawnOptions options) {
    const std::size_t items_max =
        options.mailbox_items_max != 0 ? options.mailbox_items_max : home_->options().mailbox_items_max;
    ActorRef ref(*std::make_unique<Actor>(home_, items_max).release());
    PARLEY_TRY(home_->admit(*ref.get(), std::move(options.name)));
    return ref;
  }
  std::shared_ptr<runtime::ActorHome> home_;
};

// An actor without a body, for a task that is none: it receives, asks and monitors through it. Nobody ends it: what
// asks it to becomes an Exited. On its loop's thread; dies before the Actors.
class Guest {
 public:
  explicit Guest(Actors& actors) : ref_(actors.admit({}).value()) { ref_.get()->be_guest(actors); }
  ~Guest() { ref_.get()->end({}); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  Actor* operator->() const { return ref_.get(); }
  Actor& operator*() const { return *ref_.get(); }

 private:
  const ActorRef ref_;
};

}  // namespace parley
