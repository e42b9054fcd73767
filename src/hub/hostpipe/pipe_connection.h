#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "hub/hostpipe/host_calls.h"
#include "hub/hostpipe/host_carrier.h"
#include "hub/hostpipe/pipe_hub.h"
#include "runtime/hostpipe/pipe_lines.h"
#include "wire/hostpipe/line.h"

namespace parley::hub {

class PipeConnection;

class PipeConnectionEvents {
 public:
  // It wants to be the host. Null: it is; else who is the host.
  virtual const PipeConnection* on_registering(PipeConnection& connection) = 0;
  // The registry has to be told of it.
  virtual void on_registered(PipeConnection& connection, std::shared_ptr<HostCarrier> carrier,
                             std::shared_ptr<const core::Rights> rights) = 0;
  // It has said all, and its last bytes leave.
  virtual void on_leaving(PipeConnection& connection) = 0;
  // It may be destroyed, but not from inside of this.
  virtual void on_over(PipeConnection& connection) = 0;

 protected:
  ~PipeConnectionEvents() = default;
};

// One connection of a host pipe. Owned by its gate. It is a newcomer until it registers, and the host from then on;
// its commands end with it: at the latest when it says goodbye, breaks a rule, does not read, or its stream ends.
class PipeConnection final : public Mortal, private runtime::PipeLinesEvents, private HostCarrierEvents {
 public:
  struct Arrival {
    std::unique_ptr<io::Stream> stream;
    std::optional<core::Principal> seen;
    Instant until;  // by when it has registered
  };
  PipeConnection(PipeConnectionEvents& gate, PipeHub& hub, std::uint64_t number, Arrival arrival);

  void start();
  std::uint64_t number() const { return number_; }
  bool is_host() const { return state_ == State::host; }
  std::uint32_t pid() const { return pid_; }
  std::size_t commands_in_flight() const { return calls_.size(); }
  // There is something new in the log.
  void pump();
  // It did not become a peer of the registry.
  void fail_to_attach(const Error& why);
  // Nothing more is taken or begun; what was put leaves, and then the end.
  void leave();
  // At once: nothing more leaves than the stream takes.
  void cut();

 private:
  enum class State : std::uint8_t { newcomer, host, leaving, over };
  struct Late final : Timer {
    explicit Late(PipeConnection& owner) : Timer(&Late::fire), connection(owner) {}
    static void fire(Timer& timer) { static_cast<Late&>(timer).connection.on_late(); }
    PipeConnection& connection;
  };

  // --- the stream
  void on_line(std::string_view line) override;
  void on_long_line() override;
  void on_moved() override;
  void on_stuck() override;
  void on_pipe_end(std::optional<Error> why) override;
  void on_late();
  std::size_t line_bytes_max() const;
  void put(std::string_view line);

  // --- what the host says
  void take(const wire::hostpipe::Register& said);
  void take(const wire::hostpipe::Ping&);
  void take(const wire::hostpipe::Goodbye&);
  void take(const wire::hostpipe::GetSnapshot&);
  void take(const wire::hostpipe::GetEvents& said);
  void take(const wire::hostpipe::Report& said);
  void take(const wire::hostpipe::ActionFailed& said);
  void take(const wire::hostpipe::Alive& said);
  void take(const wire::hostpipe::Other& said);
  bool has_registered(bool is_fatal);
  bool is_known(const wire::hostpipe::Register& said);
  bool may_be_host();
  void publish(const wire::hostpipe::Report& said);

  // --- what goes to the host
  enum class Refusal : std::uint8_t { invalid_command, not_registered, already_registered };
  void refuse(Refusal what, bool is_fatal, std::string_view why);
  // To whoever asked alone: it has the version that there is, and takes none.
  void reply(std::string_view event, std::string members);
  std::string snapshot() const;
  std::string line_of(std::uint64_t version);
  // Events of the log that the host has not heard, while less than that waits for it.
  void pump_until(std::size_t unsent_bytes);
  bool lags() const { return cursor_ != hub_.log.version(); }

  // --- commands
  Result<void> on_call(const std::string& call, const wire::command::ExecuteRequest& request) override;
  void on_cancel(const std::string& call) override;
  void on_offered(const std::string& request, bool is_taken) override;
  void on_carrier_closed() override { leave(); }
  void offer(const std::string& name);
  Result<void> check_room(std::size_t line_bytes);

  void let_go();
  void drop_unsent();

  PipeConnectionEvents& gate_;
  PipeHub& hub_;
  const std::uint64_t number_;
  std::optional<core::Principal> seen_;
  const Instant until_;
  State state_ = State::newcomer;
  bool has_said_all_ = false;
  std::uint32_t pid_ = 0;
  std::shared_ptr<const core::Rights> rights_;  // of the host
  std::string request_id_;                      // of the line that is being taken
  std::shared_ptr<HostCarrier> carrier_;
  std::map<std::string, std::string> offering_;  // what it is asked, by the id of the request
  std::set<std::string> offered_;                // as the pipe calls them
  HostCalls calls_;
  std::uint64_t cursor_ = 0;  // the version that the host has heard
  Late late_{*this};
  runtime::PipeLines lines_;
};

}  // namespace parley::hub
