#include "runtime/keepalive.h"

#include "runtime/session.h"

namespace parley::runtime {

void Keepalive::begin() {
  if (session_.options().limits.keepalive <= Duration::zero() || session_.has_ended()) return;
  is_asked_ = false;
  rearm();
}

void Keepalive::rearm() {
  is_silent_ = true;
  bytes_come_ = session_.link().bytes_received();
  bytes_gone_ = session_.link().out().sent();
  session_.loop().executor().arm(*this, session_.loop().now() + session_.options().limits.keepalive);
}

// A long message that is on its way is no silence. What a link takes at once says nothing of the peer; what it takes
// after it was full does.
bool Keepalive::has_moved() const {
  io::Link& link = session_.link();
  return link.bytes_received() != bytes_come_ || (link.is_blocked() && link.out().sent() != bytes_gone_);
}

void Keepalive::fire(Timer& timer) {
  auto& keepalive = static_cast<Keepalive&>(timer);
  Session& session = keepalive.session_;
  if (!session.waits_for_peer()) return;
  const bool is_silent = keepalive.is_silent_ && !keepalive.has_moved();
  const bool is_unanswered = is_silent && keepalive.is_asked_;
  // A link that goes on over others waits for the answer itself, and looks for another one when none comes.
  if (is_unanswered && !session.link().outlives_streams()) return session.give_up_peer();
  keepalive.is_asked_ = is_silent;
  keepalive.rearm();
  if (is_silent && !is_unanswered) session.ping(++keepalive.nonce_);
}

}  // namespace parley::runtime
