#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "async/wait.h"
#include "core/session/session.h"
#include "io/link.h"
#include "io/loop.h"
#include "runtime/channel_core.h"
#include "runtime/cleanup.h"
#include "runtime/connection.h"
#include "runtime/session_objects.h"

namespace parley::runtime {

struct SessionOptions {
  Limits limits;
  bool is_foreign = false;                    // toward 7.x peers: says nothing that only Parley knows
  std::optional<std::uint32_t> requests_max;  // to advertise instead of Limits::concurrent_requests_max
  Metadata metadata;                          // for the hello
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

  ~Session() override;

  // Refuses new work, ends everything with `reason`, sends what is committed, and ends the link. Idempotent.
  void close(const Error& reason);
  bool is_established() const { return machine_.phase() == core::Session::Phase::established; }
  bool has_ended() const { return has_ended_; }
  // Why it ended; nothing when the last caller or the peer closed it in good order.
  const std::optional<Error>& end_reason() const { return end_reason_; }
  Event& established() { return established_; }  // set at the end of the handshake, and when it fails
  Event& ended() { return ended_; }

  io::Loop& loop() { return loop_; }
  io::Link& link() { return *link_; }
  Connection& root() { return root_; }
  core::Counters& counters() { return counters_; }
  const core::Session& machine() const { return machine_; }
  const SessionOptions& options() const { return options_; }
  const io::Peer& peer() const { return link_->peer(); }

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

  // Senders that wait for the link to take what is committed.
  void wait_for_link(BlockedSender& sender);

 private:
  friend class Connection;
  struct HandshakeTimer final : Timer {
    explicit HandshakeTimer(Session& session) : Timer(&HandshakeTimer::fire), session(session) {}
    static void fire(Timer& timer);
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

  bool on_session_message(std::uint64_t connection, wire::roam::Kind kind, wire::roam::Decoder& decoder);
  void open_root();
  bool break_off(const Error& error);
  // Whether what is committed may still leave decides what becomes of calls that have not left.
  enum class Committed : std::uint8_t { may_leave, is_dropped };
  void end(std::optional<Error> reason, const Error& for_the_pending, Committed committed = Committed::may_leave);
  void finish_link();
  void on_last_caller_gone();
  void drop_objects_if_unused();
  void bury_if_unused();

  io::Loop& loop_;
  std::unique_ptr<io::Link> link_;
  SessionOptions options_;
  core::Counters counters_;
  core::Session machine_;
  std::uint32_t callers_ = 1;
  Connection root_;
  bool has_ended_ = false;
  bool is_link_over_ = false;  // nothing more comes or goes
  bool is_buried_ = false;
  std::optional<Error> end_reason_;
  Event established_;
  Event ended_;
  IntrusiveList<BlockedSender> blocked_senders_;
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
  HandshakeTimer timer_{*this};  // of the handshake, and then of the last bytes' leaving
};

}  // namespace parley::runtime
