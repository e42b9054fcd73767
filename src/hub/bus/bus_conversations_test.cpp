#include "hub/bus/bus_conversations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/bus/bus_client_suite.h"

// Conversations and workers over the bus.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace bus_suite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Numbers of reasons, as reply() gives them.
constexpr const char* not_open = "<384>";
constexpr const char* is_open = "<385>";
constexpr const char* crashed = "<386>";
constexpr const char* timed_out = "<387>";
constexpr const char* limit = "<388>";

class BusTalk : public testing::Test {
 protected:
  explicit BusTalk(HubOptions options = {}) : hub(std::move(options)), responder(*hub.hub, "talk"), client(hub) {
    client.heard();
  }
  const Responder::Message& last() const { return responder.messages.back(); }

  HubWorld hub;
  Responder responder;
  BusClient client;
};

TEST_F(BusTalk, whoever_provides_the_subject_answers_and_opening_is_silent) {
  // rule: conversations/R-83, conversations/R-86
  client.open(7, "talk");
  EXPECT_THAT(client.names(), IsEmpty());
  client.tell(7, "no reply is wanted");
  client.ask(7, "q", 3);
  EXPECT_THAT(client.names(), IsEmpty());
  ASSERT_EQ(responder.messages.size(), 2u);
  responder.reply(last(), "a");
  EXPECT_THAT(client.reply(3), "a");
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_EQ(hub.hub->bus().replied, 1u);
}

TEST_F(BusTalk, what_nobody_provides_is_refused_on_the_stream_of_the_open) {
  // rule: conversations/R-84
  client.open(7, "unknown", 5);
  EXPECT_EQ(client.reply(5), not_open);
  client.open(7, "no name at all", 6);
  EXPECT_NE(client.reply(6), "");
  client.open(7, "talk", 7);
  client.ask(7, "q", 3);
  EXPECT_EQ(responder.messages.size(), 1u) << "nothing of what was refused is there";
}

TEST_F(BusTalk, a_message_to_what_is_not_open_is_an_error_on_its_stream) {
  // rule: conversations/R-85, conversations/R-88
  BusClient other(hub);
  other.open(7, "talk");
  client.ask(7, "q", 5);
  EXPECT_EQ(client.reply(5), not_open) << "the number is the other one's";
  client.tell(7, "q", 6);
  EXPECT_EQ(client.reply(6), not_open);
  EXPECT_TRUE(responder.messages.empty());
  client.open(7, "talk");
  client.ask(7, "mine", 3);
  other.ask(7, "the other one's", 3);
  ASSERT_EQ(responder.messages.size(), 2u);
  EXPECT_NE(responder.messages[0].conversation, responder.messages[1].conversation);
}

TEST_F(BusTalk, what_is_open_is_not_opened_again) {
  // rule: conversations/D-10, conversations/R-89
  client.open(7, "talk", 1);
  client.open(7, "talk", 2);
  EXPECT_EQ(client.reply(2), is_open);
  EXPECT_EQ(hub.hub->conversations().size(), 1u);
  client.ask(7, "q", 3);
  responder.reply(last(), "still there");
  EXPECT_EQ(client.reply(3), "still there");
}

TEST_F(BusTalk, closing_ends_it_and_what_is_not_open_is_closed_silently) {
  // rule: conversations/R-90, conversations/R-51
  client.open(7, "talk");
  client.tell(7, "q");
  client.send(1, bus::ConversationClose{7, std::nullopt, std::nullopt});
  client.send(1, bus::ConversationClose{7, std::nullopt, "again"});
  client.send(1, bus::ConversationClose{4711, std::nullopt, std::nullopt});
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_EQ(responder.over, 1);
  EXPECT_EQ(hub.hub->conversations().size(), 0u);
  client.ask(7, "q", 3);
  EXPECT_EQ(client.reply(3), not_open);
  client.open(7, "talk");
  client.ask(7, "anew", 4);
  responder.reply(last(), "a");
  EXPECT_EQ(client.reply(4), "a");
}

TEST_F(BusTalk, what_has_failed_is_closed_silently_and_nothing_of_it_stays) {
  // rule: conversations/R-90, conversations/R-49
  client.open(7, "talk");
  client.tell(7, "q");
  responder.crash();
  client.heard();
  client.open(7, "talk", 5);
  EXPECT_EQ(client.reply(5), is_open) << "it is there until it is closed";
  for (int i = 0; i < 2; ++i) client.send(1, bus::ConversationClose{7, std::nullopt, std::nullopt});
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_EQ(hub.hub->conversations().size(), 0u);
  const Responder next(*hub.hub, "talk");
  client.open(7, "talk");
  client.tell(7, "anew");
  EXPECT_EQ(next.messages.size(), 1u);
}

