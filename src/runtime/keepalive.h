#pragma once

#include "async/executor.h"

namespace parley::runtime {

class Session;

// Asks a peer that says nothing while something here waits for it, and ends the session when no answer comes: the peer
// hangs, or was stopped. Nothing is asked, and no timer runs, while nothing waits. Part of its session.
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

  Session& session_;
  bool is_silent_ = false;  // since the timer was armed
  bool is_asked_ = false;
  std::uint64_t nonce_ = 0;
};

}  // namespace parley::runtime
