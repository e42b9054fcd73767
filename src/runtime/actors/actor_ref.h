#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/instant.h"
#include "core/supervisor/exit_reason.h"
#include "runtime/actors/parcel.h"

namespace parley {

using core::ExitReason;

// Leads to an actor, wherever it lives, and lasts beyond its end. Copied, sent along and used on any thread. Messages
// and signals that one thread gives to one actor arrive in their order.
class ActorRef {
 public:
  ActorRef() = default;
  explicit ActorRef(Actor& actor);
  ActorRef(const ActorRef& other);
  ActorRef(ActorRef&& other) noexcept : actor_(std::exchange(other.actor_, nullptr)) {}
  ActorRef& operator=(ActorRef other) noexcept {
    std::swap(actor_, other.actor_);
    return *this;
  }
  ~ActorRef();

  explicit operator bool() const { return actor_ != nullptr; }
  friend bool operator==(const ActorRef&, const ActorRef&) = default;

  // Puts the message into the actor's mailbox. Errors: overloaded (the mailbox is full), not_found (it has ended).
  template <class T>
  Result<void> send(T message) const;

  // Asks it to end for that reason: it ends, or gets an Exited if it traps exits. `killed` cannot be trapped. While it
  // has not taken one such request, a further one adds nothing.
  void exit(ExitReason reason = {}) const;
  bool has_ended() const;

  Actor* get() const { return actor_; }  // for the runtime

 private:
  friend class Actor;
  Actor* actor_ = nullptr;
};

// An actor has ended that this one watches, or whose end reaches it over a link and is trapped here; without `who`:
// somebody asks this one to end.
struct Exited {
  ActorRef who;
  ExitReason reason;
  Instant when;  // on the clock of the one that has ended
};

}  // namespace parley
