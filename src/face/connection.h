#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/client.h"
#include "runtime/opened_connection.h"
#include "runtime/raw.h"
#include "runtime/services.h"

namespace parley {

using wire::roam::Parity;

// What the opener of a connection says of it.
struct ConnectionOptions {
  std::string_view service;  // the name of what is called on it; empty: whatever the peer makes of that
  // Of the ids that this end gives to its calls and channels; the peer's are the others.
  std::optional<Parity> parity;                          // none: as in the session
  std::optional<std::uint32_t> concurrent_requests_max;  // accepted from the peer at once; none: as in the session
  Metadata metadata;                                     // for whoever decides about it
  const Services* services = nullptr;                    // for the peer to call on it; outlives the session
};

// What the acceptor of a connection says of it.
struct AcceptOptions {
  std::optional<std::uint32_t> concurrent_requests_max;  // accepted from the peer at once; none: as in the session
  Metadata metadata;                                     // for the opener
  const Services* services = nullptr;                    // for the peer to call on it; outlives the session
};

// A connection of its own inside a session: calls and channels that end together, and apart from all others of the
// session. Cheap to copy; each copy is a caller, as are the clients, pending calls and open channels of it. One that
// was opened here is closed when the last of them goes; one that the peer opened lives until the peer closes it or
// close() is called. It keeps the session open. Once over it stays so: its calls end at once as `closed` or `lost`. On
// the session's loop.
class Connection {
 public:
  Connection(const Connection& other) : opened_(other.opened_) {
    if (opened_) opened_->connection().add_client();
  }
  Connection(Connection&& other) noexcept : opened_(std::exchange(other.opened_, nullptr)) {}
  Connection& operator=(Connection other) noexcept {
    std::swap(opened_, other.opened_);
    return *this;
  }
  ~Connection() {
    if (opened_) opened_->connection().drop_client();
  }

  // Of what the peer serves on it.
  template <class S>
  Client<S> client() const {
    return Client<S>(opened_->connection());
  }
  // See RawCall::start().
  RawCall raw_call(std::uint64_t method, ByteView arguments, std::vector<RawChannel> channels = {},
                   const CallOptions& options = {}) const {
    return RawCall::start(opened_->connection(), method, arguments, std::move(channels), options);
  }

  bool is_connected() const { return opened_->connection().is_open(); }
  // Waits until it is over; the error says why, unless it was closed in good order. Holds it open meanwhile.
  Task<Result<void>> closed() const { return opened_->connection().closed(); }
  // Ends all calls and channels of it at both ends; what was sent before still reaches the peer, and then the metadata.
  // Idempotent.
  void close(const Metadata& metadata = {}) const { opened_->close(metadata); }

  // Within the session and while it is open.
  std::uint64_t id() const { return opened_->id(); }
  // What the peer said when it opened or accepted it.
  const Metadata& peer_metadata() const { return opened_->peer_metadata(); }

 private:
  friend class Session;
  friend class ConnectionRequest;
  explicit Connection(runtime::OpenedConnection& opened) : opened_(&opened) { opened.connection().add_client(); }

  runtime::OpenedConnection* opened_;
};

// A connection that the peer asks for. Only for the time of the ConnectionHandler.
class ConnectionRequest {
 public:
  ConnectionRequest(runtime::Session& session, const runtime::ConnectionOpening& opening);

  const io::Peer& peer() const { return session_.peer(); }
  // Empty where the peer names none.
  std::string_view service() const { return service_; }
  const Metadata& metadata() const { return metadata_; }
  // That the peer accepts from us at once.
  std::uint32_t concurrent_requests_max() const { return opening_.settings.max_concurrent_requests; }

  // Errors: invalid (metadata above the limits; accepted already), closed (the session has ended).
  Result<Connection> accept(const AcceptOptions& options = {});
  const std::optional<Connection>& accepted() const { return accepted_; }

 private:
  runtime::Session& session_;
  const runtime::ConnectionOpening& opening_;
  Metadata metadata_;
  std::string_view service_;
  std::optional<Connection> accepted_;
};

// Decides about the connections that a peer asks for. An error rejects it, and the peer is told. A request that was not
// accepted is for the services of the session then, as if nobody had been asked. What it throws is `bug` to the peer.
// tidy: allow function options are copied for each session
using ConnectionHandler = std::function<Result<void>(ConnectionRequest&)>;

}  // namespace parley
