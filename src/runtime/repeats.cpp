#include "runtime/repeats.h"

#include <algorithm>
#include <utility>

#include "runtime/pending_call.h"
#include "runtime/session.h"

namespace parley::runtime {

void Repeats::keep(PendingCall& call) {
  PendingCall::Extra& extra = call.extra();
  const std::size_t size = extra.body.view().size();
  if (size > session_.options().limits.repeat_bytes_max - std::min(bytes_, session_.options().limits.repeat_bytes_max))
    return;
  extra.repeats = this;
  bytes_ += size;
}

bool Repeats::take(PendingCall& call, bool may_have_happened) {
  PendingCall::Extra* const extra = call.extra_.get();
  if (!extra || !extra->repeats || !session_.has_ended() || !session_.redials() || session_.is_closed()) return false;
  extra->may_have_happened |= may_have_happened;
  const Limits& limits = session_.options().limits;
  if (extra->times_repeated == limits.repeats_max) return false;
  ++extra->times_repeated;
  waiting_.push_back(call);
  if (!give_up_.is_armed()) {
    Executor& executor = session_.loop().executor();
    executor.arm(give_up_, executor.now() + limits.repeat_wait_max);
  }
  return true;
}

void Repeats::go() {
  give_up_.disarm();
  IntrusiveList<core::OutgoingCall> calls;
  calls.take_all(waiting_);
  while (!calls.empty() && !session_.has_ended()) make_again(static_cast<PendingCall&>(calls.pop_front()));
  if (calls.empty()) return;
  // It has ended in between, and those have not been made again.
  waiting_.take_all(calls);
  Executor& executor = session_.loop().executor();
  if (!give_up_.is_armed()) executor.arm(give_up_, executor.now() + session_.options().limits.repeat_wait_max);
}

void Repeats::make_again(PendingCall& call) {
  Connection& connection = *call.connection_;
  if (!connection.is_open() && !connection.reopen()) return end(call);
  const core::Calls::Admission admission = connection.calls().begin(call);
  if (admission == core::Calls::Admission::overloaded) return end(call);
  ++connection.counters().calls_repeated;
  if (admission == core::Calls::Admission::send) connection.send_aside(call);
}

void Repeats::give_up() {
  give_up_.disarm();
  IntrusiveList<core::OutgoingCall> calls;
  calls.take_all(waiting_);
  while (!calls.empty()) end(static_cast<PendingCall&>(calls.pop_front()));
}

void Repeats::end(PendingCall& call) {
  const bool may_have_happened = std::exchange(call.extra_->may_have_happened, false);
  const Error error{may_have_happened ? Code::sent_then_lost : Code::not_sent,
                    "the session was lost, and no other came on which to make the call again"};
  call.finish({.error = &error});
}

}  // namespace parley::runtime
