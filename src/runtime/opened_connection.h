#pragma once

#include <cstdint>
#include <string>

#include "async/executor.h"
#include "runtime/connection.h"
#include "runtime/connection_user.h"

namespace parley::runtime {

// A connection beyond the root whose calls and channels are used here. Owned by its session, on its loop.
//
// One that we open is for a service: its clients stay with it. It is opened by the first call, closed when its last
// caller goes, and opened anew by the next call when it is over. One that the peer opened serves its calls until the
// peer closes it, and dies when nobody here calls back on it any more.
class OpenedConnection final : public Mortal, public ConnectionUser {
 public:
  OpenedConnection(Session& session, std::string service);
  // The peer's; accepts it.
  OpenedConnection(Session& session, const ConnectionOpening& opening, const MethodTable& methods);
  ~OpenedConnection() override;

  Connection& connection() { return connection_; }
  // It is open now: the peer's answer is not waited for. Errors: invalid (a name that is none), closed, not_sent.
  Result<void> open();
  std::uint32_t& callers() { return callers_; }
  void on_last_caller_gone();

 private:
  void on_accepted(const wire::roam::Settings& settings, const wire::roam::MetadataView& metadata) override;
  void on_message(wire::roam::Kind kind, ByteView message, ByteView body, Block* block) override;
  void on_over(Over how, const Error& why) override;
  void close(const Error& why, const Metadata& said);
  void bury_if_unused();

  Session& session_;
  const bool is_ours_;
  const std::string service_;
  std::uint32_t callers_ = 0;
  bool is_buried_ = false;
  Connection connection_;
};

}  // namespace parley::runtime
