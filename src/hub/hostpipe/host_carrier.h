#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "async/wait.h"
#include "base/prng.h"
#include "runtime/commands/carrier.h"

namespace parley::hub {

class HostCarrierEvents {
 public:
  // A call of one of the host's commands. Errors: link_lost, overloaded, too_large; what else is wrong with it is
  // answered.
  virtual Result<void> on_call(const std::string& call, const wire::command::ExecuteRequest& request) = 0;
  // Nobody waits for its answer.
  virtual void on_cancel(const std::string& call) = 0;
  virtual void on_offered(const std::string& request, bool is_taken) = 0;
  virtual void on_carrier_closed() = 0;

 protected:
  ~HostCarrierEvents() = default;
};

// What a registry has of the host at a pipe: commands that are called through it, and events that it publishes. Shared
// by the registry and its connection, which says when it goes; all on the loop of both.
class HostCarrier final : public Carrier {
 public:
  HostCarrier(std::string id, HostCarrierEvents& host, std::uint64_t seed)
      : Carrier(std::move(id), true), host_(&host), prng_(seed) {}

  // Says it to the registry. The id of the message comes back.
  std::string say(wire::command::Body body, std::string meta = {});
  void answer(const std::string& call, Result<std::string> result);
  std::size_t unread() const { return said_.size(); }
  // The host is gone: what was said is read, and then the end.
  void end();

  Task<Result<void>> start() override;
  Result<void> send(const CommandMessage& message) override;
  // It is there or not; what waits in it has a bound of its own.
  Task<void> writable() override { co_return; }
  Task<std::optional<ReceivedCommand>> receive() override;
  void close() override;

 private:
  HostCarrierEvents* host_;  // null: gone
  Prng prng_;
  std::deque<CommandMessage> said_;
  Event readable_;
};

}  // namespace parley::hub
