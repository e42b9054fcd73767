#include "sim/bounds.h"

#include <fmt/format.h>

namespace parley::sim {

namespace {

// Beside a message: its head, and the metadata of an error of ours.
constexpr std::size_t envelope_bytes_max = 600;

void check(Verdicts& verdicts, std::string_view what, std::uint64_t held, std::uint64_t allowed) {
  if (held > allowed) verdicts.fail("bounds", fmt::format("{} {}, {} allowed", held, what, allowed));
}

void check_none(Verdicts& verdicts, std::string_view what, std::uint64_t count) {
  if (count != 0) verdicts.fail("leftovers", fmt::format("{} {} when everything was over", count, what));
}

}  // namespace

// Items wait behind one bound and calls are refused behind its double. Responses go into what is left: one for each
// call that is handled.
void check_bounds(const Held& held, const Allowed& allowed, Verdicts& verdicts) {
  const Limits& limits = allowed.limits;
  const std::size_t message = allowed.message_bytes_max + envelope_bytes_max;
  check(verdicts, "bytes wait to be written", held.outbound_bytes,
        2 * limits.outbound_bytes_max + (std::size_t{limits.concurrent_requests_max} + 2) * message);
  check(verdicts, "bytes of control messages wait to be written", held.control_bytes,
        limits.control_bytes_max + envelope_bytes_max);
  check(verdicts, "calls are in flight", held.calls_in_flight, allowed.peer_requests_max);
  check(verdicts, "calls are in line", held.calls_in_line, limits.waiting_calls_max);
  check(verdicts, "calls are handled", held.calls_handled, limits.concurrent_requests_max);
  check(verdicts, "channels are open", held.channels,
        limits.channels_max + std::size_t{allowed.peer_requests_max} * limits.channels_per_call_max);
}

void check_leftovers(const Leftovers& leftovers, Verdicts& verdicts) {
  check_none(verdicts, "handlers are alive", leftovers.handlers);
  check_none(verdicts, "streams are open", leftovers.streams);
  check_none(verdicts, "timers are armed", leftovers.timers);
  check_none(verdicts, "events are planned", leftovers.events);
  check_none(verdicts, "blocks are held", leftovers.blocks);
  check_none(verdicts, "loops have something ready", leftovers.has_ready ? 1 : 0);
}

}  // namespace parley::sim
