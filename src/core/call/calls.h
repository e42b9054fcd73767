#pragma once

#include <cstdint>

#include "base/error.h"
#include "base/id_table.h"
#include "base/intrusive_list.h"
#include "base/limits.h"
#include "core/counters.h"
#include "wire/roam/message.h"

namespace parley::core {

using wire::roam::Parity;

// One call of ours. Embedded in the object that waits for its response.
class OutgoingCall : public ListNode {
 public:
  enum class State : std::uint8_t {
    idle,     // not begun, or over
    waiting,  // in line for the peer's max_concurrent_requests; nothing has been sent
    sent,     // the peer may be at it
  };
  State state() const { return state_; }
  std::uint64_t id() const { return id_; }
  // Position in the session's output behind the call, once it is sent: what it announces has left when that has.
  std::uint64_t announced_at = 0;

 private:
  friend class Calls;
  State state_ = State::idle;
  std::uint64_t id_ = 0;
};

// One call of the peer's whose handler has not finished.
class IncomingCall {
 public:
  explicit IncomingCall(std::uint64_t id) : id_(id) {}
  std::uint64_t id() const { return id_; }
  bool is_answered() const { return is_answered_; }

 private:
  friend class Calls;
  std::uint64_t id_;
  bool is_kept_ = false;
  bool is_answered_ = false;
};

// The calls of one connection, both ways: who may be sent, which response belongs to whom, and that every call of the
// peer gets exactly one response - on the first of finished, threw, cancelled, deadline, connection end; later ones
// find the call answered. Ours and the peer's are in separate tables, whatever ids the peer chooses. Owns no call.
class Calls {
 public:
  struct Options {
    Parity parity = Parity::odd;              // of our ids
    std::uint32_t peer_requests_max = 64;     // what the peer accepts
    std::uint32_t requests_max = ~0u;         // what we do, where it is less than Limits::concurrent_requests_max
    bool accepts_any_parity = false;          // foreign peers number their calls as they like
    bool ignores_repeated_responses = false;  // and some answer twice
    std::uint64_t hash_seed = 1;
  };
  Calls(const Limits& limits, Counters& counters, const Options& options);

  // --- ours
  enum class Admission : std::uint8_t { send, wait, overloaded };
  // send: the call has its id and is to be sent now. wait: it is in line.
  [[gnu::always_inline]] Admission begin(OutgoingCall& call) {
    if (outgoing_.size() >= options_.peer_requests_max || !waiting_.empty()) [[unlikely]]
      return line_up(call);
    admit(call);
    return Admission::send;
  }
  // The first in line, if it may be sent now; it has its id then.
  OutgoingCall* next_to_send();

  enum class Match : std::uint8_t {
    delivered,  // `call` is over; its slot is free
    late,       // nobody waits any more; its slot is free
    repeated,   // ignored
    protocol_error,
  };
  [[gnu::always_inline]] Match on_response(std::uint64_t id, OutgoingCall*& call) {
    call = outgoing_.take(id);
    if (!call || call == &given_up_) [[unlikely]]
      return on_odd_response(id, call);
    call->state_ = OutgoingCall::State::idle;
    ++counters_.responses_received;
    return Match::delivered;
  }
  // Nobody waits for the response any more. True: it was sent, so a Cancel is due; its slot stays taken until the
  // response comes, because the peer counts it until then.
  bool give_up(OutgoingCall& call);
  // The call was admitted and then could not be encoded: nothing of it was sent, and its slot is free.
  void take_back(OutgoingCall& call);
  // The object of a call that is not over has moved.
  void relocate(OutgoingCall& from, OutgoingCall& to);
  // For the end of the connection: takes out any call of ours, those in line last; null when none is left.
  OutgoingCall* take_any_outgoing(bool& was_sent);
  std::size_t in_flight() const { return outgoing_.size(); }
  std::size_t in_line() const { return waiting_count_; }

  // --- the peer's
  enum class Arrival : std::uint8_t { start, overloaded, duplicate, wrong_parity };
  // `is_overfull`: the peer does not read what it is sent, and gets no more work done.
  [[gnu::always_inline]] Arrival on_call(std::uint64_t id, bool is_overfull = false) {
    ++counters_.calls_received;
    if (!options_.accepts_any_parity && !has_parity(id, opposite(options_.parity))) [[unlikely]] {
      return Arrival::wrong_parity;
    }
    if (!incoming_.empty()) {
      if (incoming_.find(id)) [[unlikely]]
        return Arrival::duplicate;
      if (incoming_.size() >= options_.requests_max) [[unlikely]]
        return refuse();
    }
    if (is_overfull) [[unlikely]]
      return refuse();
    return Arrival::start;
  }
  // The handler did not finish at once.
  void keep(IncomingCall& call) {
    PARLEY_ASSERT(!call.is_kept_ && !call.is_answered_, call.id_);
    call.is_kept_ = true;
    incoming_.insert(call.id_, call);
  }
  // The call is over; true for the first time it is: a response is to be made.
  bool answer(IncomingCall& call) {
    if (call.is_answered_) {
      ++counters_.results_dropped;
      return false;
    }
    call.is_answered_ = true;
    if (call.is_kept_) {
      IncomingCall* taken = incoming_.take(call.id_);
      PARLEY_ASSERT(taken == &call, call.id_);
    }
    return true;
  }
  // The call that a Cancel is about, or null when it has been answered.
  IncomingCall* on_cancel(std::uint64_t id);
  // For the end of the connection: takes out any call of the peer's; no response can be made. Null when none is left.
  IncomingCall* take_any_incoming();
  std::size_t handling() const { return incoming_.size(); }

  void set_peer_requests_max(std::uint32_t max) { options_.peer_requests_max = max; }

 private:
  [[gnu::always_inline]] void admit(OutgoingCall& call) {
    PARLEY_ASSERT(call.state_ == OutgoingCall::State::idle);
    call.id_ = next_id_;
    next_id_ += 2;
    call.state_ = OutgoingCall::State::sent;
    outgoing_.insert(call.id_, call);
    ++counters_.calls_sent;
  }
  Admission line_up(OutgoingCall& call);
  Arrival refuse();
  Match on_odd_response(std::uint64_t id, OutgoingCall*& call);

  const Limits& limits_;
  Counters& counters_;
  Options options_;
  std::uint64_t next_id_;
  OwnIdTable<OutgoingCall> outgoing_;
  OutgoingCall given_up_;  // stands in the table for calls that nobody waits for
  IntrusiveList<OutgoingCall> waiting_;
  std::size_t waiting_count_ = 0;
  PeerIdTable<IncomingCall> incoming_;
};

}  // namespace parley::core
