#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hub/hub.h"
#include "io/memory_listener.h"
#include "runtime/world_suite.h"

// Whoever comes to the door by HTTP, until a request of his is let in. What reads HTTP is the test itself.
namespace parley::hub {
namespace {

using namespace std::chrono_literals;
using namespace runtime::suite;

constexpr std::string_view secret = "the secret of the client";

class HttpLoop final : public io::Loop {
 public:
  struct Connection final : io::HttpConnection {
    Connection(std::unique_ptr<io::Stream> from, io::HttpHandler& of) : stream(std::move(from)), handler(of) {}
    void close() override {}
    const io::Peer& peer() const override { return stream->peer(); }
    std::unique_ptr<io::Stream> stream;
    io::HttpHandler& handler;
  };
  using io::Loop::Loop;
  Result<std::unique_ptr<io::HttpConnection>> accept_http(std::unique_ptr<io::Stream>& stream, io::HttpHandler& handler,
                                                          io::HttpLimits) override {
    auto made = std::make_unique<Connection>(std::move(stream), handler);
    connections.push_back(made.get());
    return made;
  }
  std::vector<Connection*> connections;  // as they came, those that are over among them
};

HubOptions options() {
  HubOptions options;
  options.limits.sessions_max = 2;
  options.limits.newcomers_max = 4;
  options.tokens.add("client", secret).value();
  options.policy = core::Policy();
  options.policy.add(core::Rule::parse("token:client see,call **").value()).value();
  return options;
}

class DoorWebTest : public testing::Test {
 protected:
  DoorWebTest() { hub.listen("mem:hub").value(); }
  ~DoorWebTest() override {
    hub.close();
    settle();
    EXPECT_EQ(loop.executor().timer_count(), 0u) << "a timer outlives the hub";
  }
  void settle() {
    while (loop.poll_once()) {
    }
  }
  void pass(Duration duration) {
    clock.at = clock.at + duration;
    settle();
  }
  std::unique_ptr<io::Stream> caller(std::string_view bytes) {
    io::MemoryDialer dialer(loop, "hub");
    auto stream = loop.run_until(dialer.dial()).value();
    EXPECT_EQ(stream->write_some(as_bytes(bytes)).bytes, bytes.size());
    settle();
    return stream;
  }
  std::unique_ptr<io::Stream> by_http() { return caller("GET / HTTP/1.1\r\n"); }
  std::unique_ptr<io::Stream> silent() { return caller("GE"); }
  static bool is_open(io::Stream& stream) {
    std::array<std::uint8_t, 64> bytes;
    return stream.read_some(bytes).status == io::Transfer::Status::would_block;
  }
  // Whether the head of a request is let in.
  bool asks(std::size_t connection, bool has_token) {
    io::HttpRequest head{.target = "/cmds.json"};
    if (has_token) head.fields.push_back({"Authorization", "Bearer " + std::string(secret)});
    const auto refusal = loop.connections.at(connection)->handler.on_head(head, io::Peer());
    if (refusal) EXPECT_EQ(refusal->status, 401u);
    settle();
    return !refusal;
  }

  FakeClock clock;
  FakeReactor reactor;
  FakeRandom random;
  HttpLoop loop{clock, reactor, random};
  Hub hub{loop, options()};
};

TEST_F(DoorWebTest, strangers_push_out_each_other_and_nobody_who_was_let_in) {
  auto inside = by_http();
  EXPECT_TRUE(asks(0, true));
  std::vector<std::unique_ptr<io::Stream>> strangers;
  for (std::size_t i = 1; i <= 6; ++i) {
    strangers.push_back(by_http());
    EXPECT_FALSE(asks(i, false));
  }
  EXPECT_EQ(hub.web_connection_count(), 1u + 4u);
  EXPECT_EQ(hub.door().pushed_out, 2u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(is_open(*strangers[i]), i >= 2) << i;
  EXPECT_TRUE(is_open(*inside));
  EXPECT_EQ(hub.web().refused, 6u);
}

TEST_F(DoorWebTest, of_newcomers_of_all_kinds_the_oldest_goes) {
  std::vector<std::unique_ptr<io::Stream>> all;
  all.push_back(silent());
  all.push_back(by_http());
  all.push_back(silent());
  all.push_back(by_http());
  for (std::size_t gone = 0; gone < 4; ++gone) {
    EXPECT_TRUE(is_open(*all[gone])) << gone;
    all.push_back(silent());
    EXPECT_FALSE(is_open(*all[gone])) << gone;
    EXPECT_EQ(hub.door().pushed_out, gone + 1);
  }
  EXPECT_EQ(hub.web_connection_count(), 0u);
}

TEST_F(DoorWebTest, who_is_let_in_with_no_request_in_time_is_cut_off) {
  auto inside = by_http();
  auto quiet = by_http();
  auto refused = by_http();
  EXPECT_FALSE(asks(2, false));
  pass(3s);
  EXPECT_TRUE(asks(0, true));
  pass(1999ms);
  EXPECT_TRUE(is_open(*quiet) && is_open(*refused));
  pass(1ms);
  EXPECT_FALSE(is_open(*quiet) || is_open(*refused));
  EXPECT_TRUE(is_open(*inside));
  pass(1h);
  EXPECT_TRUE(is_open(*inside));
  EXPECT_EQ(hub.web_connection_count(), 1u);
}

TEST_F(DoorWebTest, who_is_let_in_or_goes_leaves_his_place_to_others) {
  std::vector<std::unique_ptr<io::Stream>> all;
  for (int i = 0; i < 4; ++i) all.push_back(by_http());
  EXPECT_TRUE(asks(0, true));
  HttpLoop::Connection& gone = *loop.connections[1];
  gone.handler.on_http_over(gone);
  settle();
  EXPECT_EQ(hub.web_connection_count(), 3u);
  for (int i = 0; i < 2; ++i) all.push_back(by_http());
  EXPECT_EQ(hub.door().pushed_out, 0u);
  all.push_back(by_http());
  EXPECT_EQ(hub.door().pushed_out, 1u);
}

TEST_F(DoorWebTest, newcomers_take_no_place_of_those_who_are_let_in) {
  std::vector<std::unique_ptr<io::Stream>> all;
  for (int i = 0; i < 4; ++i) all.push_back(by_http());
  EXPECT_TRUE(asks(2, true));
  EXPECT_TRUE(asks(3, true));
  auto beyond = by_http();
  EXPECT_FALSE(is_open(*beyond)) << "as many as there may be are let in";
  EXPECT_TRUE(is_open(*all[0]));
}

}  // namespace
}  // namespace parley::hub
