#pragma once

#include <vector>

#include "hub/hub.h"
#include "hub/visitor.h"
#include "runtime/builtin.h"

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
  virtual Visitor* visitor_of(const runtime::Session& session) = 0;
  virtual Visitor* visitor(std::uint64_t id) = 0;
  virtual std::vector<Visitor*> visitors() = 0;
  virtual std::vector<RelayState> relays() = 0;
  virtual Instant now() const = 0;
  virtual std::size_t sessions_max() const = 0;

 protected:
  ~HubState() = default;
};

class DirectoryService final : public builtin::Directory {
 public:
  explicit DirectoryService(HubState& hub) : hub_(hub) {}
  Task<std::vector<builtin::DirectoryEntry>> list() override;
  Task<Result<void>> offer(Context& context, core::Offer offer) override;
  Task<bool> withdraw(Context& context, std::string name) override;

 private:
  HubState& hub_;
};

class HubService final : public builtin::Hub {
 public:
  explicit HubService(HubState& hub) : hub_(hub) {}
  Task<std::vector<builtin::SessionEntry>> who() override;
  Task<std::vector<builtin::Count>> counters() override;
  Task<builtin::HubStats> stats() override;

 private:
  HubState& hub_;
};

}  // namespace parley::hub
