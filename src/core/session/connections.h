#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/id_table.h"
#include "base/limits.h"
#include "core/counters.h"
#include "wire/roam/message.h"

namespace parley::core {

using wire::roam::Parity;

// One connection beyond the root, as its user has it. In the table of its session until it is over.
class ConnectionEnd {
 public:
  enum class State : std::uint8_t {
    idle,     // not opened yet, or over
    opening,  // by us; the peer has not answered
    asked,    // for by the peer; we have not answered
    open,
  };
  std::uint64_t id() const { return id_; }
  State state() const { return state_; }

 private:
  friend class Connections;
  std::uint64_t id_ = 0;
  State state_ = State::idle;
};

// The connections of one session beyond the root, both ways: which ids live, and what may be said about each. Ours and
// the peer's have different parities. Owns no end.
class Connections {
 public:
  struct Options {
    Parity parity = Parity::odd;  // of the session: of the ids that we give out
    std::uint64_t hash_seed = 1;
  };
  Connections(const Limits& limits, Counters& counters, const Options& options);

  // --- ours: the end gets the next id.
  void open(ConnectionEnd& end);

  // --- the peer's
  // An open came. An error is a breach of the rules; false: there are as many as may be.
  Result<bool> on_open(std::uint64_t id);
  void take(ConnectionEnd& end, std::uint64_t id);
  void accept(ConnectionEnd& end);
  // The answers of the peer. Null: it is over here, and the answer crossed that.
  Result<ConnectionEnd*> on_accept(std::uint64_t id);
  Result<ConnectionEnd*> on_reject(std::uint64_t id);
  Result<ConnectionEnd*> on_close(std::uint64_t id);
  // Whom a request or a channel message is for; null: it came late. An opener that is Parley need not wait for the
  // answer.
  Result<ConnectionEnd*> on_message(std::uint64_t id);

  // It is over, whoever said so.
  void close(ConnectionEnd& end);
  // For the end of the session: takes out any end; null when none is left.
  ConnectionEnd* take_any();
  std::size_t size() const { return own_.size() + peer_.size(); }

 private:
  ConnectionEnd* find(std::uint64_t id) const { return is_own(id) ? own_.find(id) : peer_.find(id); }
  bool is_own(std::uint64_t id) const { return has_parity(id, options_.parity); }
  bool was_open(std::uint64_t id) const { return id != 0 && (is_own(id) ? id < next_id_ : id <= last_peer_id_); }
  Result<ConnectionEnd*> answered(std::uint64_t id, const char* what);

  const Limits& limits_;
  Counters& counters_;
  Options options_;
  std::uint64_t next_id_;
  std::uint64_t last_peer_id_ = 0;  // the highest that the peer has opened
  OwnIdTable<ConnectionEnd> own_;
  PeerIdTable<ConnectionEnd> peer_;
};

}  // namespace parley::core
