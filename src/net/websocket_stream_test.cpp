#include "net/websocket_stream.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "io/memory_stream.h"
#include "io/stream_end_suite.h"

// A WebSocket against the bare bytes of its other end.
namespace parley::net {
namespace {

using namespace std::chrono_literals;
using io::suite::End;
using io::suite::Status;

constexpr std::string_view sample_request =
    "GET /roam HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// A message behind its length, as a framed link has it.
std::string framed(std::string_view message) {
  const auto length = static_cast<std::uint32_t>(message.size());
  return std::string(reinterpret_cast<const char*>(&length), sizeof length).append(message);
}

std::string frame(WebSocketOpcode opcode, std::string_view payload, bool is_masked, bool is_last = true) {
  const WebSocketHead head{.opcode = opcode,
                           .is_last = is_last,
                           .is_masked = is_masked,
                           .mask = {0x11, 0xa2, 0x00, 0xff},
                           .size = payload.size()};
  std::string bytes(websocket_head_bytes_max + payload.size(), '\0');
  auto* const begin = reinterpret_cast<std::uint8_t*>(bytes.data());
  std::uint8_t* const end = write_websocket_head(begin, head);
  if (!payload.empty()) std::memcpy(end, payload.data(), payload.size());
  if (is_masked) apply_websocket_mask({end, payload.size()}, head.mask, 0);
  bytes.resize(static_cast<std::size_t>(end - begin) + payload.size());
  return bytes;
}

class WebSocketStreamTest : public testing::Test {
 protected:
  // The end that is come to, and a client of bare bytes.
  void serve(const Limits& limits = {}, io::MemoryOptions memory = {}) {
    io::WebSocketOptions with = options;
    with.opening_bytes_max = limits.opening_bytes_max;
    with.message_bytes_max = limits.frame_bytes_max;
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1", memory);
    peer = std::make_unique<End>(std::move(near));
    end = std::make_unique<End>(std::make_unique<WebSocketStream>(world.loop(), std::move(far), with));
    peer->start();
    end->start();
    is_peer_masked = true;
  }
  void serve_open(const Limits& limits = {}, io::MemoryOptions memory = {}) {
    serve(limits, memory);
    say(std::string(sample_request));
    ASSERT_TRUE(heard().starts_with("HTTP/1.1 101")) << heard();
    peer->received.clear();
  }
  // The end that goes, and a server of bare bytes.
  void dial() {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1");
    peer = std::make_unique<End>(std::move(near));
    end = std::make_unique<End>(std::make_unique<WebSocketStream>(world.loop(), std::move(far),
                                                                  UpgradeTarget{"localhost:1", "/roam"}, options));
    peer->start();
    end->start();
    is_peer_masked = false;
    settle();
  }
  void dial_open() {
    dial();
    say(answer_upgrade(heard(), options).bytes);
    peer->received.clear();
  }
  void settle() {
    for (int i = 0; i < 5; ++i) io::suite::turn_a_little(world.loop());
  }
  void say(const std::string& bytes) {
    const ByteView view = as_bytes(bytes);
    peer->send({view.begin(), view.end()});
    settle();
  }
  void say(WebSocketOpcode opcode, std::string_view payload, bool is_last = true) {
    say(frame(opcode, payload, is_peer_masked, is_last));
  }
  void pass(Duration time) {
    const Instant until = world.loop().now() + time;
    while (world.loop().now() < until) world.loop().poll_once(until);
    settle();
  }
  std::string heard() const { return std::string(as_text(peer->received)); }
  std::string got() const { return std::string(as_text(end->received)); }
  // What the peer was told in goodbye, and why the stream failed.
  void expect_refused(std::uint16_t close, Code code, std::string_view words) {
    EXPECT_EQ(end->over, Status::failed);
    EXPECT_EQ(end->stream().failure().code, code);
    EXPECT_NE(end->stream().failure().note.find(words), std::string::npos) << end->stream().failure().note;
    std::string bytes = heard();
    auto read = read_websocket_head(as_bytes(bytes));
    ASSERT_EQ(read.status, WebSocketHeadRead::Status::whole);
    EXPECT_EQ(read.head.opcode, WebSocketOpcode::close);
    auto* const payload = reinterpret_cast<std::uint8_t*>(bytes.data()) + read.bytes;
    if (read.head.is_masked) apply_websocket_mask({payload, bytes.size() - read.bytes}, read.head.mask, 0);
    EXPECT_EQ(payload[0] << 8 | payload[1], close);
    EXPECT_EQ(peer->over, Status::ended);
  }

