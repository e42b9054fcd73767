#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "runtime/memory_link.h"
#include "runtime/pair_suite.h"
#include "runtime/services.h"
#include "runtime/topics/topics_service.h"

// Those who follow a kept topic over a session.
namespace parley {
namespace {

using namespace runtime::suite;
using builtin::Followed;
using builtin::FollowedGap;
using builtin::FollowedMessage;
using builtin::FollowedSnapshot;
using builtin::Gap;
using builtin::TopicPosition;
using runtime::Session;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t items = 8;

// One session to the topics, which live longer.
class Visit {
 public:
  Visit(World& world, Services& services, std::size_t message_bytes_max = Limits().frame_bytes_max) : world_(world) {
    runtime::SessionOptions narrow;
    narrow.limits.frame_bytes_max = message_bytes_max;
    auto [near, far] = runtime::make_memory_links(world.loop);
    ours = runtime::suite::Hold(Session::start(world.loop, std::move(near), Session::Role::initiator, {}, nullptr));
    theirs = runtime::suite::Hold(
        Session::start(world.loop, std::move(far), Session::Role::acceptor, narrow, &services.table()));
    world.settle();
  }
  parley::Client<builtin::Topics> client() { return parley::Client<builtin::Topics>(*ours); }
  template <class T>
  CallResultOf<T> outcome_of(Call<T> call) {
    return world_.run(outcome(call));
  }
  // As the link breaks.
  void cut() {
    ours->break_off({Code::lost, "cut"});
    world_.settle();
  }

 private:
  World& world_;
  runtime::suite::Hold ours, theirs;
};

// Follows "desk", reads when the test says so, and knows where it stands.
class Reader {
 public:
  Reader(World& world, Visit& visit, Gap gap, std::optional<TopicPosition> after = {}) : world_(world) {
    auto [tx, rx] = channel<Followed, builtin::deliveries_ahead>();
    call_.emplace(visit.client().call<&builtin::Topics::follow>("desk", gap, after, std::move(tx)));
    rx_ = std::move(rx);
    begun = next();
  }
  std::optional<Followed> next() {
    auto item = world_.run(receive_one(rx_));
    if (item) std::visit([this](const auto& each) { position = each.position; }, *item);
    return item;
  }
  std::string text() { return in_words(next()); }
  // Until the newest version.
  std::vector<std::string> texts_up_to(std::uint64_t version) {
    std::vector<std::string> all;
    while (position.version < version) all.push_back(text());
    return all;
  }
  void drop() { rx_ = {}; }
  Code end() {
    const auto ended = world_.run(outcome(*call_));
    return ended ? Code::bug : ended.error().code;
  }

  TopicPosition position;
  std::optional<Followed> begun;

 private:
  static std::string in_words(const std::optional<Followed>& item) {
    if (!item) return "end";
    if (const auto* const said = std::get_if<FollowedMessage>(&*item)) {
      return fmt::format("{}:{}", said->position.version, as_text(said->message.payload));
    }
    if (const auto* const how = std::get_if<FollowedSnapshot>(&*item)) {
      return fmt::format("at {}: {}", how->position.version, as_text(how->payload));
    }
    const auto* const gap = std::get_if<FollowedGap>(&*item);
    return gap ? fmt::format("missed {} complete from {}", gap->missed, gap->complete_from) : "begun";
  }

  World& world_;
  Rx<Followed, builtin::deliveries_ahead> rx_;
  std::optional<Call<void>> call_;
};

class FollowTest : public ::testing::Test {
 protected:
  FollowTest() {
    services.serve<builtin::Topics>("Topics", service).value();
    topics.keep("desk", {.items = items}).value();
  }
  void publish(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string text = std::to_string(++said);
      topics.publish("desk", {.payload = {text.begin(), text.end()}}).value();
    }
    world.settle();
  }
  static std::vector<std::uint8_t> bytes(std::string_view text) { return {text.begin(), text.end()}; }
  std::size_t followers() {
    world.settle();
    return topics.kept().machine().follower_count();
  }

  std::uint64_t life() const { return topics.kept().machine().ring_of("desk")->incarnation(); }

