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

// Waits for whoever of several ends first, or crashes first.
class WatchingTask final : private Timer {
 public:
  explicit WatchingTask(bool takes_crashes_only)
      : Timer(&WatchingTask::fire), takes_crashes_only_(takes_crashes_only) {}

  void watch(Conversations& conversations, ConversationId conversation, const std::vector<Participant>& whom) {
    for (const Participant who : whom) {
      parts_.push_back(std::make_unique<Part>(*this));
      conversations.watch(*parts_.back(), conversation, who);
    }
  }
  void arm(Executor& executor, Instant deadline) {
    if (!result && !deadline.is_never()) executor.arm(*this, deadline);
  }

  std::optional<Result<Conversations::Exit>> result;
  Event event;

 private:
  struct Part final : Conversations::Watching {
    explicit Part(WatchingTask& task) : task(task) {}
    void on_exit(Result<Conversations::Exit> exit) override { task.take(std::move(exit)); }
    WatchingTask& task;
  };
  void take(Result<Conversations::Exit> exit) {
    if (result || (exit && takes_crashes_only_ && !exit->reason.is_crash())) return;
    result.emplace(std::move(exit));
    event.set();
  }
  static void fire(Timer& timer) {
    static_cast<WatchingTask&>(timer).take(fail(Code::deadline, "whoever takes part goes on"));
  }

  const bool takes_crashes_only_;
  std::vector<std::unique_ptr<Part>> parts_;
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
  WatchingTask waiting(false);
  waiting.watch(*this, conversation, {who});
  waiting.arm(executor_, deadline);
  co_await waiting.event.wait();
  co_return *std::move(waiting.result);
}

Task<Result<Conversations::Exit>> Conversations::await_crash(ConversationId conversation, Instant deadline) {
  const auto seen = find(conversation);
  if (!seen) co_return no(conversation);
  std::vector<Participant> all;
  for (const Conversation::Seen& each : seen->machine->participants()) all.push_back(each.who);
  if (all.empty()) co_return fail(Code::not_found, "nobody takes part in the conversation");
  WatchingTask waiting(true);
  waiting.watch(*this, conversation, all);
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
  void on_over(ConversationId) override {}
  void on_ended(ConversationId id, Participant who, Instant at, const ExitReason& reason) override {
    ended_ = {.who = who, .name = std::string(conversations_.name_of(who, id)), .at = at, .reason = reason};
  }
  void on_rerouted(ConversationId, Request, Participant, Instant at) override {
    reroutes.push_back({.crash = ended_, .rerouted = at});
  }

  Conversations& conversations_;
  ConversationId id_ = 0;
  Exit ended_;
};

Task<Result<Conversations::Received>> Conversations::ask(Asking asking) {
  Own own(*this);
  const Instant until = executor_.now() + asking.within;
  const Request request = co_await own.begin({.subject = std::move(asking.subject),
                                              .owner = asking.owner,
                                              .principal = std::move(asking.principal),
                                              .choice = std::move(asking.choice)},
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
                                              .principal = std::move(asking.principal),
                                              .choice = std::move(asking.choice)},
                                             std::move(asking.message));
  Result<Received> received = co_await receive(own.id(), request, until);
  if (!received) co_return fail(std::move(received).error());
  co_return Dispatched{.reply = *std::move(received), .reroutes = std::move(own.reroutes)};
}

}  // namespace parley