TEST_F(BusTalk, closing_what_is_waited_for_says_so) {
  client.open(7, "talk");
  client.ask(7, "q", 3);
  client.send(1, bus::ConversationClose{7, std::nullopt, std::nullopt});
  EXPECT_EQ(client.reply(3), not_open);
}

TEST_F(BusTalk, what_is_closed_at_the_hub_is_told) {
  client.open(7, "talk", 9);
  client.tell(7, "hello");
  hub.hub->conversations().close(last().conversation).value();
  EXPECT_EQ(client.reply(9), not_open);
  client.ask(7, "q", 3);
  EXPECT_EQ(client.reply(3), not_open);
  client.open(7, "talk", 9);
  EXPECT_THAT(client.names(), IsEmpty());
}

TEST_F(BusTalk, the_end_of_the_connection_closes_all_its_conversations) {
  // rule: conversations/D-10, conversations/R-91
  BusClient other(hub);
  other.open(1, "talk");
  for (std::uint64_t id = 1; id <= 5; ++id) client.open(id, "talk");
  client.tell(3, "q");
  client.vanish();
  EXPECT_EQ(hub.hub->conversations().size(), 1u);
  EXPECT_EQ(responder.over, 5);
  EXPECT_EQ(hub.hub->conversations().waiting_count(), 0u);
  other.ask(1, "q", 3);
  responder.reply(last(), "a");
  EXPECT_EQ(other.reply(3), "a");
}

TEST_F(BusTalk, a_crash_is_told_at_once_to_who_waits_and_every_other_conversation_goes_on) {
  // rule: conversations/R-92
  const auto other = std::make_unique<Responder>(*hub.hub, "other");
  client.open(7, "talk");
  client.open(8, "other");
  client.ask(7, "q", 3);
  client.ask(7, "r", 4);
  responder.crash();
  EXPECT_EQ(client.reply(3), crashed);
  EXPECT_EQ(client.reply(4), crashed);
  EXPECT_THAT(client.names(), IsEmpty()) << "each once";
  client.ask(8, "q", 5);
  other->reply(other->messages.at(0), "a");
  EXPECT_EQ(client.reply(5), "a");
}

TEST_F(BusTalk, a_crash_is_told_at_once_also_where_nobody_waits) {
  // rule: conversations/D-21
  client.open(7, "talk", 9);
  client.tell(7, "hello");
  responder.crash();
  const auto error = client.next<bus::ConversationError>();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->frame.stream, 9u);
  EXPECT_EQ(error->as<bus::ConversationError>()->conversation, 7u);
  EXPECT_EQ(error->as<bus::ConversationError>()->reason, Reason::participant_crashed);
  EXPECT_THAT(std::string(error->as<bus::ConversationError>()->text.value_or("")), HasSubstr("it broke"));
  EXPECT_FALSE(client.next<bus::ConversationError>());
  EXPECT_EQ(hub.hub->bus().crashes_told, 1u);
}

TEST_F(BusTalk, a_message_after_a_crash_is_refused_with_its_reason) {
  // rule: conversations/R-76, conversations/R-77
  client.open(7, "talk");
  client.tell(7, "hello");
  responder.crash();
  client.heard();
  client.ask(7, "q", 3);
  const auto error = client.next<bus::ConversationError>();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->as<bus::ConversationError>()->reason, Reason::participant_crashed);
  EXPECT_THAT(std::string(error->as<bus::ConversationError>()->text.value_or("")), HasSubstr("it broke"));
  EXPECT_EQ(responder.messages.size(), 1u);
  EXPECT_EQ(hub.hub->conversations().counters().sent, 1u);
}

TEST_F(BusTalk, a_reply_that_does_not_come_in_time_is_an_error_and_comes_too_late) {
  // rule: conversations/R-86, conversations/R-81, conversations/D-18
  client.open(7, "talk");
  client.ask(7, "slow", 3);
  client.pass(4999ms);
  EXPECT_EQ(client.reply(3), "");
  client.pass(1ms);
  EXPECT_EQ(client.reply(3), timed_out);
  const Responder::Message slow = last();
  client.ask(7, "quick", 3);
  responder.reply(slow, "to the slow one");
  EXPECT_EQ(client.reply(3), "") << "it answers nothing that was asked later";
  responder.reply(last(), "to the quick one");
  EXPECT_EQ(client.reply(3), "to the quick one");
  EXPECT_EQ(hub.hub->conversations().counters().replies_late, 1u);
  EXPECT_EQ(hub.hub->bus().timed_out, 1u);
}