  World world;
  Topics topics{world.loop, core::Topics::Options(), {.topics_per_keeper_max = 1}};
  std::string who = "ann";
  TopicsService service{topics, [this](Context&, core::Verb verb, std::string_view topic) -> Result<std::string> {
                          if (topic == "secret") return fail(Code::permission, std::string(to_string(verb)));
                          return who;
                        }};
  Services services;
  int said = 0;
};

TEST_F(FollowTest, says_where_it_begins_and_where_each_message_stands_and_ends_with_its_call) {
  Visit visit(world, services);
  publish(2);
  {
    Reader reader(world, visit, Gap::live);
    EXPECT_EQ(reader.position, (TopicPosition{life(), 2}));
    EXPECT_EQ(std::get<builtin::FollowBegun>(*reader.begun).schema.size(), 32u);
    publish(1);
    EXPECT_EQ(reader.text(), "3:3");
    EXPECT_EQ(reader.position, (TopicPosition{life(), 3}));
    EXPECT_EQ(followers(), 1u);
  }
  EXPECT_EQ(followers(), 0u);
}

TEST_F(FollowTest, whoever_drops_his_receiver_is_noticed_at_once) {
  Visit visit(world, services);
  Reader reader(world, visit, Gap::live);
  EXPECT_EQ(followers(), 1u);
  reader.drop();
  EXPECT_EQ(followers(), 0u);
  EXPECT_EQ(reader.end(), Code::reset);
}

TEST_F(FollowTest, whoever_does_not_read_is_put_right_by_himself_in_the_way_he_chose) {
  // rule: delivery/I-03, delivery/I-04, delivery/W-20, delivery/R-39
  topics.set_snapshots("desk", [&] { return bytes(fmt::format("state {}", said)); }).value();
  Visit visit(world, services);
  Reader live(world, visit, Gap::live);
  Reader replaying(world, visit, Gap::replay);
  constexpr int many = 5000;
  publish(many);
  EXPECT_EQ(topics.kept().machine().ring_of("desk")->size(), items);
  const auto seen = live.texts_up_to(many);
  ASSERT_LT(seen.size(), many / 2u);
  for (std::size_t i = 0; i + 1 < seen.size(); ++i) EXPECT_EQ(seen[i], fmt::format("{}:{}", i + 1, i + 1));
  EXPECT_EQ(seen.back(), fmt::format("at {}: state {}", many, many));
  const auto replayed = replaying.texts_up_to(many);
  const std::size_t first = replayed.size() - items;
  EXPECT_EQ(replayed[first - 1], fmt::format("missed {} complete from {}", many - items - first + 1, many - items + 1));
  EXPECT_EQ(replayed.back(), "5000:5000");
  publish(1);
  EXPECT_EQ(live.text(), "5001:5001");
  EXPECT_EQ(replaying.text(), "5001:5001");
}

TEST_F(FollowTest, what_one_is_told_goes_to_him_alone_and_changes_no_version) {
  // rule: delivery/I-05, delivery/R-40
  topics.set_snapshots("desk", [&] { return bytes("state"); }).value();
  Visit visit(world, services), other(world, services);
  Reader up_to_date(world, visit, Gap::live);
  publish(5);
  publish(4);
  Reader late(world, other, Gap::live, TopicPosition());
  Reader replaying(world, other, Gap::replay, TopicPosition());
  EXPECT_EQ(late.text(), "at 9: state");
  EXPECT_EQ(replaying.text(), "missed 1 complete from 2");
  publish(1);
  EXPECT_EQ(late.text(), "10:10");
  for (int i = 1; i <= 10; ++i) EXPECT_EQ(up_to_date.text(), fmt::format("{}:{}", i, i));
}

TEST_F(FollowTest, who_comes_back_goes_on_where_he_was_without_loss_or_double) {
  // rule: delivery/R-36, delivery/R-38, delivery/I-04
  auto first = std::make_unique<Visit>(world, services);
  auto before = std::make_unique<Reader>(world, *first, Gap::replay);
  publish(5);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(before->text(), fmt::format("{}:{}", i, i));
  const TopicPosition position = before->position;
  first->cut();
  EXPECT_EQ(followers(), 0u) << "nothing is left that could write to whoever comes next";
  publish(2);
  Visit again(world, services);
  Reader after(world, again, Gap::replay, position);
  EXPECT_EQ(after.position, position);
  for (int i = 4; i <= 7; ++i) EXPECT_EQ(after.text(), fmt::format("{}:{}", i, i));
}

TEST_F(FollowTest, that_nobody_follows_loses_no_message_and_a_broken_session_ends_its_followers_alone) {
  // rule: delivery/R-36, delivery/R-37, delivery/I-04, delivery/W-21
  publish(1);
  Visit staying(world, services);
  Reader stays(world, staying, Gap::live, TopicPosition());
  EXPECT_EQ(stays.text(), "1:1");
  {
    Visit breaking(world, services);
    Reader breaks(world, breaking, Gap::live);
    EXPECT_EQ(followers(), 2u);
    breaking.cut();
    EXPECT_EQ(breaks.text(), "end");
  }
  EXPECT_EQ(followers(), 1u);
  publish(1);
  EXPECT_EQ(stays.text(), "2:2");
}

// What of it would still be held has been dropped long ago.
TEST_F(FollowTest, for_one_that_grants_nothing_nothing_is_held_beside_what_is_kept) {
  // rule: delivery/I-04
  Visit visit(world, services);
  Reader reader(world, visit, Gap::replay);
  for (int i = 0; i < 100; ++i) publish(1);
  EXPECT_EQ(topics.kept().machine().counters().told, builtin::deliveries_ahead - 1) << "the first item was another";
}

TEST_F(FollowTest, what_is_longer_than_a_message_of_its_session_is_a_gap_to_a_follower_and_does_not_end_it) {
  // rule: delivery/I-03
  constexpr std::size_t message_bytes_max = 1000;
  Visit visit(world, services, message_bytes_max);
  Reader live(world, visit, Gap::live);
  Reader replaying(world, visit, Gap::replay);
  const auto publish_bytes = [&](std::size_t size) {
    topics.publish("desk", {.payload = std::vector<std::uint8_t>(size, 'x')}).value();
    world.settle();
  };
  publish_bytes(message_bytes_max);
  publish(1);
  for (Reader* const each : {&live, &replaying}) {
    EXPECT_EQ(each->text(), "missed 1 complete from 2");
    EXPECT_EQ(each->text(), "2:1");
  }
  topics.set_snapshots("desk", [] { return bytes("state"); }).value();
  publish_bytes(message_bytes_max);
  EXPECT_EQ(live.text(), "at 3: state");
  std::size_t longest = 0, shortest_missed = message_bytes_max;
  for (std::size_t size = message_bytes_max - 120; size < message_bytes_max; ++size) {
    publish_bytes(size);
    const std::uint64_t version = live.position.version + 1;
    if (const std::string text = live.text(); text == fmt::format("at {}: state", version)) {
      shortest_missed = std::min(shortest_missed, size);
    } else {
      EXPECT_THAT(text, ::testing::StartsWith(fmt::format("{}:xxx", version))) << size;
      longest = size;
    }
  }
  EXPECT_GT(longest, message_bytes_max - 120) << "what fits comes as it is";
  EXPECT_EQ(shortest_missed, longest + 1) << "and nothing beyond it";
}

TEST_F(FollowTest, any_position_is_answered) {
  // rule: delivery/I-06
  Visit visit(world, services);
  publish(2);
  for (const TopicPosition hostile : {TopicPosition{life(), most}, TopicPosition{0, most}, TopicPosition{most, most},
                                      TopicPosition{life() - 1, 1}, TopicPosition{life(), 3}}) {
    for (const Gap gap : {Gap::live, Gap::replay}) {
      Reader reader(world, visit, gap, hostile);
      EXPECT_EQ(reader.position, hostile) << "a session that breaks now loses nothing of the gap";
      EXPECT_EQ(reader.text(), "missed 0 complete from 1");
      EXPECT_EQ(reader.position, (TopicPosition{life(), 0}));
      EXPECT_EQ(reader.text(), "1:1");
    }
  }
}

TEST_F(FollowTest, a_publisher_keeps_a_topic_and_gives_its_snapshots) {
  Visit visit(world, services);
  using builtin::Topics;
  const auto keep = [&](std::string topic, std::uint32_t count) {
    return visit.outcome_of(visit.client().call<&Topics::keep>(std::move(topic), builtin::KeepOptions{.items = count}));
  };
  EXPECT_TRUE(keep("news", 2));
  EXPECT_TRUE(keep("news", 3)) << "said again";
  EXPECT_TRUE(visit.outcome_of(visit.client().call<&Topics::keep>("news", std::nullopt)));
  EXPECT_EQ(topics.kept().machine().ring_of("news")->bounds().items, 3u) << "as much as before";
  EXPECT_EQ(keep("more", 1).error().code, Code::overloaded) << "one for each keeper";
  EXPECT_FALSE(topics.machine().schema_of("more")) << "what is not kept is not declared for it";
  EXPECT_EQ(keep("desk", 1).error().code, Code::in_use);
  EXPECT_EQ(keep("news", 0).error().code, Code::invalid);
  const std::string keeper = std::exchange(who, "bob");
  EXPECT_TRUE(keep("more", 1));

  const auto say = [&](std::string text) {
    return visit.outcome_of(
        visit.client().call<&Topics::publish>("news", builtin::TopicMessage{.payload = bytes(text)}, std::nullopt));
  };
  const auto show = [&](std::string text, std::optional<std::uint64_t> version) {
    const auto at = version.transform([](std::uint64_t each) { return TopicPosition{0, each}; });
    return visit.outcome_of(visit.client().call<&Topics::snapshot>("news", bytes(text), at));
  };
  const std::uint64_t incarnation = topics.kept().machine().ring_of("news")->incarnation();
  EXPECT_EQ(say("a")->position, (TopicPosition{incarnation, 1}));
  EXPECT_EQ(say("b")->position, (TopicPosition{incarnation, 2}));
  EXPECT_EQ(show("of another one", 1).error().code, Code::in_use);
  who = keeper;
  EXPECT_EQ(show("state at 1", 1).value(), (TopicPosition{incarnation, 1}));
  EXPECT_EQ(show("state at 2", std::nullopt).value(), (TopicPosition{incarnation, 2}));
  EXPECT_EQ(show("state at 1", 1).error().code, Code::refused);
  EXPECT_EQ(show("state at 3", 3).error().code, Code::invalid);
}

TEST_F(FollowTest, a_publisher_keeps_no_topic_that_somebody_else_has_declared) {
  Visit visit(world, services);
  using builtin::Topics;
  const auto keep = [&](std::string topic, std::uint64_t bytes) {
    return visit.outcome_of(visit.client().call<&Topics::keep>(std::move(topic), builtin::KeepOptions{.bytes = bytes}));
  };
  const auto long_one = [] { return core::Envelope{.payload = std::vector<std::uint8_t>(1000)}; };
  topics.declare("weather").value();
  EXPECT_EQ(keep("weather", 192).error().code, Code::in_use);
  EXPECT_TRUE(topics.publish("weather", long_one())) << "nobody is silenced";
  EXPECT_TRUE(visit.outcome_of(visit.client().call<&Topics::declare>("news", builtin::TopicSchema())));
  who = "bob";
  EXPECT_EQ(keep("news", 192).error().code, Code::in_use);
  who = "ann";
  EXPECT_EQ(keep("news", 191).error().code, Code::invalid);
  EXPECT_TRUE(keep("news", 192));
  topics.keep("weather").value();
  EXPECT_EQ(topics.kept().machine().topic_count(), 3u) << "the owner keeps any topic";
}

TEST_F(FollowTest, who_may_not_publish_or_subscribe_is_told_so_and_what_is_not_kept_is_not_found) {
  Visit visit(world, services);
  using builtin::Topics;
  const auto told = [&](std::string topic) {
    auto [tx, rx] = channel<Followed, builtin::deliveries_ahead>();
    return visit
        .outcome_of(visit.client().call<&Topics::follow>(std::move(topic), Gap::live, std::nullopt, std::move(tx)))
        .error();
  };
  EXPECT_EQ(told("secret").note, "subscribe");
  EXPECT_EQ(told("none").code, Code::not_found);
  EXPECT_EQ(told("no name").code, Code::invalid);
  const auto kept = visit.outcome_of(visit.client().call<&Topics::keep>("secret", builtin::KeepOptions()));
  EXPECT_EQ(kept.error().note, "publish");
  const auto shown = visit.outcome_of(visit.client().call<&Topics::snapshot>("secret", bytes("x"), std::nullopt));
  EXPECT_EQ(shown.error().note, "publish");
}

TEST_F(FollowTest, whose_topic_is_kept_no_more_is_told_so_and_a_keeper_has_his_share_back) {
  Visit visit(world, services);
  using builtin::Topics;
  const auto keep = [&](std::string topic) {
    return visit.outcome_of(visit.client().call<&Topics::keep>(std::move(topic), builtin::KeepOptions()));
  };
  const auto unkeep = [&](std::string topic) {
    return visit.outcome_of(visit.client().call<&Topics::unkeep>(std::move(topic)));
  };
  Reader reader(world, visit, Gap::live);
  EXPECT_TRUE(keep("news"));
  EXPECT_EQ(keep("more").error().code, Code::overloaded);
  EXPECT_EQ(unkeep("none").error().code, Code::not_found);
  EXPECT_EQ(unkeep("desk").error().code, Code::in_use);
  EXPECT_EQ(unkeep("secret").error().note, "publish");
  EXPECT_TRUE(unkeep("news"));
  EXPECT_TRUE(keep("more"));
  topics.unkeep("desk").value();
  EXPECT_EQ(reader.text(), "end");
  EXPECT_EQ(reader.end(), Code::closed);
  EXPECT_EQ(followers(), 0u);
}

TEST_F(FollowTest, closed_topics_end_it_behind_what_there_is) {
  Visit visit(world, services);
  Reader reader(world, visit, Gap::live);
  publish(1);
  topics.close();
  EXPECT_EQ(reader.text(), "1:1");
  EXPECT_EQ(reader.text(), "end");
  EXPECT_EQ(reader.end(), Code::closed);
}

}  // namespace
}  // namespace parley
