#pragma once

#include <utility>
#include <vector>

#include "hub/bus/bus_gate.h"
#include "hub/hostpipe/pipe_gate.h"
#include "hub/hub.h"
#include "hub/refusals.h"
#include "hub/visitor.h"
#include "runtime/builtin.h"
#include "runtime/outbox/outbox_service.h"

// The services that the hub provides itself.
namespace parley::hub {

struct RelayState {
  const Relay* relay;
  const Visitor* client;
  const Visitor* provider;
};

// What they see of the hub.
class HubState {
 public:
  virtual core::Directory& names() = 0;
  virtual const DoorCounters& door() const = 0;
  virtual const WebCounters& web() const = 0;
  virtual const CommandGateCounters& command_gate() const = 0;
  virtual const McpPagesCounters& mcp_pages() const = 0;
  virtual const BusGate& bus() const = 0;
  virtual const PipeGate& hostpipe() const = 0;
  virtual const Topics& topics() const = 0;
  virtual const Conversations& conversations() const = 0;
  virtual const OutboxService& outboxes() const = 0;
  // Why it is not ready, by names that OPERATING.md tells.
  virtual std::vector<std::string> unmet_conditions() const = 0;
  virtual std::size_t session_count() const = 0;
  virtual Visitor* visitor_of(const runtime::Session& session) = 0;
  virtual Visitor* visitor(std::uint64_t id) = 0;
  virtual std::vector<Visitor*> visitors() = 0;
  virtual std::vector<RelayState> relays() = 0;
  virtual Instant now() const = 0;
  virtual std::uint64_t introductions() const = 0;
  virtual std::size_t sessions_max() const = 0;
  virtual std::size_t leaving_count() const = 0;
  virtual std::uint64_t cut_off() const = 0;
  virtual const Refusals& refused() const = 0;
  // Writes down what is refused, of a visitor and of whom a page serves.
  virtual void refuse(const core::Principal& who, const io::Peer& peer, core::Verb verb, std::string_view name,
                      const Error& why) = 0;
  virtual Result<void> check(const Visitor& visitor, core::Verb verb, std::string_view name) = 0;
  virtual Result<void> offer(const Visitor& visitor, core::Offer offer) = 0;
  virtual Result<core::Directory::Choice> choose(const Visitor& client, std::string_view name) = 0;
  virtual Result<std::pair<io::Descriptor, io::Descriptor>> socket_pair() = 0;

 protected:
  ~HubState() = default;
};

class DirectoryService final : public builtin::Directory {
 public:
  explicit DirectoryService(HubState& hub) : hub_(hub) {}
  Task<std::vector<builtin::DirectoryEntry>> list(Context& context) override;
  Task<Result<void>> offer(Context& context, core::Offer offer) override;
  Task<bool> withdraw(Context& context, std::string name) override;
  Task<Result<builtin::Introduction>> introduce(Context& context, std::string name) override;
  Task<Result<void>> may(Context& context, std::string verb, std::string pattern) override;
  Task<std::vector<builtin::WorkerEntry>> workers(Context& context, std::uint64_t from) override;
  Task<std::vector<builtin::TopicEntry>> topics(Context& context, std::string after) override;
  std::uint64_t introductions() const { return introductions_; }

 private:
  HubState& hub_;
  std::uint64_t introductions_ = 0;
};

class HubService final : public builtin::Hub {
 public:
  explicit HubService(HubState& hub) : hub_(hub) {}
  Task<std::vector<builtin::SessionEntry>> who(Context& context) override;
  Task<Result<std::vector<builtin::Count>>> counters(Context& context) override;
  Task<Result<builtin::HubStats>> stats(Context& context) override;
  Task<Result<builtin::Refusals>> refusals(Context& context) override;

 private:
  Result<void> check(Context& context);
  HubState& hub_;
};

}  // namespace parley::hub
