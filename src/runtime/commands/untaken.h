#pragma once

#include <optional>

#include "runtime/commands/carrier.h"

namespace parley::runtime {

// What becomes of a message that a carrier does not take.
struct Untaken {
  bool ends_alone = false;                   // else the carrier goes with it
  bool is_dropped = false;                   // an event: nobody waits for it
  std::optional<CommandMessage> heard = {};  // what whoever waits is told, as if the peer had said it
};
// For a result that is too large it sends the reason instead.
Untaken untaken(const CommandMessage& message, Carrier& carrier, const Error& why);

}  // namespace parley::runtime