TEST_F(BusTalk, replies_in_any_order_are_on_the_streams_of_their_messages) {
  // rule: conversations/D-18, conversations/R-87
  client.open(7, "talk");
  client.tell(7, "unasked");
  responder.reply(last(), "nobody wants it");
  for (std::uint32_t stream = 3; stream < 9; ++stream) client.ask(7, std::to_string(stream), stream);
  for (std::uint32_t stream = 8; stream >= 3; --stream) {
    responder.reply(responder.messages.at(stream - 2), "to " + std::to_string(stream));
    EXPECT_EQ(client.reply(stream), "to " + std::to_string(stream));
  }
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_EQ(hub.hub->bus().unasked, 1u);
}

TEST_F(BusTalk, replies_that_nobody_wants_fill_nothing) {
  responder.echoes = true;
  client.open(7, "talk");
  for (int i = 0; i < 3000; ++i) client.tell(7, "x");
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_EQ(hub.hub->bus().unasked, 3000u);
}

TEST_F(BusTalk, one_reply_at_a_time_is_awaited_on_a_stream) {
  client.open(7, "talk");
  client.open(8, "talk");
  client.ask(7, "first", 3);
  client.ask(7, "second", 3);
  EXPECT_EQ(client.reply(3), limit);
  client.ask(8, "another conversation", 3);
  EXPECT_EQ(responder.messages.size(), 2u);
  responder.reply(responder.messages[0], "a");
  EXPECT_EQ(client.reply(3), "a");
}

TEST_F(BusTalk, a_conversation_that_waits_for_much_refuses_while_others_go_on) {
  client.open(7, "talk");
  client.open(8, "talk");
  for (std::uint32_t stream = 1; stream <= 9; ++stream) client.ask(7, "q", stream);
  EXPECT_EQ(client.reply(9), limit);
  client.ask(8, "q", 20);
  EXPECT_EQ(client.reply(20), "");
  responder.reply(last(), "a");
  EXPECT_EQ(client.reply(20), "a");
}

TEST_F(BusTalk, silent_participants_hold_up_nobody) {
  // rule: conversations/D-17
  Responder echo(*hub.hub, "echo");
  echo.echoes = true;
  std::vector<std::unique_ptr<BusClient>> waiting;
  for (int i = 0; i < 8; ++i) {
    waiting.push_back(std::make_unique<BusClient>(hub));
    waiting.back()->open(1, "talk");
    waiting.back()->ask(1, "q", 1);
  }
  client.open(7, "echo");
  client.ask(7, "at once", 3);
  client.send(0, bus::Ping());
  EXPECT_EQ(client.reply(3), "at once");
  EXPECT_TRUE(client.next<bus::Pong>());
  EXPECT_EQ(waiting[0]->reply(1), "");
}

TEST_F(BusTalk, what_is_said_about_a_message_arrives_with_it_and_with_its_reply) {
  // rule: conversations/D-16, conversations/R-78, conversations/R-80
  client.open(7, "talk");
  bus::Envelope said = say("q", bus::schema_id_of("a"));
  said.causality = {"m-1", 7};
  client.send(3, bus::ConversationMessage{7, said, true});
  const Envelope& heard = *last().content;
  EXPECT_EQ(heard.schema, bus::schema_id_of("a"));
  EXPECT_EQ(heard.parent, "m-1");
  EXPECT_EQ(heard.clock, 7u);
  EXPECT_EQ(heard.publisher, "process:self");
  Envelope reply{.publisher = "responder", .parent = "m-2", .schema = bus::schema_id_of("b"), .clock = 8};
  hub.hub->conversations().replied(responder.who, last().conversation, last().request, reply);
  const auto answer = client.next<bus::ConversationMessage>();
  ASSERT_TRUE(answer);
  const auto& envelope = answer->as<bus::ConversationMessage>()->envelope;
  EXPECT_EQ(envelope.schema, bus::schema_id_of("b"));
  EXPECT_EQ(envelope.causality.parent, "m-2");
  EXPECT_EQ(envelope.causality.clock, 8u);
  EXPECT_TRUE(answer->as<bus::ConversationMessage>()->is_about_reply);
}

