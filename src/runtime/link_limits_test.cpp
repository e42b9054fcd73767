#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/framed_pair_suite.h"
#include "runtime/pair_suite.h"
#include "runtime/raw.h"

// That what Limits says of links reaches a session over a stream: backpressure_test.cpp has outbound_bytes_max and
// control_bytes_max, link_descriptors_suite.h descriptors_max.
namespace parley::runtime {
namespace {

using namespace suite;

// A session that has heard nothing yet, and its peer.
struct Opening {
  explicit Opening(const Limits& limits) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop);
    peer = std::make_unique<io::suite::End>(std::move(far));
    peer->start();
    auto link = std::make_unique<FramedLink>(world.loop, std::move(near), limits);
    session = Hold(Session::start(world.loop, std::move(link), Session::Role::acceptor, {.limits = limits}, nullptr));
  }
  // A hello of exactly this size.
  void says_hello(std::size_t size) {
    const std::size_t bare = say::hello(7, Parity::odd, 64, {{"pad", std::string(150, 'p')}}).size() - 150;
    says(say::hello(7, Parity::odd, 64, {{"pad", std::string(size - bare, 'p')}}));
  }
  void says(const Octets& message) {
    ASSERT_EQ(peer->write(as_bytes(framed(as_text(message)))).bytes, message.size() + 4);
    world.settle();
  }
  World world;
  std::unique_ptr<io::suite::End> peer;
  Hold session;
};

TEST(LinkLimits, an_opening_at_its_limit_is_heard_and_one_above_is_not_even_read) {
  Limits limits;
  limits.opening_bytes_max = 200;
  {
    Opening opening(limits);
    opening.says_hello(200);
    EXPECT_TRUE(opening.session->is_established());
    opening.says(say::call(1, 1, Octets(1000, 'x')));
    EXPECT_FALSE(opening.session->has_ended()) << "once the handshake is over, messages may be longer";
  }
  Opening opening(limits);
  opening.says_hello(201);
  ASSERT_TRUE(opening.session->has_ended());
  ASSERT_TRUE(opening.session->end_reason());
  EXPECT_EQ(opening.session->end_reason()->code, Code::frame_too_large);
}

TEST(LinkLimits, a_message_at_the_limit_is_heard_and_one_above_costs_the_session) {
  Limits limits;
  limits.frame_bytes_max = 1000;
  FramedScripted scripted({.limits = limits});
  const std::size_t head = say::call_of<&Probe::echo>(1, {}, std::string(200, 'e')).size() - 200;
  scripted.says(say::call_of<&Probe::echo>(1, {}, std::string(1000 - head, 'e')));
  EXPECT_EQ(scripted.session->counters().responses_sent, 1u);
  EXPECT_FALSE(scripted.session->has_ended());
  scripted.says(say::call_of<&Probe::echo>(3, {}, std::string(1001 - head, 'e')));
  EXPECT_EQ(scripted.end_reason().code, Code::frame_too_large);
  const std::string received(scripted.peer->received.begin(), scripted.peer->received.end());
  EXPECT_NE(received.find("1001 bytes announced, 1000 allowed"), std::string::npos) << "the peer is told";
}

TEST(LinkLimits, a_message_of_ours_above_the_limit_is_refused_before_it_is_sent) {
  // rule: calls/link.tx.alloc.limits
  Limits limits;
  limits.frame_bytes_max = 1000;
  FramedPair pair({.limits = limits});
  auto call = pair.client_a().call<&Probe::echo>(std::string(1000, 'e'));
  const auto result = pair.world.run(outcome(call));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::too_large);
  EXPECT_EQ(pair.probe_b.calls, 0);
  EXPECT_FALSE(pair.a->has_ended());
}

