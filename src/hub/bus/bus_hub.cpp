#include "hub/bus/bus_hub.h"

#include <algorithm>
#include <chrono>

namespace parley::hub {

namespace bus = wire::bus;

bus::Envelope wire_of(const core::Envelope& envelope) {
  bus::Envelope wire{.schema = envelope.schema, .payload = envelope.payload};
  if (!envelope.parent.empty()) wire.causality.parent = envelope.parent;
  wire.causality.clock = envelope.clock;
  return wire;
}

core::Envelope envelope_of(const bus::Envelope& envelope, std::string publisher) {
  return {.publisher = std::move(publisher),
          .parent = std::string(envelope.causality.parent.value_or(std::string_view())),
          .schema = envelope.schema,
          .payload = {envelope.payload.begin(), envelope.payload.end()},
          .clock = envelope.causality.clock};
}

core::Topics::Options topic_options(core::Topics::Options options, io::Clock& clock, std::size_t frame_bytes_max) {
  // What a frame says beside the bytes of a message.
  constexpr std::size_t frame_overhead_bytes = 256;
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(clock.wall().time_since_epoch());
  std::size_t& bytes_max = options.limits.message_bytes_max;
  options.first_message = std::max(options.first_message, static_cast<std::uint64_t>(since.count()));
  bytes_max = std::min(bytes_max, frame_bytes_max - std::min(frame_bytes_max, frame_overhead_bytes));
  return options;
}

bus::Reason reason_of(const Error& error) {
  switch (error.code) {
    case Code::permission: return bus::Reason::authentication;
    case Code::closed: return bus::Reason::quiesced;
    case Code::too_large: return bus::Reason::limit;
    default: break;
  }
  switch (kind(error)) {
    case Kind::refused: return bus::Reason::wrong_state;
    case Kind::overloaded: return bus::Reason::overloaded;
    case Kind::timed_out: return bus::Reason::timed_out;
    case Kind::lost:
    case Kind::unknown: return bus::Reason::participant_crashed;
    default: return bus::Reason::other;
  }
}

}  // namespace parley::hub
