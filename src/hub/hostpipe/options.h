#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/instant.h"

namespace parley {

// Of host pipes. What is beyond a bound of a connection is refused with a reason of its own, or costs that connection.
struct HostpipeOptions {
  // What a host can do, as the pipe calls it: `spawn_pool_window`. Each is a command of the hub, with the prefix, while
  // there is a host.
  std::vector<std::string> commands = {};
  // The same of what asks whether the host is alive, and is answered by its nonce.
  std::vector<std::string> probes = {};
  // Of events that go to the host; none: it hears none.
  std::vector<std::string> events = {};
  std::string prefix = "host.";  // of commands and events of the pipe, in the hub
  std::uint32_t commands_in_flight_max = 1024;
  std::uint32_t events_kept_max = 4096;  // for hosts that ask for those that they have missed
  std::size_t events_bytes_max = std::size_t{1} << 20;
  std::size_t line_bytes_max = std::size_t{1} << 20;
  std::size_t unsent_bytes_max = std::size_t{4} << 20;  // which the host does not read
  Duration write_max = std::chrono::seconds(5);         // in which what waits for a host has to leave
  Duration leave_max = std::chrono::seconds(5);         // that last bytes may take
};

inline constexpr std::size_t hostpipe_names_max = 256;

// What is wrong with them: the option, and why. Nothing: they are good.
std::vector<std::pair<std::string_view, std::string>> mistakes_in(const HostpipeOptions& options);

}  // namespace parley
