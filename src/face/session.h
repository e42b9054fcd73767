#pragma once

#include <memory>
#include <string_view>

#include "face/connection.h"
#include "face/descriptor.h"
#include "io/statistics_stream.h"
#include "runtime/client.h"
#include "runtime/hold.h"
#include "runtime/raw.h"
#include "runtime/services.h"

namespace parley {

struct Options;
namespace face {
class Introductions;
}

// A session with a peer: the way to its services. It closes in good order when the last of this handle, its holds, its
// clients, pending calls and open channels is gone; close() does not wait for them. On one loop, which outlives it.
class Session {
 public:
  explicit Session(runtime::Session& session);  // adopts the first caller
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The name is the provider's at a hub. A peer that is none serves what it has by its methods, whatever the name.
  template <class S>
  Client<S> client(std::string_view name) {
    return Client<S>(session_.to_service(name));
  }
  // A call by the id of its method, over encoded bytes; see RawCall::start().
  RawCall raw_call(std::uint64_t method, ByteView arguments, std::vector<RawChannel> channels = {},
                   const CallOptions& options = {}) {
    return RawCall::start(session_, method, arguments, std::move(channels), options);
  }
  // Keeps it open like this handle does, for what outlives that.
  Hold hold() { return Hold(session_); }
  // Opens a connection of its own and waits for the peer's answer. Errors: what the peer says that it is rejected for,
  // such as rejected, not_found, overloaded or refused; invalid (a name that is none, or metadata above the limits);
  // closed, not_sent. Dropping the task closes it.
  Task<Result<Connection>> open_connection(ConnectionOptions options = {});

  // Ends all calls and channels and refuses new ones; what was sent before still reaches the peer. Idempotent.
  void close() { session_.close({Code::closed, "the session was closed here"}); }
  // Waits until it has ended; the error says why, unless it ended in good order. One that dials again ends when it is
  // closed here.
  Task<Result<void>> closed();
  bool is_open() const { return session_.is_established() && !session_.has_ended(); }

  // Passes open files to the peer: the number of the first, and the next for each further one. A number travels as an
  // ordinary argument or result, in a call made after this; the handler claims it from its Context. They leave with the
  // next message of the session, at most Limits::descriptors_max with one, and are closed here, as are those of a
  // refused pass. Errors: unsupported (only Unix sockets and mem: links pass them), too_many_descriptors,
  // invalid (one that is not open), closed.
  Result<std::uint64_t> pass(std::vector<io::Descriptor> descriptors) { return session_.pass(std::move(descriptors)); }
  // Takes what the peer passed under this number. Each can be claimed once; what nobody claims is closed with the
  // session, which ends when more than 64 are unclaimed. Errors: not_found, unsupported.
  Result<io::Descriptor> claim_descriptor(std::uint64_t number) { return session_.claim_descriptor(number); }

  const io::Peer& peer() const { return session_.peer(); }
  // What the peer said beside its hello.
  const Metadata& peer_metadata() const { return session_.machine().peer_metadata(); }
  // Since the session began; docs/OPERATING.md, section 2.
  const core::Counters& counters() const { return session_.counters(); }
  // For the runtime.
  runtime::Session& runtime() { return session_; }

 private:
  friend Task<Result<std::unique_ptr<Session>>> connect(io::Loop& loop, std::string uri, Options options);
  friend Task<Result<std::unique_ptr<Session>>> introduce(Session& hub, std::string name, Options options);
  friend Task<Result<std::unique_ptr<Session>>> open_session(io::Loop& loop, std::unique_ptr<io::Link> link,
                                                             Options options);
  // `known`: who the peer is, where the link cannot tell.
  static Task<Result<std::unique_ptr<Session>>> open(io::Loop& loop, std::unique_ptr<io::Link> link, Options options,
                                                     std::optional<io::Peer> known);
  static Task<Result<std::unique_ptr<Session>>> dial(io::Loop& loop, std::string uri, Options options);
  class Redialing;
  class Waiting;
  runtime::Session& session_;
  std::shared_ptr<face::Introductions> introductions_;  // of one that offers
  std::unique_ptr<Redialing> redialing_;
};

struct Options {
  Limits limits;
  // Toward peers of roam 7.x that are no Parley: nothing is said that only Parley knows.
  bool foreign = false;
  Leniency lenient;  // toward such peers, and toward those that do not say that they are Parley
  std::optional<std::uint32_t> concurrent_requests_max;  // to advertise instead of the one in limits
  Metadata metadata;                                     // beside the hello
  // As whom this end comes to a hub: the secret of one of its tokens. It stands beside the hello, marked sensitive.
  // Empty: as whomever the system says it is. A hub that does not know it refuses, and the error says so.
  std::string token;
  // See the calls that the session makes, in their order. What it serves, Services::intercept() is for.
  Interceptors interceptors = {};
  const Services* services = nullptr;  // served to the peer on this session
  // Counts what passes through the streams of the session, of all links that it has, or of all sessions of a server:
  // bytes as the session says them, above TLS and WebSockets. May be shared among sessions of one loop.
  std::shared_ptr<io::StreamStatistics> statistics;
  // Decides about the connections that peers open. None: each is for one of the services.
  ConnectionHandler on_connection;
  // For connect(), toward a hub: others find these services there by their names, as long as the session lives. A hub
  // that refuses one ends the session, whose error says which and why; what is no hub is `unsupported`, and nothing to
  // offer is `invalid`. Clients that
  // the hub introduces (parley::introduce) come by sessions of their own, which end with this handle.
  bool offer = false;
  // For connect(). A peer that is not there yet is waited for as long as this: it is dialled again after 100 ms, then
  // twice as long each time up to 5 s, somewhat at random. What no waiting mends, such as a wrong address or token,
  // ends it at once.
  Duration connect_wait_max = Duration::zero();
  // For connect(). When the link breaks it is dialled again, after 100 ms, then twice as long each time up to 5 s,
  // somewhat at random, as long as the handle of the session lives. What ran has ended, each call as `lost` or
  // `unknown`, except idempotent ones, which are made again (CallOptions::idempotent). Calls in between are `lost` at
  // once; clients and offers stay.
  bool redial = false;
  // For connect(), toward servers and hubs of Parley and peers of stable roam 7.x. When the link breaks the session
  // goes on over another one, and nothing is lost or doubled: calls and channels wait meanwhile. It ends `lost` when
  // the peer was started anew or there was no link for Limits::stable_away_max. Passes no descriptors.
  bool stable = false;
};

// Dials, shakes hands, and gives the session. Errors: uri, address, permission, handshake_timeout, version; invalid and
// too_large (of Options::metadata and the offers); over TLS not_found and invalid (our files) and protocol; over
// WebSockets not_found and rejected; what a hub refuses for (permission, in_use, overloaded); and whatever else the
// peer or the system says. Dropping the task gives up.
Task<Result<std::unique_ptr<Session>>> connect(io::Loop& loop, std::string uri, Options options = {});

// The same over a link or stream that exists already.
Task<Result<std::unique_ptr<Session>>> open_session(io::Loop& loop, std::unique_ptr<io::Link> link,
                                                    Options options = {});

}  // namespace parley
