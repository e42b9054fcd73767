#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "async/task.h"
#include "base/limits.h"
#include "core/directory/directory.h"
#include "core/policy/policy.h"
#include "core/policy/tokens.h"
#include "core/topic/kept.h"
#include "core/topic/topics.h"
#include "hub/bus/counters.h"
#include "hub/bus/options.h"
#include "hub/counters.h"
#include "hub/hostpipe/counters.h"
#include "hub/hostpipe/options.h"
#include "io/http.h"
#include "io/loop.h"
#include "runtime/commands/registry.h"
#include "runtime/conversations/conversations.h"
#include "runtime/outbox/outbox_service.h"
#include "runtime/topics/topics.h"

namespace parley {

class Tracing;

struct HubOptions {
  Limits limits;
  core::Directory::Bounds directory = {};
  // Of the registry of commands and events; its names are those of the directory.
  RegistryOptions commands = {};
  ConversationsOptions conversations = {};
  // Of those who send commands to it, which are kept until they have a result.
  OutboxServiceOptions outboxes = {};
  io::HttpLimits http = {};
  // Of clients of the bus.
  BusOptions bus = {};
  // Of hosts at a host pipe; good, as mistakes_in() says.
  HostpipeOptions hostpipe = {};
  // What nobody has declared is no topic, unless `takes_unknown`. Messages are numbered from the time when it began.
  core::Topics::Options topics = {};
  // Of topics that are kept, whoever keeps and follows them.
  core::KeptLimits kept = {};
  // Who may do what. Let in are those whom a rule names, and who brings a token. By itself a hub is there for its own
  // process alone, at mem: addresses; Policy::of_owner(Principal::of_user(::getuid())) is what the program has.
  core::Policy policy = core::Policy::of_owner(core::Principal::of_own_process());
  // The secrets that let in whom the system does not vouch for. Without any, and without a rule for a certificate:NAME,
  // there are no listeners at addresses with a port.
  core::Tokens tokens = {};
  // Makes the sockets of those who are introduced to each other (parley::introduce): parley::socket_pair. Null: nobody
  // is. What they then say goes past this hub, which checked only that the one may call the other.
  Result<std::pair<io::Descriptor, io::Descriptor>> (*socket_pair)() = nullptr;
  // Writes down the calls that the hub passes on, where they belong to a trace, and those of its own services. Null:
  // neither.
  std::shared_ptr<Tracing> tracing = nullptr;
  // What was refused is kept, for `parley audit`; so many.
  std::size_t refusals_max = 256;
};

// The meeting place of many processes: workers offer services, clients find them by name, and what a client says goes
// to the worker that was chosen for it. An object in a loop, as a program, in another program or in the simulator. On
// its loop's thread. Outlived by its loop; destroying it closes it.
class Hub final {
 public:
  explicit Hub(io::Loop& loop, HubOptions options = {});
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // What a listener takes: whatever the door knows, or one protocol whose peers need not be told apart.
  enum class Speaks : std::uint8_t { any, roam, bus };
  // The address that reaches it, with what the system chose filled in. Errors: uri, in_use, permission, address,
  // refused (an address with a port, where nobody is known by what he brings); with TLS unsupported (no certificate),
  // not_found and invalid (its files).
  Result<std::string> listen(std::string_view uri, Speaks speaks = Speaks::any);
  // Stops listening and ends all sessions: calls on their way end `unknown`, or `lost` where they never left. For
  // clients of the bus nothing new begins; what was accepted leaves, and they are told goodbye. Idempotent.
  void close();
  // Until clients of the bus have gone, after close(); at most BusOptions::drain_max. Not longer than the hub.
  Task<void> closed();
  // Waits until it is closed, or a listener fails; the error says which and why. The others go on until close(). Not
  // longer than the hub.
  Task<Result<void>> stopped();

  // Its commands and events: what the hub's own process registers here, all find that may.
  Registry& registry();
  // What is published here, by clients of the bus and sessions alike; an embedding program may tap it.
  Topics& topics();
  // Who takes part in which conversations; what the hub's own process provides here, clients of the bus may open.
  Conversations& conversations();
  // Runs what outboxes send to the hub, whoever has the command. An outbox of the hub's own process that is shown here
  // is told of by `parley outbox`, metrics and all.
  OutboxService& outboxes();
  const core::Directory& directory() const;
  const DoorCounters& door() const;
  const WebCounters& web() const;
  const CommandGateCounters& command_gate() const;
  const McpPagesCounters& mcp_pages() const;
  const BusCounters& bus() const;
  const HostpipeCounters& hostpipe() const;
  // Whether there is one at the host pipe.
  bool has_host() const;
  // Of the bus, that were let in.
  std::size_t bus_connection_count() const;
  std::size_t session_count() const;
  // Of HTTP.
  std::size_t web_connection_count() const;
  // Sessions that are over, and whose last bytes still leave: at most Limits::newcomers_max, beyond which the oldest is
  // cut off.
  std::size_t leaving_count() const;
  std::size_t relay_count() const;
  // In the output of sessions, for all of them.
  std::size_t bytes_queued() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace parley
