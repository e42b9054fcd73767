#pragma once

#include <cstddef>
#include <cstdint>

#include "async/executor.h"
#include "base/intrusive_list.h"
#include "core/call/calls.h"

namespace parley::runtime {

class PendingCall;
class Session;

// The idempotent calls of a session that dials again: those of a lost session wait here for the one that comes next,
// and are made again on it. Owned by its session, which is there as long as its calls are.
class Repeats {
 public:
  explicit Repeats(Session& session) : session_(session) {}

  // A call whose arguments stand in its Extra: they stay there until it is over, unless too much is kept.
  void keep(PendingCall& call);
  void forget(std::size_t bytes) { bytes_ -= bytes; }
  std::size_t bytes() const { return bytes_; }

  // A call that its connection ends. True: it waits here.
  bool take(PendingCall& call, bool may_have_happened);
  // The next session is there.
  void go();
  // There will be none: each ends as `unknown`, or `lost` where it had not been sent.
  void give_up();

 private:
  struct GiveUp final : Timer {
    explicit GiveUp(Repeats& repeats) : Timer(&GiveUp::fire), repeats(repeats) {}
    static void fire(Timer& timer) { static_cast<GiveUp&>(timer).repeats.give_up(); }
    Repeats& repeats;
  };
  void make_again(PendingCall& call);
  void end(PendingCall& call);

  Session& session_;
  IntrusiveList<core::OutgoingCall> waiting_;
  std::size_t bytes_ = 0;
  GiveUp give_up_{*this};
};

}  // namespace parley::runtime
