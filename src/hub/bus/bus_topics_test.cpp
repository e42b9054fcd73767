#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/bus/bus_client_suite.h"
#include "runtime/topics/topics_service.h"

// Topics over the bus, and the same ones over sessions.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace bus_suite;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Reason refused(BusClient& client, std::string_view topic, const bus::SchemaId& schema = {},
               std::optional<std::string_view> key = {}) {
  client.send(5, bus::Publish{topic, say("x", schema), key});
  const auto error = client.next<bus::PublishError>();
  EXPECT_TRUE(error);
  return error ? error->as<bus::PublishError>()->reason : Reason();
}

TEST(BusTopics, a_subscriber_hears_what_is_published_in_its_order_from_one) {
  // rule: conversations/R-97
  HubWorld hub(with_topics());
  BusClient subscriber(hub), publisher(hub);
  const std::uint64_t first = subscriber.subscribe("orders", 3);
  for (const char* text : {"a", "b", "c"}) EXPECT_TRUE(publisher.publish("orders", text)->is_delivered);
  publisher.publish("others", "x");
  const auto heard = subscriber.heard();
  ASSERT_EQ(heard.size(), 4u) << "with the answer to Connect";
  for (std::size_t i = 1; i < heard.size(); ++i) {
    EXPECT_EQ(heard[i].frame.stream, 3u);
    EXPECT_EQ(heard[i].as<bus::Deliver>()->sequence, i);
  }
  subscriber.send(3, bus::Unsubscribe{first});
  EXPECT_FALSE(publisher.publish("orders", "nobody")->is_delivered);
  subscriber.subscribe("orders", 4);
  publisher.publish("orders", "d");
  EXPECT_EQ(subscriber.delivery(), "1:d");
}

TEST(BusTopics, to_unsubscribe_what_is_not_subscribed_is_silent) {
  HubWorld hub(with_topics());
  BusClient client(hub), other(hub);
  const std::uint64_t others = other.subscribe("orders");
  client.heard();
  client.send(1, bus::Unsubscribe{others});
  client.send(1, bus::Unsubscribe{4711});
  EXPECT_THAT(client.names(), IsEmpty());
  EXPECT_TRUE(client.publish("orders", "a")->is_delivered);
}

TEST(BusTopics, a_long_payload_arrives_as_it_was) {
  HubWorld hub(with_topics());
  std::string text(std::size_t{6} << 20, 'x');
  for (std::size_t i = 0; i < text.size(); i += 1000) text[i] = static_cast<char>('a' + i / 1000 % 26);
  BusClient one(hub), two(hub), publisher(hub);
  one.subscribe("orders");
  two.subscribe("orders");
  publisher.publish("orders", "short");
  publisher.publish("orders", text);
  publisher.publish("orders", "short");
  for (BusClient* const each : {&one, &two}) {
    EXPECT_EQ(each->delivery(), "1:short");
    EXPECT_TRUE(each->delivery() == "2:" + text);
    EXPECT_EQ(each->delivery(), "3:short");
  }
}

TEST(BusTopics, a_key_twice_is_delivered_once_also_when_the_publisher_has_come_again) {
  // rule: conversations/R-102
  HubWorld hub(with_topics());
  BusClient subscriber(hub);
  subscriber.subscribe("orders");
  auto publisher = std::make_unique<BusClient>(hub);
  const auto first = publisher->publish("orders", "a", "k-1");
  ASSERT_TRUE(first && first->is_delivered);
  publisher = std::make_unique<BusClient>(hub);
  const auto again = publisher->publish("orders", "a", "k-1");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, (bus::PublishAck{first->message, false}));
  publisher->send(2, bus::Publish{"orders", say("b"), "k-1"});
  EXPECT_EQ(publisher->next<bus::PublishError>()->as<bus::PublishError>()->reason, Reason::key_conflict);
  publisher->publish("orders", "c", "k-2");
  EXPECT_EQ(subscriber.delivery(), "1:a");
  EXPECT_EQ(subscriber.delivery(), "2:c");
}

TEST(BusTopics, a_publish_that_fails_claims_no_key) {
  // rule: conversations/R-102
  HubOptions options;
  options.topics.takes_unknown = false;
  HubWorld hub(std::move(options));
  BusClient client(hub);
  EXPECT_EQ(refused(client, "orders", {}, "k-1"), Reason::unknown_topic);
  hub.hub->topics().declare("orders", bus::schema_id_of("a")).value();
  client.subscribe("orders");
  EXPECT_EQ(refused(client, "orders", bus::schema_id_of("b"), "k-1"), Reason::schema);
  EXPECT_TRUE(client.publish("orders", "x", "k-1")->is_delivered);
}

