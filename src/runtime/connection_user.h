#pragma once

#include "base/error.h"
#include "base/intrusive_list.h"
#include "core/session/connections.h"
#include "wire/roam/message.h"

namespace parley::runtime {

class Session;

// A place among those who wait for a session's link to take what is committed. It leaves before it is run.
struct LinkWaiter : ListNode {
  using Run = void (*)(LinkWaiter&);
  explicit LinkWaiter(Run run) : run(run) {}
  Run run;
};

// Whoever uses a connection of a session beyond the root: calls and channels, or a relay to another session. It is out
// of the session's table before it is told that it is over. On the session's loop.
class ConnectionUser : public core::ConnectionEnd {
 public:
  // The peer's answer to our open.
  virtual void on_accepted(const wire::roam::Settings& settings, const wire::roam::MetadataView& metadata) = 0;
  // A request or channel message, with what follows its kind.
  virtual void on_message(wire::roam::Kind kind, ByteView message, ByteView body, Block* block) = 0;
  enum class Over : std::uint8_t {
    rejected,  // nothing that was sent on it was looked at
    closed,    // by the peer
    lost,      // with its session, whose link takes nothing more
    ended,     // with its session; what was sent before still leaves
  };
  virtual void on_over(Over how, const Error& why) = 0;

 protected:
  ~ConnectionUser() = default;
};

// What the peer says when it opens a connection.
struct ConnectionOpening {
  std::uint64_t id;
  wire::roam::Settings settings;
  wire::roam::MetadataView metadata;
};

// Decides about the connections that peers open.
class ConnectionAcceptor {
 public:
  // Takes it by Session::take(), now; an error rejects it.
  virtual Result<void> on_open(Session& session, const ConnectionOpening& opening) = 0;

 protected:
  ~ConnectionAcceptor() = default;
};

// Whoever is told of a session while it happens, and not in a turn of its own.
class SessionWatch {
 public:
  virtual void on_established() = 0;
  // What a foreign peer sends on the root, before its calls and channels see it. True: it has been dealt with.
  virtual bool on_root_message(wire::roam::Kind kind, ByteView body) = 0;
  // Whether something beyond the session's own calls and channels waits for the peer.
  virtual bool waits_for_peer() const = 0;
  // The last event.
  virtual void on_session_over(const Error& why) = 0;

 protected:
  ~SessionWatch() = default;
};

}  // namespace parley::runtime
