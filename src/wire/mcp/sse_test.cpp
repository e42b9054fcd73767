#include "wire/mcp/sse.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace parley::wire::mcp {
namespace {

using namespace std::string_view_literals;
using Events = std::vector<SseEvent>;

Events read(SseParser& parser, std::string_view text) {
  Events events;
  const Result<void> added = parser.add(as_bytes(text), events);
  EXPECT_TRUE(added.has_value()) << to_string(added.error());
  return events;
}

Events read(std::string_view text) {
  SseParser parser;
  return read(parser, text);
}

TEST(Sse, an_event_is_written_with_its_id_name_and_a_line_of_data_each) {
  std::string out;
  append_sse_event(out, "0-1", "message", "{}");
  EXPECT_EQ(out, "id: 0-1\nevent: message\ndata: {}\n\n");
  out.clear();
  append_sse_event(out, {}, "message", "a\nb\r\nc\rd\n");
  EXPECT_EQ(out, "event: message\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(read(out), (Events{{"", "message", "a\nb\nc\nd\n"}}));
}

TEST(Sse, a_priming_event_has_an_id_and_no_data) {
  std::string out;
  append_sse_priming(out, "3-0", 500);
  EXPECT_EQ(out, "id: 3-0\nretry: 500\ndata:\n\n");
  SseParser parser;
  EXPECT_EQ(read(parser, out), (Events{{"3-0", "message", ""}}));
  EXPECT_EQ(parser.retry_ms(), 500u);
  EXPECT_EQ(parser.last_id(), "3-0");
}

TEST(Sse, a_comment_is_no_event) {
  std::string out;
  append_sse_comment(out);
  EXPECT_EQ(read(out), Events{});
}

TEST(Sse, any_of_the_three_line_ends_ends_a_line_wherever_the_bytes_are_cut) {
  const std::string text = "id: 1\r\nevent: x\rdata: one\ndata: two\r\n\r\ndata: three\r\r";
  const Events expected{{"1", "x", "one\ntwo"}, {"1", "message", "three"}};
  EXPECT_EQ(read(text), expected);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    SseParser parser;
    Events events = read(parser, text.substr(0, cut));
    const Events more = read(parser, text.substr(cut));
    events.insert(events.end(), more.begin(), more.end());
    EXPECT_EQ(events, expected) << cut;
  }
  SseParser parser;
  Events events;
  for (const char letter : text) {
    const Events more = read(parser, {&letter, 1});
    events.insert(events.end(), more.begin(), more.end());
  }
  EXPECT_EQ(events, expected);
}

TEST(Sse, one_blank_behind_the_colon_belongs_to_it_and_a_field_may_have_none) {
  EXPECT_EQ(read("data:  a\n\n"), (Events{{"", "message", " a"}}));
  EXPECT_EQ(read("data\n\n"), (Events{{"", "message", ""}}));
  EXPECT_EQ(read("\xef\xbb\xbf"
                 "data:a\n\n"),
            (Events{{"", "message", "a"}}));
}

TEST(Sse, what_has_no_data_is_no_event_but_its_id_counts) {
  SseParser parser;
  EXPECT_EQ(read(parser, "id: 5\nevent: x\n\n"), Events{});
  EXPECT_EQ(parser.last_id(), "5");
  EXPECT_EQ(read(parser, "data: a\n\n"), (Events{{"5", "message", "a"}}));
  EXPECT_EQ(read(parser, "id\ndata: a\n\n"), (Events{{"", "message", "a"}}));
}

TEST(Sse, an_event_that_breaks_off_is_none) { EXPECT_EQ(read("data: a\n"), Events{}); }

TEST(Sse, what_an_event_stream_does_not_know_is_passed_over) {
  SseParser parser;
  EXPECT_EQ(read(parser, "id: a\0b\nretry: 1s\nretry: 9999999999\nwhat: 1\n: c\n\n"sv), Events{});
  EXPECT_EQ(parser.last_id(), "");
  EXPECT_FALSE(parser.retry_ms().has_value());
}

TEST(Sse, an_event_above_the_bound_is_refused_for_good) {
  for (const std::string_view text : {"data: 123456789", "data: 1234\ndata: 56789",
                                      "data:\ndata:\ndata:\ndata:\n"
                                      "data:\ndata:\ndata:\ndata:\n"
                                      "data:\ndata:\ndata:\ndata:\n"}) {
    SseParser parser(14);
    Events events;
    const Result<void> added = parser.add(as_bytes(text), events);
    ASSERT_FALSE(added.has_value()) << text;
    EXPECT_EQ(added.error().code, Code::too_large);
    EXPECT_FALSE(parser.add(as_bytes("\n"), events).has_value());
    EXPECT_TRUE(events.empty());
  }
}

TEST(Sse, long_ids_and_names_are_refused) {
  const std::string much(1025, 'a');
  Events events;
  EXPECT_EQ(SseParser().add(as_bytes("id: " + much + "\n"), events).error().code, Code::too_large);
  EXPECT_EQ(SseParser().add(as_bytes("event: " + much + "\n"), events).error().code, Code::too_large);
}

TEST(Sse, what_is_no_utf8_is_refused) {
  Events events;
  EXPECT_EQ(SseParser().add(as_bytes("data: \xc0\n"), events).error().code, Code::message);
}

}  // namespace
}  // namespace parley::wire::mcp
