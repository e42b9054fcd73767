#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/prng.h"
#include "hub/bus/bus_client_suite.h"

// Clients and workers that behave as badly as they can: it costs them, and nobody else.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace bus_suite;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

void expect_nothing_left(HubWorld& hub) {
  EXPECT_EQ(hub.hub->bus_connection_count(), 0u);
  EXPECT_EQ(hub.hub->topics().machine().peer_count(), 0u);
  EXPECT_EQ(hub.hub->topics().machine().subscription_count(), 0u);
  EXPECT_EQ(hub.hub->topics().machine().waiting_bytes(), 0u);
  EXPECT_EQ(hub.hub->conversations().size(), 0u);
  EXPECT_EQ(hub.hub->conversations().participant_count(), 0u);
  EXPECT_EQ(hub.hub->conversations().subject_count(), 0u);
  EXPECT_EQ(hub.hub->conversations().waiting_count(), 0u);
  const bool forgets_keys = hub.hub->topics().machine().key_count() != 0;
  EXPECT_EQ(hub.world.loop.executor().timer_count(), forgets_keys ? 1u : 0u);
}

// Everything that a client says, one of each, behind its Connect; all of it is answered as far as it is at all.
Octets one_of_each(int n = 1000) {
  const std::string key = std::to_string(n);
  const bus::Body bodies[] = {
      bus::Subscribe{.topic = "orders", .schemas = {bus::schema_id_of("{}")}, .in_flight_max = 7},
      bus::Publish{"orders", say("payload"), key},
      bus::WorkerRegister{.namespaces = {"a"}, .task_queue = "q", .activity_types = {"work"}, .identity = "w"},
      bus::ConversationOpen{7, "work"},
      bus::ConversationMessage{7, say("question"), true},
      bus::PushReply{1, as_bytes(std::string_view("answer"))},
      bus::ConversationClose{7, Reason::other, "enough"},
      bus::Unsubscribe{4711},
      bus::Unknown{0x7f, 3, as_bytes(std::string_view("?"))},
      bus::Ping(),
      bus::Disconnect()};
  Octets all;
  std::uint32_t stream = 0;
  for (const bus::Body& body : bodies) {
    const Octets frame = bus::encoded({bus::is_of_session(bus::type_of(body)) ? 0 : ++stream, body});
    all.insert(all.end(), frame.begin(), frame.end());
  }
  return all;
}

TEST(BusHostile, frames_may_be_split_at_every_byte) {
  // rule: conversations/R-94
  HubWorld hub(with_topics());
  std::vector<std::string> whole;
  for (std::size_t at = 0; at < one_of_each().size(); ++at) {
    const Octets all = one_of_each(1000 + static_cast<int>(at));
    BusClient client(hub);
    client.write(ByteView(all).first(at));
    client.write(ByteView(all).subspan(at));
    auto names = client.names();
    std::ranges::sort(names);  // a delivery leaves behind what was answered in its turn
    EXPECT_TRUE(client.has_ended()) << at;
    if (at == 0) whole = names;
    EXPECT_EQ(names, whole) << at;
    client.vanish();
    expect_nothing_left(hub);
  }
  EXPECT_THAT(whole, ::testing::IsSupersetOf({"SubscribeAck@1", "PublishAck@2", "Deliver@1", "WorkerRegisterAck@0",
                                              "Push@1", "ConversationMessage@4", "Pong@0"}));
}

TEST(BusHostile, whoever_goes_at_any_byte_leaves_nothing_behind) {
  // rule: conversations/R-91, conversations/R-104
  HubWorld hub(with_topics());
  const Octets all = one_of_each();
  for (std::size_t at = 0; at < all.size(); ++at) {
    for (const bool says_so : {true, false}) {
      BusClient client(hub);
      client.write(ByteView(all).first(at));
      if (says_so) client.finish();
      client.vanish();
      hub.world.pass(10s);
      expect_nothing_left(hub);
    }
  }
  EXPECT_EQ(hub.hub->bus().workers_registered, hub.hub->bus().workers_ended);
  EXPECT_EQ(hub.hub->bus().workers_rejected, 0u);
}

