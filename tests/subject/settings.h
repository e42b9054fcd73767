#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "testbed/scenarios.h"

namespace subject {

inline constexpr std::string_view usage =
    R"(Usage: subject    (everything is said in the environment)

One side of a test between two implementations of roam 7.x: serves the Testbed, or calls it.

  SUBJECT_MODE         server (default)  connects to PEER_ADDR and serves there
                       client            connects to PEER_ADDR and runs CLIENT_SCENARIO
                       server-listen     prints `LISTEN_ADDR=127.0.0.1:PORT`, serves the one connection that comes
                       client-listen     prints the same, and runs CLIENT_SCENARIO on the one connection that comes
  PEER_ADDR            HOST:PORT, of the peer
  CLIENT_SCENARIO      what a client does, and expects
  LISTEN_PORT          where to listen; 0 (default): the system chooses
  SPEC_TRANSPORT       tcp (default); mem: a client serves itself, inside of this process
  SPEC_CONDUIT         bare (default)
  ACCEPT_CONNECTIONS   0 (default) or 1: connections beside the root are accepted either way

Exit codes: 0 the connection was served or the scenario passed, 1 it was not or did not (stderr says why), 2 the
environment is wrong.
)";

struct Settings {
  bool is_listening = false;  // else it connects
  bool is_client = false;     // else it serves
  std::string address;        // to listen at or to connect to, as a URI
  std::string scenario_name;  // of a client
  testbed::Scenario scenario = nullptr;

  bool is_in_memory() const { return address.starts_with("mem:"); }
};

// What the environment asks for; or everything that is wrong with it, a sentence each.
std::expected<Settings, std::vector<std::string>> read_settings();

}  // namespace subject