  io::suite::IdleWorld world;
  io::WebSocketOptions options;
  std::unique_ptr<End> peer;
  std::unique_ptr<End> end;
  bool is_peer_masked = false;
};

// --- messages

TEST_F(WebSocketStreamTest, pings_without_end_leave_others_their_turn) {
  serve_open({}, {.pipe_bytes_max = std::size_t{2} << 20});
  end->is_reading = false;
  std::string much;
  while (much.size() < std::size_t{1} << 20) much += frame(WebSocketOpcode::ping, std::string(100, 'p'), true);
  say(much + frame(WebSocketOpcode::binary, "x", true));
  std::array<std::uint8_t, 64> into;
  EXPECT_EQ(end->stream().read_some(into).status, Status::would_block) << "there is more, and others have their turn";
  end->is_reading = true;
  for (int i = 0; i < 100 && got().empty(); ++i) settle();
  EXPECT_EQ(got(), std::string("\1\0\0\0x", 5));
}

TEST_F(WebSocketStreamTest, closed_inside_a_message_it_was_cut_off) {
  serve_open();
  say(WebSocketOpcode::binary, "the first part", false);
  say(WebSocketOpcode::close, std::string("\x03\xe8", 2));
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::link_lost);
}

TEST_F(WebSocketStreamTest, each_message_is_one_binary_frame_and_nothing_else) {
  // rule: calls/transport.websocket
  // rule: calls/zerocopy.framing.link.websocket
  serve_open();
  for (const std::size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 200'000u}) {
    peer->received.clear();
    end->received.clear();
    const std::string message(size, 'm');
    const std::string bytes = framed(message);
    end->send({as_bytes(bytes).begin(), as_bytes(bytes).end()});
    settle();
    ASSERT_TRUE(heard() == frame(WebSocketOpcode::binary, message, false)) << size;
    say(WebSocketOpcode::binary, message);
    ASSERT_TRUE(got() == framed(message)) << size;
  }
}

TEST_F(WebSocketStreamTest, what_a_client_says_is_masked_with_a_key_of_its_own_for_each_frame) {
  dial_open();
  for (const char* message : {"first", "second"}) {
    const std::string bytes = framed(message);
    ASSERT_EQ(end->write(as_bytes(bytes)).bytes, bytes.size());
  }
  settle();
  std::string bytes = heard();
  const auto first = read_websocket_head(as_bytes(bytes));
  ASSERT_EQ(first.status, WebSocketHeadRead::Status::whole);
  const auto second = read_websocket_head(as_bytes(bytes).subspan(first.bytes + 5));
  ASSERT_EQ(second.status, WebSocketHeadRead::Status::whole);
  EXPECT_TRUE(first.head.is_masked && second.head.is_masked);
  EXPECT_NE(first.head.mask, second.head.mask);
  auto* const payload = reinterpret_cast<std::uint8_t*>(bytes.data()) + first.bytes;
  apply_websocket_mask({payload, 5}, first.head.mask, 0);
  EXPECT_EQ(as_text({payload, 5}), "first");
}

TEST_F(WebSocketStreamTest, bytes_may_come_and_be_written_in_whatever_portions) {
  std::string all;
  std::string frames = std::string(sample_request);
  for (const std::string& message : {std::string("one"), std::string(), std::string(300, 'x'), std::string("four")}) {
    all += framed(message);
    frames += frame(WebSocketOpcode::ping, "?", true) + frame(WebSocketOpcode::binary, message, true);
  }
  for (std::size_t at = 1; at < frames.size(); at += 7) {
    serve();
    end->read_max = at % 13 + 1;
    say(frames.substr(0, at));
    say(frames.substr(at));
    for (int i = 0; i < 20; ++i) settle();
    ASSERT_EQ(got(), all) << at;
    ASSERT_EQ(world.loop().blocks().held_count(), 0u);
  }
  serve_open();
  for (const char byte : all) ASSERT_EQ(end->write(as_bytes(std::string_view(&byte, 1))).bytes, 1u);
  settle();
  EXPECT_EQ(heard(), frame(WebSocketOpcode::binary, "one", false) + frame(WebSocketOpcode::binary, "", false) +
                         frame(WebSocketOpcode::binary, std::string(300, 'x'), false) +
                         frame(WebSocketOpcode::binary, "four", false));
}

TEST_F(WebSocketStreamTest, fragments_become_one_message_with_pings_between_them) {
  serve_open();
  say(WebSocketOpcode::binary, "a fra", false);
  say(WebSocketOpcode::ping, "still there?");
  say(WebSocketOpcode::more, "", false);
  say(WebSocketOpcode::more, "gmented ", false);
  EXPECT_EQ(got(), "");
  EXPECT_EQ(heard(), frame(WebSocketOpcode::pong, "still there?", false));
  say(WebSocketOpcode::more, "message", true);
  say(WebSocketOpcode::binary, "whole");
  EXPECT_EQ(got(), framed("a fragmented message") + framed("whole"));
  say(WebSocketOpcode::binary, "", false);
  say(WebSocketOpcode::more, "", true);
  EXPECT_EQ(got(), framed("a fragmented message") + framed("whole") + framed(""));
}

TEST_F(WebSocketStreamTest, fragments_are_gathered_up_to_the_longest_message_and_an_opening_is_shorter) {
  serve_open({.frame_bytes_max = 1000, .opening_bytes_max = 100});
  say(WebSocketOpcode::binary, std::string(60, 'o'), false);
  say(WebSocketOpcode::more, std::string(40, 'o'), true);
  EXPECT_EQ(got(), framed(std::string(100, 'o')));
  say(WebSocketOpcode::binary, std::string(600, 'm'), false);
  say(WebSocketOpcode::more, std::string(400, 'm'), true);
  EXPECT_EQ(got().size(), 104u + 1004u);
  say(WebSocketOpcode::binary, std::string(600, 'm'), false);
  say(frame(WebSocketOpcode::more, std::string(401, 'm'), true).substr(0, 8));  // its head is enough
  expect_refused(websocket_close::too_big, Code::frame_too_large, "401 bytes announced, 400 allowed");

  serve_open({.opening_bytes_max = 100});
  say(WebSocketOpcode::binary, std::string(60, 'o'), false);
  say(WebSocketOpcode::more, std::string(41, 'o'), true);
  expect_refused(websocket_close::too_big, Code::frame_too_large, "41 bytes announced, 40 allowed");
}

// --- breaches

TEST_F(WebSocketStreamTest, what_came_before_a_breach_is_read) {
  serve_open();
  say(frame(WebSocketOpcode::binary, "good", true) + frame(WebSocketOpcode::text, "{}", true));
  EXPECT_EQ(got(), framed("good"));
  expect_refused(websocket_close::unsupported_data, Code::protocol, "binary frames");
}

TEST_F(WebSocketStreamTest, frames_that_break_the_standard_end_it_with_1002) {
  struct Case {
    std::string bytes;
    const char* words;
  };
  const Case cases[] = {
      {frame(WebSocketOpcode::binary, "x", false), "not masked"},
      {frame(WebSocketOpcode::ping, "x", false), "not masked"},
      {"\xc2\x80", "reserved bit"},
      {"\x83\x80", "opcode"},
      {std::string("\x8b\x80"), "opcode"},
      {"\x09\x80", "control frame is fragmented"},
      {"\x89\xfe", "control frame is too long"},
      {std::string("\x82\xfe\x00\x7d\x01\x02\x03\x04", 8), "longer than it need be"},
      {std::string("\x82\xff\0\0\0\0\0\0\xff\xff\x01\x02\x03\x04", 14), "longer than it need be"},
      {std::string("\x82\xff\x80\0\0\0\0\0\0\0\x01\x02\x03\x04", 14), "highest bit"},
      {frame(WebSocketOpcode::more, "x", true), "has not begun"},
      {frame(WebSocketOpcode::binary, "x", true, false) + frame(WebSocketOpcode::binary, "y", true), "begins inside"},
      {frame(WebSocketOpcode::close, "\x03", true), "code that nobody may send"},
      {frame(WebSocketOpcode::close, "\x03\xed", true), "code that nobody may send"},  // 1005
      {frame(WebSocketOpcode::close, std::string("\0\0", 2), true), "code that nobody may send"},
  };
  for (const Case& each : cases) {
    serve_open();
    say(each.bytes);
    expect_refused(websocket_close::protocol_error, Code::protocol, each.words);
  }
  dial_open();
  say(frame(WebSocketOpcode::binary, "x", true));
  expect_refused(websocket_close::protocol_error, Code::protocol, "of a server is masked");
}

TEST_F(WebSocketStreamTest, four_gigabytes_are_no_message) {
  serve_open();
  say(std::string("\x82\xff\0\0\0\x01\0\0\0\0\x01\x02\x03\x04", 14));
  expect_refused(websocket_close::too_big, Code::frame_too_large, "4294967296 bytes announced");
}

// --- goodbye

TEST_F(WebSocketStreamTest, goodbye_ends_one_direction_and_an_end_without_it_is_a_failure) {
  serve_open();
  say(frame(WebSocketOpcode::binary, "last", true) + frame(WebSocketOpcode::close, "\x03\xe8", true));
  EXPECT_EQ(got(), framed("last"));
  EXPECT_EQ(end->over, Status::ended);
  const std::string answer = framed("and an answer");
  EXPECT_EQ(end->write(as_bytes(answer)).bytes, answer.size());
  end->finish();
  settle();
  EXPECT_EQ(heard(),
            frame(WebSocketOpcode::binary, "and an answer", false) + frame(WebSocketOpcode::close, "\x03\xe8", false));
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(end->write(as_bytes(answer)).status, Status::failed);

  serve_open();
  say(WebSocketOpcode::close, "");
  EXPECT_EQ(end->over, Status::ended);

  serve_open();
  peer->finish();
  settle();
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::link_lost);
}

