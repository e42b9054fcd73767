#include "runtime/topics/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "runtime/world_suite.h"

namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::World;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

core::Envelope say(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return {.payload = {bytes.begin(), bytes.end()}};
}

// Keeps what it hears, and takes it when the test says so, or at once.
class Noted final : public TopicSubscriber {
 public:
  explicit Noted(Topics& topics) : topics_(topics), peer(topics.join(*this)) {}
  ~Noted() {
    if (!is_gone) topics_.leave(peer);
  }
  Noted(const Noted&) = delete;
  Noted& operator=(const Noted&) = delete;

  Topics::Subscription subscribe(std::string_view topic, std::uint32_t in_flight_max = 1024) {
    return topics_.subscribe(peer, {.topic = topic, .in_flight_max = in_flight_max}).value().subscription;
  }
  void on_deliver(const core::Topics::Deliver& deliver) override {
    heard.push_back(std::to_string(deliver.sequence) + ":" + std::string(as_text(deliver.message->payload)));
    if (answers && heard.back() == "1:ask") topics_.publish("answers", say("answer")).value();
    if (takes) return topics_.taken(deliver);
    in_flight.push_back(deliver);
  }
  void on_shed(Topics::Subscription, const Error& why) override { shed = why.code; }
  void on_topics_gone() override { is_gone = true; }
  void take() {
    const core::Topics::Deliver first = in_flight.front();
    in_flight.erase(in_flight.begin());
    topics_.taken(first);
  }

 private:
  Topics& topics_;

 public:
  const Topics::Peer peer;
  bool takes = true;
  bool answers = false;
  bool is_gone = false;
  std::optional<Code> shed;
  std::vector<std::string> heard;
  std::vector<core::Topics::Deliver> in_flight;
};

class TopicsTest : public ::testing::Test {
 protected:
  World world;
  Topics topics{world.loop, {.takes_unknown = true}};
};

TEST_F(TopicsTest, what_is_published_from_inside_comes_behind_what_is_being_told) {
  Noted first(topics), second(topics);
  first.answers = true;
  for (Noted* const each : {&first, &second}) {
    each->subscribe("questions");
    each->subscribe("answers");
  }
  EXPECT_EQ(topics.publish("questions", say("ask"))->reached, 2u);
  EXPECT_THAT(second.heard, ElementsAre("1:ask", "1:answer"));
  EXPECT_THAT(first.heard, ElementsAre("1:ask", "1:answer"));
}

TEST_F(TopicsTest, what_is_not_taken_waits) {
  Noted slow(topics);
  slow.takes = false;
  slow.subscribe("orders", 2);
  for (const char* text : {"a", "b", "c"}) topics.publish("orders", say(text)).value();
  EXPECT_THAT(slow.heard, ElementsAre("1:a", "2:b"));
  slow.take();
  EXPECT_THAT(slow.heard, ElementsAre("1:a", "2:b", "3:c"));
}

TEST_F(TopicsTest, whoever_has_left_is_told_nothing_more) {
  Noted gone(topics), stays(topics);
  gone.subscribe("orders");
  stays.subscribe("orders");
  topics.leave(gone.peer);
  EXPECT_EQ(topics.publish("orders", say("a"))->reached, 1u);
  EXPECT_THAT(gone.heard, IsEmpty());
  EXPECT_EQ(topics.machine().peer_count(), 1u);
}

TEST_F(TopicsTest, keys_are_forgotten_in_time_and_nothing_is_looked_at_without_any) {
  const auto published = [&] { return topics.publish("orders", say("a"), "k-1").value().how; };
  using How = core::Topics::Published::How;
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
  EXPECT_EQ(published(), How::sent);
  world.pass(9min);
  EXPECT_EQ(published(), How::repeated);
  EXPECT_EQ(world.loop.executor().timer_count(), 1u);
  world.pass(1min);
  EXPECT_EQ(topics.machine().key_count(), 0u);
  EXPECT_EQ(world.loop.executor().timer_count(), 0u);
  EXPECT_EQ(published(), How::sent);
}

TEST_F(TopicsTest, a_tap_may_untap_itself) {
  int heard = 0;
  topics
      .tap("orders",
           [&](std::string_view topic, auto, const auto&) {
             ++heard;
             topics.untap(topic);
           })
      .value();
  EXPECT_EQ(topics.tap("orders", [](auto, auto, const auto&) {}).error().code, Code::in_use);
  topics.publish("orders", say("a")).value();
  topics.publish("orders", say("b")).value();
  EXPECT_EQ(heard, 1);
}

TEST_F(TopicsTest, closed_topics_are_drained_when_all_was_taken) {
  Noted slow(topics);
  slow.takes = false;
  slow.subscribe("orders");
  topics.publish("orders", say("a")).value();
  topics.close();
  EXPECT_EQ(topics.publish("orders", say("b")).error().code, Code::closed);
  EXPECT_FALSE(topics.is_drained());
  slow.take();
  EXPECT_TRUE(topics.is_drained());
  world.run(topics.drained());
}

TEST(TopicsEnd, is_told_to_who_is_still_there) {
  World world;
  auto topics = std::make_unique<Topics>(world.loop, core::Topics::Options{.takes_unknown = true});
  Noted stays(*topics);
  topics.reset();
  EXPECT_TRUE(stays.is_gone);
}

}  // namespace
}  // namespace parley
