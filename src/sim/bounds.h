#pragma once

#include <cstdint>
#include <string_view>

#include "base/limits.h"
#include "sim/verdicts.h"

namespace parley::sim {

// What one session holds at a moment.
struct Held {
  std::size_t outbound_bytes = 0;
  std::size_t control_bytes = 0;
  std::size_t calls_in_flight = 0;
  std::size_t calls_in_line = 0;
  std::size_t calls_handled = 0;
  std::size_t channels = 0;
};

// What it may hold at most.
struct Allowed {
  Limits limits;
  std::uint32_t peer_requests_max = 0;
  std::size_t message_bytes_max = 0;  // the longest that is sent in this run
};

void check_bounds(const Held& held, const Allowed& allowed, Verdicts& verdicts);

// What a world still holds when everything in it is over.
struct Leftovers {
  std::uint64_t handlers = 0;
  std::uint64_t streams = 0;
  std::size_t timers = 0;
  std::size_t events = 0;
  std::size_t blocks = 0;
  bool has_ready = false;
};

void check_leftovers(const Leftovers& leftovers, Verdicts& verdicts);

}  // namespace parley::sim
