#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "io/tls_options.h"
#include "testbed/scenarios.h"

namespace subject {

inline constexpr std::string_view usage =
    R"(Usage: subject    (everything is said in the environment)

One side of a test between two implementations of roam 7.x: serves the Testbed, or calls it.

  SUBJECT_MODE         server (default)  connects to PEER_ADDR and serves there
                       client            connects to PEER_ADDR and runs CLIENT_SCENARIO
                       server-listen     prints `LISTEN_ADDR=ADDRESS`, serves the one session that comes
                       client-listen     prints the same, and runs CLIENT_SCENARIO on the one session that comes
  PEER_ADDR            HOST:PORT of the peer; with ws and wss ws://HOST:PORT/PATH too, with unix a path
  CLIENT_SCENARIO      what a client does, and expects; all: every scenario, one after another on one session
  LISTEN_PORT          where to listen; 0 (default): the system chooses
  LISTEN_PATH          where to listen with unix
  SPEC_TRANSPORT       tcp (default), unix, ws, tls or wss; mem: a client serves itself, inside of this process
  SPEC_CONDUIT         bare (default); stable: the session goes on over another link when one breaks
  STABLE_AWAY_MS       how long a stable session goes without a link before it is lost; 30000 (default)
  TLS_CERTIFICATE      whoever listens with tls or wss: a file, PEM, with the certificate and what is behind it
  TLS_KEY              and one with its key
  TLS_AUTHORITIES      whoever connects with tls or wss: a file, PEM, of whom a certificate is accepted
  ACCEPT_CONNECTIONS   0 (default) or 1: connections beside the root are accepted either way

Exit codes: 0 the session was served or the scenario passed, 1 it was not or did not (stderr says why), 2 the
environment is wrong.
)";

struct NamedScenario {
  std::string name;
  testbed::Scenario run = nullptr;
};

struct Settings {
  bool is_listening = false;             // else it connects
  bool is_client = false;                // else it serves
  std::string address;                   // to listen at or to connect to, as a URI
  std::vector<NamedScenario> scenarios;  // of a client
  bool is_stable = false;
  parley::Limits limits;
  parley::io::TlsOptions tls;

  bool is_in_memory() const { return address.starts_with("mem:"); }
};

// What the environment asks for; or everything that is wrong with it, a sentence each.
std::expected<Settings, std::vector<std::string>> read_settings();

}  // namespace subject
