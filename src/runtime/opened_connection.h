#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "async/executor.h"
#include "async/wait.h"
#include "runtime/connection.h"
#include "runtime/connection_user.h"

namespace parley::runtime {

// A connection beyond the root whose calls and channels are used here. Owned by its session, on its loop.
//
// One for a service is opened by the first call of a client, closed when its last caller goes, and opened anew by the
// next call when it is over. Any other is opened once: by us, until its last caller goes or it is closed, or by the
// peer, whose calls it serves until the peer closes it. It dies when it is over and nobody here uses it.
class OpenedConnection final : public Mortal, public ConnectionUser {
 public:
  // What this end says of it and does on it.
  struct Terms {
    wire::roam::Parity parity = wire::roam::Parity::odd;  // of our ids; of one that the peer opened it has been said
    std::uint32_t requests_max = 0;                       // that we accept at once
    Metadata metadata;                                    // beside the mark of Parley
    const MethodTable* methods = nullptr;                 // null: serves nothing
  };

  OpenedConnection(Session& session, std::string service);
  // Opens one of ours, on an established session.
  OpenedConnection(Session& session, const Terms& terms);
  // The peer's; accepts it.
  OpenedConnection(Session& session, const ConnectionOpening& opening, const Terms& terms);
  ~OpenedConnection() override;

  Connection& connection() { return connection_; }
  bool waits() const { return state() == State::opening || connection_.waits(); }
  // Set by the peer's answer to our open, and when it is over.
  Event& answered() { return answered_; }
  // What the peer said when it opened or accepted it.
  const Metadata& peer_metadata() const { return peer_metadata_; }
  // Why it is over: rejected, or ended.
  const std::optional<Error>& why_over() const { return why_over_; }

  // For a service. It is open now: the peer's answer is not waited for. Errors: invalid (a name that is none), closed,
  // not_sent.
  Result<void> open();
  // Idempotent. The peer is told the metadata, behind what was said on it.
  void close(const Metadata& metadata);
  std::uint32_t& callers() { return callers_; }
  void on_last_caller_gone();

 private:
  enum class Origin : std::uint8_t { service, ours, peer };

  void on_accepted(const wire::roam::Settings& settings, const wire::roam::MetadataView& metadata) override;
  void on_message(wire::roam::Kind kind, ByteView message, ByteView body, Block* block) override;
  void on_over(Over how, const Error& why) override;
  void open_with(const Terms& terms);
  void close(const Error& why, const Metadata& said);
  void bury_if_unused();

  Session& session_;
  const Origin origin_;
  const std::string service_;
  std::uint32_t callers_ = 0;
  bool is_buried_ = false;
  Event answered_;
  Metadata peer_metadata_;
  std::optional<Error> why_over_;
  Connection connection_;
};

}  // namespace parley::runtime