TEST(BusHostile, registrations_without_end_cost_whoever_asks) {
  HubWorld hub;
  BusClient worker(hub);
  worker.enrol({"work"});
  worker.heard();
  for (int i = 0; i < 2000; ++i) {
    const std::string subject = "work" + std::to_string(i);
    worker.enrol({subject});
  }
  EXPECT_EQ(hub.hub->conversations().participant_count(), 1u);
  EXPECT_EQ(hub.hub->conversations().subject_count(), 1u);
  EXPECT_EQ(hub.hub->bus().workers_rejected, 2000u);
  for (int i = 0; i < 200; ++i) {
    BusClient other(hub);
    other.enrol({"work", "play"});
    other.vanish();
  }
  EXPECT_EQ(hub.hub->conversations().participant_count(), 1u);
  EXPECT_EQ(hub.hub->conversations().subject_count(), 1u);
  worker.vanish();
  expect_nothing_left(hub);
}

TEST(BusHostile, a_worker_that_dies_at_any_byte_of_its_answer_crashes_once) {
  // rule: conversations/R-92, conversations/R-103
  HubWorld hub;
  const Octets answer = bus::encoded({1, bus::PushReply{1, as_bytes(std::string_view("done"))}});
  for (std::size_t at = 0; at <= answer.size(); ++at) {
    for (const bool says_so : {true, false}) {
      BusClient client(hub);
      auto dying = std::make_unique<BusClient>(hub);
      dying->enrol({"work"});
      client.open(7, "work", 9);
      client.ask(7, "q", 3);
      ASSERT_TRUE(dying->next<bus::Push>());
      client.heard();
      dying->put(ByteView(answer).first(at));
      if (says_so) dying->finish();
      dying->vanish();
      const bool is_whole = at == answer.size();
      EXPECT_EQ(client.reply(3), is_whole ? "done" : "<386>") << at;
      EXPECT_EQ(client.reply(9), is_whole ? "<386>" : "") << "told once, at " << at;
      EXPECT_THAT(client.names(), IsEmpty());
      client.vanish();
      expect_nothing_left(hub);
    }
  }
}

TEST(BusHostile, of_two_workers_of_one_name_each_answers_for_itself) {
  HubWorld hub;
  BusClient one(hub), other(hub), client(hub);
  for (BusClient* const worker : {&one, &other}) worker->enrol({"work"});
  for (std::uint64_t id = 1; id <= 2; ++id) client.open(id, "work", static_cast<std::uint32_t>(10 + id));
  for (std::uint64_t id = 1; id <= 2; ++id) client.ask(id, "q", static_cast<std::uint32_t>(id));
  const auto at_one = one.next<bus::Push>();
  const auto at_other = other.next<bus::Push>();
  ASSERT_TRUE(at_one && at_other);
  EXPECT_EQ(at_one->as<bus::Push>()->correlation, at_other->as<bus::Push>()->correlation) << "each counts for itself";
  one.send(1, bus::PushReply{1, as_bytes(std::string_view("one"))});
  one.send(1, bus::PushReply{1, as_bytes(std::string_view("stolen"))});
  one.send(1, bus::PushReply{2, as_bytes(std::string_view("stolen"))});
  EXPECT_EQ(client.reply(1) + client.reply(2), "one");
  EXPECT_EQ(hub.hub->bus().push_replies_strange, 2u);
  one.vanish();
  client.open(3, "work", 13);
  client.ask(3, "q", 3);
  other.send(1, bus::PushReply{1, as_bytes(std::string_view("other"))});
  other.send(1, bus::PushReply{2, as_bytes(std::string_view("again"))});
  EXPECT_EQ(client.reply(1) + client.reply(2), "other");
  EXPECT_EQ(client.reply(3), "again");
}

// One of a crowd that does anything at any time, and what it may expect of the hub all the same.
class Wild {
 public:
  Wild(HubWorld& hub, Prng& prng) : hub_(hub), prng_(prng), client_(hub) {}

  void act() {
    const std::uint64_t deed = prng_.between(0, 17);
    if (is_gone_) return;
    if (has_finished_ && deed < 13) return;
    switch (deed) {
      case 0: client_.send(++stream_, bus::Subscribe{.topic = name(), .in_flight_max = small()}); break;
      case 1: client_.send(1, bus::Unsubscribe{prng_.between(0, 20)}); break;
      case 2: client_.send(++stream_, bus::Publish{name(), say(text()), std::nullopt}); break;
      case 3: client_.send(++stream_, bus::Publish{name(), say("x"), "key"}); break;
      case 4: client_.open(prng_.between(0, 3), name(), ++stream_); break;
      case 5:
      case 6:
        asked_.insert(++stream_);
        client_.ask(prng_.between(0, 3), text(), stream_);
        break;
      case 7: client_.tell(prng_.between(0, 3), text(), ++stream_); break;
      case 8: client_.send(1, bus::ConversationClose{prng_.between(0, 3), std::nullopt, std::nullopt}); break;
      case 9: client_.enrol({name(), name()}); break;
      case 10:
      case 11: client_.send(1, bus::PushReply{prng_.between(1, 8), as_bytes(text())}); break;
      case 12: client_.send(0, bus::Ping()); break;
      case 13: client_.stop_reading(); break;
      case 14:
      case 15: client_.read_again(); break;
      case 16:
        if (prng_.between(0, 9) == 0) leave();
        break;
      default: hub_.world.pass(std::chrono::milliseconds(prng_.between(0, 700)));
    }
    listen();
  }

