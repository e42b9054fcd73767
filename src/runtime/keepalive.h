#pragma once

#include "async/executor.h"

namespace parley::runtime {

class Session;

// Asks a peer that says nothing while something here waits for it, and ends the session when no answer comes: the peer
// hangs, or was stopped. A link that goes on over others is left instead, by itself. Nothing is asked, and no timer
// runs, while nothing waits. Part of its session.
class Keepalive final : private Timer {
 public:
  explicit Keepalive(Session& session) : Timer(&Keepalive::fire), session_(session) {}

  // Something waits for the peer from now on.
  void expect() {
    if (!is_armed()) [[unlikely]]
      begin();
  }
  void heard() { is_silent_ = false; }
  void stop() { disarm(); }

 private:
  static void fire(Timer& timer);
  void begin();
  void rearm();
  bool has_moved() const;

  Session& session_;
  bool is_silent_ = false;        // no message came since the timer was armed
  std::uint64_t bytes_come_ = 0;  // when it was, as those that had gone
  std::uint64_t bytes_gone_ = 0;
  bool is_asked_ = false;
  std::uint64_t nonce_ = 0;
};

}  // namespace parley::runtime
