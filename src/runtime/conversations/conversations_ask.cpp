#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "async/wait.h"
#include "runtime/conversations/conversations.h"

// What waits in a task.
namespace parley {

using core::Conversation;

namespace {

struct ReceivingTask final : Conversations::Receiving {
  void on_received(Result<Conversations::Received> received) override {
    result.emplace(std::move(received));
    event.set();
  }
  std::optional<Result<Conversations::Received>> result;
  Event event;
};

struct WatchingTask final : Conversations::Watching, private Timer {
  WatchingTask() : Timer(&WatchingTask::fire) {}
  void on_exit(Result<Conversations::Exit> exit) override {
    result.emplace(std::move(exit));
    event.set();
  }
  void arm(Executor& executor, Instant deadline) {
    if (!result && !deadline.is_never()) executor.arm(*this, deadline);
  }
  static void fire(Timer& timer) {
    auto& self = static_cast<WatchingTask&>(timer);
    self.stop();
    if (!self.result) self.on_exit(fail(Code::deadline, "it takes part still"));
  }
  std::optional<Result<Conversations::Exit>> result;
  Event event;
};

}  // namespace

Task<Result<Conversations::Received>> Conversations::receive(ConversationId conversation, Request of,
                                                             std::optional<Instant> deadline) {
  ReceivingTask waiting;
  receive(waiting, conversation, of, deadline);
  co_await waiting.event.wait();
  co_return *std::move(waiting.result);
}

Task<Result<Conversations::Exit>> Conversations::await_exit(ConversationId conversation, Participant who,
                                                            Instant deadline) {
  WatchingTask waiting;
  watch(waiting, conversation, who);
  waiting.arm(executor_, deadline);
  co_await waiting.event.wait();
  co_return *std::move(waiting.result);
}

// --- in one step

// A conversation that lasts as long as a task, which is told what happens in it.
class Conversations::Own final : public ConversationFollower {
 public:
  explicit Own(Conversations& conversations) : conversations_(conversations) {}
  Own(const Own&) = delete;
  Own& operator=(const Own&) = delete;
  ~Own() { conversations_.abandon(id_); }

  Result<Request> begin(Opening opening, Envelope message) {
    opening.follower = this;
    PARLEY_TRY(id_, conversations_.open(std::move(opening)));
    return conversations_.send(id_, std::move(message), {}, true);
  }
  ConversationId id() const { return id_; }
  std::vector<Reroute> reroutes = {};

 private:
  void on_moved(ConversationId, Phase, Phase) override {}
  void on_ended(ConversationId, Participant who, Instant at, const ExitReason& reason) override {
    ended_ = {.who = who, .at = at, .reason = reason};
  }
  void on_rerouted(ConversationId, Request, Participant, Instant at) override {
    reroutes.push_back({.from = ended_.who, .crash_seen = ended_.at, .rerouted = at, .reason = ended_.reason});
  }

  Conversations& conversations_;
  ConversationId id_ = 0;
  Exit ended_;
};

Task<Result<Conversations::Received>> Conversations::ask(Asking asking) {
  Own own(*this);
  const Instant until = executor_.now() + asking.within;
  const Request request = co_await own.begin(
      {.subject = std::move(asking.subject), .owner = asking.owner, .choice = std::move(asking.choice)},
      std::move(asking.message));
  Result<Received> received = co_await receive(own.id(), request, until);
  if (received && !received->message) co_return fail(Code::failed, "it was answered with nothing");
  co_return received;
}

Task<Result<Conversations::Dispatched>> Conversations::dispatch(Asking asking) {
  Own own(*this);
  const Instant until = executor_.now() + asking.within;
  const Request request = co_await own.begin({.subject = std::move(asking.subject),
                                              .on_crash = Conversation::OnCrash::route_to_next,
                                              .owner = asking.owner,
                                              .choice = std::move(asking.choice)},
                                             std::move(asking.message));
  Result<Received> received = co_await receive(own.id(), request, until);
  if (!received) co_return fail(std::move(received).error());
  co_return Dispatched{.reply = *std::move(received), .reroutes = std::move(own.reroutes)};
}

}  // namespace parley
