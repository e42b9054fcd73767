#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/wait.h"
#include "core/session/connections.h"
#include "core/session/leniency.h"
#include "core/session/session.h"
#include "io/link.h"
#include "io/loop.h"
#include "runtime/channel_core.h"
#include "runtime/cleanup.h"
#include "runtime/connection.h"
#include "runtime/connection_user.h"
#include "runtime/farewells.h"
#include "runtime/interceptor.h"
#include "runtime/keepalive.h"
#include "runtime/opened_connection.h"
#include "runtime/repeats.h"
#include "runtime/session_objects.h"

namespace parley::runtime {

struct SessionOptions {
  Limits limits;
  bool is_foreign = false;                    // toward 7.x peers: says nothing that only Parley knows
  std::optional<std::uint32_t> requests_max;  // to advertise instead of Limits::concurrent_requests_max
  Leniency lenient;                           // toward those peers
  Metadata metadata;                          // for the hello
  bool is_hub = false;                        // says so to Parley peers
  std::optional<io::Peer> peer;               // who it is, where somebody knows better than the link
  // Answered on the root too, to this peer and not to whom it relays; neither listed nor described.
  std::shared_ptr<const MethodTable> for_peer;
  std::optional<Instant> handshake_until;        // of the first handshake; else Limits::handshake_max from its start
  Farewells* farewells = nullptr;                // outlives the session, or goes while its last bytes leave
  std::shared_ptr<ConnectionAcceptor> acceptor;  // null: connections are opened to what is served
  SessionWatch* watch = nullptr;                 // outlives the session, until it is told that this is over
  Interceptors interceptors = {};                // of the calls that are made here; of those served, the methods know
};

// One peer relation over a link, and all that lives in it. Kept alive by its callers (handles, holds, clients, pending
// calls, bound channels): when the last of them goes, it closes. Destroyed from the executor, never while something of
// it is on the stack. On one loop.
class Session final : public Mortal, private io::LinkEvents {
 public:
  using Role = core::Session::Role;

  // Starts the handshake. The caller holds the first call of add_caller().
  static Session& start(io::Loop& loop, std::unique_ptr<io::Link> link, Role role, SessionOptions options,
                        const MethodTable* methods);

  void add_caller() { ++callers_; }
  void drop_caller() {
    PARLEY_ASSERT(callers_ > 0);
    if (--callers_ == 0) on_last_caller_gone();
  }
  std::uint32_t& callers() { return callers_; }
  void on_last_caller_gone();

  ~Session() override;

  // Refuses new work, ends everything with `reason`, sends what is committed, and ends the link. Idempotent.
  void close(const Error& reason);
  // Goes on over another link, when the old one is over and everything that ran on it has ended: shakes hands anew. Not
  // after close(), also by the last caller.
  void relink(std::unique_ptr<io::Link> link);
  bool is_closed() const { return closed_.is_set(); }
  bool may_relink() const { return has_ended_ && is_link_over_ && !is_closed() && cleanups_.empty() && !objects_; }
  // Whether somebody will relink() it. Nobody any more: calls that waited for that end.
  void set_redials(bool redials);
  bool redials() const { return redials_; }
  // What there is to say to new work while there is no link.
  Error away() const;
  bool is_established() const { return machine_.phase() == core::Session::Phase::established; }
  bool has_ended() const { return has_ended_; }
  // Why it ended; nothing when the last caller or the peer closed it in good order.
  const std::optional<Error>& end_reason() const { return end_reason_; }
  Event& established() { return established_; }  // set at the end of the handshake, and when it fails
  Event& ended() { return ended_; }
  Event& closed() { return closed_; }  // set for good by close(), and when nobody dials again any more
  // Set while there is a link and both ends have shaken hands, and for good when it is closed.
  Event& linked() { return linked_; }

  io::Loop& loop() { return loop_; }
  io::Link& link() { return *link_; }
  Connection& root() { return root_; }
  const MethodTable* root_methods() const { return methods_; }
  Keepalive& keepalive() { return keepalive_; }
  bool waits_for_peer() const;
  void ping(std::uint64_t nonce);
  // It does not answer: ends.
  void give_up_peer();
  // The connection to a service of that name: one of its own where the peer is a hub, else the root. Its answer is not
  // waited for.
  Connection& to_service(std::string_view name);
  // What we advertise.
  std::uint32_t requests_max() const { return options_.requests_max.value_or(options_.limits.concurrent_requests_max); }
  // What marks us on a connection that we open or accept.
  Metadata mark() const;

  // --- connections beyond the root. Each keeps the session open until it is over.
  void open(ConnectionUser& user, const wire::roam::Settings& settings, const Metadata& metadata);
  // The peer's, from ConnectionAcceptor::on_open(); it is used at once, and accepted or closed later.
  void take(ConnectionUser& user, std::uint64_t id);
  void accept(ConnectionUser& user, const wire::roam::Settings& settings, const Metadata& metadata);
  // Tells the peer, behind what was said on it: rejects what has not been accepted. The user is told nothing.
  void close(ConnectionUser& user, const Metadata& metadata);
  // The peer broke the rules on it, which costs no more. As all answers it overtakes what waits, and counts as control:
  // there may be as many as the peer wants.
  void close_for_breach(ConnectionUser& user, const Error& breach);
  // Whose calls and channels are used here: one of ours, opened now on an established session, and the peer's, from
  // ConnectionAcceptor::on_open(), accepted.
  OpenedConnection& open(const OpenedConnection::Terms& terms);
  OpenedConnection& accept(const ConnectionOpening& opening, const OpenedConnection::Terms& terms);
  // Takes and accepts it, for the service that it names. Errors: not_found, rejected.
  Result<void> serve(const ConnectionOpening& opening);
  std::size_t connection_count() const { return connections_ ? connections_->size() : 0; }
  // For an OpenedConnection that is over: it goes when nothing of it is on the stack.
  void bury(OpenedConnection& connection);

