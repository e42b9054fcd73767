#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/instant.h"

namespace parley {

// Of the bus. What is beyond a bound of a connection is refused with a reason of its own, or costs that connection.
struct BusOptions {
  // Whether a client says Connect before anything else. Without, whom the system vouches for may begin at once, as
  // clients of liminal 0.2.2 do; whom it does not has to bring a token all the same.
  bool require_connect = true;
  std::uint32_t connections_max = 16384;
  std::uint32_t subscriptions_max = 32;  // of one connection, as all below
  std::uint32_t conversations_max = 32;
  std::uint32_t replies_max = 32;                             // that are awaited
  std::uint32_t replies_per_conversation_max = 8;             // of these
  std::uint32_t activity_types_max = 64;                      // that a worker registers for
  std::uint32_t pushes_max = 32;                              // to a worker that it has not answered; others wait
  std::size_t push_bytes_ahead_max = std::size_t{256} << 10;  // which a worker has not read: more pushes wait
  std::uint32_t pushes_waiting_max = 1024;               // beyond, whoever wanted it is told that the worker cannot
  std::uint32_t delivers_per_turn = 32;                  // others have their turn in between
  std::size_t answers_bytes_max = std::size_t{4} << 20;  // which the peer does not read; one answer may be longer
  std::size_t frame_bytes_max = std::size_t{16} << 20;
  std::size_t opening_bytes_max = std::size_t{64} << 10;  // of a frame before it is known who says it
  Duration reply_max = std::chrono::seconds(5);           // that a reply is awaited
  Duration push_max = std::chrono::seconds(30);           // that the answer to a push is
  Duration leave_max = std::chrono::seconds(5);           // that last bytes may take
  Duration drain_max =
      std::chrono::seconds(5);  // that what was accepted may, once the hub was closed or the client has said all
  // A peer that says nothing for so long, while something waits for it, is asked; whoever has answered once is held to
  // it, and goes after as long again. So does one that takes nothing of what waits for it. Zero: never.
  Duration keepalive = std::chrono::seconds(15);
};

}  // namespace parley
