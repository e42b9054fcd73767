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
  // Numbers that are given to commands here are the next ones, so many. No caller says one of these: it would make the
  // host answer somebody else's command by what it did for this one.
  const std::uint64_t first_saga;
  std::uint64_t given_sagas = 0;
  static constexpr std::uint64_t given_sagas_max = std::uint64_t{1} << 40;

  std::uint64_t next_saga() { return first_saga + ++given_sagas; }
  bool gives(std::uint64_t saga) const { return saga >= first_saga && saga - first_saga <= given_sagas_max; }

  // What the pipe calls it.
  std::string_view without_prefix(std::string_view name) const {
    if (name.size() > options.prefix.size() && name.starts_with(options.prefix)) {
      name.remove_prefix(options.prefix.size());
    }
    return name;
  }
};

}  // namespace parley::hub