  // The peer broke the rules: tells it, and ends.
  bool break_off(const Error& error);
  core::Counters& counters() { return counters_; }
  const core::Session& machine() const { return machine_; }
  const SessionOptions& options() const { return options_; }
  Repeats& repeats() { return repeats_; }
  const io::Peer& peer() const { return options_.peer ? *options_.peer : link_->peer(); }

  // Open files, to the peer and from it; parley::Session tells of them.
  Result<std::uint64_t> pass(std::vector<io::Descriptor> descriptors);
  Result<io::Descriptor> claim_descriptor(std::uint64_t number);

  // Of services that have an object for each session.
  SessionObjects& objects();

  // Of a handler that was stopped, whose frame has been buried; starts behind that.
  void start_cleanup(std::unique_ptr<Cleanup> cleanup, Error why, Metadata metadata);
  // For a Cleanup that is over: destroys it.
  void end_cleanup(Cleanup& cleanup);
  std::uint32_t cleanups() const { return cleanup_count_; }  // under way

  void wait_for_link(LinkWaiter& waiter);

 private:
  struct HandshakeTimer final : Timer {
    explicit HandshakeTimer(Session& session) : Timer(&HandshakeTimer::fire), session(session) {}
    static void fire(Timer& timer);
    Session& session;
  };
  struct Farewell final : Farewells::Place {
    explicit Farewell(Session& session) : session(session) {}
    void cut_off() override { session.on_farewell_over(); }
    Session& session;
  };
  // Objects of handlers die in a turn of their own, behind the frames and the cleanups.
  struct DropObjects final : Ready {
    explicit DropObjects(Session& session) : Ready(&DropObjects::run), session(session) {}
    static void run(Ready& node) { static_cast<DropObjects&>(node).session.objects_.reset(); }
    Session& session;
  };
  // What handlers hold of the session, it outlives.
  struct AtLoopEnd final : io::Loop::AtEnd {
    explicit AtLoopEnd(Session& session) : session(session) {}
    void on_loop_end() override;
    Session& session;
  };

  Session(io::Loop& loop, std::unique_ptr<io::Link> link, Role role, SessionOptions options,
          const MethodTable* methods);
  bool on_message(ByteView message, Block* block) override;
  void on_link_ended(const Error* error) override;
  void on_link_drained() override;
  void on_link_news(News what, std::uint64_t times) override;

  bool on_session_message(std::uint64_t connection, wire::roam::Kind kind, wire::roam::Decoder& decoder);
  bool on_connection_message(std::uint64_t id, wire::roam::Kind kind, wire::roam::Decoder& decoder);
  void on_open(const ConnectionOpening& opening, bool may_be);
  void put_connection_message(OutBuffer& out, std::uint64_t id, wire::roam::Kind kind,
                              const wire::roam::Settings* settings, const Metadata& metadata);
  void begin();
  void open_root();
  // Whether what is committed may still leave decides what becomes of calls that have not left.
  using Committed = Connection::Committed;
  void end(std::optional<Error> reason, const Error& for_the_pending, Committed committed = Committed::may_leave);
  void finish_link();
  void on_farewell_over();
  void drop_objects_if_unused();
  void bury_if_unused();

  io::Loop& loop_;
  std::unique_ptr<io::Link> link_;
  SessionOptions options_;
  core::Counters counters_;
  core::Session machine_;
  std::uint32_t callers_ = 1;
  const MethodTable* methods_;
  Keepalive keepalive_{*this};
  Connection root_;
  std::optional<core::Connections> connections_;  // once established
  IntrusiveList<OpenedConnection> opened_;
  std::map<std::string, OpenedConnection*, std::less<>> to_services_;
  Repeats repeats_{*this};
  bool has_ended_ = false;
  bool redials_ = false;
  bool is_root_direct_ = false;  // established, and nobody watches it
  bool is_link_over_ = false;    // nothing more comes or goes
  bool is_buried_ = false;
  std::optional<Error> end_reason_;
  Event established_;
  Event ended_;
  Event closed_;
  Event linked_;
  IntrusiveList<LinkWaiter> link_waiters_;
  // What is committed may leave at once, when the ready queue has drained: a link that never blocked reports nothing.
  struct Resume final : Ready {
    explicit Resume(Session& session) : Ready(&Resume::run), session(session) {}
    static void run(Ready& node);
    Session& session;
  };
  Resume resume_{*this};
  std::unique_ptr<SessionObjects> objects_;
  IntrusiveList<Cleanup> cleanups_;
  std::uint32_t cleanup_count_ = 0;
  DropObjects drop_objects_{*this};
  AtLoopEnd at_loop_end_{*this};
  HandshakeTimer timer_{*this};         // of the handshake, and then of the last bytes' leaving
  std::unique_ptr<Farewell> farewell_;  // while these leave, where they are counted
};

}  // namespace parley::runtime
