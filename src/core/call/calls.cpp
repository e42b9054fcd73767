#include "core/call/calls.h"

#include <algorithm>

namespace parley::core {

Calls::Calls(const Limits& limits, Counters& counters, const Options& options)
    : limits_(limits),
      counters_(counters),
      options_(options),
      next_id_(first_id(options.parity)),
      outgoing_(options.hash_seed),
      incoming_(options.hash_seed) {
  options_.requests_max = std::min(options_.requests_max, limits.concurrent_requests_max);
}

Calls::Admission Calls::line_up(OutgoingCall& call) {
  PARLEY_ASSERT(call.state_ == OutgoingCall::State::idle);
  if (waiting_count_ >= limits_.waiting_calls_max) {
    ++counters_.calls_refused_here;
    return Admission::overloaded;
  }
  call.state_ = OutgoingCall::State::waiting;
  waiting_.push_back(call);
  ++waiting_count_;
  ++counters_.calls_waited;
  return Admission::wait;
}

OutgoingCall* Calls::next_to_send() {
  if (waiting_.empty() || outgoing_.size() >= options_.peer_requests_max) return nullptr;
  OutgoingCall& call = waiting_.pop_front();
  --waiting_count_;
  call.state_ = OutgoingCall::State::idle;
  admit(call);
  return &call;
}

Calls::Match Calls::on_odd_response(std::uint64_t id, OutgoingCall*& call) {
  if (call == &given_up_) {
    call = nullptr;
    ++counters_.responses_late;
    return Match::late;
  }
  const bool was_ours = has_parity(id, options_.parity) && id < next_id_;
  if (was_ours && options_.ignores_repeated_responses) {
    ++counters_.responses_repeated;
    return Match::repeated;
  }
  return Match::protocol_error;
}

bool Calls::give_up(OutgoingCall& call) {
  switch (call.state_) {
    case OutgoingCall::State::idle: return false;
    case OutgoingCall::State::waiting:
      call.leave();
      --waiting_count_;
      call.state_ = OutgoingCall::State::idle;
      return false;
    case OutgoingCall::State::sent:
      outgoing_.replace(call.id_, given_up_);
      call.state_ = OutgoingCall::State::idle;
      ++counters_.cancels_sent;
      return true;
  }
  return false;
}

void Calls::take_back(OutgoingCall& call) {
  if (call.state_ == OutgoingCall::State::waiting) {
    give_up(call);
    return;
  }
  PARLEY_ASSERT(call.state_ == OutgoingCall::State::sent, call.id_);
  outgoing_.take(call.id_);
  call.state_ = OutgoingCall::State::idle;
  --counters_.calls_sent;
}

void Calls::relocate(OutgoingCall& from, OutgoingCall& to) {
  PARLEY_ASSERT(to.state_ == OutgoingCall::State::idle);
  to.state_ = from.state_;
  to.id_ = from.id_;
  to.announced_at = from.announced_at;
  if (from.state_ == OutgoingCall::State::sent) outgoing_.replace(from.id_, to);
  if (from.state_ == OutgoingCall::State::waiting) to.take_place_of(from);
  from.state_ = OutgoingCall::State::idle;
}

OutgoingCall* Calls::take_any_outgoing(bool& was_sent) {
  OutgoingCall* call = outgoing_.take_any();
  while (call == &given_up_) call = outgoing_.take_any();
  was_sent = call != nullptr;
  if (!call && !waiting_.empty()) {
    call = &waiting_.pop_front();
    --waiting_count_;
  }
  if (call) call->state_ = OutgoingCall::State::idle;
  return call;
}

Calls::Arrival Calls::refuse() {
  ++counters_.calls_refused_to_peer;
  return Arrival::overloaded;
}

IncomingCall* Calls::on_cancel(std::uint64_t id) {
  ++counters_.cancels_received;
  IncomingCall* call = incoming_.find(id);
  if (!call) ++counters_.cancels_too_late;
  return call;
}

IncomingCall* Calls::take_any_incoming() {
  IncomingCall* call = incoming_.take_any();
  if (call) call->is_answered_ = true;
  return call;
}

}  // namespace parley::core
