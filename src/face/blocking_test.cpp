#include "face/blocking.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "face/blocking_suite.h"

namespace parley::blocking {
namespace {

using suite::MathError;
using suite::Probe;
using suite::ServerThread;

class BlockingTest : public ::testing::Test {
 protected:
  Client<Probe> probe() { return session_.client<Probe>("Probe"); }
  Client<suite::Peer> peer() { return session_.client<suite::Peer>("Peer"); }

  ServerThread server_;
  Session session_ = connect(server_.address()).value();
};

TEST_F(BlockingTest, a_call_waits_for_its_value) {
  EXPECT_EQ(probe().call<&Probe::add>(2, 3).value(), 5);
  EXPECT_EQ(probe().call<&Probe::echo>("from here").value(), "from here");
}

TEST_F(BlockingTest, calls_that_were_started_together_have_their_outcomes_each) {
  std::vector<Call<std::int64_t>> calls;
  for (std::int64_t i = 0; i < 100; ++i) calls.push_back(probe().start<&Probe::add>(i, 1));
  for (std::int64_t i = 99; i >= 0; --i) EXPECT_EQ(calls[i].get().value(), i + 1);
}

TEST_F(BlockingTest, a_method_s_own_error_is_told_from_parley_s) {
  auto own = probe().call<&Probe::divide>(1, 0);
  ASSERT_NE(own.own(), nullptr);
  EXPECT_EQ(*own.own(), MathError::division_by_zero);
  EXPECT_EQ(probe().call<&Probe::divide>(6, 3).value(), 2);
  auto refused = probe().call<&Probe::refuse>(static_cast<std::uint32_t>(Code::permission), "not you");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), (Error{Code::permission, "not you"}));
}

TEST_F(BlockingTest, options_travel_with_the_call_and_metadata_comes_back) {
  CallOptions options;
  options.metadata.add("trace", "abc");
  auto call = probe().with(options).start<&Probe::inspect>("trace", false);
  Detailed<std::string> detailed = call.detailed();
  EXPECT_EQ(detailed.result.value(), "abc");
  ASSERT_NE(detailed.metadata.find_number("found"), nullptr);
  EXPECT_EQ(*detailed.metadata.find_number("found"), 1u);
  EXPECT_EQ(probe().call<&Probe::inspect>("trace", false).value(), "");
}

TEST_F(BlockingTest, a_deadline_ends_the_wait) {
  auto late = probe().with({.deadline = std::chrono::milliseconds(1)}).call<&Probe::hang>("nobody sets it free");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::deadline);
}

TEST_F(BlockingTest, more_items_than_the_credit_reach_the_peer) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  auto total = probe().start<&Probe::sum>(std::move(rx));
  for (std::int32_t i = 1; i <= 1000; ++i) ASSERT_TRUE(tx.send(i));
  tx.close();
  EXPECT_EQ(total.get().value(), 500'500);
  EXPECT_EQ(tx.send(1).error().code, Code::closed);
}

TEST_F(BlockingTest, more_items_than_the_credit_come_from_the_peer) {
  auto [tx, rx] = session_.channel<std::int32_t, 256>();
  auto done = probe().start<&Probe::generate>(1000, std::move(tx));
  std::int32_t count = 0;
  while (auto item = rx.recv()) EXPECT_EQ(*item, count++);
  EXPECT_EQ(count, 1000);
  EXPECT_EQ(rx.error(), nullptr);
  EXPECT_TRUE(done.get());
  EXPECT_FALSE(rx.recv());
}

TEST_F(BlockingTest, what_came_with_the_close_is_there_at_the_end) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  ASSERT_TRUE(probe().call<&Probe::keep_tx>(std::move(tx)));
  server_.run_there([this] { server_.probe.kept_tx->close({{.key = "why", .value = "enough"}}); });
  EXPECT_FALSE(rx.recv());
  EXPECT_EQ(rx.error(), nullptr);
  ASSERT_NE(rx.close_metadata().find_text("why"), nullptr);
  EXPECT_EQ(*rx.close_metadata().find_text("why"), "enough");
}

