#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "async/task.h"
#include "base/intrusive_list.h"
#include "io/loop.h"
#include "runtime/actors/parcel.h"

namespace parley {

struct ActorsOptions {
  std::size_t actors_max = std::size_t{1} << 20;       // alive at once
  std::size_t mailbox_items_max = 16384;               // of one actor, where its SpawnOptions do not say otherwise
  std::size_t inbox_items_max = std::size_t{1} << 16;  // from other threads, not yet in their mailboxes
  std::size_t ties_max = 65536;                        // links and monitors that one actor has made
};

struct ActorsCounters {
  std::uint64_t spawned = 0;
  std::uint64_t ended = 0;
  std::uint64_t discarded = 0;  // messages that an actor had not received when it ended, or that came after
  std::uint64_t threw = 0;      // bodies that ended with an exception
};

namespace runtime {

class AnswerSlot;

// Among the answers that a home waits for.
struct WaitedAnswer final : ListNode {
  explicit WaitedAnswer(AnswerSlot& slot) : slot(slot) {}
  AnswerSlot& slot;
};

// Holds back what is on its way to mailboxes, for tests that decide on each message when it comes.
class Tap {
 public:
  // Owns the message, until it hands it to Actor::put().
  virtual void hold(Message& message) = 0;

 protected:
  ~Tap() = default;
};

// Where the actors of one loop live. Shared by them and outlives the loop as long as somebody knows one of them; then
// everything that comes is refused. push() and is_own_thread() may be called from any thread.
class ActorHome final : private io::Loop::Door {
 public:
  ActorHome(io::Loop& loop, ActorsOptions options);
  ~ActorHome();
  ActorHome(const ActorHome&) = delete;
  ActorHome& operator=(const ActorHome&) = delete;

  bool is_own_thread() const { return signs_->thread.load(std::memory_order_relaxed) == std::this_thread::get_id(); }
  // False: the home is gone, and the parcel still the caller's. One wake-up for what comes together. Whoever calls sees
  // to it that the home outlives the call.
  bool push(Parcel& parcel);
  // The same for a message of a user, within the bound. Errors: overloaded, not_found (the home is gone).
  Result<void> push_message(Message& message);
  // A tie, which counts like one. Whether there is room for it is asked before; false: the home is gone.
  bool push_counted(Parcel& parcel);
  bool has_room() const { return inbox_size_.load(std::memory_order_relaxed) < options_.inbox_items_max; }

  // --- on the home's thread, while the loop lives
  io::Loop& loop() const { return *loop_; }
  const ActorsOptions& options() const { return options_; }
  ActorsCounters& counters() { return counters_; }
  std::size_t size() const { return size_; }
  bool is_closed() const { return is_closed_; }
  Actor* find(std::string_view name) const;
  void set_tap(Tap* tap) { tap_ = tap; }
  Tap* tap() const { return tap_; }

  // It lives here from now on. Errors: overloaded, in_use (the name), closed.
  Result<void> admit(Actor& actor, std::string name);
  // It has ended: its name is free, its frame is destroyed after what runs now, and those are told who are tied to it;
  // those of other homes, who may act at once, when the frame is gone. One after another: the end of one may be the end
  // of many.
  void lay_out(Actor& actor);
  // A question was dropped by one that may be about to end: after what runs now it is known.
  void settle_later(AnswerSlot& slot);
  // Somebody here has asked; he is told when all end.
  void wait_for(WaitedAnswer& answer) { waited_.push_back(answer); }
  // Nobody knows it any more. From any thread.
  static void retire(Actor& actor);
  // All end with no_connection, and nothing comes in any more.
  void close();

 private:
  struct Buried final : ListNode {
    Buried(Actor& actor, Task<Result<void>> body) : actor(actor), body(std::move(body)) {}
    void destroy();
    Actor& actor;
    Task<Result<void>> body;
  };
  struct Grave;
  static Parcel* gone();
  void wake();
  bool has_come() const override { return inbox_.load(std::memory_order_seq_cst) != nullptr; }
  void take_in() override;
  void open_all(Parcel* newest);
  void bury(Actor& actor);
  struct Settling final : Ready {
    explicit Settling(ActorHome& home) : Ready(&Settling::run), home(home) {}
    static void run(Ready& node) { static_cast<Settling&>(node).home.settle(); }
    ActorHome& home;
  };
  void settle();

  const std::shared_ptr<const io::Loop::Signs> signs_;
  const ActorsOptions options_;
  io::Loop* loop_;  // changed under the mutex, and on the home's thread only
  std::map<std::string, Actor*, std::less<>> names_;
  IntrusiveList<Actor> living_;  // each has a hold of it
  IntrusiveList<Actor> dying_;
  IntrusiveList<Buried> graves_;  // what is to be destroyed after what runs now
  IntrusiveList<AnswerSlot> unsettled_;
  IntrusiveList<WaitedAnswer> waited_;
  Settling settling_{*this};
  std::size_t size_ = 0;
  bool is_closed_ = false;
  bool is_laying_out_ = false;
  bool is_draining_ = false;
  Tap* tap_ = nullptr;
  ActorsCounters counters_;
  std::mutex mutex_;

  alignas(64) std::atomic<Parcel*> inbox_ = nullptr;  // the newest first
  std::atomic<std::size_t> inbox_size_ = 0;           // as far as they are counted
};

}  // namespace runtime
}  // namespace parley