TEST(BusTopics, what_is_given_back_brings_more_and_asks_for_its_turn_once) {
  HubOptions options;
  options.topics.limits.in_flight_bytes_max = 1'200'000;
  options.bus.delivers_per_turn = 30;
  HubWorld hub(std::move(options));
  for (const char* topic : {"a", "b"}) hub.hub->topics().declare(topic, std::nullopt).value();
  BusClient client(hub);
  BusClient publisher(hub);
  const std::uint64_t dropped = client.subscribe("a", 1);
  client.subscribe("b", 3);
  client.stop_reading();
  ASSERT_TRUE(publisher.publish("b", std::string(1'190'000, 'x')));
  // In one turn: 40 small ones that are given back, and one for which there is room only then.
  bus::Octets burst;
  const auto add = [&](std::uint32_t stream, const bus::Body& body) {
    const bus::Octets frame = bus::encoded({stream, body});
    burst.insert(burst.end(), frame.begin(), frame.end());
  };
  const std::string long_text(8'000, 'y');
  for (int i = 0; i < 40; ++i) add(1, bus::Publish{"a", say("z"), {}});
  add(3, bus::Publish{"b", say(long_text), {}});
  add(1, bus::Unsubscribe{dropped});
  client.write(burst);
  client.read_again();
  EXPECT_EQ(client.delivery().size(), 2 + 1'190'000u);
  EXPECT_EQ(client.delivery(), "2:" + long_text);
}

TEST(BusTopics, each_refusal_has_its_number) {
  // rule: conversations/D-19
  HubOptions options;
  options.bus.subscriptions_max = 2;
  HubWorld hub(std::move(options));
  hub.hub->topics().declare("orders", bus::schema_id_of("a")).value();
  BusClient client(hub);
  EXPECT_EQ(refused(client, "nobody declared it"), Reason::unknown_topic);
  EXPECT_EQ(refused(client, "orders", bus::schema_id_of("b")), Reason::schema);
  const auto why = [&](bus::Subscribe subscribe) {
    client.send(1, std::move(subscribe));
    const auto error = client.next<bus::SubscribeError>();
    return error ? error->as<bus::SubscribeError>()->reason : Reason();
  };
  EXPECT_EQ(why({.topic = "others"}), Reason::unknown_topic);
  EXPECT_EQ(why({.topic = "orders", .schemas = {bus::schema_id_of("b")}}), Reason::schema);
  client.subscribe("orders", 1);
  client.subscribe("orders", 2);
  EXPECT_EQ(why({.topic = "orders"}), Reason::limit);
}

TEST(BusTopics, who_may_not_publish_or_subscribe_is_told_and_it_is_written_down) {
  HubOptions options = with_topics();
  options.tokens.add("reader", "the secret of the reader").value();
  options.policy.add(core::Rule::parse("token:reader subscribe news.**").value()).value();
  HubWorld hub(std::move(options));
  BusClient reader(hub, "the secret of the reader", io::Peer::Credentials{.pid = 1, .uid = 4711, .gid = 4711});
  EXPECT_EQ(refused(reader, "news.today"), Reason::authentication);
  reader.send(1, bus::Subscribe{.topic = "orders"});
  EXPECT_EQ(reader.next<bus::SubscribeError>()->as<bus::SubscribeError>()->reason, Reason::authentication);
  reader.subscribe("news.today");
  reader.open(7, "echo", 8);
  EXPECT_EQ(reader.reply(8), "<6>");
  reader.enrol({"work"});
  EXPECT_TRUE(reader.next<bus::WorkerRegisterAck>()->as<bus::WorkerRegisterAck>()->rejected);
  EXPECT_EQ(hub.hub->bus().forbidden, 4u);
  auto operating = hub.party();
  auto asked = operating->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::refusals>();
  const auto written = hub.outcome_of(asked).value();
  ASSERT_EQ(written.refusals.size(), 4u);
  EXPECT_EQ(written.refusals[0].principal, "token:reader");
  EXPECT_EQ(written.refusals[0].verb, "publish");
  EXPECT_EQ(written.refusals[0].name, "news.today");
}

TEST(BusTopics, a_slow_reader_holds_up_nobody_and_is_told_when_it_is_too_slow) {
  // rule: conversations/R-98
  HubOptions options = with_topics();
  options.topics.limits.waiting_bytes_max = std::size_t{2} << 20;
  HubWorld hub(std::move(options));
  BusClient slow(hub), fast(hub), publisher(hub);
  slow.subscribe("orders", 7);
  fast.subscribe("orders");
  slow.stop_reading();
  const std::string text(std::size_t{100} << 10, 'x');
  for (int i = 1; i <= 100; ++i) {
    publisher.publish("orders", text);
    EXPECT_EQ(fast.delivery(), std::to_string(i) + ":" + text);
  }
  EXPECT_EQ(hub.hub->topics().machine().counters().sheds, 1u);
  slow.read_again();
  int sequence = 0;
  for (std::string next = slow.delivery(); !next.empty(); next = slow.delivery()) {
    EXPECT_EQ(next, std::to_string(++sequence) + ":" + text);
  }
  EXPECT_GT(sequence, 5);
  const auto error = slow.next<bus::SubscribeError>();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->frame.stream, 7u);
  EXPECT_EQ(error->as<bus::SubscribeError>()->reason, Reason::overloaded);
  slow.send(0, bus::Ping());
  EXPECT_TRUE(slow.next<bus::Pong>());
}

