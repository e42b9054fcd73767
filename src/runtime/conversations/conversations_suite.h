#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "runtime/conversations/conversations.h"
#include "runtime/world_suite.h"

namespace parley {

inline Envelope say(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return {.payload = {bytes.begin(), bytes.end()}};
}
inline std::string text_of(const Envelope& envelope) { return std::string(as_text(envelope.payload)); }

// Takes part, keeps what it is told, and answers when the test says so, or at once.
class NotedParty final : public Party {
 public:
  NotedParty(Conversations& conversations, std::string name)
      : conversations_(conversations), who(conversations.add(*this, std::move(name)).value()) {}

  void on_message(Message message) override {
    messages.push_back(message);
    if (echoes) conversations_.replied(who, message.conversation, message.request, *message.content);
  }
  void on_over(ConversationId conversation) override { over.push_back(conversation); }

  void reply(std::string_view text) { conversations_.replied(who, last().conversation, last().request, say(text)); }
  void acknowledge() { conversations_.replied(who, last().conversation, last().request, std::nullopt); }
  void crash(Instant at = {}) { conversations_.exited(who, {.kind = ExitReason::Kind::error, .text = "it broke"}, at); }
  const Message& last() const { return messages.at(messages.size() - 1); }

 private:
  Conversations& conversations_;

 public:
  const Participant who;
  bool echoes = false;
  std::vector<Message> messages;
  std::vector<ConversationId> over;
};

// What a conversation tells whoever follows it, a word each.
struct NotedFollower final : ConversationFollower {
  void on_moved(ConversationId, Phase, Phase to) override { said.emplace_back(to_string(to)); }
  void on_ended(ConversationId, Participant who, Instant, const ExitReason& reason) override {
    said.push_back(std::to_string(who) + " " + std::string(to_string(reason.kind)));
  }
  void on_rerouted(ConversationId, Request, Participant to, Instant) override {
    said.push_back("to " + std::to_string(to));
  }
  void on_over(ConversationId) override { said.emplace_back("over"); }
  std::vector<std::string> said;
};

class ConversationsTest : public ::testing::Test {
 protected:
  template <class T>
  runtime::suite::Running<T> begin(Task<T> task) {
    return {world, std::move(task)};
  }
  ConversationId open(Conversations::Opening opening = {.subject = "orders"}) {
    return conversations.open(std::move(opening)).value();
  }
  std::string received(ConversationId id, Request of = 0) {
    Result<Conversations::Received> received = world.run(conversations.receive(id, of, world.loop.now()));
    return received ? text_of(*received->message) : "<" + std::string(to_string(kind(received.error()))) + ">";
  }

  runtime::suite::World world;
  Conversations conversations{world.loop.executor()};
  NotedParty one{conversations, "one"};
  NotedParty two{conversations, "two"};
};

class ConversationsOnASubject : public ConversationsTest {
 protected:
  ConversationsOnASubject() {
    for (NotedParty* each : {&one, &two}) conversations.provide("orders", each->who).value();
  }
};

}  // namespace parley
