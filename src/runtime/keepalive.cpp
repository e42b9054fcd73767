#include "runtime/keepalive.h"

#include "runtime/session.h"

namespace parley::runtime {

void Keepalive::begin() {
  const bool is_wanted = session_.options().limits.keepalive > Duration::zero() && !session_.link().outlives_streams();
  if (!is_wanted || session_.has_ended()) return;
  is_asked_ = false;
  rearm();
}

void Keepalive::rearm() {
  is_silent_ = true;
  session_.loop().executor().arm(*this, session_.loop().now() + session_.options().limits.keepalive);
}

void Keepalive::fire(Timer& timer) {
  auto& keepalive = static_cast<Keepalive&>(timer);
  Session& session = keepalive.session_;
  if (!session.waits_for_peer()) return;
  if (keepalive.is_silent_ && keepalive.is_asked_) return session.give_up_peer();
  keepalive.is_asked_ = keepalive.is_silent_;
  keepalive.rearm();
  if (keepalive.is_asked_) session.ping(++keepalive.nonce_);
}

}  // namespace parley::runtime
