#include "hub/bus/bus_keepalive.h"

namespace parley::hub {

void BusKeepalive::rearm() {
  bytes_come_ = frames_.bytes_received();
  bytes_gone_ = frames_.sent();
  was_blocked_ = frames_.is_blocked();
  executor_.arm(*this, executor_.now() + period_);
}

// What a stream takes at once says nothing of the peer; what it takes after it was full does.
void BusKeepalive::look() {
  const bool has_taken = was_blocked_ && frames_.sent() != bytes_gone_;
  if (frames_.bytes_received() != bytes_come_ || has_taken) {
    is_asked_ = false;
    if (peer_.is_waited_for()) rearm();
    return;
  }
  const bool takes_nothing = was_blocked_ && frames_.is_blocked();
  if (is_asked_ && (is_held_ || takes_nothing)) return peer_.on_silent();
  // It may know no ping: it is asked again when there is something new to say.
  if (is_asked_ && !peer_.is_waited_for()) return;
  if (!is_asked_) peer_.ask();
  is_asked_ = true;
  rearm();
}

}  // namespace parley::hub
