#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "async/scope.h"
#include "io/loop.h"
#include "runtime/commands/line_carrier.h"
#include "runtime/commands/registry.h"

namespace parley {

struct LineServerOptions {
  CarrierLimits limits = {};
  std::size_t carriers_max = 1024;
  // What whoever comes may; nothing: all but private commands. An error closes him.
  std::move_only_function<Result<AttachOptions>(const io::Peer& peer) const> decide = {};
};

// Lets registries in that speak lines at an address, without a hub: unix:, tcp: or whatever else the loop listens at.
// Who comes to a TCP port is not asked who he is: a hub does that. On its registry's loop, and outlived by that;
// destroying it stops listening and detaches them.
class LineServer final : private io::ListenerEvents {
 public:
  // Errors: uri, in_use, permission, address.
  static Result<std::unique_ptr<LineServer>> listen(Registry& registry, std::string_view uri,
                                                    LineServerOptions options = {});
  LineServer(Registry& registry, std::unique_ptr<io::Listener> listener, LineServerOptions options);
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  // With what the system chose filled in.
  const std::string& address() const { return listener_->address(); }
  std::size_t carrier_count() const { return scope_.size(); }
  std::uint64_t refused() const { return refused_; }  // beyond the bound, or by decide()

 private:
  void on_stream(std::unique_ptr<io::Stream> stream) override;
  void on_listener_failed(Error) override {}
  static Task<void> serve(LineServer& server, std::shared_ptr<LineCarrier> carrier);

  Registry& registry_;
  const LineServerOptions options_;
  std::unique_ptr<io::Listener> listener_;
  std::uint64_t last_ = 0;
  std::uint64_t refused_ = 0;
  Scope scope_;
};

// A carrier of lines to whoever listens at an address. Errors: those of dialling.
Task<Result<std::shared_ptr<Carrier>>> dial_lines(io::Loop& loop, std::string uri, LineCarrierOptions options);

}  // namespace parley
