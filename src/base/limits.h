#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/instant.h"

namespace parley {

// The bounds, with their defaults. (A session also keeps at most 64 descriptors that nobody has claimed, or that wait
// to leave.) At a bound the answer is `overloaded` or a protocol error that costs the one session: never growth, never
// silent loss.
struct Limits {
  // links
  std::size_t frame_bytes_max = std::size_t{64} << 20;    // one message, in and out
  std::size_t opening_bytes_max = std::size_t{64} << 10;  // the first message of a session
  std::size_t outbound_bytes_max = std::size_t{1} << 20;  // written to a session but not taken by the kernel: items
                                                          // wait, and at twice that new calls are refused
  std::size_t control_bytes_max = std::size_t{64} << 10;  // control messages behind a blocked link, and refusals when
                                                          // new calls are refused; above: session lost
  std::size_t flush_bytes = std::size_t{24} << 10;        // written early when so much has been encoded
  std::size_t pinned_bytes_max = std::size_t{1} << 20;    // received blocks that unread items or running
                                                          // handlers keep alive; above: copied
  std::size_t descriptors_max = 8;                        // with one message; never more than eight

  // sessions
  Duration handshake_max = std::chrono::seconds(5);  // also how long last bytes may take to leave, or to come
  Duration keepalive = std::chrono::seconds(15);     // a peer that says nothing so long, while something here waits for
                                                     // it, is asked; as long without an answer: session lost. 0: never

  // stable sessions
  std::uint32_t stable_items_max = 8192;  // messages sent and not acknowledged: what is beyond waits, and one in
                                          // four asks the peer for an acknowledgement
  std::size_t stable_bytes_max = std::size_t{1} << 20;     // the same in bytes; one message may be longer
  Duration stable_away_max = std::chrono::seconds(30);     // without a link; above: session lost
  Duration stable_silence_max = std::chrono::seconds(15);  // of a peer that has not acknowledged all: it is asked, and
                                                           // after as long again the link is left
  std::uint32_t stable_sessions_max = 4096;                // of one server

  std::uint32_t connections_max = 4096;  // opened by the peer on one session, beyond the root
  std::uint32_t sessions_max = 16384;    // accepted by one server
  std::uint32_t newcomers_max = 1024;    // of a hub or server, not let in yet: beyond, one is closed

  // calls
  std::uint32_t concurrent_requests_max = 1024;         // inbound; advertised. As many cleanups of stopped handlers
  std::uint32_t outgoing_calls_max = 65536;             // ours at once, however many more the peer advertised
  std::uint32_t waiting_calls_max = 4096;               // ours beyond that
  std::uint32_t repeats_max = 3;                        // of one idempotent call of ours, by sessions that dial again
  Duration repeat_wait_max = std::chrono::seconds(30);  // for the session that comes next; above: it is not repeated
  std::size_t repeat_bytes_max = std::size_t{1} << 20;  // such calls kept; those beyond are not repeated

  // channels
  std::uint32_t channels_per_call_max = 64;
  std::uint32_t channels_max = 4096;                    // opened by the peer, on one connection
  std::uint32_t credit_max = 1u << 24;                  // items a peer may grant in all
  std::uint32_t window_items_max = 16384;               // that our receivers adapt to
  std::size_t window_bytes_max = std::size_t{1} << 20;  // the same in bytes

  // metadata
  std::uint32_t metadata_entries_max = 64;
  std::size_t metadata_bytes_max = std::size_t{64} << 10;

  // codec
  std::uint32_t depth_max = 64;  // nesting of a decoded value
};

}  // namespace parley
