#pragma once

#include <cctype>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "async/wait.h"
#include "runtime/conversations/conversation.h"
#include "runtime/conversations/conversations_suite.h"
#include "runtime/memory_link.h"
#include "runtime/pair_suite.h"
#include "runtime/services.h"

// Conversations over sessions.
namespace parley {

inline Task<Result<std::optional<Envelope>>> shout(const Party::Message& message) {
  std::string text = text_of(*message.content);
  if (text == "crash") co_return fail(Code::failed, "I was asked to");
  if (text == "throw") throw std::runtime_error("thrown");
  if (text == "nothing") co_return std::nullopt;
  for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  if (message.is_repeated) text += " (again)";
  co_return say(text);
}

struct Hang {
  static Task<Result<std::optional<Envelope>>> hang(Executor& executor) {
    co_await Sleep(executor, std::chrono::hours(1));
    co_return std::nullopt;
  }
};

// What takes part without a Participation.
struct Hearing {
  static Task<std::optional<builtin::Heard>> next(Rx<builtin::Heard, builtin::heard_ahead>& heard) {
    co_return co_await heard.recv();
  }
  static Task<Result<void>> reply(Tx<builtin::Reply, builtin::heard_ahead>& replies, builtin::Reply reply) {
    co_return co_await replies.send(reply);
  }
};

// Sessions to a place that keeps conversations; sees nobody's rights but what the test forbids.
class ConversationTest : public ::testing::Test {
 protected:
  struct Access final : ConversationsAccess {
    Result<void> may(const runtime::Session&, core::Verb verb, std::string_view name) override {
      if (name == forbidden) return fail(Code::permission, std::string(to_string(verb)));
      return {};
    }
    bool sees_all(const runtime::Session&) override { return is_open; }
    Conversations::Owner owner(const runtime::Session& session) override {
      return reinterpret_cast<std::uintptr_t>(&session);
    }
    std::string principal(const runtime::Session&) override { return "token:test"; }
    Result<std::shared_ptr<void>> offer(const runtime::Session&, std::string_view) override { return nullptr; }
    std::string forbidden = "forbidden";
    bool is_open = false;
  };

  explicit ConversationTest(ConversationsOptions options = {}) : options(std::move(options)) {
    services.serve<builtin::Conversations>("parley.Conversations", service).value();
  }
  ~ConversationTest() override { world.settle(); }

  // A session of its own.
  runtime::suite::Hold connect() {
    auto [near, far] = runtime::make_memory_links(world.loop);
    runtime::Session& server =
        runtime::Session::start(world.loop, std::move(far), runtime::Session::Role::acceptor, {}, &services.table());
    servers.emplace_back(server);
    runtime::suite::Hold made(
        runtime::Session::start(world.loop, std::move(near), runtime::Session::Role::initiator, {}, nullptr));
    world.settle();
    return made;
  }
  template <class T>
  runtime::suite::Running<T> begin(Task<T> task) {
    return {world, std::move(task)};
  }
  Participation provide(runtime::suite::Hold& at, std::string name, Behaviour behaviour = shout) {
    return world.run(Participation::provide(*at, "shout", std::move(behaviour), std::move(name))).value();
  }
  Conversation open(runtime::suite::Hold& at, ConversationOpening opening = {.subject = "shout"}) {
    return world.run(Conversation::open(*at, std::move(opening))).value();
  }
  std::string exchanged(Conversation& conversation, std::string_view text) {
    auto received = world.run(conversation.exchange(say(text)));
    if (!received) return to_string(received.error());
    return received->message ? text_of(*received->message) : "nothing";
  }
  std::vector<std::string> happened(Conversation& conversation) {
    std::vector<std::string> all;
    for (;;) {
      auto next = begin(conversation.happening());
      if (!next.is_done()) return all;
      const auto happening = next.take();
      if (!happening) {
        all.emplace_back("over");
        return all;
      }
      switch (happening->what) {
        case Happening::What::opened: all.emplace_back("opened"); break;
        case Happening::What::moved: all.emplace_back(to_string(happening->phase)); break;
        case Happening::What::ended:
          all.push_back(happening->end.name + ": " + std::string(to_string(happening->end.kind)));
          break;
        case Happening::What::rerouted: all.push_back("to " + happening->name); break;
      }
    }
  }

  const ConversationsOptions options;
  runtime::suite::World world;
  std::shared_ptr<Conversations> conversations = std::make_shared<Conversations>(world.loop.executor(), options);
  std::shared_ptr<Access> access = std::make_shared<Access>();
  ConversationsService service{conversations, access};
  Services services;
  std::vector<runtime::suite::Hold> servers;
  runtime::suite::Hold client = connect();
  runtime::suite::Hold worker = connect();
};

}  // namespace parley
