#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "async/scope.h"
#include "async/wait.h"
#include "runtime/conversations/conversation.h"

namespace parley {

using builtin::Heard;
using builtin::Reply;

// Messages that are not answered yet, beyond which no more are read. A hub of ours gives no more than this.
static constexpr std::size_t at_hand_max = 16384;

// The call and both its channels, and what runs in each conversation.
class Participation::State {
 public:
  State(runtime::Session& session, Behaviour behaviour)
      : service_(session), executor_(session.loop().executor()), behaviour_(std::move(behaviour)), scope_(executor_) {}

  // `call` starts the call with its two channels.
  template <class Start>
  void start(Start start) {
    auto [to_us, heard] = channel<Heard, builtin::heard_ahead>();
    auto [replies, from_us] = channel<Reply, builtin::heard_ahead>();
    heard_ = std::move(heard);
    replies_ = std::move(replies);
    call_.emplace(start(service_, std::move(to_us), std::move(from_us)));
  }
  // Until the peer says that it takes part.
  Task<Result<void>> enter() {
    if (co_await heard_.recv()) {
      scope_.spawn(read(*this));
      scope_.spawn(put_out(*this));
      co_return Result<void>();
    }
    auto ended = co_await *std::move(call_);
    if (ended) co_return fail(Code::response, "the peer does not say whether it takes part");
    Error why = std::move(ended).error();
    if (why.code == Code::method) {
      why = {Code::unsupported, "the peer has no parley.Conversations: it is no hub, and serves no conversations"};
    }
    co_return fail(std::move(why));
  }
  Task<Result<void>> ended() {
    co_await over_.wait();
    if (failure_) co_return fail(*failure_);
    co_return Result<void>();
  }
  // What runs is done; its replies leave first.
  void finish() {
    is_finishing_ = true;
    close_if_done();
  }

 private:
  // What one conversation says here, in its order.
  struct Part {
    explicit Part(Executor& executor) : scope(executor) {}
    std::deque<Party::Message> waiting;
    bool is_busy = false;
    Scope scope;
  };

  static Task<void> read(State& self) {
    while (auto heard = co_await self.heard_.recv()) {
      if (!heard->message) {
        self.forget(heard->conversation);
        continue;
      }
      if (self.is_finishing_) continue;  // it is another one's
      self.take(*std::move(heard));
      while (self.at_hand_ >= at_hand_max) {
        self.has_room_.reset();
        co_await self.has_room_.wait();
      }
    }
    auto ended = co_await *std::move(self.call_);
    if (!ended && !self.is_finishing_) self.failure_ = std::move(ended).error();
    self.over_.set();
  }
  static Task<void> put_out(State& self) {
    while (const auto reply = co_await self.outward_.pop()) {
      if (!co_await self.replies_.send(*reply)) co_return;
      self.answered(1);
    }
    self.replies_.close();
  }
  static Task<void> work(State& self, ConversationId conversation, Part& part) {
    while (!part.waiting.empty()) {
      const Party::Message message = std::move(part.waiting.front());
      part.waiting.pop_front();
      Reply reply{.conversation = conversation, .request = message.request};
      try {
        auto said = co_await self.behaviour_(message);
        if (said) {
          reply.message = *std::move(said);
        } else {
          reply.failure = to_string(said.error());
        }
      } catch (const std::exception& thrown) {
        reply.failure = thrown.what();
      } catch (...) {
        reply.failure = "it threw something";
      }
      const bool has_failed = reply.failure.has_value();
      if (!self.outward_.push(std::move(reply))) self.answered(1);
      if (!has_failed) continue;
      self.answered(part.waiting.size());  // its part there is over
      part.waiting.clear();
    }
    part.is_busy = false;
    self.close_if_done();
  }
  void close_if_done() {
    if (!is_finishing_) return;
    for (const auto& [conversation, part] : parts_) {
      if (part->is_busy) return;
    }
    outward_.close();
  }

  void take(Heard heard) {
    ++at_hand_;
    const ConversationId conversation = heard.conversation;
    auto& part = parts_[conversation];
    if (!part) part = std::make_unique<Part>(executor_);
    part->waiting.push_back({.conversation = conversation,
                             .request = heard.request,
                             .content = std::make_shared<const Envelope>(*std::move(heard.message)),
                             .is_repeated = heard.is_repeated});
    if (std::exchange(part->is_busy, true)) return;
    part->scope.spawn(work(*this, conversation, *part));
  }
  // What runs for it is dropped.
  void forget(ConversationId conversation) {
    const auto over = parts_.extract(conversation);
    if (!over.empty()) answered(over.mapped()->waiting.size() + (over.mapped()->is_busy ? 1 : 0));
  }
  void answered(std::size_t count) {
    at_hand_ -= count;
    if (at_hand_ < at_hand_max) has_room_.set();
  }

  Client<builtin::Conversations> service_;
  Executor& executor_;
  Behaviour behaviour_;
  Rx<Heard, builtin::heard_ahead> heard_;
  Tx<Reply, builtin::heard_ahead> replies_;
  std::optional<Call<void>> call_;
  std::optional<Error> failure_;
  bool is_finishing_ = false;
  std::size_t at_hand_ = 0;
  Event has_room_;
  Event over_;
  Queue<Reply> outward_{at_hand_max + builtin::heard_ahead};
  std::map<ConversationId, std::unique_ptr<Part>> parts_;
  Scope scope_;
};

Participation::Participation(std::unique_ptr<State> state) : state_(std::move(state)) {}
Participation::Participation(Participation&&) noexcept = default;
Participation& Participation::operator=(Participation&&) noexcept = default;
Participation::~Participation() = default;

Task<Result<Participation>> Participation::begin(std::unique_ptr<State> state) {
  co_await co_await state->enter();
  co_return Participation(std::move(state));
}

Task<Result<Participation>> Participation::provide(runtime::Session& session, std::string subject, Behaviour behaviour,
                                                   std::string name) {
  auto state = std::make_unique<State>(session, std::move(behaviour));
  state->start([&](Client<builtin::Conversations>& service, auto heard, auto replies) {
    return service.call<&builtin::Conversations::provide>(std::move(subject), std::move(name), std::move(heard),
                                                          std::move(replies));
  });
  return begin(std::move(state));
}

Task<Result<Participation>> Participation::join(runtime::Session& session, ConversationId conversation,
                                                Behaviour behaviour, std::string name) {
  auto state = std::make_unique<State>(session, std::move(behaviour));
  state->start([&](Client<builtin::Conversations>& service, auto heard, auto replies) {
    return service.call<&builtin::Conversations::join>(conversation, std::move(name), std::move(heard),
                                                       std::move(replies));
  });
  return begin(std::move(state));
}

Task<Result<void>> Participation::ended() { return state_->ended(); }
void Participation::finish() { state_->finish(); }

}  // namespace parley
