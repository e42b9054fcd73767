#include "runtime/actors/home.h"

#include <utility>

#include "base/assert.h"
#include "runtime/actors/actor.h"
#include "runtime/actors/ask.h"

namespace parley::runtime {

// The frame of an actor that has ended, until nothing of it is on the stack. It has a reference to the actor.
struct ActorHome::Grave final : Mortal, async::Pooled {
  Grave(Actor& actor, Task<Result<void>> body) : actor(actor), place(actor, std::move(body)) {}
  ~Grave() override { place.destroy(); }
  ActorRef actor;
  Buried place;
};

void ActorHome::Buried::destroy() {
  body.reset();
  actor.is_in_grave_ = false;
  actor.part();
}

ActorHome::ActorHome(io::Loop& loop, ActorsOptions options) : signs_(loop.signs()), options_(options), loop_(&loop) {
  loop.add_door(*this);
}

ActorHome::~ActorHome() { PARLEY_ASSERT(is_closed_, "actors end before their home"); }

// What the inbox of a home that is gone leads to.
Parcel* ActorHome::gone() {
  static constinit Parcel nothing{nullptr};
  return &nothing;
}

bool ActorHome::push(Parcel& parcel) {
  Parcel* newest = inbox_.load(std::memory_order_acquire);
  do {
    if (newest == gone()) return false;
    parcel.next = newest;
  } while (!inbox_.compare_exchange_weak(newest, &parcel, std::memory_order_seq_cst, std::memory_order_acquire));
  if (!newest && signs_->is_asleep.load(std::memory_order_seq_cst)) wake();
  return true;
}

// One that meets an empty inbox is not counted, and touches it once: to look before would fetch its line twice.
Result<void> ActorHome::push_message(Message& message) {
  Parcel* none = nullptr;
  message.next = nullptr;
  if (inbox_.compare_exchange_strong(none, &message, std::memory_order_seq_cst, std::memory_order_relaxed)) {
    if (signs_->is_asleep.load(std::memory_order_seq_cst)) wake();
    return {};
  }
  if (none == gone()) return fail(Code::not_found, "the actor has ended");
  message.is_counted = true;
  const std::size_t others = 1 + inbox_size_.fetch_add(1, std::memory_order_relaxed);
  if (others < options_.inbox_items_max && push(message)) return {};
  inbox_size_.fetch_sub(1, std::memory_order_relaxed);
  if (others < options_.inbox_items_max) return fail(Code::not_found, "the actor has ended");
  return fail(Code::overloaded, "too many messages from other threads");
}

bool ActorHome::push_counted(Parcel& parcel) {
  parcel.is_counted = true;
  inbox_size_.fetch_add(1, std::memory_order_relaxed);
  if (push(parcel)) return true;
  inbox_size_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void ActorHome::wake() {
  const std::lock_guard lock(mutex_);
  if (loop_) loop_->wake();
}

void ActorHome::take_in() { open_all(inbox_.exchange(nullptr, std::memory_order_acquire)); }

void ActorHome::open_all(Parcel* newest) {
  Parcel* oldest = nullptr;
  std::size_t counted = 0;
  while (newest) {
    Parcel* const next = newest->next;
    counted += newest->is_counted ? 1 : 0;
    newest->next = oldest;
    oldest = std::exchange(newest, next);
  }
  if (counted != 0) inbox_size_.fetch_sub(counted, std::memory_order_relaxed);
  is_draining_ = true;
  while (oldest) {
    Parcel& parcel = *oldest;
    oldest = parcel.next;
    parcel.arrive(parcel);
  }
  is_draining_ = false;
}

Actor* ActorHome::find(std::string_view name) const {
  const auto found = names_.find(name);
  return found == names_.end() ? nullptr : found->second;
}

Result<void> ActorHome::admit(Actor& actor, std::string name) {
  if (is_closed_) return fail(Code::closed, "the actors of this loop");
  if (size_ >= options_.actors_max) return fail(Code::overloaded, "too many actors");
  if (!name.empty()) {
    if (!names_.emplace(name, &actor).second) return fail(Code::in_use, "an actor is called " + name);
    actor.name_ = std::move(name);
  }
  actor.hold();
  living_.push_back(actor);
  ++size_;
  ++counters_.spawned;
  return {};
}

void ActorHome::lay_out(Actor& actor) {
  if (!actor.name_.empty()) names_.erase(actor.name_);
  actor.leave();
  --size_;
  ++counters_.ended;
  dying_.push_back(actor);
  if (is_laying_out_) return;
  is_laying_out_ = true;
  while (!dying_.empty()) {
    Actor& next = dying_.pop_front();
    bury(next);
    next.discard_all();
    next.part();
    next.give_back_stock();
    next.release();
  }
  is_laying_out_ = false;
}

void ActorHome::bury(Actor& actor) {
  if (!actor.body_) return;
  if (actor.body_->is_done() && !actor.body_->promise().is_on_the_stack()) {
    actor.body_.reset();
    return;
  }
  auto grave = std::make_unique<Grave>(actor, std::move(*actor.body_));
  actor.body_.reset();
  actor.is_in_grave_ = true;
  graves_.push_back(grave->place);
  loop_->executor().bury(std::move(grave));
}

void ActorHome::settle_later(AnswerSlot& slot) {
  unsettled_.push_back(slot);
  if (!settling_.is_linked()) loop_->executor().post(settling_);
}

void ActorHome::settle() {
  while (!unsettled_.empty()) {
    AnswerSlot& slot = unsettled_.pop_front();
    slot.asked.get()->notice_end_of_body();
    slot.settle();
  }
}

// All that was sent to it lies in front of this: whoever sends has a hold.
void ActorHome::retire(Actor& actor) {
  const std::shared_ptr<ActorHome> home = actor.home();
  const bool is_last = home->is_own_thread() && !home->is_draining_ && !home->inbox_.load(std::memory_order_acquire);
  if (is_last || !home->push(actor.retired_)) delete &actor;
}

void ActorHome::close() {
  is_closed_ = true;
  while (!living_.empty()) living_.front().end({.kind = ExitReason::Kind::no_connection, .text = {}});
  while (!graves_.empty()) graves_.pop_front().destroy();
  settle();
  while (!waited_.empty()) waited_.pop_front().slot.close();
  {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }
  settling_.leave();
  Door::leave();
  // Only an empty one is gone: what lies in it may be for actors whom nobody else knows any more.
  Parcel* none = nullptr;
  while (!inbox_.compare_exchange_strong(none, gone(), std::memory_order_acq_rel, std::memory_order_acquire)) {
    open_all(inbox_.exchange(nullptr, std::memory_order_acquire));
    none = nullptr;
  }
}

}  // namespace parley::runtime
