#include "cli/top_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

// What `parley top` makes of what the hub says.
namespace parley::cli {
namespace {

using builtin::HubStats;
using builtin::SessionStats;
using testing::HasSubstr;

SessionStats worker(std::uint64_t id, std::vector<builtin::LatencyBucket> latency) {
  SessionStats stats;
  stats.session = {.id = id, .address = "", .pid = 40 + static_cast<std::int64_t>(id), .offers = {"Calculator"}};
  builtin::OfferStats offer{.name = "Calculator"};
  for (const auto& bucket : latency) offer.calls_answered += bucket.calls;
  offer.latency = std::move(latency);
  stats.answered.push_back(std::move(offer));
  return stats;
}

HubStats hub(std::uint64_t at_us, std::vector<SessionStats> sessions) {
  return {.version = "1", .at_us = at_us, .sessions_max = 100, .sessions = std::move(sessions)};
}

TEST(TopSample, the_first_has_no_rates) {
  const TopSample sample = make_sample(hub(5, {worker(1, {{103, 10}})}), nullptr);
  EXPECT_FALSE(sample.interval_s);
  EXPECT_FALSE(sample.sessions[0].all.calls_answered_per_s);
  EXPECT_FALSE(sample.sessions[0].bytes_sent_per_s);
  EXPECT_EQ(sample.sessions[0].all.latency_p50_us, 103u);
}

TEST(TopSample, rates_and_latencies_are_those_since_the_sample_before) {
  HubStats before = hub(1'000'000, {worker(1, {{103, 1000}})});
  HubStats now = hub(3'000'000, {worker(1, {{103, 1000}, {511, 30}})});
  before.sessions[0].bytes_sent = 100;
  now.sessions[0].bytes_sent = 500;
  now.sessions[0].calls_asked = 3;
  const TopSample sample = make_sample(now, &before);
  EXPECT_EQ(sample.interval_s, 2.0);
  const SessionSample& session = sample.sessions[0];
  EXPECT_EQ(session.all.calls_answered, 1030u);
  EXPECT_EQ(session.all.calls_answered_per_s, 15.0);
  EXPECT_EQ(session.bytes_sent_per_s, 200.0);
  EXPECT_EQ(session.calls_asked_per_s, 1.5);
  EXPECT_EQ(session.all.latency_p50_us, 511u);
  EXPECT_EQ(session.answered[0].latency_p50_us, 511u);
}

TEST(TopSample, where_nothing_was_answered_since_then_latencies_are_those_of_all_calls) {
  const HubStats before = hub(1'000'000, {worker(1, {{103, 1000}})});
  const HubStats now = hub(2'000'000, {worker(1, {{103, 1000}}), worker(2, {})});
  const TopSample sample = make_sample(now, &before);
  EXPECT_EQ(sample.sessions[0].all.calls_answered_per_s, 0.0);
  EXPECT_EQ(sample.sessions[0].all.latency_p99_us, 103u);
  EXPECT_FALSE(sample.sessions[1].all.latency_p99_us);
}

TEST(TopSample, names_of_one_session_are_told_apart_and_together) {
  HubStats now = hub(2'000'000, {worker(1, {{10, 3}})});
  builtin::OfferStats& other = now.sessions[0].answered.emplace_back();
  other = {.name = "Desk", .calls_answered = 1, .latency = {{1'000'000, 1}}};
  const SessionSample session = make_sample(now, nullptr).sessions[0];
  EXPECT_EQ(session.all.calls_answered, 4u);
  EXPECT_EQ(session.all.latency_p50_us, 10u);
  EXPECT_GE(*session.all.latency_p99_us, 1'000'000u);
  EXPECT_EQ(session.answered[0].latency_p99_us, 10u);
}

// A hub that was begun again counts from the beginning.
TEST(TopSample, what_is_less_than_before_is_no_rate) {
  const HubStats before = hub(1'000'000, {worker(1, {{10, 3}})});
  EXPECT_EQ(make_sample(hub(2'000'000, {worker(1, {})}), &before).sessions[0].all.calls_answered_per_s, 0.0);
  EXPECT_FALSE(make_sample(hub(500'000, {worker(1, {})}), &before).interval_s);
}

TEST(TopScreen, durations_are_short) {
  EXPECT_EQ(short_duration(0), "0us");
  EXPECT_EQ(short_duration(999), "999us");
  EXPECT_EQ(short_duration(3'250), "3.2ms");
  EXPECT_EQ(short_duration(999'999), "999ms");
  EXPECT_EQ(short_duration(59'990'000), "59.9s");
  EXPECT_EQ(short_duration(125'000'000), "2m05s");
  EXPECT_EQ(short_duration(11'220'000'000), "3h07m");
}

TEST(TopScreen, the_busiest_come_first) {
  const HubStats before = hub(1'000'000, {worker(1, {}), worker(2, {})});
  const HubStats now = hub(2'000'000, {worker(1, {}), worker(2, {{2000, 7}})});
  const auto lines = make_screen(make_sample(now, &before), {});
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0], "hub 1: 2 of 100 sessions, 0 calls in flight, 7.0 calls/s in the last 1.0 s");
  EXPECT_THAT(lines[1], HasSubstr("SESSION  PROCESS  OFFERS      CALLS/S"));
  EXPECT_TRUE(lines[2].starts_with("2 ")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("1 ")) << lines[3];
}

TEST(TopScreen, the_first_line_tells_of_outboxes) {
  HubStats now = hub(1, {});
  EXPECT_THAT(make_screen(make_sample(now, nullptr), {})[0], testing::Not(HasSubstr("outboxes")));
  builtin::OutboxEntry entry{.name = "to the host", .waiting = 1, .queued = 2, .in_flight = 3};
  entry.oldest = std::chrono::milliseconds(3200);
  entry.results.unknown = 4;
  now.outboxes = {entry, builtin::OutboxEntry()};
  EXPECT_THAT(make_screen(make_sample(now, nullptr), {})[0],
              HasSubstr("; 6 commands in 2 outboxes, oldest 3.2s, 4 ended unknown"));
}

TEST(TopScreen, what_does_not_fit_the_window_is_cut_and_counted) {
  std::vector<SessionStats> many;
  for (std::uint64_t id = 1; id <= 10; ++id) many.push_back(worker(id, {}));
  const auto lines = make_screen(make_sample(hub(1, many), nullptr), {.rows = 6, .columns = 20});
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines.back(), "... and 7 more");
  for (const std::string& line : lines) EXPECT_LE(line.size(), 20u);
}

TEST(TopScreen, many_offers_and_long_names_leave_room_for_the_rest) {
  HubStats now = hub(1, {worker(1, {})});
  now.sessions[0].session.offers = {std::string(60, 'a'), "b", "c"};
  const auto lines = make_screen(make_sample(now, nullptr), {});
  EXPECT_THAT(lines[2], HasSubstr(std::string(21, 'a') + "... +2  "));
}

TEST(TopScreen, has_color_only_where_it_is_wanted) {
  HubStats now = hub(1, {worker(1, {}), worker(2, {})});
  now.sessions[1].oldest_call_us = 5'000'000;
  const TopSample sample = make_sample(now, nullptr);
  for (const std::string& line : make_screen(sample, {})) EXPECT_EQ(line.find('\x1b'), std::string::npos);
  const auto colored = make_screen(sample, {.with_color = true});
  EXPECT_TRUE(colored[1].starts_with("\x1b[1m"));
  EXPECT_FALSE(colored[2].starts_with("\x1b"));
  EXPECT_TRUE(colored[3].starts_with("\x1b[33m"));
  EXPECT_TRUE(colored[3].ends_with("\x1b[0m"));
}

}  // namespace
}  // namespace parley::cli
