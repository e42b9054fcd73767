#include "face/blocking_conversation.h"

#include <memory>
#include <utility>

namespace parley::blocking {

namespace {

using Async = parley::Conversation;

// The outcome of a task, where whoever waits looks for it.
template <class Outcome>
Task<void> put(Task<Outcome> task, std::optional<Outcome>& outcome) {
  outcome.emplace(co_await std::move(task));
}

Task<void> keep(face::Desk& desk, Task<Result<Async>> opening, std::optional<Result<face::Kept<Async>*>>& outcome) {
  auto opened = co_await std::move(opening);
  if (!opened) {
    outcome.emplace(fail(std::move(opened).error()));
    co_return;
  }
  auto kept = std::make_unique<face::Kept<Async>>(*std::move(opened));
  outcome.emplace(kept.get());
  desk.keep(std::move(kept));
}

// Runs the task that `make` gives for the session.
template <class Outcome, class Make>
Outcome run_at(const detail::Runner& runner, Make make) {
  std::optional<Outcome> outcome;
  Result<void> ran = runner->run([&](face::Desk& desk) { return put(make(desk.session()), outcome); });
  return detail::outcome_or(std::move(outcome), std::move(ran));
}

}  // namespace

template <class Outcome, class Make>
Outcome Conversation::wait(Make make) {
  std::optional<Outcome> outcome;
  Result<void> ran = this->run([&](Async& conversation) { return put(make(conversation), outcome); });
  return detail::outcome_or(std::move(outcome), std::move(ran));
}

Result<Request> Conversation::send(Envelope message, Async::To to) {
  return wait<Result<Request>>([&](Async& conversation) { return conversation.send(std::move(message), to); });
}
Result<Async::Received> Conversation::exchange(Envelope message, std::optional<Duration> within, Async::To to) {
  return wait<Result<Async::Received>>(
      [&](Async& conversation) { return conversation.exchange(std::move(message), within, to); });
}
Result<Async::Received> Conversation::receive(std::optional<Duration> within) {
  return wait<Result<Async::Received>>([&](Async& conversation) { return conversation.receive(within); });
}
Result<ParticipantEnd> Conversation::await_crash(std::optional<Duration> within) {
  return wait<Result<ParticipantEnd>>([&](Async& conversation) { return conversation.await_crash(within); });
}
Result<std::optional<Happening>> Conversation::happening() {
  std::optional<std::optional<Happening>> happened;
  PARLEY_TRY(this->run([&](Async& conversation) { return put(conversation.happening(), happened); }));
  return *std::move(happened);
}
Result<void> Conversation::complete() {
  return wait<Result<void>>([](Async& conversation) { return conversation.complete(); });
}
Result<void> Conversation::close() {
  return wait<Result<void>>([](Async& conversation) { return conversation.close(); });
}

Result<Conversation> open_conversation(Session& session, ConversationOpening opening) {
  std::optional<Result<face::Kept<Async>*>> outcome;
  Result<void> ran = session.runner()->run(
      [&](face::Desk& desk) { return keep(desk, Async::open(desk.session(), std::move(opening)), outcome); });
  PARLEY_TRY(face::Kept<Async>* const kept, detail::outcome_or(std::move(outcome), std::move(ran)));
  return Conversation(session.runner(), kept);
}
Result<Async::Received> ask(Session& session, builtin::ConversationQuestion question) {
  return run_at<Result<Async::Received>>(session.runner(),
                                         [&](runtime::Session& at) { return parley::ask(at, std::move(question)); });
}
Result<builtin::Dispatched> dispatch(Session& session, builtin::ConversationQuestion question) {
  return run_at<Result<builtin::Dispatched>>(
      session.runner(), [&](runtime::Session& at) { return parley::dispatch(at, std::move(question)); });
}

}  // namespace parley::blocking
