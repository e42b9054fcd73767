#pragma once

#include <cstdint>

#include "async/executor.h"
#include "hub/bus/frame_stream.h"

namespace parley::hub {

// Asks a peer that says nothing while something waits for it, and once after something was said to it. Clients of
// liminal 0.2 may know no ping: whoever has answered one is held to it. Whoever takes nothing of what waits for him has
// gone in any case. No timer runs while nothing waits. Part of its connection.
class BusKeepalive final : private Timer {
 public:
  class Asked {
   public:
    virtual bool is_waited_for() const = 0;
    virtual void ask() = 0;
    virtual void on_silent() = 0;

   protected:
    ~Asked() = default;
  };
  BusKeepalive(Executor& executor, Asked& peer, const FrameStream& frames, Duration period)
      : Timer(&BusKeepalive::fire), executor_(executor), peer_(peer), frames_(frames), period_(period) {}

  // Something was said to the peer, or waits for it.
  void expect() {
    if (is_armed() || period_ <= Duration::zero()) return;
    is_asked_ = false;
    rearm();
  }
  void answered() { is_held_ = true; }
  void stop() { disarm(); }

 private:
  static void fire(Timer& timer) { static_cast<BusKeepalive&>(timer).look(); }
  void look();
  void rearm();

  Executor& executor_;
  Asked& peer_;
  const FrameStream& frames_;
  const Duration period_;
  std::uint64_t bytes_come_ = 0;  // when the timer was armed
  std::uint64_t bytes_gone_ = 0;
  bool was_blocked_ = false;
  bool is_asked_ = false;
  bool is_held_ = false;
};

}  // namespace parley::hub
