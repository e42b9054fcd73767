#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/scope.h"
#include "hub/counters.h"
#include "hub/gate.h"
#include "io/loop.h"
#include "runtime/commands/line_carrier.h"
#include "runtime/commands/registry.h"

namespace parley::hub {

// Where registries of cmd-ipc come in that speak in lines: on streams that open with a message, and WebSockets at /cmd.
// As whom they come the system or a certificate says, or a token in `_meta` of their first message ("parley-token").
// On the hub's loop; destroying it ends them.
class CommandGate final {
 public:
  using Refuse = std::move_only_function<void(const std::optional<core::Principal>& seen, const io::Peer& peer,
                                              const Error& why) const>;
  struct Bounds {
    std::size_t carriers_max;   // that were let in
    std::size_t newcomers_max;  // that have not said who they are: beyond, they push out each other
  };
  CommandGate(io::Loop& loop, Registry& registry, const Gate& gate, Refuse refuse, Bounds bounds);

  // `until`: by when it has said who it is. `bearer`: the token of its request, over HTTP.
  void admit(std::unique_ptr<io::Stream> stream, std::optional<core::Principal> seen, std::optional<std::string> bearer,
             Instant until);
  const CommandGateCounters& counters() const { return counters_; }

 private:
  class Newcomer;
  class Attached;
  static Task<void> serve(CommandGate& gate, std::shared_ptr<LineCarrier> carrier, std::optional<core::Principal> seen,
                          std::optional<std::string> bearer, Instant until);

  io::Loop& loop_;
  Registry& registry_;
  const Gate& gate_;
  const Refuse refuse_;
  const Bounds bounds_;
  CommandGateCounters counters_;
  std::uint64_t last_ = 0;
  std::size_t attached_ = 0;
  std::map<std::uint64_t, LineCarrier*> newcomers_;  // as they came
  Scope scope_;
};

}  // namespace parley::hub