TEST_F(WebSocketStreamTest, a_goodbye_with_a_reason_is_a_failure_that_shows_it) {
  serve_open();
  say(WebSocketOpcode::close, "\x03\xf1too \x1b much");
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::reported);
  EXPECT_NE(end->stream().failure().note.find("1009: too ? much"), std::string::npos) << end->stream().failure().note;
}

// --- pings

TEST_F(WebSocketStreamTest, a_ping_is_answered_between_frames_and_only_the_last_of_many) {
  serve_open({}, {.pipe_bytes_max = 4096});
  peer->is_reading = false;
  const std::string message(20'000, 'm');
  const std::string bytes = framed(message);
  end->send({as_bytes(bytes).begin(), as_bytes(bytes).end()});
  settle();
  for (int i = 0; i < 100; ++i) say(WebSocketOpcode::ping, std::to_string(i));
  peer->is_reading = true;
  for (int i = 0; i < 20; ++i) settle();
  EXPECT_EQ(heard(), frame(WebSocketOpcode::binary, message, false) + frame(WebSocketOpcode::pong, "99", false));
}

TEST_F(WebSocketStreamTest, who_is_silent_is_pinged_and_who_stays_silent_has_gone) {
  options.keepalive = 15s;
  serve_open();
  pass(14s);
  say(WebSocketOpcode::binary, "here");
  pass(15s);
  EXPECT_EQ(heard(), "") << "it was heard in between";
  pass(15s);
  EXPECT_EQ(heard(), frame(WebSocketOpcode::ping, "", false));
  say(WebSocketOpcode::pong, "");
  pass(15s);
  EXPECT_FALSE(end->over);
  pass(31s);
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::silence);
}