TEST_F(BlockingTest, dropping_or_resetting_the_receiver_stops_the_sender) {
  for (const bool is_reset : {false, true}) {
    auto [tx, rx] = session_.channel<std::int32_t, 256>();
    auto done = probe().start<&Probe::generate>(1'000'000, std::move(tx));
    EXPECT_EQ(rx.recv(), 0);
    if (is_reset) {
      rx.reset();
      EXPECT_FALSE(rx.recv());
      ASSERT_NE(rx.error(), nullptr);
      EXPECT_EQ(rx.error()->code, Code::reset);
    } else {
      const auto dropped = std::move(rx);
    }
    EXPECT_TRUE(done.get());
    std::optional<Error> error;
    server_.run_there([&] { error = std::exchange(server_.probe.generate_error, std::nullopt); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Code::reset);
  }
}

TEST_F(BlockingTest, a_sender_that_is_dropped_is_no_clean_end) {
  std::optional<Call<std::int64_t>> total;
  {
    auto [tx, rx] = session_.channel<std::int32_t>();
    total.emplace(probe().start<&Probe::sum>(std::move(rx)));
    ASSERT_TRUE(tx.send(7));
  }
  EXPECT_EQ(total->get().value(), 7);
  server_.run_there([this] {
    ASSERT_TRUE(server_.probe.sum_error);
    EXPECT_EQ(server_.probe.sum_error->code, Code::dropped);
  });
}

TEST_F(BlockingTest, a_call_that_is_dropped_is_cancelled_without_another_wait) {
  {
    const auto call = probe().start<&Probe::hang>("nobody waits");
    ASSERT_TRUE(probe().call<&Probe::add>(1, 1));
    server_.run_there([this] { EXPECT_EQ(server_.probe.hanging, 1); });
  }
  const Session other = connect(server_.address()).value();
  // Behind the cancel: what the first session sent is read before what came later.
  ASSERT_TRUE(Session(other).client<Probe>("Probe").call<&Probe::add>(1, 1));
  server_.run_there([this] { EXPECT_EQ(server_.probe.hanging, 0); });
}

TEST_F(BlockingTest, a_peer_that_dies_ends_the_call_that_waits) {
  auto call = probe().start<&Probe::hang>("until the end");
  ASSERT_TRUE(probe().call<&Probe::add>(1, 1));
  server_.stop();
  auto outcome = call.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::sent_then_lost);
  EXPECT_FALSE(probe().call<&Probe::add>(1, 1));
  EXPECT_TRUE(session_.closed());
}

TEST_F(BlockingTest, a_peer_that_dies_ends_the_streams_that_wait) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  auto call = peer().start<&suite::Peer::die_after>(100, std::move(rx));
  Result<void> sent;
  int count = 0;
  for (; sent; ++count) sent = tx.send(count);
  EXPECT_GE(count, 100);
  EXPECT_EQ(sent.error().code, Code::link_lost);
  EXPECT_FALSE(call.get());

  ServerThread second;
  Session session = connect(second.address()).value();
  auto [out, in] = session.channel<std::int32_t>();
  auto other = session.client<suite::Peer>("Peer").start<&suite::Peer::die_behind>(100, std::move(out));
  count = 0;
  while (auto item = in.recv()) EXPECT_EQ(*item, count++);
  EXPECT_EQ(count, 100);
  ASSERT_NE(in.error(), nullptr);
  EXPECT_EQ(in.error()->code, Code::link_lost);
  EXPECT_FALSE(other.get());
}

TEST_F(BlockingTest, after_close_everything_is_refused) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  auto total = probe().start<&Probe::sum>(std::move(rx));
  EXPECT_EQ(session_.peer().value().address, server_.address());
  session_.close();
  session_.close();
  EXPECT_TRUE(session_.closed());
  EXPECT_EQ(tx.send(1).error().code, Code::closed);
  EXPECT_EQ(total.get().error().code, Code::sent_then_lost);
  EXPECT_EQ(probe().call<&Probe::add>(1, 1).error().code, Code::closed);
}

TEST_F(BlockingTest, what_was_sent_leaves_before_the_last_handle_is_gone) {
  {
    Session leaving = connect(server_.address()).value();
    auto [tx, rx] = leaving.channel<std::int32_t>();
    ASSERT_TRUE(leaving.client<Probe>("Probe").call<&Probe::keep_rx>(std::move(rx)));
    for (std::int32_t i = 0; i < 16; ++i) ASSERT_TRUE(tx.send(i));
    tx.close();
  }
  server_.run_there([this] {
    server_.probe.on_custom = [this](std::int64_t total) -> Task<std::int64_t> {
      while (auto item = co_await server_.probe.kept_rx->recv()) total += *item;
      co_return server_.probe.kept_rx->error() ? -1 : total;
    };
  });
  EXPECT_EQ(probe().call<&Probe::custom>(0).value(), 120);
}

TEST_F(BlockingTest, what_the_system_did_not_take_leaves_before_the_last_handle_is_gone) {
  constexpr std::size_t size = std::size_t{8} << 20;
  {
    Session leaving = connect(server_.address()).value();
    const auto call = leaving.client<suite::Peer>("Peer").start<&suite::Peer::take>(std::string(size, 'x'));
  }
  server_.peer.taken.wait();
  EXPECT_EQ(server_.peer.taken_bytes, size);
}

TEST_F(BlockingTest, a_call_has_left_when_it_is_started) {
  const auto call = peer().start<&suite::Peer::take>("now");
  server_.peer.taken.wait();
}

TEST_F(BlockingTest, a_channel_of_another_session_is_refused) {
  Session other = connect(server_.address()).value();
  auto [tx, rx] = other.channel<std::int32_t>();
  auto total = probe().start<&Probe::sum>(std::move(rx));
  EXPECT_EQ(total.get().error().code, Code::invalid);
  auto own = other.client<Probe>("Probe").start<&Probe::sum>(std::move(rx));  // it is still there
  EXPECT_TRUE(tx.send(3));
  tx.close();
  EXPECT_EQ(own.get().value(), 3);
  auto again = other.client<Probe>("Probe").start<&Probe::sum>(std::move(rx));
  EXPECT_EQ(again.get().error().code, Code::invalid);
}

