#include "runtime/actors/actor.h"

#include <coroutine>
#include <exception>
#include <utility>

#include "base/assert.h"

namespace parley {

namespace runtime {

namespace {

struct ExitRequest final : Parcel, async::Pooled {
  ExitRequest(Actor& to, ExitReason reason) : Parcel(&ExitRequest::reach), to(to), reason(std::move(reason)) {}
  static void reach(Parcel& parcel) {
    const std::unique_ptr<ExitRequest> request(static_cast<ExitRequest*>(&parcel));
    request->to.request_has_come(request->reason);
    request->to.on_exit_request(std::move(request->reason));
  }
  Actor& to;
  ExitReason reason;
};

}  // namespace

void Message::reach(Parcel& parcel) {
  auto& message = static_cast<Message&>(parcel);
  Actor& actor = *message.to;
  if (!actor.has_ended()) return actor.deliver(message);
  ++actor.home()->counters().discarded;  // it ended while this was on its way
  message.type->destroy(message);
}

Receiving::~Receiving() {
  if (actor_.receiving_ != this) return;
  actor_.receiving_ = nullptr;
  if (message_) actor_.put_back(*message_);
}

// Whether there is a message. Who finds one each time, again and again, lets others have their turn now and then.
bool Receiving::look() {
  PARLEY_ASSERT(!actor_.receiving_, "an actor receives in one place at a time");
  constexpr std::uint32_t in_a_row_max = 1024;
  message_ = actor_.take(*this, matches_);
  if (thrown_) return true;
  if (!message_) return false;
  actor_.receiving_ = this;
  return ++actor_.received_in_a_row_ < in_a_row_max;
}

void Receiving::wait(async::PromiseBase& promise) {
  promise_ = &promise;
  actor_.receiving_ = this;
  actor_.received_in_a_row_ = 0;
  if (message_) promise.executor().post(promise);
}

}  // namespace runtime

using runtime::Message;
using runtime::Tie;

void ActorRef::exit(ExitReason reason) const {
  if (!actor_) return;
  if (actor_->home()->is_own_thread()) return actor_->on_exit_request(std::move(reason));
  if (!actor_->lets_request_through(reason)) return;
  runtime::ExitRequest& request = *std::make_unique<runtime::ExitRequest>(*actor_, std::move(reason)).release();
  if (!actor_->home()->push(request)) std::unique_ptr<runtime::ExitRequest>(&request).reset();
}

Actor::Actor(std::shared_ptr<runtime::ActorHome> home, std::size_t mailbox_items_max)
    : home_(std::move(home)), size_max_(mailbox_items_max) {}

Actor::~Actor() { PARLEY_ASSERT(size_ == 0 && ties_.empty() && !receiving_, size_); }

void Actor::begin(Actors& actors, Task<Result<void>> body) {
  actors_ = &actors;
  if (has_ended()) return;  // before its body began
  body_ = std::move(body);
  body_->bind(home_->loop().executor());
  home_->loop().executor().post(start_);
}

void Actor::be_guest(Actors& actors) {
  actors_ = &actors;
  is_guest_ = traps_exits_ = true;
}

void Actor::start(Ready& node) {
  Actor& actor = static_cast<Turn&>(node).actor;
  const ActorRef keeps(actor);
  auto& promise = actor.body_->promise();
  promise.set_continuation(actor.ended_);
  // Not through the task: it is in a grave by now if the actor has ended itself.
  promise.start(std::coroutine_handle<Task<Result<void>>::promise_type>::from_promise(promise));
}

void Actor::body_ended(Ready& node) {
  Actor& actor = static_cast<Turn&>(node).actor;
  if (!actor.has_ended()) actor.end(actor.reason_of_body());  // else its body went on to its end, from inside itself
}

void Actor::notice_end_of_body() {
  if (!has_ended() && body_ && body_->is_done()) end(reason_of_body());
}

// The barrier: what user code throws ends this actor, and nothing else.
ExitReason Actor::reason_of_body() {
  try {
    const Result<void> result = body_->promise().take();
    if (!result) return {.kind = ExitReason::Kind::error, .text = to_string(result.error())};
    return {.kind = end_of_body_, .text = {}};
  } catch (const std::exception& thrown) {
    ++home_->counters().threw;
    return {.kind = ExitReason::Kind::error, .text = thrown.what()};
  } catch (...) {
    ++home_->counters().threw;
    return {.kind = ExitReason::Kind::error, .text = "it threw something that is no std::exception"};
  }
}

void Actor::end(ExitReason reason) {
  if (has_ended()) return;
  ended_at_ = home_->loop().clock().now();  // before anything else
  reason_ = std::move(reason);
  has_ended_.store(true, std::memory_order_release);
  start_.leave();
  ended_.leave();
  home_->lay_out(*this);
}

static bool is_kill(const ExitReason& reason) { return reason.kind == ExitReason::Kind::killed; }

// From other threads one is on its way at a time, and beside it one that kills.
bool Actor::lets_request_through(const ExitReason& reason) {
  return !requests_coming_[is_kill(reason) ? 1 : 0].exchange(true, std::memory_order_acq_rel);
}
void Actor::request_has_come(const ExitReason& reason) {
  requests_coming_[is_kill(reason) ? 1 : 0].store(false, std::memory_order_release);
}

// Of those that it has not read, one is kept.
void Actor::on_exit_request(ExitReason reason) {
  if (has_ended()) return;
  const bool is_trapped = is_guest_ || (traps_exits_ && !is_kill(reason));
  if (!is_trapped) return end(std::move(reason));
  if (std::exchange(has_unread_request_, true)) return;
  deliver_exit({}, reason, home_->loop().clock().now());
}

void Actor::note_taken(const Message& message) {
  if (message.type != &runtime::MessageOf<Exited>::type_of) return;
  if (!static_cast<const runtime::MessageOf<Exited>&>(message).value.who) has_unread_request_ = false;
}

void Actor::on_linked_end(const Actor& dead) {
  if (has_ended()) return;
  if (traps_exits_) return deliver_exit(const_cast<Actor&>(dead).ref(), dead.exit_reason(), dead.ended_at());
  if (dead.exit_reason().is_crash()) end(dead.exit_reason());
}

// Beyond the bound of the mailbox: as many as there are ties.
void Actor::deliver_exit(const ActorRef& who, const ExitReason& reason, Instant when) {
  if (has_ended()) return;
  Message& exited = *std::make_unique<runtime::MessageOf<Exited>>(who, reason, when).release();
  exited.to = this;
  deliver(exited);
}

Result<void> Actor::link(const ActorRef& other) {
  if (!other || other.get() == this) return fail(Code::invalid, "an actor is linked to another one");
  if (has_ended() || link_with(*other.get())) return {};
  if (ties_made_ >= home_->options().ties_max) return fail(Code::overloaded, "too many links and monitors");
  return Tie::make(Tie::Kind::link, *this, other);
}

runtime::TieEnd* Actor::link_with(const Actor& other) {
  for (runtime::TieEnd* end = ties_.empty() ? nullptr : &ties_.front(); end; end = ties_.next_of(*end)) {
    if (end->tie.links(other)) return end;
  }
  return nullptr;
}

Result<void> Actor::monitor(const ActorRef& other) {
  if (!other || other.get() == this) return fail(Code::invalid, "an actor watches another one");
  if (has_ended()) return {};
  if (ties_made_ >= home_->options().ties_max) return fail(Code::overloaded, "too many links and monitors");
  return Tie::make(Tie::Kind::monitor, *this, other);
}

void Actor::unlink(const ActorRef& other) {
  runtime::TieEnd* const end = other ? link_with(*other.get()) : nullptr;
  if (end) Tie::part(*end, true);
}

void Actor::unmonitor(const ActorRef& other) {
  for (runtime::TieEnd* end = ties_.empty() ? nullptr : &ties_.front(); end;) {
    runtime::TieEnd* const next = ties_.next_of(*end);
    if (end->tie.monitors(*end, other)) Tie::part(*end, true);
    end = next;
  }
}

void Actor::put_back(Message& message) {
  message.next = oldest_;
  oldest_ = &message;
  if (!newest_) newest_ = &message;
  ++size_;
  note_size();
  if (has_ended()) discard_all();
}

Message* Actor::take(const runtime::Receiving& receiving, runtime::Receiving::Matches matches) {
  Message* before = nullptr;
  for (Message* each = oldest_; each; before = each, each = static_cast<Message*>(each->next)) {
    if (!matches(receiving, *each)) {
      if (receiving.has_thrown()) return nullptr;
      continue;
    }
    Message* const after = static_cast<Message*>(each->next);
    if (before) {
      before->next = after;
    } else {
      oldest_ = after;
    }
    if (newest_ == each) newest_ = before;
    --size_;
    note_size();
    return each;
  }
  return nullptr;
}

// What a destructor of a message does may come back here.
void Actor::discard_all() {
  while (oldest_) {
    Message& message = *oldest_;
    oldest_ = static_cast<Message*>(message.next);
    if (!oldest_) newest_ = nullptr;
    --size_;
    ++home_->counters().discarded;
    message.type->destroy(message);
  }
}

// Those that hold it by then have their own.
void Actor::give_back_stock() { holds_.fetch_sub(std::exchange(holds_in_stock_, 0), std::memory_order_acq_rel); }

void Actor::part() {
  PARLEY_ASSERT(is_in_grave_ || !receiving_, "a task outside of an actor receives in it, and outlives it: use a Guest");
  IntrusiveList<runtime::TieEnd> of_other_homes;
  while (!ties_.empty()) {
    runtime::TieEnd& end = ties_.pop_front();
    if (is_in_grave_ && !end.tie.is_at_one_home()) {
      of_other_homes.push_back(end);
    } else {
      Tie::part(end, false);
    }
  }
  ties_.take_all(of_other_homes);
}

void Actor::arrive_retired(runtime::Parcel& parcel) { delete &static_cast<Retired&>(parcel).actor; }

}  // namespace parley