TEST_F(WebSocketStreamTest, a_ping_that_waited_for_a_long_message_is_given_its_time) {
  options.keepalive = 15s;
  serve_open();
  const std::string message(20'000, 'm');
  const std::string bytes = framed(message);
  ASSERT_EQ(end->write(as_bytes(bytes).first(10'000)).bytes, 10'000u);
  pass(15s);
  pass(15s);
  pass(14s);  // the next look is a second away
  ASSERT_EQ(end->write(as_bytes(bytes).subspan(10'000)).bytes, bytes.size() - 10'000);
  settle();
  ASSERT_EQ(heard(), frame(WebSocketOpcode::binary, message, false) + frame(WebSocketOpcode::ping, "", false));
  pass(14s);
  EXPECT_FALSE(end->over);
  say(WebSocketOpcode::pong, "");
  pass(15s);
  EXPECT_FALSE(end->over);
}

// --- the handshake

TEST_F(WebSocketStreamTest, nothing_is_written_before_the_peer_has_agreed) {
  dial();
  EXPECT_EQ(end->write(as_bytes(framed("early"))).status, Status::would_block);
  end->want_writable();
  settle();
  EXPECT_EQ(end->writable_count, 0u);
  EXPECT_TRUE(heard().starts_with("GET /roam HTTP/1.1\r\nHost: localhost:1\r\n")) << heard();
  say(answer_upgrade(heard(), options).bytes + frame(WebSocketOpcode::binary, "at once", false));
  EXPECT_EQ(end->writable_count, 1u);
  EXPECT_EQ(got(), framed("at once"));
  EXPECT_EQ(end->stream().peer().address, "ws:127.0.0.1:1");
}

TEST_F(WebSocketStreamTest, a_refused_request_gets_its_reason_and_an_end) {
  serve();
  say("GET /else HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 404 ")) << heard();
  EXPECT_EQ(peer->over, Status::ended);
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::not_found);
}

TEST_F(WebSocketStreamTest, a_head_without_end_is_refused_at_its_limit) {
  serve();
  say("GET /roam HTTP/1.1\r\n" + std::string(upgrade_head_bytes_max, 'x'));
  EXPECT_TRUE(heard().starts_with("HTTP/1.1 431 ")) << heard();
  EXPECT_EQ(end->stream().failure().code, Code::too_large);
  dial();
  say("HTTP/1.1 101 Switching Protocols\r\n" + std::string(upgrade_head_bytes_max, 'x'));
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::protocol);
}

TEST_F(WebSocketStreamTest, a_peer_that_goes_during_the_handshake_is_lost) {
  serve();
  say("GET /roam HT");
  peer->finish();
  settle();
  EXPECT_EQ(end->over, Status::failed);
  EXPECT_EQ(end->stream().failure().code, Code::link_lost);
}

TEST_F(WebSocketStreamTest, any_bytes_leave_a_stream_that_is_sound) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Prng prng(seed);
    serve_open({.frame_bytes_max = 2000});
    const auto garbage = io::suite::random_bytes(prng, prng.between(1, 3000));
    say(std::string(as_text(garbage)));
    peer->finish();
    settle();
    ASSERT_TRUE(end->over) << seed;
    ASSERT_EQ(world.loop().blocks().held_count(), 0u) << seed;
  }
}

}  // namespace
}  // namespace parley::net
