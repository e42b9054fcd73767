#pragma once

#include <cstdint>

namespace parley {

// Connections of host pipes, and what became of them.
struct HostpipeCounters {
  std::uint64_t streams = 0;         // that came
  std::uint64_t registered = 0;      // of these, as the host
  std::uint64_t refused = 0;         // whom nobody knows, and who brought no token that is known
  std::uint64_t pids_wrong = 0;      // who said that he is another process
  std::uint64_t without_rights = 0;  // who may offer none of the commands
  std::uint64_t kinds_refused = 0;   // who is no host
  std::uint64_t hosts_refused = 0;   // because there was one
  std::uint64_t not_registered = 0;  // wanted something before
  std::uint64_t registered_again = 0;
  std::uint64_t pushed_out = 0;  // before they had registered, by others that came later
  std::uint64_t late = 0;        // did not register in time
  std::uint64_t goodbyes = 0;
  std::uint64_t broken = 0;          // whose stream failed
  std::uint64_t stuck = 0;           // for whom something waited longer than HostpipeOptions::write_max
  std::uint64_t answers_unread = 0;  // beyond HostpipeOptions::unsent_bytes_max, or 64 KiB before it registers
  std::uint64_t cut_off = 0;         // while last bytes were on their way
  std::uint64_t malformed = 0;       // lines
  std::uint64_t lines_too_long = 0;
  std::uint64_t misrouted = 0;      // commands that are not a host's
  std::uint64_t names_refused = 0;  // commands of a host that the registry did not take
  std::uint64_t commands = 0;       // that were sent
  std::uint64_t commands_refused = 0;
  std::uint64_t answered = 0;  // of those that were sent, as all below
  std::uint64_t failed = 0;
  std::uint64_t given_up = 0;         // whoever asked waits no longer
  std::uint64_t unsent = 0;           // and had not left when the host went
  std::uint64_t lost = 0;             // the same, and had
  std::uint64_t reports = 0;          // that became events
  std::uint64_t reports_unasked = 0;  // of these, answers that nobody waits for
  std::uint64_t answers_unasked = 0;  // other answers that nobody waits for
  std::uint64_t events = 0;           // that were sent
  std::uint64_t events_withheld = 0;  // of these, without what they say
  std::uint64_t resyncs = 0;          // the host was too slow for them
};

}  // namespace parley
