#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/pair_suite.h"
#include "runtime/raw.h"
#include "runtime/scripted_peer_suite.h"

// Toward receivers of roam 7.x, which hold 64 items and grant when they have read half of the initial credit: a channel
// whose half they could not hold would stand still for ever.
namespace parley::runtime::credit_test {

using namespace suite;
using testing::ElementsAre;
using testing::IsEmpty;

// Methods whose handler sends, and methods whose caller does.
class Wide {
 public:
  Task<void> give(std::uint32_t count, Tx<std::int32_t, 128> out) { return send(count, std::move(out)); }
  Task<void> give_too_wide(std::uint32_t count, Tx<std::int32_t, 129> out) { return send(count, std::move(out)); }
  Task<void> take(Rx<std::int32_t, 128> in) {
    kept = std::move(in);
    co_return;
  }
  Task<void> take_too_wide(Tx<std::int32_t> out, Rx<std::int32_t, 129> in) {
    static_cast<void>(out);
    static_cast<void>(in);
    co_return;
  }
  int started = 0;
  std::optional<Rx<std::int32_t, 128>> kept;

 private:
  template <std::uint32_t N>
  Task<void> send(std::uint32_t count, Tx<std::int32_t, N> out) {
    ++started;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (auto sent = co_await out.send(static_cast<std::int32_t>(i)); !sent) co_return;
    }
    out.close();
  }
};
PARLEY_SERVICE(Wide, give, give_too_wide, take, take_too_wide);

constexpr const char* at_most =
    "an initial credit of 129 toward a foreign receiver, which holds 64 items and grants after half: at most 128";

class ForeignCredit : public testing::TestWithParam<bool> {
 protected:
  ForeignCredit() { add_service<Wide>(table, wide).value(); }
  // The peer is foreign, or we are told to take it for one.
  ScriptOptions options() {
    return {.is_peer_foreign = !GetParam(), .session = {.is_foreign = GetParam()}, .methods = &table};
  }
  static std::size_t items_in(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(
        std::ranges::count_if(lines, [](const std::string& line) { return line.starts_with("item "); }));
  }

  Wide wide;
  MethodTable table;
};
INSTANTIATE_TEST_SUITE_P(PeerAndOption, ForeignCredit, testing::Bool());

TEST_P(ForeignCredit, of_128_is_spent_64_items_at_a_time_and_goes_on_with_a_grant) {
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Wide::give>(1, {1}, std::uint32_t{300}));
  EXPECT_EQ(items_in(scripted.peer->heard()), 64u);
  scripted.peer->says(say::grant(1, 64));
  EXPECT_EQ(items_in(scripted.peer->heard()), 64u);
  EXPECT_EQ(scripted.counters().channels_unsupported, 0u);
}

TEST_P(ForeignCredit, beyond_128_refuses_the_peers_call_whose_handler_would_send) {
  Scripted scripted(options());
  scripted.peer->says(say::call_of<&Wide::give_too_wide>(1, {1}, std::uint32_t{3}));
  EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 0102")) << "no handler took the channel";
  EXPECT_EQ(wide.started, 0);
  EXPECT_EQ(scripted.counters().channels_unsupported, 1u);
  EXPECT_EQ(scripted.session->root().channels().size(), 0u);
  // What the peer says about the channel meanwhile is no breach.
  scripted.peer->says(say::grant(1, 8), say::reset(1));
  EXPECT_FALSE(scripted.session->has_ended());
}

TEST_P(ForeignCredit, beyond_128_ends_our_call_whose_caller_would_send) {
  Scripted scripted(options());
  auto [tx, rx] = channel<std::int32_t, 129>();
  auto [tx_back, rx_back] = channel<std::int32_t>();
  auto call = Client<Wide>(*scripted.session).call<&Wide::take_too_wide>(std::move(tx_back), std::move(rx));
  EXPECT_EQ(scripted.world.run(outcome(call)).error(), (Error{Code::unsupported, at_most}));
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
  ASSERT_TRUE(tx.error());
  EXPECT_EQ(tx.error()->code, Code::unsupported);
  ASSERT_TRUE(rx_back.error());
  EXPECT_EQ(rx_back.error()->code, Code::unsupported);
  EXPECT_EQ(scripted.counters().channels_unsupported, 1u);
  EXPECT_EQ(scripted.counters().calls_sent, 0u);
  EXPECT_EQ(scripted.session->root().channels().size(), 0u);
  EXPECT_EQ(scripted.session->root().calls().in_flight(), 0u);
  // The next one is not the worse for it.
  auto [tx_next, rx_next] = channel<std::int32_t, 128>();
  auto next = Client<Wide>(*scripted.session).call<&Wide::take>(std::move(rx_next));
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  EXPECT_EQ(tx_next.credit(), 64u);
}

