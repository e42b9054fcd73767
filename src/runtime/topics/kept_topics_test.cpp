#include "runtime/topics/kept_topics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "codec/postcard.h"
#include "runtime/topics/followed.h"
#include "runtime/topics/topics.h"
#include "runtime/world_suite.h"

namespace parley {
namespace {

using core::Gap;
using core::TopicPosition;
using runtime::suite::World;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

core::Envelope say(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  return {.payload = {bytes.begin(), bytes.end()}};
}
std::vector<std::uint8_t> bytes_of(std::string_view text) { return say(text).payload; }

struct InWords {
  std::string operator()(const builtin::FollowBegun&) const { return "begun"; }
  std::string operator()(const builtin::FollowedMessage& said) const {
    return fmt::format("{}:{}", said.position.version, as_text(said.message.payload));
  }
  std::string operator()(const builtin::FollowedSnapshot& how) const {
    return fmt::format("at {}: {}", how.position.version, as_text(how.payload));
  }
  std::string operator()(const builtin::FollowedGap& gap) const {
    return fmt::format("missed {} complete from {}{}", gap.missed, gap.complete_from,
                       gap.is_unprovided ? " unprovided" : "");
  }
};

std::vector<std::string> hear(TopicFollower& follower) {
  std::vector<std::string> heard;
  while (const auto item = follower.next()) {
    heard.push_back(std::visit(InWords(), codec::from_postcard<builtin::Followed>(item->view()).value()));
  }
  return heard;
}

// A subscriber that answers the first message from inside.
class Echo final : public TopicSubscriber {
 public:
  explicit Echo(Topics& topics) : topics_(topics), peer_(topics.join(*this)) {
    topics.subscribe(peer_, {.topic = "desk"}).value();
  }
  ~Echo() { topics_.leave(peer_); }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  void on_deliver(const core::Topics::Deliver& deliver) override {
    heard.emplace_back(as_text(deliver.message->payload));
    if (heard.size() == 1) topics_.publish("desk", say("answer")).value();
    topics_.taken(deliver);
  }
  void on_shed(Topics::Subscription, const Error&) override {}
  void on_topics_gone() override {}
  std::vector<std::string> heard;

 private:
  Topics& topics_;
  const Topics::Peer peer_;
};

class KeptTopicsTest : public ::testing::Test {
 protected:
  KeptTopicsTest() { topics.keep("desk", {.items = 3}).value(); }
  std::unique_ptr<TopicFollower> follow(Gap gap, std::optional<TopicPosition> after = {}) {
    auto follower = std::make_unique<TopicFollower>();
    follower->follow(topics.kept(), {.topic = "desk", .peer = "x", .gap = gap, .after = after}).value();
    return follower;
  }
  std::uint64_t publish(std::string_view text) { return topics.publish("desk", say(text)).value().position.version; }

