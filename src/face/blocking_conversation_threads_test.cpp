#include "face/blocking_conversation.h"

#include <chrono>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "face/server.h"
#include "net/net_world_suite.h"
#include "runtime/conversations/conversations_suite.h"

namespace parley::blocking {
namespace {

using namespace std::chrono_literals;

// A server of conversations on a thread of its own, with one who takes part: it says again what it hears, until it is
// told to crash.
class TalkThread {
 public:
  TalkThread() : thread_([this] { run(); }) { started_.wait(); }
  ~TalkThread() {
    loop_->stop();
    stopped_.count_down();
    thread_.join();
  }
  const std::string& address() const { return address_; }

  // The outcome of waiting on the loop's own thread.
  Error waited_there() {
    std::latch done(1);
    Error outcome;
    loop_->post([&] {
      outcome = ask(*own_, {.subject = "echo", .message = say("a")}).error();
      done.count_down();
    });
    done.wait();
    return outcome;
  }

 private:
  struct Echo final : Party {
    Echo(Loop& loop, Conversations& conversations) : loop(loop), conversations(conversations) {}
    void on_message(Message message) override {
      if (text_of(*message.content) == "crash")
        loop.post([this] { conversations.exited(who, {.kind = ExitReason::Kind::killed}, loop.now()); });
      else
        conversations.replied(who, message.conversation, message.request, *message.content);
    }
    void on_over(ConversationId) override {}
    Loop& loop;
    Conversations& conversations;
    Participant who = 0;
  };
  static Task<void> dial(io::Loop& loop, std::string address, std::unique_ptr<parley::Session>& session) {
    session = (co_await parley::connect(loop, std::move(address))).value();
  }
  void run() {
    Loop loop;
    auto conversations = std::make_shared<Conversations>(loop.executor());
    Echo party(loop, *conversations);
    party.who = conversations->add(party, "echo").value();
    conversations->provide("echo", party.who).value();
    ConversationsService service(conversations, free_access());
    Server server = listen(loop, "unix:" + (folder_ / "talk.sock")).value();
    server.serve<builtin::Conversations>("parley.Conversations", service).value();
    address_ = server.address();
    std::unique_ptr<parley::Session> session;
    loop.run_until(dial(loop, address_, session));
    own_.emplace(on(*session).value());
    loop_ = &loop;
    started_.count_down();
    loop.run();
    stopped_.wait();
    own_.reset();
    session.reset();
  }

  net::suite::TemporaryFolder folder_;
  std::string address_;
  Loop* loop_ = nullptr;
  std::optional<Session> own_;
  std::latch started_{1};
  std::latch stopped_{1};
  std::thread thread_;
};

TEST(BlockingConversationThreads, what_is_said_is_waited_for) {
  TalkThread there;
  Session session = connect(there.address()).value();
  EXPECT_EQ(text_of(*ask(session, {.subject = "echo", .message = say("a")}).value().message), "a");
  EXPECT_EQ(dispatch(session, {.subject = "echo", .message = say("a")}).value().reply.name, "echo");
  Conversation conversation = open_conversation(session, {.subject = "echo"}).value();
  EXPECT_EQ(text_of(*conversation.exchange(say("b")).value().message), "b");
  ASSERT_TRUE(conversation.send(say("c")));
  EXPECT_EQ(text_of(*conversation.receive().value().message), "c");
  EXPECT_EQ(conversation.happening().value()->phase, Phase::active);
  EXPECT_EQ(kind(conversation.receive(5ms).error()), Kind::timed_out);
  ASSERT_TRUE(conversation.complete());
  EXPECT_EQ(kind(conversation.send(say("d")).error()), Kind::refused);
  ASSERT_TRUE(conversation.close());
  EXPECT_EQ(open_conversation(session, {.subject = "nobody"}).error().code, Code::not_found);
}

TEST(BlockingConversationThreads, a_crash_wakes_who_waits_for_it_and_who_waits_for_a_reply) {
  TalkThread there;
  Session session = connect(there.address()).value();
  Session other = connect(there.address()).value();
  Conversation conversation = open_conversation(session, {.subject = "echo"}).value();
  Conversation second = open_conversation(other, {.subject = "echo"}).value();
  std::jthread crashing([&] { EXPECT_EQ(second.await_crash().value().kind, ExitReason::Kind::killed); });
  EXPECT_EQ(conversation.exchange(say("crash")).error().code, Code::sent_then_lost);
  EXPECT_EQ(conversation.await_crash().value().kind, ExitReason::Kind::killed) << "also of a crash that was before";
  crashing.join();
}

TEST(BlockingConversationThreads, on_the_loop_s_own_thread_waiting_is_an_error_and_no_deadlock) {
  TalkThread there;
  EXPECT_EQ(there.waited_there().code, Code::wrong_thread);
}

}  // namespace
}  // namespace parley::blocking