TEST_P(ForeignCredit, beyond_128_ends_our_call_in_line_too) {
  ScriptOptions narrow = options();
  narrow.peer_requests_max = 0;
  Scripted scripted(std::move(narrow));
  auto [tx, rx] = channel<std::int32_t, 129>();
  auto [tx_back, rx_back] = channel<std::int32_t>();
  auto call = Client<Wide>(*scripted.session).call<&Wide::take_too_wide>(std::move(tx_back), std::move(rx));
  EXPECT_EQ(scripted.world.run(outcome(call)).error().code, Code::unsupported);
  EXPECT_EQ(scripted.session->root().calls().in_line(), 0u);
}

TEST_P(ForeignCredit, beyond_128_is_good_where_the_peer_sends) {
  Scripted scripted(options());
  auto [tx, rx] = channel<std::int32_t, 129>();
  auto call = Client<Wide>(*scripted.session).call<&Wide::give_too_wide>(9u, std::move(tx));
  EXPECT_EQ(scripted.peer->heard().size(), 1u);
  EXPECT_EQ(scripted.counters().channels_unsupported, 0u);
}

TEST_P(ForeignCredit, beyond_128_ends_a_raw_call) {
  Scripted scripted(options());
  auto [tx, rx] = raw_channel(129);
  std::vector<RawChannel> channels;
  channels.emplace_back(std::move(rx));
  RawCall call = RawCall::start(*scripted.session, 4711, {}, std::move(channels));
  const auto response = [](RawCall& call) -> Task<Result<RawResponse>> { co_return co_await call; };
  EXPECT_EQ(scripted.world.run(response(call)).error(), (Error{Code::unsupported, at_most}));
  ASSERT_TRUE(tx.error());
  EXPECT_EQ(tx.error()->code, Code::unsupported);
  EXPECT_THAT(scripted.peer->heard(), IsEmpty());
}

class Sender final : public RawHandler {
 public:
  explicit Sender(bool waits) : waits_(waits) {}
  Task<Result<RawResponse>> handle(RawRequest& request) override {
    tx = request.as_sender(0, 129);
    if (waits_) co_await never.wait();
    co_return RawResponse{};
  }
  std::optional<RawTx> tx;
  Event never;

 private:
  bool waits_;
};

TEST_P(ForeignCredit, beyond_128_stops_a_raw_handler_that_would_send) {
  for (const bool waits : {false, true}) {
    Sender sender(waits);
    MethodTable rest;
    set_rest(rest, sender).value();
    ScriptOptions raw = options();
    raw.methods = &rest;
    Scripted scripted(std::move(raw));
    scripted.peer->says(say::call(1, 4711, {}, {1}));
    EXPECT_THAT(scripted.peer->heard(), ElementsAre("response 1 0102"));
    ASSERT_TRUE(sender.tx && sender.tx->error());
    EXPECT_EQ(*sender.tx->error(), (Error{Code::unsupported, at_most}));
    EXPECT_FALSE(sender.tx->is_open());
    EXPECT_EQ(scripted.counters().channels_unsupported, 1u);
    EXPECT_EQ(scripted.session->root().calls().handling(), 0u);
  }
}

TEST(ParleyCredit, may_be_as_wide_as_it_likes) {
  Wide wide;
  MethodTable table;
  add_service<Wide>(table, wide).value();
  Scripted scripted({.methods = &table});
  scripted.peer->says(say::call_of<&Wide::give_too_wide>(1, {1}, std::uint32_t{300}));
  EXPECT_EQ(scripted.peer->heard().size(), 129u);
}

}  // namespace parley::runtime::credit_test