  World world;
  Topics topics{world.loop, core::Topics::Options()};
};

TEST_F(KeptTopicsTest, who_subscribes_and_who_follows_hear_the_same_order) {
  // rule: delivery/W-06, delivery/I-08
  const auto follower = follow(Gap::replay);
  Echo first(topics), second(topics);
  EXPECT_EQ(publish("ask"), 1u);
  EXPECT_THAT(hear(*follower), ElementsAre("1:ask", "2:answer", "3:answer"));
  EXPECT_THAT(first.heard, ElementsAre("ask", "answer", "answer"));
  EXPECT_THAT(second.heard, ElementsAre("ask", "answer", "answer"));
}

TEST_F(KeptTopicsTest, a_message_is_encoded_once_for_all_who_follow) {
  // rule: delivery/W-24
  std::vector<std::unique_ptr<TopicFollower>> all;
  for (int i = 0; i < 20; ++i) all.push_back(follow(Gap::live));
  publish("a");
  const Bytes first = all.front()->next().value();
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_TRUE(all[i]->next().value().shares_block_with(first));
}

TEST_F(KeptTopicsTest, a_snapshot_is_asked_for_when_one_is_needed_and_once_for_each_version) {
  // rule: delivery/I-04, delivery/W-24
  int asked = 0;
  topics.set_snapshots("desk", [&] { return bytes_of(fmt::format("state {}", ++asked)); }).value();
  const auto early = follow(Gap::live);
  for (int i = 1; i <= 4; ++i) publish("x");
  EXPECT_EQ(asked, 0) << "nobody needs one";
  const auto late = follow(Gap::live, TopicPosition());
  const auto replaying = follow(Gap::replay, TopicPosition());
  EXPECT_THAT(hear(*late), ElementsAre("at 4: state 1"));
  EXPECT_THAT(hear(*early), ElementsAre("at 4: state 1"));
  EXPECT_THAT(hear(*replaying), ElementsAre("missed 1 complete from 2", "2:x", "3:x", "4:x"));
  publish("x");
  EXPECT_THAT(hear(*follow(Gap::live, TopicPosition())), ElementsAre("at 5: state 2"));
  EXPECT_EQ(topics.kept().snapshots_asked(), 2u);
}

TEST_F(KeptTopicsTest, whose_snapshot_fails_has_none) {
  int asked = 0;
  topics
      .set_snapshots("desk",
                     [&]() -> std::vector<std::uint8_t> {
                       switch (++asked) {
                         case 1: throw std::runtime_error("no state");
                         case 2: publish("from inside"); return {};
                         default: return std::vector<std::uint8_t>(std::size_t{2} << 20);
                       }
                     })
      .value();
  for (const char* text : {"a", "b", "c", "d"}) publish(text);
  const auto hear_from_nothing = [&] { return hear(*follow(Gap::live, TopicPosition())).front(); };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear_from_nothing(), "missed 1 complete from 2 unprovided");
  EXPECT_EQ(asked, 1) << "it is not asked again before there is more";
  publish("e");
  EXPECT_EQ(hear_from_nothing(), "missed 3 complete from 4 unprovided");
  EXPECT_EQ(hear_from_nothing(), "missed 3 complete from 4 unprovided");
  publish("f");
  EXPECT_EQ(hear_from_nothing(), "missed 4 complete from 5 unprovided");
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(topics.kept().snapshots_failed(), 3u);
  EXPECT_EQ(topics.set_snapshots("none", [] { return std::vector<std::uint8_t>(); }).error().code, Code::not_found);
}

TEST_F(KeptTopicsTest, nobody_gives_a_snapshot_in_place_of_its_owner) {
  EXPECT_TRUE(topics.kept().check_giver("desk", "uid:1001")) << "the owner keeps it, and makes none";
  topics.set_snapshots("desk", [] { return bytes_of("state"); }).value();
  EXPECT_EQ(topics.kept().check_giver("desk", "uid:1001").error().code, Code::refused);
}

TEST_F(KeptTopicsTest, what_is_not_sent_has_no_version) {
  // rule: delivery/R-32, delivery/W-07
  const auto follower = follow(Gap::live);
  const TopicPosition first = topics.publish("desk", say("a"), "k").value().position;
  EXPECT_EQ(first, (TopicPosition{topics.kept().machine().ring_of("desk")->incarnation(), 1}));
  EXPECT_EQ(topics.publish("desk", say("a"), "k").value().position, first) << "repeated: where the first stands";
  EXPECT_EQ(topics.publish("desk", say("b"), "k").error().code, Code::in_use);
  topics.tap("desk", [](auto, auto, const auto&) {}).value();
  EXPECT_EQ(publish("c"), 0u) << "to the tap alone";
  EXPECT_EQ(topics.publish("desk", say("e"), "tapped").value().position, TopicPosition());
  EXPECT_EQ(topics.publish("desk", say("e"), "tapped").value().position, TopicPosition()) << "nor when it is repeated";
  EXPECT_EQ(publish(std::string(std::size_t{5} << 20, 'x')), 0u) << "whatever is kept of others";
  topics.untap("desk");
  EXPECT_EQ(publish("d"), 2u);
  EXPECT_THAT(hear(*follower), ElementsAre("1:a", "2:d"));
}

TEST_F(KeptTopicsTest, a_message_longer_than_what_is_kept_is_told_to_nobody) {
  topics.keep("desk", {.items = 3, .bytes = 1000}).value();
  Echo subscriber(topics);
  EXPECT_EQ(topics.publish("desk", say(std::string(1000, 'x')), "k").error().code, Code::too_large);
  EXPECT_THAT(subscriber.heard, IsEmpty());
  EXPECT_EQ(topics.publish("desk", say("short"), "k").value().position.version, 1u) << "its key was not claimed";
}

TEST_F(KeptTopicsTest, a_kept_topic_is_declared_and_each_keeping_of_it_is_another_incarnation) {
  EXPECT_TRUE(topics.machine().schema_of("desk"));
  publish("a");
  TopicFollower follower;
  const auto first = follower.follow(topics.kept(), {.topic = "desk", .peer = "x"}).value();
  EXPECT_NE(first.incarnation, 0u);
  topics.keep("desk", {.items = 2}).value();
  topics.keep("desk").value();
  EXPECT_EQ(topics.kept().machine().ring_of("desk")->bounds().items, 2u) << "as much as before";
  EXPECT_THAT(hear(*follow(Gap::replay, TopicPosition{first.incarnation, 0})), ElementsAre("1:a")) << "kept all along";
  topics.unkeep("desk").value();
  EXPECT_THAT(hear(follower), IsEmpty());
  EXPECT_TRUE(follower.is_over());
  EXPECT_TRUE(topics.machine().schema_of("desk"));
  EXPECT_EQ(publish("b"), 0u);
  topics.keep("desk").value();
  publish("c");
  EXPECT_THAT(hear(*follow(Gap::replay, first)), ElementsAre("missed 0 complete from 1", "1:c"));
  Topics others(world.loop, core::Topics::Options());
  others.keep("desk").value();
  EXPECT_NE(others.kept().machine().ring_of("desk")->incarnation(), first.incarnation) << "in another life, too";
  EXPECT_EQ(topics.keep("not a name").error().code, Code::invalid);
}

TEST_F(KeptTopicsTest, who_was_asked_for_snapshots_is_forgotten_with_what_is_kept) {
  int asked = 0;
  topics
      .set_snapshots("desk",
                     [&] {
                       topics.unkeep("desk").value();
                       if (++asked == 2) topics.keep("desk").value();
                       return bytes_of("state");
                     })
      .value();
  const auto ended = follow(Gap::live, TopicPosition());
  EXPECT_THAT(hear(*ended), IsEmpty());
  EXPECT_TRUE(ended->is_over()) << "from inside, too";
  topics.keep("desk").value();
  publish("a");
  EXPECT_THAT(hear(*follow(Gap::live, TopicPosition())), ElementsAre("1:a"));
  EXPECT_EQ(asked, 1);
}

TEST_F(KeptTopicsTest, a_follower_is_told_when_the_topics_close) {
  const auto follower = follow(Gap::live);
  publish("a");
  topics.close();
  EXPECT_THAT(hear(*follower), ElementsAre("1:a"));
  ASSERT_TRUE(follower->is_over());
  EXPECT_EQ(follower->why_over(), (Error{Code::closed, "topics take nothing any more"}));
}

TEST_F(KeptTopicsTest, a_snapshot_is_of_the_incarnation_that_it_names) {
  const auto record = [&](TopicPosition at) {
    return topics.kept().record_snapshot("desk", "me", bytes_of("state"), at);
  };
  publish("a");
  const TopicPosition here{topics.kept().machine().ring_of("desk")->incarnation(), 1};
  EXPECT_EQ(record(here).value(), here);
  EXPECT_EQ(record({0, 1}).value(), here) << "whichever";
  topics.unkeep("desk").value();
  topics.keep("desk").value();
  publish("another");
  EXPECT_EQ(record(here).error().code, Code::refused) << "of what was before";
}

TEST(KeptTopicsEnd, is_told_to_who_still_follows) {
  World world;
  auto topics = std::make_unique<Topics>(world.loop, core::Topics::Options());
  topics->keep("desk").value();
  TopicFollower follower;
  follower.follow(topics->kept(), {.topic = "desk", .peer = "x"}).value();
  topics.reset();
  EXPECT_TRUE(follower.is_over());
  EXPECT_FALSE(follower.next());
}

}  // namespace
}  // namespace parley
