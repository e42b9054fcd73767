#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "hub/gate.h"
#include "hub/hostpipe/counters.h"
#include "hub/hostpipe/event_log.h"
#include "hub/hostpipe/options.h"
#include "io/loop.h"
#include "runtime/commands/registry.h"

namespace parley::hub {

// What the connections of host pipes share.
struct PipeHub {
  // Writes down what somebody was not allowed.
  using Refuse = std::move_only_function<void(const std::optional<core::Principal>& who, const io::Peer& peer,
                                              std::string_view verb, std::string_view name, const Error& why) const>;
  io::Loop& loop;
  const Gate& gate;
  Registry& registry;
  const HostpipeOptions options;
  const Refuse refuse;
  HostpipeCounters counters = {};
  EventLog log{options.events_kept_max, options.events_bytes_max};
  std::uint64_t generation = 0;  // of the last host
  std::uint64_t last_saga = 0;   // that was given to a command here

  // What the pipe calls it.
  std::string_view without_prefix(std::string_view name) const {
    if (name.size() > options.prefix.size() && name.starts_with(options.prefix)) {
      name.remove_prefix(options.prefix.size());
    }
    return name;
  }
};

}  // namespace parley::hub