TEST_F(BusTalk, to_be_answered_with_nothing_is_told) {
  client.open(7, "talk");
  client.ask(7, "q", 3);
  responder.acknowledge(last());
  EXPECT_EQ(client.reply(3), "<65535>");
}

TEST_F(BusTalk, conversations_of_a_connection_are_bounded) {
  for (std::uint64_t id = 1; id <= 33; ++id) client.open(id, "talk", static_cast<std::uint32_t>(id));
  EXPECT_EQ(client.reply(33), limit);
  EXPECT_EQ(hub.hub->conversations().size(), 32u);
}

// --- workers

class BusWork : public testing::Test {
 protected:
  explicit BusWork(HubOptions options = {}) : hub(std::move(options)), worker(hub), client(hub) {
    worker.enrol({"work", "play"});
    EXPECT_FALSE(worker.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
    client.open(7, "work");
    client.heard();
    worker.heard();
  }
  std::optional<bus::Push> pushed() {
    pushed_ = worker.next<bus::Push>();
    return pushed_ ? std::optional(*pushed_->as<bus::Push>()) : std::nullopt;
  }
  void answer(const bus::Push& push, std::string_view text) {
    worker.send(1, bus::PushReply{push.correlation, as_bytes(text)});
  }

  HubWorld hub;
  BusClient worker;
  BusClient client;
  std::optional<Heard> pushed_;
};

TEST_F(BusWork, a_message_is_a_push_and_its_answer_the_reply) {
  for (std::uint32_t i = 1; i <= 3; ++i) {
    bus::Envelope said = say("work " + std::to_string(i), bus::schema_id_of("a"));
    const std::string text = "work " + std::to_string(i);
    said.payload = as_bytes(std::string_view(text));
    client.send(i, bus::ConversationMessage{7, said, true});
    const auto push = pushed();
    ASSERT_TRUE(push);
    EXPECT_EQ(push->correlation, i);
    EXPECT_EQ(as_text(push->payload), text);
    answer(*push, "done");
    const auto reply = client.next<bus::ConversationMessage>();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->frame.stream, i);
    EXPECT_EQ(text_of(reply->as<bus::ConversationMessage>()->envelope), "done");
    EXPECT_EQ(reply->as<bus::ConversationMessage>()->envelope.schema, bus::schema_id_of("a"));
  }
}

TEST_F(BusWork, an_answer_to_what_was_not_asked_is_ignored_and_counted) {
  // rule: conversations/R-103
  worker.send(1, bus::PushReply{4711, {}});
  client.ask(7, "q", 3);
  const auto push = pushed();
  ASSERT_TRUE(push);
  answer(*push, "a");
  answer(*push, "again");
  EXPECT_EQ(client.reply(3), "a");
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_EQ(hub.hub->bus().push_replies_strange, 2u);
  worker.send(0, bus::Ping());
  EXPECT_TRUE(worker.next<bus::Pong>());
}

TEST_F(BusWork, when_a_worker_ends_whoever_waits_for_it_is_told_at_once) {
  // rule: conversations/R-103
  BusClient other(hub);
  other.open(1, "play", 5);
  client.ask(7, "q", 3);
  ASSERT_TRUE(pushed());
  worker.vanish();
  EXPECT_EQ(client.reply(3), crashed);
  EXPECT_EQ(other.reply(5), crashed);
  client.open(8, "work", 4);
  EXPECT_EQ(client.reply(4), not_open) << "nobody provides it any more";
}

