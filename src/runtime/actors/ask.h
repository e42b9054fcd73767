#pragma once

#include <atomic>
#include <concepts>
#include <coroutine>
#include <memory>
#include <optional>
#include <utility>

#include "async/executor.h"
#include "async/frame_pool.h"
#include "async/task.h"
#include "runtime/actors/actor.h"

namespace parley {
namespace runtime {

// What a question and its answer share, which belongs to both sides: the asked one has it until it is answered or
// dropped and has come home to whoever asks, or that home is gone; the handle as long as it lives.
class AnswerSlot : public Parcel, public ListNode, public async::Pooled {
 public:
  AnswerSlot(Actor& asker, const ActorRef& asked);
  virtual ~AnswerSlot() = default;

  // --- the asked side: each ends its part
  virtual void fail_with(Error error) = 0;
  void go_home();
  // Nobody will answer it: because the asked one has ended, or has dropped it.
  void go_unanswered(bool was_received);
  bool is_wanted() const { return is_wanted_.load(std::memory_order_relaxed); }

  // --- the handle's side, on the thread of whoever asks
  bool is_home() const { return is_home_; }
  void wait(async::PromiseBase& promise) { promise_ = &promise; }
  void arm(Duration within);
  // It is not waited for any longer: why.
  const std::optional<Error>& given_up() const { return given_up_; }
  // The handle is gone.
  void drop();
  // The actors of the asker end, and nothing comes home any more.
  void close();

  const ActorRef asker;
  const ActorRef asked;

 private:
  friend class ActorHome;
  struct Alarm final : Timer {
    explicit Alarm(AnswerSlot& slot) : Timer(&Alarm::fire), slot(slot) {}
    static void fire(Timer& timer);
    AnswerSlot& slot;
  };
  static void come_home(Parcel& parcel);
  void settle();
  void wake();
  void release();

  async::PromiseBase* promise_ = nullptr;
  bool was_received_ = false;
  bool is_home_ = false;
  std::optional<Error> given_up_;
  std::atomic<bool> is_wanted_ = true;
  std::atomic<std::uint8_t> sides_ = 2;
  Alarm alarm_{*this};
  WaitedAnswer waited_{*this};
};

template <class Answer>
struct AnswerSlotOf final : AnswerSlot {
  using AnswerSlot::AnswerSlot;
  void fail_with(Error error) override { answer.emplace(fail(std::move(error))); }
  std::optional<Result<Answer>> answer;
};

}  // namespace runtime

// A question, in the mailbox of the one that is asked. Answered once, on any thread and by whoever has it; one that is
// dropped ends the wait with the reason. Move-only.
template <class Question, class Answer>
class Ask {
 public:
  Ask(Question question, runtime::AnswerSlotOf<Answer>& slot) : question(std::move(question)), slot_(&slot) {}
  Ask(Ask&& other) noexcept
      : question(std::move(other.question)), slot_(std::exchange(other.slot_, nullptr)), was_received_(true) {}
  Ask& operator=(Ask&& other) noexcept {
    std::swap(question, other.question);
    std::swap(slot_, other.slot_);
    was_received_ = true;
    return *this;
  }
  ~Ask() {
    if (slot_) slot_->go_unanswered(was_received_);
  }

  void answer(Answer answer) {
    if (!slot_) return;
    slot_->answer.emplace(std::move(answer));
    std::exchange(slot_, nullptr)->go_home();
  }
  void refuse(Error error) {
    if (!slot_) return;
    slot_->fail_with(std::move(error));
    std::exchange(slot_, nullptr)->go_home();
  }
  // False: nobody waits for the answer any more.
  bool is_wanted() const { return slot_ && slot_->is_wanted(); }

  Question question;

 private:
  runtime::AnswerSlotOf<Answer>* slot_;
  bool was_received_ = false;
};

// The wait for an answer, which has begun. Awaited once, on its loop; dropped when nobody waits for the answer any
// more. Errors: what the asked one refused it with; lost (it ended before it read the question, with the reason),
// unknown (it had read it), overloaded, not_found, timed_out, closed (the actors of this loop ended meanwhile). It may
// outlive these.
template <class Answer>
class [[nodiscard("co_await it for the answer; dropped, nobody waits for it")]] Asking {
 public:
  explicit Asking(runtime::AnswerSlotOf<Answer>& slot) : slot_(&slot) {}
  Asking(Asking&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
  Asking& operator=(Asking&& other) noexcept {
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~Asking() {
    if (slot_) slot_->drop();
  }

  bool await_ready() const { return slot_->is_home() || slot_->given_up(); }
  template <std::derived_from<async::PromiseBase> P>
  void await_suspend(std::coroutine_handle<P> handle) {
    slot_->wait(handle.promise());
  }
  Result<Answer> await_resume() {
    if (slot_->is_home()) return *std::move(slot_->answer);
    return fail(*slot_->given_up());
  }

 private:
  runtime::AnswerSlotOf<Answer>* slot_;
};

template <class Answer, class Question>
Asking<Answer> Actor::ask(const ActorRef& whom, Question question, Duration within) {
  auto& slot = *std::make_unique<runtime::AnswerSlotOf<Answer>>(*this, whom).release();
  Asking<Answer> asking(slot);
  Actor* const asked = whom.get();
  using Node = runtime::MessageOf<Ask<Question, Answer>>;
  auto node = std::make_unique<Node>(std::move(question), slot);
  Result<void> sent = asked ? asked->check() : fail(Code::not_found, "no actor");
  if (sent) sent = asked->accept(*node);
  if (sent) {
    static_cast<void>(node.release());
    if (within != Duration::max()) slot.arm(within);
  } else {
    node->value.refuse(std::move(sent).error());
  }
  return asking;
}

}  // namespace parley
