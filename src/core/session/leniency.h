#pragma once

namespace parley {

// What is overlooked in a peer of roam 7.x that is no Parley, because real ones do it. What is switched off here breaks
// the rules, and costs the session, as it does from a Parley peer.
struct Leniency {
  bool request_parity = true;       // ids of calls of either parity: TypeScript 7.1 counts 1, 2, 3
  bool hello_parity = true;         // an answer to our hello that claims our parity: TypeScript 7.1 always says even
  bool repeated_responses = true;   // further responses to a call, which are ignored
  bool items_beyond_credit = true;  // up to 4096 unread, then the channel is reset: TypeScript 7.1 knows no credit
  bool channel_order =
      true;  // calls that list lower channel ids than the one before: tasks of Rust overtake each other
};

}  // namespace parley