TEST_F(BusWork, one_that_describes_its_activities_is_taken_like_any_other) {
  BusClient newer(hub);
  newer.send(0,
             bus::WorkerRegister{.activity_types = {"draw"}, .identity = "w2", .activities = {{{"draw", "{}", "[]"}}}});
  EXPECT_FALSE(newer.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  EXPECT_TRUE(hub.hub->conversations().is_provided("draw"));
}

TEST_F(BusWork, a_registration_ends_once_and_a_rejected_one_never_began) {
  // rule: conversations/R-104
  worker.enrol({"again"});
  EXPECT_TRUE(worker.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  BusClient none(hub);
  none.enrol({});
  EXPECT_TRUE(none.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  none.enrol({"no name at all"});
  EXPECT_TRUE(none.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  const std::vector<std::string_view> many(65, "work");
  none.enrol(many);
  EXPECT_TRUE(none.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  none.enrol({"twice", "twice"});
  EXPECT_TRUE(none.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  EXPECT_FALSE(hub.hub->conversations().is_provided("twice"));
  none.vanish();
  EXPECT_EQ(hub.hub->bus().workers_ended, 0u);
  worker.send(0, bus::Disconnect());
  worker.vanish();
  EXPECT_EQ(hub.hub->bus().workers_registered, 1u);
  EXPECT_EQ(hub.hub->bus().workers_rejected, 5u);
  EXPECT_EQ(hub.hub->bus().workers_ended, 1u);
  EXPECT_FALSE(hub.hub->conversations().is_provided("work"));
  EXPECT_EQ(hub.hub->conversations().participant_count(), 0u);
}

TEST_F(BusWork, what_a_worker_cannot_take_yet_waits_for_its_answers) {
  std::vector<std::unique_ptr<BusClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<BusClient>(hub));
    clients.back()->open(1, "work");
    clients.back()->ask(1, std::to_string(i), 1);
  }
  std::vector<Heard> pushes = worker.heard();
  ASSERT_EQ(pushes.size(), 32u);
  for (int i = 0; i < 40; ++i) {
    const Heard push = pushes.at(static_cast<std::size_t>(i));
    answer(*push.as<bus::Push>(), as_text(push.as<bus::Push>()->payload));
    EXPECT_EQ(clients[static_cast<std::size_t>(i)]->reply(1), std::to_string(i));
    for (Heard& more : worker.heard()) pushes.push_back(std::move(more));
  }
}

TEST_F(BusWork, a_push_that_is_not_answered_gives_its_place_up) {
  client.ask(7, "q", 3);
  const auto push = pushed();
  ASSERT_TRUE(push);
  client.pass(5s);
  EXPECT_EQ(client.reply(3), timed_out);
  worker.send(0, bus::Pong());
  client.pass(20s);
  worker.send(0, bus::Pong());
  client.pass(5s);
  EXPECT_EQ(hub.hub->bus().pushes_unanswered, 1u);
  answer(*push, "too late");
  EXPECT_EQ(hub.hub->bus().push_replies_strange, 1u);
  EXPECT_EQ(hub.hub->bus_connection_count(), 2u);
}

TEST_F(BusWork, for_a_worker_that_does_not_read_pushes_wait_and_it_is_asked_whether_it_lives) {
  // rule: conversations/R-105
  worker.stop_reading();
  const std::string text(std::size_t{3} << 20, 'x');
  std::vector<std::unique_ptr<BusClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<BusClient>(hub));
    clients.back()->open(1, "work");
    clients.back()->ask(1, text, 1);
  }
  worker.send(0, bus::Ping());
  EXPECT_EQ(hub.hub->bus_connection_count(), 8u) << "whoever floods it does not end it";
  EXPECT_EQ(hub.hub->bus().pushes, 1u);
  for (int i = 0; i < 5; ++i) hub.world.pass(15s);
  EXPECT_EQ(hub.hub->bus_connection_count(), 7u);
  EXPECT_EQ(hub.hub->bus().answers_unread, 0u);
}

TEST_F(BusWork, what_waited_is_pushed_when_the_worker_reads) {
  const std::string text(std::size_t{1} << 20, 'x');
  for (std::uint32_t i = 1; i <= 5; ++i) client.ask(7, text, i);
  for (std::uint32_t i = 1; i <= 5; ++i) {
    const auto push = pushed();
    ASSERT_TRUE(push) << i;
    EXPECT_EQ(push->payload.size(), text.size());
    answer(*push, "done");
  }
  for (std::uint32_t i = 1; i <= 5; ++i) EXPECT_EQ(client.reply(i), "done");
}

TEST_F(BusWork, who_talks_to_itself_and_is_cut_off_for_it_costs_nobody_else) {
  worker.open(1, "work");
  worker.stop_reading();
  const std::string text(std::size_t{1} << 20, 'x');
  for (std::uint32_t i = 1; i <= 6; ++i) worker.ask(1, "q", i);
  for (std::uint32_t i = 1; i <= 6; ++i) answer({.correlation = i, .payload = {}}, text);
  EXPECT_EQ(hub.hub->bus().answers_unread, 1u);
  EXPECT_EQ(hub.hub->bus_connection_count(), 1u);
  EXPECT_EQ(hub.hub->conversations().size(), 1u) << "the client's";
}

}  // namespace
}  // namespace parley::hub
