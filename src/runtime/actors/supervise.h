#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "core/supervisor/supervisor.h"
#include "runtime/actors/actors.h"

namespace parley {

using Strategy = core::Supervisor::Strategy;
using Restart = core::Supervisor::Restart;
using SupervisorOptions = core::Supervisor::Options;

// How a supervisor starts one of its children, again and again.
struct Child {
  std::string name;  // of the actor, each time; may be empty
  Restart restart = Restart::always;
  std::move_only_function<Result<ActorRef>(Actors& actors, const std::string& name)> start;
};

struct ChildOptions {
  std::string name = {};
  Restart restart = Restart::always;
  std::size_t mailbox_items_max = 0;  // as in SpawnOptions
};

// A child with this body; each start copies the arguments.
template <class Body, class... Args>
Child child(ChildOptions options, Body body, Args... args) {
  return {std::move(options.name), options.restart,
          [items_max = options.mailbox_items_max, body, ... args = std::move(args)](Actors& actors,
                                                                                    const std::string& name) {
            return actors.spawn({.name = name, .mailbox_items_max = items_max}, body, args...);
          }};
}

// `Ask<AddChild, Added>` to a supervisor: starts one more, behind the others. Refused when it ends.
struct AddChild {
  Child child;
};
struct Added {
  std::uint64_t number;
  ActorRef ref;  // none: it could not be started, and is tried again
};
// `Ask<RemoveChild, bool>`: the child ends, and is not started again; false: there is none of that number.
struct RemoveChild {
  std::uint64_t number;
};
// `Ask<ListChildren, std::vector<ChildStatus>>`: in the order of their starts.
struct ListChildren {};
struct ChildStatus {
  std::uint64_t number;
  std::string name;
  ActorRef ref;  // its last incarnation
};

// The body of a supervisor: starts the children, in their order, is linked to them, and does what core::Supervisor says
// when one ends. Asked to end, or when one that is linked to it crashes, it ends them all, the last one first, and then
// itself; it fails when it gives up. A supervisor may be the child of another.
Task<Result<void>> supervise(Actor& self, SupervisorOptions options, std::vector<Child> children);

// `spawn_supervisor(actors, options, child(...), child(...))`
template <class... Each>
Result<ActorRef> spawn_supervisor(Actors& actors, SupervisorOptions options, Each... each) {
  std::vector<Child> list;
  (list.push_back(std::move(each)), ...);
  return actors.spawn(supervise, options, std::move(list));
}

}  // namespace parley