  // Whoever is still there reads to the end, and is answered for all that it asked.
  void settle() {
    if (is_gone_) return;
    client_.read_again();
    hub_.world.pass(6s);
    listen();
    const BusCounters& bus = hub_.hub->bus();
    const bool may_be_cut = !has_finished_ || bus.answers_unread + bus.cut_off + bus.silent != 0;
    if (client_.has_ended() && may_be_cut) return;
    EXPECT_THAT(asked_, IsEmpty());
  }
  void vanish() { client_.vanish(); }

 private:
  void leave() {
    if (prng_.between(0, 1) == 0) {
      has_finished_ = true;
      return client_.finish();
    }
    is_gone_ = true;
    client_.vanish();
  }
  void listen() {
    if (is_gone_) return;
    for (const Heard& each : client_.heard()) {
      const std::uint32_t stream = each.frame.stream;
      if (const auto* const deliver = each.as<bus::Deliver>()) EXPECT_EQ(deliver->sequence, ++delivered_[stream]);
      if (const auto* const reply = each.as<bus::ConversationMessage>()) {
        EXPECT_EQ(asked_.erase(stream), 1u) << "a reply that nobody asked for";
        EXPECT_TRUE(reply->is_about_reply);
        done_.insert(stream);
      }
      if (each.as<bus::ConversationError>()) {
        EXPECT_FALSE(done_.contains(stream)) << "answered twice";
        if (asked_.erase(stream) == 1) done_.insert(stream);
      }
    }
  }
  std::string_view name() {
    constexpr std::string_view names[] = {"a", "b", "c", "no name", ""};
    return names[prng_.between(0, std::size(names) - 1)];
  }
  std::uint32_t small() { return static_cast<std::uint32_t>(prng_.between(1, 4)); }
  std::string_view text() {
    static const std::string long_text(std::size_t{90} << 10, 'x');
    return prng_.between(0, 5) == 0 ? std::string_view(long_text) : std::string_view("text");
  }

  HubWorld& hub_;
  Prng& prng_;
  BusClient client_;
  std::uint32_t stream_ = 100;
  std::map<std::uint32_t, std::uint64_t> delivered_;  // by stream
  std::set<std::uint32_t> asked_;                     // streams
  std::set<std::uint32_t> done_;
  bool has_finished_ = false;
  bool is_gone_ = false;
};

TEST(BusHostile, a_crowd_that_does_anything_is_answered_once_and_leaves_nothing_behind) {
  // rule: conversations/R-87, conversations/R-97, conversations/R-105
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    Prng prng{seed};
    HubOptions options = with_topics();
    options.bus.pushes_max = 3;
    options.bus.pushes_waiting_max = 4;
    options.bus.answers_bytes_max = std::size_t{300} << 10;
    options.bus.push_bytes_ahead_max = std::size_t{100} << 10;
    options.bus.delivers_per_turn = 3;
    options.topics.limits.waiting_max = 8;
    options.topics.limits.in_flight_bytes_max = std::size_t{100} << 10;
    HubWorld hub(std::move(options));
    BusClient bystander(hub);
    {
      std::vector<std::unique_ptr<Wild>> crowd;
      for (int i = 0; i < 5; ++i) crowd.push_back(std::make_unique<Wild>(hub, prng));
      for (int i = 0; i < 400; ++i) {
        if (prng.between(0, 60) == 0) crowd[prng.between(0, 4)] = std::make_unique<Wild>(hub, prng);
        crowd[prng.between(0, 4)]->act();
      }
      bystander.heard();
      bystander.send(0, bus::Ping());
      EXPECT_THAT(bystander.names(), ElementsAre("Pong@0"));
      for (const auto& each : crowd) each->settle();
      for (const auto& each : crowd) each->vanish();
    }
    bystander.vanish();
    hub.world.pass(10s);
    expect_nothing_left(hub);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace parley::hub