TEST(LinkLimits, what_is_encoded_beyond_the_early_flush_leaves_at_once) {
  Limits limits;
  limits.flush_bytes = 500;
  FramedPair pair({.limits = limits});
  const std::uint64_t writes = pair.statistics_a.writes;
  std::vector<Call<std::string>> calls;
  auto client = pair.client_a();
  for (int i = 0; i < 10; ++i) {
    calls.push_back(client.call<&Probe::echo>(std::string(200, 'e')));
    EXPECT_LT(pair.a->link().out().size(), 500u);
  }
  EXPECT_EQ(pair.statistics_a.writes - writes, 3u) << "three calls are more than 500 bytes";
  pair.world.settle();
  EXPECT_EQ(pair.statistics_a.writes - writes, 4u);
}

TEST(LinkLimits, unread_items_pin_no_more_memory_than_the_limit) {
  Limits limits;
  limits.pinned_bytes_max = 300'000;  // two blocks
  FramedPair pair({.limits = limits});
  auto [text_tx, text_rx] = channel<std::string, 256>();
  auto call = pair.client_a().call<&Probe::keep_text>(std::move(text_tx));
  pair.world.settle();
  ASSERT_TRUE(pair.probe_b.kept_text);
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(pair.world.run(send_one(*pair.probe_b.kept_text, std::string(100, 't'))));
    pair.world.settle();  // each item comes in a read of its own, and would keep a whole block alive
  }
  EXPECT_LE(pair.a->root().channels().pinned_bytes(), 300'000u + 40 * 200u);
  EXPECT_EQ(pair.a->counters().items_copied, 38u);
  EXPECT_LE(pair.world.loop.blocks().held_count(), 2u);
  pair.probe_b.kept_text.reset();
  static_cast<void>(call);
}

TEST(LinkLimits, small_arguments_of_running_handlers_pin_no_more_memory_than_the_limit) {
  Limits limits;
  limits.pinned_bytes_max = 300'000;  // two blocks
  FramedPair pair({.limits = limits});
  auto client = pair.client_a();
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 40; ++i) {
    calls.push_back(client.call<&Probe::view>("wait " + std::to_string(i)));
    pair.world.settle();  // each call comes in a read of its own
  }
  EXPECT_LE(pair.world.loop.blocks().held_count(), 2u);
  pair.probe_b.release.set();
  for (int i = 0; i < 40; ++i) EXPECT_EQ(pair.world.run(outcome(calls[i])).value(), "wait " + std::to_string(i));
}

TEST(LinkLimits, small_arguments_of_running_raw_handlers_pin_no_more_memory_than_the_limit) {
  struct Waiting final : RawHandler {
    Task<Result<RawResponse>> handle(RawRequest& request) override {
      co_await release.wait();
      co_return RawResponse{.payload = request.arguments()};
    }
    Event release;
  } waiting;
  Limits limits;
  limits.pinned_bytes_max = 300'000;
  FramedPair pair({.limits = limits});
  set_rest(pair.table_b, waiting).value();
  std::vector<RawCall> calls;
  for (std::uint8_t i = 0; i < 40; ++i) {
    calls.push_back(RawCall::start(*pair.a, 1, std::array{i}));
    pair.world.settle();
  }
  EXPECT_LE(pair.world.loop.blocks().held_count(), 2u);
  waiting.release.set();
  pair.world.settle();
  for (std::uint8_t i = 0; i < 40; ++i) EXPECT_EQ(calls[i].await_resume()->payload.view()[0], i);
}

TEST(LinkLimits, an_item_that_was_read_pins_nothing_while_its_reader_waits_for_the_next) {
  FramedPair pair;
  std::vector<Tx<std::int32_t>> senders;
  std::vector<Call<std::int64_t>> sums;
  auto client = pair.client_a();
  for (int i = 0; i < 20; ++i) {
    auto [tx, rx] = channel<std::int32_t>();
    sums.push_back(client.call<&Probe::sum>(std::move(rx)));
    ASSERT_TRUE(pair.world.run(send_one(tx, i)));
    pair.world.settle();
    senders.push_back(std::move(tx));
  }
  EXPECT_EQ(pair.world.loop.blocks().held_count(), 0u);
}

}  // namespace
}  // namespace parley::runtime