TEST_F(BlockingTest, connecting_to_nobody_says_why) {
  EXPECT_EQ(connect("unix:/nowhere/at/all.sock").error().code, Code::address);
  EXPECT_EQ(connect("pigeon:home").error().code, Code::uri);
}

// A client that serves a Probe to its peer, on its own loop.
class BlockingCallbackTest : public BlockingTest {
 protected:
  BlockingCallbackTest() {
    services_.serve<Probe>("Probe", here_).value();
    caller_.emplace(connect(server_.address(), {.services = &services_}).value());
  }
  ~BlockingCallbackTest() override { caller_.reset(); }
  Result<std::int64_t> ask_back(std::int64_t number) {
    return caller_->client<suite::Peer>("Peer").call<&suite::Peer::ask_back>(number);
  }

  Probe here_;
  Services services_;
  std::optional<Session> caller_;
};

TEST_F(BlockingCallbackTest, the_peer_is_served_while_a_call_waits) {
  here_.on_custom = [](std::int64_t number) -> Task<std::int64_t> {
    co_await Yield();
    co_return number * 2;
  };
  EXPECT_EQ(ask_back(21).value(), 42);
}

TEST_F(BlockingCallbackTest, a_handler_that_would_wait_for_its_own_loop_is_told) {
  std::vector<Code> codes;
  here_.on_custom = [&](std::int64_t number) -> Task<std::int64_t> {
    auto probe = caller_->client<Probe>("Probe");
    codes.push_back(probe.call<&Probe::add>(1, 2).error().code);
    codes.push_back(probe.start<&Probe::add>(1, 2).get().error().code);
    codes.push_back(caller_->closed().error().code);
    codes.push_back(caller_->peer().error().code);
    auto [tx, rx] = caller_->channel<std::int32_t>();
    codes.push_back(tx.send(1).error().code);
    EXPECT_FALSE(rx.recv());
    codes.push_back(rx.error()->code);
    co_return number;
  };
  EXPECT_EQ(ask_back(3).value(), 3);
  EXPECT_EQ(codes, std::vector<Code>(6, Code::wrong_thread));
  EXPECT_EQ(ask_back(4).value(), 4);
}

TEST_F(BlockingCallbackTest, a_channel_that_a_handler_made_is_used_afterwards) {
  std::optional<Tx<std::int32_t>> tx;
  std::optional<Rx<std::int32_t>> rx;
  here_.on_custom = [&](std::int64_t number) -> Task<std::int64_t> {
    co_await Yield();  // behind it the outcome that is waited for, which ends the turn
    auto [made_tx, made_rx] = caller_->channel<std::int32_t>();
    tx.emplace(std::move(made_tx));
    rx.emplace(std::move(made_rx));
    co_return number;
  };
  ASSERT_TRUE(caller_->client<suite::Peer>("Peer").call<&suite::Peer::ask_in_passing>(0));
  ASSERT_TRUE(tx && rx);
  auto total = caller_->client<Probe>("Probe").start<&Probe::sum>(*std::move(rx));
  EXPECT_TRUE(tx->send(8));
  tx->close();
  EXPECT_EQ(total.get().value(), 8);
}

TEST_F(BlockingCallbackTest, a_call_that_a_handler_drops_at_the_end_of_a_turn_is_cancelled_without_another_wait) {
  std::optional<Call<std::string>> hanging(caller_->client<Probe>("Probe").start<&Probe::hang>("nobody waits"));
  here_.on_custom = [&](std::int64_t number) -> Task<std::int64_t> {
    co_await Yield();  // behind it the outcome that is waited for, which ends the turn
    hanging.reset();
    co_return number;
  };
  ASSERT_TRUE(caller_->client<suite::Peer>("Peer").call<&suite::Peer::ask_in_passing>(0));
  ASSERT_FALSE(hanging);
  const Session other = connect(server_.address()).value();
  ASSERT_TRUE(Session(other).client<Probe>("Probe").call<&Probe::add>(1, 1));
  server_.run_there([this] { EXPECT_EQ(server_.probe.hanging, 0); });
}

// Takes everything and does nothing.
class Nowhere final : public face::BlockingRunner {
 public:
  Result<void> run(Make) override { return fail(Code::closed); }
  void post(Work) override {}
};

TEST(BlockingDeathTest, a_handle_that_was_moved_from_or_used_up_stops_the_program) {
  Session session(std::make_shared<Nowhere>());
  auto [tx, rx] = session.channel<std::int32_t>();
  auto moved = std::move(tx);
  EXPECT_DEATH(static_cast<void>(tx.send(1)), "moved from");  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(moved.send(1).error().code, Code::closed);
  EXPECT_FALSE(rx.recv());
  EXPECT_EQ(rx.error()->code, Code::closed);
}

}  // namespace
}  // namespace parley::blocking
