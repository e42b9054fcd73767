#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/scope.h"
#include "hub/hostpipe/pipe_connection.h"

namespace parley::hub {

// Where host pipes come in, of which one at a time is that of the host: its commands are the hub's, what it reports are
// events, and it hears those that it is to. On the hub's loop; destroying it cuts them off.
class PipeGate final : private PipeConnectionEvents {
 public:
  struct Parts {
    io::Loop& loop;
    const Gate& gate;
    Registry& registry;
  };
  // Newcomers beyond that number push out each other; so do those whose last bytes leave. The options are good, as
  // mistakes_in() says.
  PipeGate(Parts parts, HostpipeOptions options, PipeHub::Refuse refuse, std::size_t newcomers_max);
  ~PipeGate();
  PipeGate(const PipeGate&) = delete;
  PipeGate& operator=(const PipeGate&) = delete;

  void admit(PipeConnection::Arrival arrival);
  // Nobody comes in any more, and who is there reads the end. Idempotent.
  void close();
  void cut_all();

  const HostpipeCounters& counters() const { return hub_.counters; }
  bool has_host() const { return host_ != nullptr; }
  std::size_t newcomer_count() const { return newcomers_.size(); }
  std::size_t leaving_count() const { return leaving_.size(); }
  std::size_t commands_in_flight() const { return host_ ? host_->commands_in_flight() : 0; }
  std::uint64_t version() const { return hub_.log.version(); }

 private:
  const PipeConnection* on_registering(PipeConnection& connection) override;
  void on_registered(PipeConnection& connection, std::shared_ptr<HostCarrier> carrier,
                     std::shared_ptr<const core::Rights> rights) override;
  void on_leaving(PipeConnection& connection) override;
  void on_over(PipeConnection& connection) override;
  void forget(const PipeConnection& connection);
  void listen();
  void keep(std::string_view event, std::string_view payload);
  static Task<void> attach(PipeGate& gate, std::shared_ptr<HostCarrier> carrier,
                           std::shared_ptr<const core::Rights> rights, std::uint64_t number);

  PipeHub hub_;
  const std::size_t newcomers_max_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, std::unique_ptr<PipeConnection>> connections_;
  std::set<std::uint64_t> newcomers_;  // of these, as the next
  std::set<std::uint64_t> leaving_;
  PipeConnection* host_ = nullptr;  // of these, too
  std::string attached_id_;         // of the last carrier that the registry was given
  bool is_closing_ = false;
  std::vector<Subscription> listening_;
  Scope scope_;
};

}  // namespace parley::hub
