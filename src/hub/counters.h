#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace parley {

// What came to the door of a hub, and what became of it.
struct DoorCounters {
  std::uint64_t streams = 0;
  std::uint64_t silent = 0;          // said nothing that tells, in Limits::handshake_max
  std::uint64_t too_many = 0;        // beyond Limits::sessions_max
  std::uint64_t pushed_out = 0;      // by others that came later, beyond Limits::newcomers_max
  std::uint64_t strangers = 0;       // whom no rule names, where nobody is known by what he brings; closed as they come
  std::uint64_t tokens_missing = 0;  // the same where there are, after the handshake
  std::uint64_t tokens_wrong = 0;
  std::uint64_t accepted = 0;
  std::map<std::string, std::uint64_t, std::less<>> refused;  // by what they spoke
};

// HTTP at the door.
struct WebCounters {
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;    // without a token that is known, where nothing else tells who it is
  std::uint64_t not_found = 0;  // of paths that there are none of
  std::uint64_t probes = 0;     // answered whoever asks, and no requests otherwise
};

// Registries of cmd-ipc that come in lines and over WebSockets.
struct CommandGateCounters {
  std::uint64_t attached = 0;
  std::uint64_t refused = 0;             // whom nobody knows, and who brought no token that is known
  std::uint64_t too_many = 0;            // beyond Limits::sessions_max
  std::uint64_t pushed_out = 0;          // before they had said who they are, by others that came later
  std::uint64_t messages_malformed = 0;  // of who has gone, as the next
  std::uint64_t lines_too_long = 0;
};

// Sessions of MCP over HTTP.
struct McpPagesCounters {
  std::uint64_t opened = 0;
  std::uint64_t ended = 0;  // by their clients
  std::uint64_t expired = 0;
  std::uint64_t pushed_out = 0;  // idle ones, by others of the same principal
  std::uint64_t refused = 0;     // for want of room
  std::uint64_t unknown = 0;     // requests for a session that there is not, or that is somebody else's
};

}  // namespace parley
