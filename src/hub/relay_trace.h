#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/connection.h"
#include "runtime/tracing.h"

namespace parley::hub {

// A call on its way through a hub, as a span of the trace that it belongs to. What passes is not changed for it: the
// relay is no hop, and whoever is called sees the caller's span as its parent, beside this one.
class RelayTrace {
 public:
  // The call behind its head. Null where it belongs to no trace that is written down.
  static std::unique_ptr<RelayTrace> begin(std::shared_ptr<Tracing> tracing, io::Loop& loop, std::string_view service,
                                           wire::roam::Decoder call);
  RelayTrace(const RelayTrace&) = delete;
  RelayTrace& operator=(const RelayTrace&) = delete;
  // A call without a response ended `unknown`.
  ~RelayTrace();

  // The response behind its head. `peer` is the address of whoever answered.
  void end(std::string_view peer, wire::roam::Decoder response);

 private:
  RelayTrace(std::shared_ptr<Tracing> tracing, io::Loop& loop, std::string_view service)
      : tracing_(std::move(tracing)), loop_(loop), service_(service) {}
  void write(std::string_view peer, const CallOutcome& outcome);

  const std::shared_ptr<Tracing> tracing_;  // which may outlive the hub, as the relay does
  io::Loop& loop_;
  const std::string service_;
  std::uint64_t method_ = 0;
  std::size_t argument_bytes_ = 0;
  std::unique_ptr<CallNotes> notes_;  // until it is written down
};

}  // namespace parley::hub
