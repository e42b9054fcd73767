#include "core/mcp/streams.h"

#include <gtest/gtest.h>

#include <string>

namespace parley::core::mcp {
namespace {

using wire::mcp::Version;

Streams make(Streams::Bounds bounds = {}) { return {Version::v2025_11_25, bounds}; }

std::string event(std::string_view id, std::string_view data) {
  return "id: " + std::string(id) + "\nevent: message\ndata: " + std::string(data) + "\n\n";
}

std::string resumed(Streams& streams, std::string_view id) {
  const auto rest = streams.resume_after(id);
  EXPECT_TRUE(rest.has_value()) << id;
  return rest ? rest->events : "";
}

Code refusal(Streams& streams, std::string_view id) {
  const auto rest = streams.resume_after(id);
  EXPECT_FALSE(rest.has_value()) << id;
  return rest ? Code::bug : rest.error().code;
}

TEST(McpStreams, what_followed_an_event_is_given_of_its_stream_only) {
  Streams streams = make();
  const std::uint64_t one = streams.open();
  const std::uint64_t other = streams.open();
  EXPECT_EQ(streams.add(one, "a"), event("1-0", "a"));
  EXPECT_EQ(streams.add(other, "x"), event("2-0", "x"));
  EXPECT_EQ(streams.add(one, "b"), event("1-1", "b"));
  EXPECT_EQ(streams.add(one, "c"), event("1-2", "c"));
  EXPECT_EQ(streams.add(Streams::own, "n"), event("0-0", "n"));

  const auto rest = streams.resume_after("1-0");
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->stream, one);
  EXPECT_EQ(rest->events, event("1-1", "b") + event("1-2", "c"));
  EXPECT_FALSE(rest->is_finished);
  EXPECT_EQ(resumed(streams, "2-0"), "");
  EXPECT_EQ(resumed(streams, "0-0"), "");
}

TEST(McpStreams, a_client_may_come_back_twice_but_not_for_what_it_had) {
  Streams streams = make();
  streams.open();
  for (const std::string_view text : {"a", "b", "c"}) streams.add(1, text);
  EXPECT_EQ(resumed(streams, "1-1"), event("1-2", "c"));
  EXPECT_EQ(resumed(streams, "1-1"), event("1-2", "c"));
  EXPECT_EQ(resumed(streams, "1-2"), "");
  EXPECT_EQ(refusal(streams, "1-0"), Code::not_found);
}

TEST(McpStreams, a_finished_stream_gives_its_rest_and_says_so) {
  Streams streams = make();
  streams.open();
  streams.priming(1);
  streams.add(1, "answer");
  streams.finish(1);
  streams.finish(77);
  const auto rest = streams.resume_after("1-0");
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->events, event("1-1", "answer"));
  EXPECT_TRUE(rest->is_finished);
}

TEST(McpStreams, a_priming_event_can_be_resumed_from) {
  Streams streams = make({.retry_ms = 250});
  EXPECT_EQ(streams.priming(streams.open()), "id: 1-0\nretry: 250\ndata:\n\n");
  streams.add(1, "a");
  EXPECT_EQ(resumed(streams, "1-0"), event("1-1", "a"));
  EXPECT_EQ(streams.priming(99), "");
}

TEST(McpStreams, clients_before_2025_11_25_get_no_priming_event) {
  Streams streams(Version::v2025_06_18, {});
  EXPECT_EQ(streams.priming(streams.open()), "");
  EXPECT_EQ(streams.add(1, "a"), event("1-0", "a"));
}

TEST(McpStreams, what_is_no_id_of_ours_is_refused) {
  Streams streams = make();
  streams.add(Streams::own, "a");
  for (const std::string_view id :
       {"", "0", "0-", "-0", "0-00", "00-0", "0:0", "0-0 ", "+0-0", "0--1", "0-4294967296", "99999999999999999999-0"}) {
    EXPECT_EQ(refusal(streams, id), Code::arguments) << id;
  }
  for (const std::string_view id : {"0-1", "0-4294967295", "5-0"}) EXPECT_EQ(refusal(streams, id), Code::not_found);
}

TEST(McpStreams, old_events_leave_for_new_ones_and_are_gone) {
  Streams streams = make({.items_max = 2});
  for (const std::string_view text : {"a", "b", "c", "d"}) streams.add(Streams::own, text);
  EXPECT_EQ(refusal(streams, "0-0"), Code::not_found);
  EXPECT_EQ(resumed(streams, "0-1"), event("0-2", "c") + event("0-3", "d"));
}

TEST(McpStreams, the_bytes_of_a_stream_are_bounded) {
  Streams streams = make({.bytes_max = 400});
  const std::string text(60, 'x');
  for (int i = 0; i < 1000; ++i) {
    streams.add(Streams::own, text);
    ASSERT_LE(streams.bytes(), 450u);
  }
  EXPECT_EQ(refusal(streams, "0-900"), Code::not_found);
  EXPECT_EQ(resumed(streams, "0-998"), event("0-999", text));
}

TEST(McpStreams, an_event_that_is_not_kept_is_missed_by_nobody_silently) {
  Streams streams = make({.bytes_max = 100});
  streams.add(Streams::own, "a");
  const std::string large(100, 'x');
  EXPECT_EQ(streams.add(Streams::own, large), "event: message\ndata: " + large + "\n\n");
  EXPECT_EQ(refusal(streams, "0-0"), Code::not_found);
  EXPECT_EQ(streams.add(Streams::own, "b"), event("0-1", "b"));
  EXPECT_EQ(refusal(streams, "0-0"), Code::not_found);
  EXPECT_EQ(resumed(streams, "0-1"), "");
}

TEST(McpStreams, the_quietest_finished_stream_leaves_for_a_new_one) {
  Streams streams = make({.streams_max = 4});
  for (int i = 0; i < 3; ++i) streams.add(streams.open(), "a");
  streams.finish(3);
  EXPECT_EQ(streams.open(), 4u);
  EXPECT_EQ(streams.size(), 4u);
  EXPECT_EQ(refusal(streams, "3-0"), Code::not_found);
  EXPECT_EQ(resumed(streams, "1-0"), "");
  streams.open();  // none is finished: 2 has been quiet longest
  EXPECT_EQ(refusal(streams, "2-0"), Code::not_found);
  EXPECT_EQ(streams.add(2, "b"), "event: message\ndata: b\n\n");
  EXPECT_EQ(resumed(streams, "1-0"), "");
}

TEST(McpStreams, the_bytes_of_all_streams_are_bounded) {
  Streams streams = make({.bytes_max = 200, .bytes_in_all = 400});
  const std::string text(60, 'x');
  streams.add(Streams::own, text);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t stream = streams.open();
    streams.add(stream, text);
    streams.add(stream, text);
    if (i % 2 == 0) streams.finish(stream);
    ASSERT_LE(streams.bytes(), 400u);
  }
  EXPECT_LE(streams.size(), 4u);
  EXPECT_EQ(resumed(streams, "100-0"), event("100-1", text));
  EXPECT_EQ(streams.add(Streams::own, "b"), event("0-1", "b"));
}

}  // namespace
}  // namespace parley::core::mcp
