#pragma once

#include <array>
#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/task.h"
#include "base/intrusive_list.h"
#include "runtime/actors/actor_ref.h"
#include "runtime/actors/home.h"
#include "runtime/actors/tie.h"

namespace parley {

class Actors;
template <class Answer>
class Asking;

namespace runtime {
template <class... Ts>
struct AnyOf;
template <class T, class Predicate>
struct OneIf;
template <class Match>
class Receive;
template <class Match>
class ReceiveWithin;

// A receive that waits in an actor, or holds what it is about to return.
class Receiving {
 public:
  using Matches = bool (*)(const Receiving&, const Message&);

  Receiving(Actor& actor, Matches matches) : actor_(actor), matches_(matches) {}
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;
  ~Receiving();

  bool wants(const Message& message) const { return !message_ && !is_late_ && !thrown_ && matches_(*this, message); }
  bool has_thrown() const { return thrown_ != nullptr; }
  // What a predicate throws while somebody sends is thrown where it is awaited.
  void pass_on_what_was_thrown() {
    if (thrown_) give_up();
  }
  void give(Message& message) {
    message_ = &message;
    promise_->executor().post(*promise_);
  }
  // Nothing comes any more: whoever waits goes on without.
  void give_up() {
    if (message_ || is_late_) return;
    is_late_ = true;
    promise_->executor().post(*promise_);
  }

 protected:
  bool look();
  void wait(async::PromiseBase& promise);
  bool has_message() const { return message_ != nullptr; }
  Message& take();
  void leave();

  Actor& actor_;
  const Matches matches_;
  mutable std::exception_ptr thrown_;
  bool is_late_ = false;
  Message* message_ = nullptr;
  async::PromiseBase* promise_ = nullptr;
};

}  // namespace runtime

// What a body does, and how it is told of: a supervised unit with a mailbox, on one loop. Its body is a coroutine that
// has a reference to it; when that returns, fails, throws, or is ended from outside, everybody who is tied to it is
// told, once. Of an actor that has ended nothing runs any more, its frame is destroyed, and what is in its mailbox is
// counted as discarded. Lives as long as somebody has an ActorRef to it; used on its loop's thread.
class Actor : public ListNode, public async::Pooled {
 public:
  Actor(std::shared_ptr<runtime::ActorHome> home, std::size_t mailbox_items_max);
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor();

  ActorRef ref() {
    ActorRef ref;
    take_hold();
    ref.actor_ = this;
    return ref;
  }
  Actors& actors() const { return *actors_; }
  const std::string& name() const { return name_; }

  // `co_await self.receive<Deposit, Withdraw>()`: the oldest message of one of these types, now or when it comes; all
  // others stay, in their order. Gives a variant, for one type the message itself. One receive at a time, by its body
  // and what that awaits: a task outside of it has a Guest.
  template <class... Ts>
  runtime::Receive<runtime::AnyOf<Ts...>> receive();
  // The same as a Result, which is timed_out when that time has passed.
  template <class... Ts>
  runtime::ReceiveWithin<runtime::AnyOf<Ts...>> receive(Duration within);
  // The oldest message of this type for which the predicate holds.
  template <class T, class Predicate>
  runtime::Receive<runtime::OneIf<T, Predicate>> receive_if(Predicate predicate);
  template <class T, class Predicate>
  runtime::ReceiveWithin<runtime::OneIf<T, Predicate>> receive_if(Predicate predicate, Duration within);
  std::size_t mailbox_size() const { return size_; }

  // Puts a question into the mailbox of another actor, which gets an Ask<Question, Answer> and answers it when it
  // likes. Await what is returned for the answer; dropping it says that nobody waits any more. It dies before the
  // Actors.
  template <class Answer, class Question>
  Asking<Answer> ask(const ActorRef& whom, Question question, Duration within = Duration::max());

  // Either one's crash ends the other, with the same reason. With one that has ended already: as if it ended now.
  // Linking twice is linking once. Errors: overloaded, invalid (no actor, or this one).
  Result<void> link(const ActorRef& other);
  void unlink(const ActorRef& other);
  // This one gets an Exited when the other ends, for each call one.
  Result<void> monitor(const ActorRef& other);
  void unmonitor(const ActorRef& other);
  // Whether ends that come over links, and requests to end, become an Exited in the mailbox.
  void trap_exits(bool is_trapping = true) { traps_exits_ = is_trapping; }

  // `co_return self.finish()`: it has ended with the reason `finished`, and not `normal`.
  Result<void> finish() {
    end_of_body_ = ExitReason::Kind::finished;
    return {};
  }

  // --- for the runtime
  // Made by Actors: takes its place, and begins through the ready queue.
  void begin(Actors& actors, Task<Result<void>> body);
  void be_guest(Actors& actors);
  Result<void> check() const;  // whether a message may come, from any thread
  Result<void> accept(runtime::Message& message);
  void deliver(runtime::Message& message);
  void put(runtime::Message& message);  // into the mailbox, or to who waits
  void deliver_exit(const ActorRef& who, const ExitReason& reason, Instant when);
  void on_linked_end(const Actor& dead);
  bool lets_request_through(const ExitReason& reason);  // from any thread
  void request_has_come(const ExitReason& reason);
  void on_exit_request(ExitReason reason);
  void end(ExitReason reason);
  // Its body has ended if it is done, and nobody has noticed yet.
  void notice_end_of_body();
  bool has_ended() const { return has_ended_.load(std::memory_order_acquire); }
  const ExitReason& exit_reason() const { return reason_; }  // once it has ended
  Instant ended_at() const { return ended_at_; }
  const std::shared_ptr<runtime::ActorHome>& home() const { return home_; }
  void hold() { holds_.fetch_add(1, std::memory_order_relaxed); }
  void release() {
    if (holds_.fetch_sub(1, std::memory_order_acq_rel) == 1) runtime::ActorHome::retire(*this);
  }

