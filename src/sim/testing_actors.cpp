#include "sim/testing_actors.h"

#include <algorithm>

namespace parley::testing {

Mailboxes::~Mailboxes() {
  actors_.set_tap(nullptr);
  for (const Held& each : held_) each.message->type->destroy(*each.message);
}

runtime::Message* Mailboxes::next_to(const ActorRef& to) {
  const auto found = std::ranges::find(held_, to, &Held::to);
  return found == held_.end() ? nullptr : found->message;
}

// What waits for one that has ended is discarded, as in its mailbox.
void Mailboxes::deliver(runtime::Message& message) {
  const auto found = std::ranges::find(held_, &message, &Held::message);
  const ActorRef to = found->to;
  held_.erase(found);
  if (to.has_ended()) {
    message.type->destroy(message);
  } else {
    to.get()->put(message);
  }
}

}  // namespace parley::testing
