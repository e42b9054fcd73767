#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/directory/registry_suite.h"

// Events, and who hears of them.
namespace parley::core {
namespace {

using namespace registry_suite;
using ::testing::HasSubstr;

constexpr Duration second = std::chrono::seconds(1);

TEST(RegistryEvents, an_event_from_here_goes_to_all_with_one_id) {
  // rule: commands/REG-20
  RegistryBench bench;
  bench.listen("user.*");
  bench.listen("user.updated");
  const auto a = bench.join({.id = "a"});
  const auto b = bench.join({.id = "b"});
  bench.emit("user.updated", R"({"id":7})");
  ASSERT_EQ(bench.delivered.size(), 1u);
  EXPECT_EQ(bench.delivered[0].payload, R"({"id":7})");
  const std::string to_a = bench.next(a);
  EXPECT_EQ(json_at(to_a, "eventId"), "user.updated");
  EXPECT_EQ(json_at(to_a, "payload"), R"({"id":7})");
  EXPECT_EQ(bench.next(b), to_a);
  EXPECT_EQ(bench.unread(), 0u);
  bench.hear(a, to_a);
  EXPECT_EQ(bench.delivered.size(), 1u);
  EXPECT_EQ(bench.unread(), 0u);
}

TEST(RegistryEvents, one_from_a_peer_is_heard_here_and_by_all_but_him) {
  // rule: commands/REG-21, commands/REG-27
  RegistryBench bench;
  bench.listen("**");
  const auto a = bench.join({.id = "a"});
  const auto b = bench.join({.id = "b"});
  const auto c = bench.join({.id = "c"});
  const std::string text = event_text("e1", "news", R"(,"payload":[1],"_meta":{"baggage":"b"},"x":1)");
  bench.hear(a, text);
  ASSERT_EQ(bench.delivered.size(), 1u);
  EXPECT_EQ(bench.delivered[0].meta, R"({"baggage":"b"})");
  EXPECT_EQ(bench.unread(a), 0u);
  EXPECT_EQ(bench.next(b), text);
  EXPECT_EQ(bench.next(c), text);
  bench.hear(b, text);
  EXPECT_EQ(bench.unread(), 0u);
  EXPECT_EQ(bench.delivered.size(), 1u);
  EXPECT_EQ(bench.counters().events_duplicate, 1u);
}

TEST(RegistryEvents, an_id_is_remembered_for_its_window) {
  // rule: commands/REG-22
  RegistryBench bench;
  bench.listen("**");
  const auto peer = bench.join({.id = "peer"});
  bench.hear(peer, event_text("e1", "news"));
  bench.pass(5 * second - Duration(1));
  bench.hear(peer, event_text("e1", "news"));
  EXPECT_EQ(bench.delivered.size(), 1u);
  bench.pass(Duration(1));
  EXPECT_TRUE(bench.registry().next_deadline().is_never());
  bench.hear(peer, event_text("e1", "news"));
  EXPECT_EQ(bench.delivered.size(), 2u);
}

TEST(RegistryEvents, what_is_remembered_is_bounded) {
  // rule: commands/REG-22
  RegistryBench bench({.seen_events_max = 2});
  bench.listen("**");
  const auto peer = bench.join({.id = "peer"});
  for (const char* id : {"e1", "e2", "e3"}) bench.hear(peer, event_text(id, "news"));
  EXPECT_EQ(bench.counters().seen_evicted, 1u);
  bench.hear(peer, event_text("e3", "news"));
  bench.hear(peer, event_text("e2", "news"));
  EXPECT_EQ(bench.delivered.size(), 3u);
  bench.hear(peer, event_text("e1", "news"));
  EXPECT_EQ(bench.delivered.size(), 4u);
}

TEST(RegistryEvents, very_many_leave_no_more_than_the_bound) {
  // rule: commands/weakness.17, commands/REG-22
  constexpr std::size_t bound = 1000;
  constexpr std::int64_t very_many = 300'000;
  SeenEvents seen(bound, std::chrono::milliseconds(10));
  std::uint64_t evicted = 0;
  std::size_t most = 0;
  std::int64_t news = 0;
  for (std::int64_t i = 0; i < very_many; ++i) {
    news += seen.insert(std::to_string(i), Instant::from_ns(i * 50'000), evicted);
    if (i % 1000 == 0) most = std::max(most, seen.size());
  }
  EXPECT_EQ(news, very_many);
  EXPECT_LE(most, 201u);
  EXPECT_EQ(evicted, 0u);
  // All at once.
  const Instant end = Instant::from_ns(very_many * 50'000);
  for (std::size_t i = 0; i < 3 * bound; ++i) EXPECT_TRUE(seen.insert("x" + std::to_string(i), end, evicted));
  EXPECT_EQ(seen.size(), bound);
  EXPECT_GE(evicted, 2 * bound - 1);
  seen.sweep(end + std::chrono::milliseconds(10));
  EXPECT_EQ(seen.size(), 0u);
}

TEST(RegistryEvents, private_ones_stay_here) {
  // rule: commands/REG-19
  RegistryBench bench;
  bench.listen("**");
  const auto a = bench.join({.id = "a"});
  bench.join({.id = "b"});
  bench.emit("_audit");
  bench.hear(a, event_text("e1", "_audit"));
  EXPECT_EQ(bench.delivered.size(), 2u);
  EXPECT_EQ(bench.unread(), 0u);
}

TEST(RegistryEvents, a_foreign_peer_hears_all_and_a_parley_peer_what_it_wants) {
  // rule: commands/weakness.24
  RegistryBench bench;
  const auto foreign = bench.join({.id = "foreign"});
  const auto parley = bench.join({.id = "parley", .is_extended = true});
  const auto silent = bench.join({.id = "silent", .is_extended = true});
  bench.hear(parley, interest_text(R"("user.*","user.**","user.updated")"));
  bench.read_all();
  bench.emit("user.updated");
  bench.emit("other.one");
  EXPECT_EQ(bench.unread(foreign), 2u);
  EXPECT_EQ(bench.unread(parley), 1u);
  EXPECT_EQ(bench.unread(silent), 0u);
  bench.hear(parley, interest_text(R"("other.one")"));
  bench.read_all();
  bench.emit("user.updated");
  EXPECT_EQ(bench.unread(parley), 0u);
  bench.emit("other.one");
  EXPECT_EQ(bench.unread(parley), 1u);
}

TEST(RegistryEvents, a_parley_peer_is_asked_for_what_others_want) {
  // rule: commands/weakness.24
  RegistryBench bench;
  const auto up = bench.add({.id = "up", .is_extended = true}).value();
  bench.start(up);
  bench.next(up);
  EXPECT_EQ(json_at(bench.next(up), "patterns"), "[]");
  bench.listen("a.*");
  EXPECT_EQ(json_at(bench.next(up), "patterns"), R"(["a.*"])");
  bench.listen("a.*");
  const auto child = bench.join({.id = "child", .is_extended = true});
  bench.hear(child, interest_text(R"("a.*","b")"));
  EXPECT_EQ(json_at(bench.next(up), "patterns"), R"(["a.*","b"])");
  bench.forget("a.*");
  EXPECT_EQ(bench.unread(up), 0u);
  bench.forget("a.*");
  EXPECT_EQ(json_at(bench.next(up), "hops"), "[1,1]");
  const auto foreign = bench.join({.id = "foreign"});
  EXPECT_EQ(json_at(bench.next(up), "patterns"), R"(["**"])");
  bench.drop(foreign);
  EXPECT_EQ(json_at(bench.next(up), "patterns"), R"(["a.*","b"])");
  bench.drop(child);
  EXPECT_EQ(json_at(bench.next(up), "patterns"), "[]");
  bench.forget("never.listened");
  EXPECT_EQ(bench.unread(up), 0u);
}

TEST(RegistryEvents, only_so_many_patterns_are_said) {
  RegistryBench bench;
  const auto up = bench.join({.id = "up", .is_extended = true});
  for (std::size_t i = 0; i < Interests::patterns_said_max; ++i) bench.listen(fmt::format("p{}", i));
  EXPECT_EQ(bench.unread(up), Interests::patterns_said_max);
  bench.read_all();
  bench.listen("one.more");
  EXPECT_EQ(json_at(bench.next(up), "patterns"), R"(["**"])");
  bench.listen("and.another");
  EXPECT_EQ(bench.unread(up), 0u);
}

TEST(RegistryEvents, in_a_tree_each_hears_each_event_once_and_only_what_somebody_wants_travels) {
  // rule: commands/weakness.24
  RegistryNet net(5);
  for (std::size_t leaf = 1; leaf < 3; ++leaf) net.connect(leaf, 0, {.is_router = true});
  net.connect(3, 1, {.is_router = true});
  net.connect(4, 2, {.is_router = true});
  net[3].listen("news.**");
  net[4].listen("news.today");
  net.carry();
  net[4].emit("news.today", "1");
  EXPECT_EQ(net.carry(), 4u);
  net[3].emit("news.old", "2");
  EXPECT_EQ(net.carry(), 0u);
  net[4].emit("nobody.cares", "3");
  EXPECT_EQ(net.carry(), 0u);
  EXPECT_EQ(net[3].delivered.size(), 2u);
  EXPECT_EQ(net[4].delivered.size(), 1u);
}

TEST(RegistryEvents, in_a_ring_each_hears_each_event_once) {
  // rule: commands/weakness.24, commands/weakness.14
  for (const bool is_extended : {false, true}) {
    RegistryNet net(4);
    for (std::size_t i = 0; i < 4; ++i) net.connect(i, (i + 1) % 4, {.is_extended = is_extended});
    net.connect(0, 2, {.is_extended = is_extended});
    for (std::size_t i = 0; i < 4; ++i) net[i].listen("news");
    net.carry(500);
    net[1].emit("news", "1");
    EXPECT_LE(net.carry(100), 10u);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(net[i].delivered.size(), 1u) << i;
  }
}

TEST(RegistryEvents, what_nobody_wants_any_more_is_forgotten_in_a_ring) {
  // rule: commands/weakness.14
  RegistryNet net(4);
  for (std::size_t i = 0; i < 3; ++i) net.connect(i, (i + 1) % 3, {});
  net.connect(3, 0, {});
  net.carry(100);
  net[3].listen("news");
  net.carry(100);
  net[1].emit("news");
  net.carry(20);
  EXPECT_EQ(net[3].delivered.size(), 1u);
  net[3].forget("news");
  net.carry(300);
  net[1].emit("news");
  EXPECT_EQ(net.carry(20), 0u);
}

TEST(RegistryEvents, whoever_may_not_publish_or_subscribe_does_not) {
  // rule: commands/weakness.12
  Policy policy;
  ASSERT_TRUE(policy.add(Rule::parse("uid:1 publish own.**").value()).has_value());
  ASSERT_TRUE(policy.add(Rule::parse("uid:1 subscribe news.**").value()).has_value());
  const Rights rights(policy, Principal::of_user(1));
  RegistryBench bench;
  bench.listen("**");
  const auto peer = bench.join({.id = "peer", .rights = &rights});
  bench.hear(peer, event_text("e1", "others.one"));
  bench.hear(peer, event_text("e2", "own.one"));
  ASSERT_EQ(bench.delivered.size(), 1u);
  EXPECT_EQ(bench.delivered[0].event, "own.one");
  EXPECT_EQ(bench.counters().events_refused, 1u);
  bench.emit("secret.one");
  EXPECT_EQ(bench.unread(peer), 0u);
  bench.emit("news.one");
  EXPECT_EQ(bench.unread(peer), 1u);
  EXPECT_EQ(bench.try_emit("others.one", "1", &rights).error().code, Code::permission);
  EXPECT_TRUE(bench.try_emit("own.one", "1", &rights).has_value());
}

TEST(RegistryEvents, a_name_that_is_none_is_refused) {
  RegistryBench bench;
  bench.listen("**");
  const auto peer = bench.join({.id = "peer", .is_extended = true});
  bench.hear(peer, event_text("e1", "no name"));
  EXPECT_EQ(bench.counters().events_refused, 1u);
  EXPECT_TRUE(bench.delivered.empty());
  EXPECT_EQ(bench.try_emit("no name").error().code, Code::invalid);
  bench.hear(peer, interest_text(R"("good","no pattern")"));
  EXPECT_EQ(bench.counters().malformed, 1u);
  bench.read_all();
  bench.emit("good");
  EXPECT_EQ(bench.unread(peer), 1u);
}

}  // namespace
}  // namespace parley::core
