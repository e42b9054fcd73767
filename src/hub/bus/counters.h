#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace parley {

// Connections of the bus, and what became of them.
struct BusCounters {
  std::uint64_t streams = 0;  // that came
  std::uint64_t entered = 0;  // of these, let in
  std::uint64_t refused = 0;  // whom nobody knows, and who brought no token that is known
  std::uint64_t versions_refused = 0;
  std::uint64_t too_many = 0;        // beyond BusOptions::connections_max
  std::uint64_t pushed_out = 0;      // before they had said who they are, by others that came later
  std::uint64_t late = 0;            // did not say so in time
  std::uint64_t before_connect = 0;  // wanted something before
  std::uint64_t disconnected = 0;    // said goodbye
  std::uint64_t answers_unread = 0;  // beyond BusOptions::answers_bytes_max
  std::uint64_t silent = 0;          // did not answer a keepalive, or took nothing
  std::uint64_t cut_off = 0;         // while last bytes were on their way
  std::map<std::string, std::uint64_t, std::less<>> malformed;  // by what was wrong
  std::uint64_t ignored = 0;                                    // frames that are not for a server
  std::uint64_t forbidden = 0;                                  // what somebody had no right to
  std::uint64_t asked = 0;                                      // messages for which a reply was wanted
  std::uint64_t replied = 0;
  std::uint64_t timed_out = 0;  // of these, without one in time
  std::uint64_t unasked = 0;    // replies that nobody wanted
  std::uint64_t crashes_told = 0;
  std::uint64_t workers_registered = 0;
  std::uint64_t workers_rejected = 0;
  std::uint64_t workers_ended = 0;
  std::uint64_t pushes = 0;
  std::uint64_t pushes_unanswered = 0;     // in BusOptions::push_max
  std::uint64_t push_replies_strange = 0;  // to what was not asked, or is over
};

}  // namespace parley
