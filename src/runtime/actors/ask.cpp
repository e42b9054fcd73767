#include "runtime/actors/ask.h"

#include <memory>
#include <utility>

namespace parley::runtime {

void AnswerSlot::go_home() {
  const std::shared_ptr<ActorHome>& home = asker.get()->home();
  if (home->is_own_thread()) return come_home(*this);
  const std::shared_ptr<ActorHome> outlives = home;
  if (!outlives->push(*this)) const std::unique_ptr<AnswerSlot> nobodys(this);
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
  slot.is_home_ = true;
  slot.alarm_.disarm();
  if (!slot.is_wanted()) {
    const std::unique_ptr<AnswerSlot> nobodys(&slot);
  } else if (!slot.is_late_) {
    slot.wake();
  }
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
  slot.is_late_ = true;
  slot.wake();
}

void AnswerSlot::drop() {
  alarm_.disarm();
  promise_ = nullptr;
  if (is_home_) {
    const std::unique_ptr<AnswerSlot> nobodys(this);
  } else {
    is_wanted_.store(false, std::memory_order_relaxed);
  }
}

}  // namespace parley::runtime