 private:
  friend class runtime::ActorHome;
  friend class runtime::Receiving;
  friend class runtime::Tie;

  struct Turn final : Ready {
    Turn(Run run, Actor& actor) : Ready(run), actor(actor) {}
    Actor& actor;
  };
  static void start(Ready& node);
  static void body_ended(Ready& node);
  static void arrive_retired(runtime::Parcel& parcel);
  ExitReason reason_of_body();
  void append(runtime::Message& message);
  void put_back(runtime::Message& message);
  runtime::Message* take(const runtime::Receiving& receiving, runtime::Receiving::Matches matches);
  void note_size();
  void note_taken(const runtime::Message& message);
  void discard_all();
  void take_hold();
  void give_back_stock();
  // It has ended; see ActorHome::lay_out().
  void part();
  runtime::TieEnd* link_with(const Actor& other);

  // What other threads look at, apart from what changes with every message.
  const std::shared_ptr<runtime::ActorHome> home_;
  std::atomic<bool> has_ended_ = false;
  std::atomic<bool> is_full_ = false;
  std::array<std::atomic<bool>, 2> requests_coming_ = {};  // to end, from other threads: any, and one that kills
  const std::size_t size_max_;

  alignas(16) runtime::Message* oldest_ = nullptr;
  runtime::Message* newest_ = nullptr;
  std::size_t size_ = 0;
  runtime::Receiving* receiving_ = nullptr;
  std::uint32_t received_in_a_row_ = 0;
  std::uint32_t holds_in_stock_ = 0;
  bool traps_exits_ = false;
  bool is_guest_ = false;
  bool has_unread_request_ = false;
  bool is_in_grave_ = false;  // its frame is there, and about to be destroyed
  ExitReason::Kind end_of_body_ = ExitReason::Kind::normal;
  Actors* actors_ = nullptr;
  IntrusiveList<runtime::TieEnd> ties_;
  std::size_t ties_made_ = 0;
  std::optional<Task<Result<void>>> body_;
  Turn start_{&Actor::start, *this};
  Turn ended_{&Actor::body_ended, *this};
  std::string name_;
  ExitReason reason_;
  Instant ended_at_;
  std::atomic<std::uint32_t> holds_ = 0;  // apart: references that go to other threads are dropped there
  struct Retired final : runtime::Parcel {
    explicit Retired(Actor& actor) : Parcel(&Actor::arrive_retired), actor(actor) {}
    Actor& actor;
  } retired_{*this};
};

inline ActorRef::ActorRef(Actor& actor) : actor_(&actor) { actor.hold(); }
inline ActorRef::ActorRef(const ActorRef& other) : actor_(other.actor_) {
  if (actor_) actor_->hold();
}
inline ActorRef::~ActorRef() {
  if (actor_) actor_->release();
}

// One that hands out references to itself, to whoever is to answer, has some in stock: whoever drops one on another
// thread has the count there, and it would go to and fro with each.
inline void Actor::take_hold() {
  constexpr std::uint32_t stock = 1024;
  if (has_ended()) return hold();
  if (holds_in_stock_ == 0) {
    holds_.fetch_add(stock, std::memory_order_relaxed);
    holds_in_stock_ = stock;
  }
  --holds_in_stock_;
}

inline bool ActorRef::has_ended() const { return actor_ && actor_->has_ended(); }

inline void runtime::Receiving::leave() { actor_.receiving_ = nullptr; }
inline runtime::Message& runtime::Receiving::take() {
  leave();
  actor_.note_taken(*message_);
  return *std::exchange(message_, nullptr);
}

inline Result<void> Actor::check() const {
  if (has_ended()) [[unlikely]]
    return fail(Code::not_found, "the actor has ended");
  if (is_full_.load(std::memory_order_relaxed)) [[unlikely]]
    return fail(Code::overloaded, "the mailbox is full");
  return {};
}

inline void Actor::note_size() {
  const bool is_full = size_ >= size_max_;
  if (is_full != is_full_.load(std::memory_order_relaxed)) [[unlikely]]
    is_full_.store(is_full, std::memory_order_relaxed);
}

inline void Actor::append(runtime::Message& message) {
  message.next = nullptr;
  if (newest_) {
    newest_->next = &message;
  } else {
    oldest_ = &message;
  }
  newest_ = &message;
  ++size_;
  note_size();
}

inline void Actor::deliver(runtime::Message& message) {
  if (home_->tap()) [[unlikely]]
    return home_->tap()->hold(message);
  put(message);
}

inline void Actor::put(runtime::Message& message) {
  if (receiving_ && receiving_->wants(message)) return receiving_->give(message);
  append(message);
  if (receiving_) receiving_->pass_on_what_was_thrown();
}

template <class T>
Result<void> ActorRef::send(T message) const {
  if (!actor_) return fail(Code::not_found, "no actor");
  if (auto checked = actor_->check(); !checked) [[unlikely]]
    return checked;
  auto node = std::make_unique<runtime::MessageOf<T>>(std::move(message));
  runtime::Message& sent = *node;
  if (auto accepted = actor_->accept(sent); !accepted) [[unlikely]]
    return accepted;
  static_cast<void>(node.release());
  return {};
}

inline Result<void> Actor::accept(runtime::Message& message) {
  message.to = this;
  if (!home_->is_own_thread()) return home_->push_message(message);
  deliver(message);
  return {};
}

}  // namespace parley
