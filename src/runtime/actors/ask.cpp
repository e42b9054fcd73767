#include "runtime/actors/ask.h"

#include <memory>
#include <utility>

namespace parley::runtime {

AnswerSlot::AnswerSlot(Actor& asker, const ActorRef& asked)
    : Parcel(&AnswerSlot::come_home), asker(asker.ref()), asked(asked) {
  asker.home()->wait_for(waited_);
}

void AnswerSlot::release() {
  if (sides_.fetch_sub(1, std::memory_order_acq_rel) == 1) const std::unique_ptr<AnswerSlot> nobodys(this);
}

void AnswerSlot::go_home() {
  const std::shared_ptr<ActorHome> outlives = asker.get()->home();
  if (outlives->is_own_thread()) return come_home(*this);
  if (!outlives->push(*this)) release();
}

// While a body ends, what it has is destroyed before anybody knows how it ends: that is waited for.
void AnswerSlot::go_unanswered(bool was_received) {
  was_received_ = was_received;
  Actor& actor = *asked.get();
  if (!actor.has_ended() && actor.home()->is_own_thread()) return actor.home()->settle_later(*this);
  settle();
}

void AnswerSlot::settle() {
  const Code code = was_received_ ? Code::unknown : Code::lost;
  const Actor& actor = *asked.get();
  if (actor.has_ended()) {
    fail_with({code, "the asked actor has ended: " + core::to_string(actor.exit_reason())});
  } else {
    fail_with({code, "the asked actor dropped the question"});
  }
  go_home();
}

void AnswerSlot::come_home(Parcel& parcel) {
  auto& slot = static_cast<AnswerSlot&>(parcel);
  if (!slot.given_up_ && slot.is_wanted()) {
    slot.is_home_ = true;
    slot.alarm_.disarm();
    slot.wake();
  }
  slot.release();
}

void AnswerSlot::wake() {
  if (promise_) promise_->executor().post(*std::exchange(promise_, nullptr));
}

void AnswerSlot::arm(Duration within) {
  if (is_home_) return;
  Executor& executor = asker.get()->home()->loop().executor();
  executor.arm(alarm_, executor.now() + within);
}

void AnswerSlot::Alarm::fire(Timer& timer) {
  AnswerSlot& slot = static_cast<Alarm&>(timer).slot;
  slot.given_up_ = Error{Code::timed_out, "no answer in time"};
  slot.wake();
}

void AnswerSlot::close() {
  alarm_.disarm();
  if (is_home_ || given_up_) return;
  given_up_ = Error{Code::closed, "the actors of this loop"};
  wake();
}

void AnswerSlot::drop() {
  alarm_.disarm();
  waited_.leave();
  promise_ = nullptr;
  is_wanted_.store(false, std::memory_order_relaxed);
  release();
}

}  // namespace parley::runtime
