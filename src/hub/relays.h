#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/directory/directory.h"
#include "hub/hub.h"
#include "hub/relay.h"
#include "hub/services.h"
#include "hub/visitor.h"
#include "io/loop.h"

namespace parley::hub {

// The connections of clients joined to those of providers, and what each of both has of them. Owned by the hub, whose
// options and directory outlive it; dies when the sessions are over.
class Relays final : private RelayEvents {
 public:
  Relays(io::Loop& loop, const HubOptions& options, core::Directory& directory)
      : loop_(loop), options_(options), directory_(directory) {}
  Relays(const Relays&) = delete;
  Relays& operator=(const Relays&) = delete;

  // What is said about opens is not bounded by what is said on connections, and one client does not take all that a
  // provider accepts. Errors: overloaded.
  Result<void> check_room(const Visitor& client, const Visitor& provider) const;
  // Not started yet.
  Relay& join(Visitor& client, Visitor& provider, std::string name);
  bool waits_for(const Visitor& visitor) const;
  std::vector<RelayState> all() const;
  std::size_t size() const { return relays_.size(); }

 private:
  struct Joined {
    std::unique_ptr<Relay> relay;
    Visitor* client;
    Visitor* provider;
  };
  void on_load(Relay& relay, std::int64_t calls) override;
  void on_over(Relay& relay) override;
  Histogram& latency_of(Visitor& provider, const std::string& name) const;

  io::Loop& loop_;
  const HubOptions& options_;
  core::Directory& directory_;
  std::unordered_map<const Relay*, Joined> relays_;
};

}  // namespace parley::hub
