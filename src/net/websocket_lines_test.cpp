#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "io/memory_stream.h"
#include "io/stream_end_suite.h"
#include "net/websocket_stream.h"

// WebSockets that carry text lines.
namespace parley::net {
namespace {

using io::suite::End;
using io::suite::Status;

std::string frame(WebSocketOpcode opcode, std::string_view payload, bool is_last = true) {
  const WebSocketHead head{.opcode = opcode, .is_last = is_last, .is_masked = true, .size = payload.size()};
  std::string bytes(websocket_head_bytes_max, '\0');
  auto* const begin = reinterpret_cast<std::uint8_t*>(bytes.data());
  bytes.resize(static_cast<std::size_t>(write_websocket_head(begin, head) - begin));
  return bytes.append(payload);  // the mask is zero
}

class WebSocketLinesTest : public testing::Test {
 protected:
  io::WebSocketOptions options{.path = "/cmd", .is_text_lines = true, .message_bytes_max = 200'000};

  void serve() {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1");
    peer = std::make_unique<End>(std::move(near));
    end = std::make_unique<End>(std::make_unique<WebSocketStream>(world.loop(), std::move(far), options));
    peer->start();
    end->start();
    say(upgrade_request({"localhost", "/cmd"}, upgrade_nonce(1, 2)));
    ASSERT_TRUE(heard().starts_with("HTTP/1.1 101")) << heard();
    peer->received.clear();
  }
  // Both ends are ours.
  void connect(io::MemoryOptions memory = {}) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "tcp:127.0.0.1:1", memory);
    peer = std::make_unique<End>(
        std::make_unique<WebSocketStream>(world.loop(), std::move(near), UpgradeTarget{"localhost", "/cmd"}, options));
    end = std::make_unique<End>(std::make_unique<WebSocketStream>(world.loop(), std::move(far), options));
    peer->start();
    end->start();
  }
  void settle() {
    for (int i = 0; i < 5; ++i) io::suite::turn_a_little(world.loop());
  }
  void say(const std::string& bytes) {
    const ByteView view = as_bytes(bytes);
    peer->send({view.begin(), view.end()});
    settle();
  }
  std::string heard() const { return std::string(as_text(peer->received)); }
  std::string got() const { return std::string(as_text(end->received)); }

  io::suite::IdleWorld world;
  std::unique_ptr<End> peer;
  std::unique_ptr<End> end;
};

TEST_F(WebSocketLinesTest, each_message_is_read_as_a_line_of_whatever_kind_it_is) {
  serve();
  say(frame(WebSocketOpcode::text, R"({"a":1})") + frame(WebSocketOpcode::binary, R"({"b":2})") +
      frame(WebSocketOpcode::text, "") + frame(WebSocketOpcode::text, "one\ntwo") +
      frame(WebSocketOpcode::text, "ends\n"));
  EXPECT_EQ(got(), "{\"a\":1}\n{\"b\":2}\n\none\ntwo\nends\n");
}

TEST_F(WebSocketLinesTest, a_message_in_fragments_is_one_line_and_comes_when_it_is_whole) {
  serve();
  say(frame(WebSocketOpcode::text, "gr\xc3", false) + frame(WebSocketOpcode::ping, "?"));
  EXPECT_EQ(got(), "");
  say(frame(WebSocketOpcode::more, "\xbc", false));
  say(frame(WebSocketOpcode::more, "n"));
  EXPECT_EQ(got(), "gr\xc3\xbcn\n");
}

TEST_F(WebSocketLinesTest, each_line_leaves_as_one_text_message) {
  serve();
  end->write(as_bytes("{\"a\":1}\n\n{\"b\""));
  settle();
  EXPECT_EQ(heard(), "\x81\x07{\"a\":1}\x01\x04{\"b\"");
  peer->received.clear();
  end->write(as_bytes(":2}"));
  end->write(as_bytes("\nthird\n"));
  settle();
  EXPECT_EQ(heard(), std::string("\x00\x03:2}\x80\x00\x81\x05third", 14));
}

TEST_F(WebSocketLinesTest, a_line_without_an_end_is_ended_by_the_goodbye) {
  serve();
  end->write(as_bytes("last"));
  end->finish();
  settle();
  EXPECT_EQ(heard(), std::string("\x01\x04last\x80\x00\x88\x02\x03\xe8", 12));
}

TEST_F(WebSocketLinesTest, text_that_is_no_utf_8_is_refused_with_1007_and_bytes_are_not_judged) {
  for (const char* wrong : {"\xff", "\xc3", "\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "a\x80", "\xe2\x82"}) {
    serve();
    say(frame(WebSocketOpcode::text, wrong));
    EXPECT_EQ(end->over, Status::failed) << wrong;
    EXPECT_EQ(heard().substr(2, 2), "\x03\xef") << "1007";
    serve();
    say(frame(WebSocketOpcode::binary, wrong));
    EXPECT_EQ(got(), std::string(wrong) + "\n");
  }
  serve();
  const std::string good = "a\xc3\xbc\xe2\x82\xac\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
  say(frame(WebSocketOpcode::text, good));
  EXPECT_EQ(got(), good + "\n");
}

TEST_F(WebSocketLinesTest, a_message_is_bounded_whole_or_in_fragments) {
  options.opening_bytes_max = options.message_bytes_max = 100;
  serve();
  say(frame(WebSocketOpcode::text, std::string(100, 'x')));
  EXPECT_EQ(got().size(), 101u);
  say(frame(WebSocketOpcode::text, std::string(101, 'x')));
  EXPECT_EQ(end->stream().failure().code, Code::frame_too_large);
  serve();
  say(frame(WebSocketOpcode::text, std::string(60, 'x'), false) + frame(WebSocketOpcode::more, std::string(41, 'x')));
  EXPECT_EQ(end->stream().failure().code, Code::frame_too_large);
}

TEST_F(WebSocketLinesTest, lines_of_every_length_arrive_as_they_were_both_ways_in_any_portions) {
  options.opening_bytes_max = 200'000;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Prng prng(seed);
    connect({.pipe_bytes_max = 10'000});
    std::string lines;
    for (int i = 0; i < 20; ++i) {
      lines += std::string(prng.between(1, i % 5 == 0 ? 150'000 : 300), static_cast<char>('a' + i)) + "\n";
    }
    const ByteView bytes = as_bytes(lines);
    end->chunks = peer->chunks = &prng;
    end->send({bytes.begin(), bytes.end()});
    peer->send({bytes.begin(), bytes.end()});
    ASSERT_TRUE(io::suite::turn_until(world.loop(), [&] {
      return end->over || peer->over || (got().size() >= lines.size() && heard().size() >= lines.size());
    }));
    ASSERT_TRUE(got() == lines) << seed;
    ASSERT_TRUE(heard() == lines) << seed;
  }
}

}  // namespace
}  // namespace parley::net