TEST(BusTopics, schema_and_causes_of_a_message_arrive_with_it_and_its_publisher) {
  // rule: conversations/D-16
  HubWorld hub(with_topics());
  const auto session = hub.party();
  auto [tx, rx] = channel<builtin::Delivery, builtin::deliveries_ahead>();
  auto subscribing =
      session->client<builtin::Topics>(builtin::topics_name)
          .call<&builtin::Topics::subscribe>("orders", std::vector<builtin::TopicSchema>(), std::move(tx));
  const auto begun = hub.world.run(runtime::suite::receive_one(rx));
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->sequence, 0u);
  BusClient subscriber(hub), publisher(hub);
  subscriber.subscribe("orders");
  bus::Envelope said = say("x", bus::schema_id_of("a"));
  said.causality = {"m-1", 7};
  publisher.send(2, bus::Publish{"orders", said, {}});
  const auto heard = subscriber.next<bus::Deliver>();
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->as<bus::Deliver>()->envelope, said);
  const auto delivered = hub.world.run(runtime::suite::receive_one(rx));
  ASSERT_TRUE(delivered);
  EXPECT_EQ(delivered->sequence, 1u);
  EXPECT_EQ(delivered->publisher, "process:self");
  EXPECT_EQ(delivered->message.parent, "m-1");
  EXPECT_EQ(delivered->message.clock, 7u);
  const auto schema = bus::schema_id_of("a");
  EXPECT_EQ(delivered->message.schema, std::vector<std::uint8_t>(schema.begin(), schema.end()));
}

TEST(BusTopics, what_a_session_publishes_the_bus_hears) {
  HubWorld hub(with_topics());
  const auto session = hub.party();
  BusClient subscriber(hub);
  subscriber.subscribe("orders");
  auto topics = session->client<builtin::Topics>(builtin::topics_name);
  builtin::TopicMessage message{.payload = {'h', 'i'}, .parent = "m-1"};
  auto first = topics.call<&builtin::Topics::publish>("orders", message, std::optional<std::string>("k-1"));
  const auto published = hub.outcome_of(first).value();
  EXPECT_EQ(published.reached, 1u);
  auto second = topics.call<&builtin::Topics::publish>("orders", message, std::optional<std::string>("k-1"));
  const auto repeated = hub.outcome_of(second).value();
  EXPECT_TRUE(repeated.is_repeated);
  EXPECT_EQ(repeated.message, published.message);
  const auto heard = subscriber.next<bus::Deliver>();
  ASSERT_TRUE(heard);
  EXPECT_EQ(text_of(heard->as<bus::Deliver>()->envelope), "hi");
  EXPECT_EQ(heard->as<bus::Deliver>()->envelope.causality.parent, "m-1");
  EXPECT_FALSE(subscriber.next<bus::Deliver>());
}

TEST(BusTopics, a_tapped_topic_goes_to_the_tap_alone) {
  // rule: conversations/T-05
  HubWorld hub(with_topics());
  BusClient client(hub);
  client.subscribe("tapped");
  client.subscribe("orders", 3);
  std::vector<std::string> heard;
  hub.hub->topics()
      .tap("tapped",
           [&](std::string_view topic, core::Topics::Message, const core::Envelope& message) {
             heard.push_back(std::string(topic) + ":" + std::string(as_text(message.payload)));
           })
      .value();
  EXPECT_TRUE(client.publish("tapped", "a")->is_delivered);
  EXPECT_TRUE(client.publish("orders", "b")->is_delivered);
  EXPECT_THAT(heard, ElementsAre("tapped:a"));
  EXPECT_EQ(client.delivery(), "1:b");
  hub.hub->topics().untap("tapped");
  client.publish("tapped", "c");
  EXPECT_EQ(client.delivery(), "1:c");
}

TEST(BusTopics, a_tap_that_throws_costs_that_message_alone) {
  HubWorld hub(with_topics());
  hub.hub->topics().tap("tapped", [](auto, auto, const auto&) { throw std::runtime_error("no"); }).value();
  BusClient client(hub);
  EXPECT_TRUE(client.publish("tapped", "a"));
  EXPECT_TRUE(client.publish("tapped", "b"));
  EXPECT_EQ(hub.hub->topics().taps_threw(), 2u);
}

TEST(BusTopics, subscriptions_end_with_their_connection) {
  HubWorld hub(with_topics());
  auto subscriber = std::make_unique<BusClient>(hub);
  subscriber->subscribe("orders");
  BusClient publisher(hub);
  subscriber->vanish();
  EXPECT_FALSE(publisher.publish("orders", "a")->is_delivered);
  EXPECT_EQ(hub.hub->topics().machine().peer_count(), 0u);
}

}  // namespace
}  // namespace parley::hub
