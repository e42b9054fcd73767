#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "runtime/framed_pair_suite.h"
#include "runtime/pair_suite.h"

// What becomes of a session whose peer does not read, or reads slowly.
namespace parley::runtime {
namespace {

using namespace suite;

// --- a peer that never reads

struct Flood {
  const char* name;
  std::vector<Octets> (*messages)(std::uint64_t round);
};

std::vector<Octets> unknown_methods(std::uint64_t round) {
  return {say::call_of<&Absent::missing>(2 * round + 1, {}, std::int64_t{1})};
}
std::vector<Octets> malformed_arguments(std::uint64_t round) {
  return {say::call(2 * round + 1, service::MethodInfo<&Probe::echo>::id, {0xff})};
}
std::vector<Octets> calls_answered_at_once(std::uint64_t round) {
  return {say::call_of<&Probe::echo>(2 * round + 1, {}, std::string(50, 'e'))};
}
std::vector<Octets> calls_beyond_the_limit(std::uint64_t round) {
  return {say::call_of<&Probe::hang>(2 * round + 1, {}, std::string("h"))};
}
std::vector<Octets> calls_that_are_cancelled(std::uint64_t round) {
  return {say::call_of<&Probe::hang>(2 * round + 1, {}, std::string("h")), say::cancel(2 * round + 1)};
}
std::vector<Octets> calls_with_channels(std::uint64_t round) {
  return {say::call_of<&Probe::keep_tx>(2 * round + 1, {2 * round + 1})};
}
std::vector<Octets> pings(std::uint64_t round) { return {say::ping(round)}; }
std::vector<Octets> connections(std::uint64_t round) { return {say::open(2 * round + 1)}; }

class BackpressureFlood : public testing::TestWithParam<Flood> {};

TEST_P(BackpressureFlood, costs_a_peer_that_never_reads_its_session_and_bounded_memory) {
  // rule: calls/weakness.29
  Limits limits;
  limits.outbound_bytes_max = 20'000;
  limits.control_bytes_max = 5'000;
  limits.flush_bytes = 1'000;
  limits.concurrent_requests_max = 50;
  FramedScripted scripted({.pipe_bytes_max = 4'000, .limits = limits});
  scripted.peer->is_reading = false;
  std::size_t held_max = 0;
  std::size_t blocks_max = 0;
  std::uint64_t round = 0;
  for (; round < 20'000 && !scripted.session->has_ended(); ++round) {
    for (const Octets& message : GetParam().messages(round)) {
      if (!scripted.says(message)) break;
    }
    held_max = std::max(held_max, scripted.out_bytes());
    blocks_max = std::max(blocks_max, scripted.world.loop.blocks().held_count());
  }
  EXPECT_EQ(scripted.end_reason().code, Code::outbound_full) << "after " << round << " rounds";
  EXPECT_EQ(scripted.session->counters().control_overflows, 1u);
  EXPECT_LE(held_max, 2 * limits.outbound_bytes_max + limits.control_bytes_max + 200u);
  EXPECT_LE(blocks_max, 3u);
  EXPECT_EQ(scripted.world.loop.blocks().held_count(), 0u);
  EXPECT_EQ(scripted.out_bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Of, BackpressureFlood,
                         testing::Values(Flood{"unknown_methods", unknown_methods},
                                         Flood{"malformed_arguments", malformed_arguments},
                                         Flood{"calls_answered_at_once", calls_answered_at_once},
                                         Flood{"calls_beyond_the_limit", calls_beyond_the_limit},
                                         Flood{"calls_that_are_cancelled", calls_that_are_cancelled},
                                         Flood{"calls_with_channels", calls_with_channels}, Flood{"pings", pings},
                                         Flood{"connections", connections}),
                         [](const auto& info) { return info.param.name; });

TEST(Backpressure, a_peer_that_reads_again_in_time_keeps_its_session) {
  Limits limits;
  limits.outbound_bytes_max = 2'000;
  limits.concurrent_requests_max = 50;
  FramedScripted scripted({.pipe_bytes_max = 1'000, .limits = limits});
  scripted.peer->is_reading = false;
  std::uint64_t id = 1;
  for (; scripted.session->counters().calls_refused_to_peer < 20; id += 2) {
    ASSERT_LT(id, 2'000u);
    ASSERT_TRUE(scripted.says(say::call_of<&Probe::echo>(id, {}, std::string(50, 'e'))));
  }
  scripted.peer->is_reading = true;
  scripted.peer->received.clear();
  scripted.says(say::call_of<&Probe::add>(id, {}, std::int64_t{1}, std::int64_t{2}));
  for (int i = 0; i < 100; ++i) scripted.settle();
  EXPECT_FALSE(scripted.session->has_ended());
  EXPECT_EQ(scripted.session->counters().responses_sent, (id + 1) / 2) << "every call has its response";
  EXPECT_EQ(scripted.out_bytes(), 0u);
  EXPECT_EQ(scripted.session->counters().control_overflows, 0u);
}

TEST(Backpressure, calls_toward_a_peer_that_does_not_read_are_refused_beyond_twice_the_quota) {
  Limits limits;
  limits.outbound_bytes_max = 1'000;
  FramedScripted scripted({.pipe_bytes_max = 500, .limits = limits, .role = Session::Role::initiator});
  scripted.peer->is_reading = false;
  std::vector<Call<std::string>> calls;
  auto client = scripted.client();
  std::optional<Error> refused;
  for (int i = 0; i < 60 && !refused; ++i) {
    calls.push_back(client.call<&Probe::echo>(std::string(100, 'e')));
    scripted.settle();
    EXPECT_LE(scripted.out_bytes(), 2'000u + 200u);
    if (scripted.session->counters().calls_refused_here != 0) {
      auto result = scripted.world.run(outcome(calls.back()));
      ASSERT_FALSE(result);
      refused = result.error();
    }
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, Code::outbound_full);
  EXPECT_FALSE(scripted.session->has_ended());
}

// --- a reader that is slow

Task<void> send_all(Tx<std::int32_t> tx, std::int32_t count, std::int32_t& sent) {
  for (sent = 0; sent < count; ++sent) {
    if (!co_await tx.send(sent)) co_return;
  }
  tx.close();
}

Task<void> take_all(Rx<std::int32_t>& rx, std::int32_t& received) {
  while (co_await rx.recv()) ++received;
}

TEST(Backpressure, a_reader_that_does_not_read_stops_the_writer_at_its_credit) {
  FramedPair pair;
  auto [tx, rx] = channel<std::int32_t>();
  auto call = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
  std::int32_t sent = 0;
  Running<void> sending(pair.world, send_all(std::move(tx), 1'000'000, sent));
  EXPECT_EQ(sent, 16);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(pair.world.run(receive_one(*pair.probe_b.kept_rx)), i);
  }
  pair.world.settle();
  EXPECT_LE(sent - 10, 64) << "ten read items open the window a little";
  EXPECT_EQ(pair.a->link().out().size(), 0u);
  sending.cancel();
  pair.probe_b.kept_rx.reset();
  static_cast<void>(call);
}

TEST(Backpressure, a_writer_is_never_further_ahead_than_the_window_in_items_and_in_bytes) {
  Limits limits;
  limits.window_items_max = 500;
  limits.window_bytes_max = 100'000;
  FramedPair pair({.limits = limits});
  for (const bool is_small : {true, false}) {
    auto [tx, rx] = channel<std::int32_t>();
    auto call = pair.client_a().call<&Probe::keep_rx>(std::move(rx));
    pair.world.settle();
    std::int32_t sent = 0;
    std::int32_t received = 0;
    std::int32_t ahead_max = 0;
    Scope scope(pair.world.loop.executor());
    scope.spawn(send_all(std::move(tx), is_small ? 50'000 : 2'000, sent));
    scope.spawn(take_all(*pair.probe_b.kept_rx, received));
    while (pair.world.loop.poll_once()) ahead_max = std::max(ahead_max, sent - received);
    EXPECT_EQ(received, is_small ? 50'000 : 2'000);
    EXPECT_LE(ahead_max, 500);
    pair.probe_b.kept_rx.reset();
    static_cast<void>(call);
  }
}

TEST(Backpressure, with_credit_to_spare_a_peer_that_does_not_read_stops_the_writer_at_the_quota) {
  Limits limits;
  limits.outbound_bytes_max = 10'000;
  FramedScripted scripted({.pipe_bytes_max = 5'000, .limits = limits});
  scripted.says(say::call_of<&Probe::keep_text>(1, {1}));
  scripted.says(say::grant(1, 1'000'000));
  ASSERT_TRUE(scripted.probe.kept_text);
  scripted.peer->is_reading = false;
  std::int32_t sent = 0;
  const auto send_on = [](Tx<std::string, 256>& tx, std::int32_t& count) -> Task<void> {
    const std::string text(100, 't');
    for (count = 0; co_await tx.send(text); ++count) {
    }
  };
  Scope scope(scripted.world.loop.executor());
  scope.spawn(send_on(*scripted.probe.kept_text, sent));
  scripted.settle();
  EXPECT_GT(sent, 80);
  EXPECT_LE(scripted.out_bytes(), 10'000u + 200u);
  EXPECT_LE(sent, 150) << "a quota and a pipe of 107 bytes an item";
  const std::int32_t before = sent;
  scripted.peer->is_reading = true;
  scripted.peer->read_max = 1'000;
  scripted.says(say::ping(1));
  scripted.settle();
  EXPECT_GT(sent, before) << "it goes on when the peer reads";
  scope.cancel_all();
  scripted.probe.kept_text.reset();
}

// The items of channel 1 that a peer of bare bytes has received.
std::vector<std::string> items_heard(const io::suite::End& peer) {
  std::vector<std::string> items;
  ByteView rest = peer.received;
  while (!rest.empty()) {
    const wire::FrameScan scan = wire::scan_frame(rest, Limits().frame_bytes_max);
    if (scan.status != wire::FrameScan::Status::whole) break;
    rest = rest.subspan(scan.size);
    if (const std::string line = told(scan.message); line.starts_with("item 1 ")) items.push_back(line);
  }
  EXPECT_TRUE(rest.empty()) << "a message was cut";
  return items;
}

TEST(Backpressure, whoever_waits_for_the_link_sends_one_whole_item_or_nothing_or_is_told_why_not) {
  // rule: calls/link.tx.reserve, calls/link.tx.cancel-safe, calls/conduit.permit, calls/conduit.permit.send
  Limits limits;
  limits.outbound_bytes_max = 10'000;
  FramedScripted scripted({.pipe_bytes_max = 5'000, .limits = limits});
  scripted.says(say::call_of<&Probe::keep_text>(1, {1}));
  scripted.says(say::grant(1, 1'000));
  ASSERT_TRUE(scripted.probe.kept_text);
  Tx<std::string, 256>& tx = *scripted.probe.kept_text;
  const std::uint64_t credit = tx.credit();
  const auto send_on = [](Tx<std::string, 256>& tx, std::size_t& count) -> Task<void> {
    for (; co_await tx.send(std::string(100, 't')); ++count) {
    }
  };
  const auto send_once = [](Tx<std::string, 256>& tx, std::string text,
                            std::optional<Result<void>>& sent) -> Task<void> { sent = co_await tx.send(text); };
  Scope scope(scripted.world.loop.executor());
  const auto wait_behind_full_link = [&](std::size_t& count) {
    scripted.peer->is_reading = false;
    for (std::size_t before = ~count; count != before;) {
      before = count;
      scope.cancel_all();
      scope.spawn(send_on(tx, count));
      scripted.settle();
    }
    ASSERT_TRUE(scripted.session->link().is_blocked());
  };

  // Dropped while it waits: nothing of it leaves, and it takes nothing with it.
  std::size_t count = 0;
  wait_behind_full_link(count);
  EXPECT_EQ(tx.credit(), credit - count);
  scope.cancel_all();
  EXPECT_EQ(tx.credit(), credit - count);

  // Waits until there is room, and has then sent exactly one.
  std::optional<Result<void>> sent;
  scope.spawn(send_once(tx, "behind the others", sent));
  scripted.settle();
  EXPECT_FALSE(sent);
  scripted.peer->is_reading = true;
  scripted.settle();
  ASSERT_TRUE(sent);
  EXPECT_TRUE(*sent);
  EXPECT_EQ(tx.credit(), credit - count - 1);
  std::vector<std::string> expected(count, told(say::item(1, codec::to_postcard(std::string(100, 't')))));
  expected.push_back(told(say::item(1, codec::to_postcard(std::string("behind the others")))));
  EXPECT_EQ(items_heard(*scripted.peer), expected);

  // Waits for a link that ends.
  wait_behind_full_link(count);
  scope.cancel_all();
  sent.reset();
  scope.spawn(send_once(tx, "too late", sent));
  scripted.settle();
  EXPECT_FALSE(sent);
  scripted.session->close({Code::closed, "test"});
  scripted.settle();
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->error().code, Code::closed);
  scope.cancel_all();
  scripted.probe.kept_text.reset();
}

// --- both

TEST(Backpressure, two_peers_that_both_block_make_progress) {
  // rule: calls/weakness.33
  FramedPair pair({.pipe_bytes_max = 500});
  const std::string big(100'000, 'b');
  std::vector<Call<std::string>> calls;
  auto client_a = pair.client_a();
  auto client_b = pair.client_b();
  for (int i = 0; i < 5; ++i) {
    calls.push_back(client_a.call<&Probe::echo>(big));
    calls.push_back(client_b.call<&Probe::echo>(big));
  }
  bool were_both_blocked = false;
  do {
    were_both_blocked |= pair.a->link().is_blocked() && pair.b->link().is_blocked();
  } while (pair.world.loop.poll_once());
  EXPECT_TRUE(were_both_blocked);
  for (auto& call : calls) {
    const auto result = pair.world.run(outcome(call));
    ASSERT_TRUE(result);
    ASSERT_EQ(result->size(), big.size());
  }
  EXPECT_GT(pair.statistics_a.writes_blocked, 100u);
  EXPECT_GT(pair.statistics_b.writes_blocked, 100u);
}

TEST(Backpressure, a_cancel_overtakes_what_waits_behind_a_full_pipe) {
  // rule: calls/weakness.33
  FramedScripted scripted({.pipe_bytes_max = 1'000, .role = Session::Role::initiator});
  std::optional<Call<std::string>> first(scripted.client().call<&Probe::hang>(std::string("first")));
  scripted.settle();
  scripted.peer->is_reading = false;
  auto second = scripted.client().call<&Probe::echo>(std::string(50'000, 'x'));
  auto third = scripted.client().call<&Probe::echo>(std::string(50'000, 'y'));
  scripted.settle();
  ASSERT_TRUE(scripted.session->link().is_blocked());
  first.reset();
  scripted.peer->received.clear();
  scripted.peer->is_reading = true;
  scripted.settle();
  const std::string received(scripted.peer->received.begin(), scripted.peer->received.end());
  const std::size_t cancel = received.find(framed(as_text(say::cancel(1))));
  ASSERT_NE(cancel, std::string::npos);
  EXPECT_LT(cancel, received.find("yyyy"));
}

TEST(Backpressure, many_callers_share_a_link_in_the_order_in_which_they_called) {
  // rule: calls/weakness.35
  FramedPair pair;
  const std::uint64_t writes = pair.statistics_a.writes;
  const std::uint64_t answers = pair.statistics_b.writes;
  std::vector<std::int64_t> handled;
  pair.probe_b.on_custom = [&](std::int64_t number) -> Task<std::int64_t> {
    handled.push_back(number);
    return pair.probe_b.add(number, 0);
  };
  std::vector<Call<std::int64_t>> calls;
  auto client = pair.client_a();
  std::vector<std::int64_t> expected;
  for (std::int64_t i = 0; i < 50; ++i) {
    calls.push_back(client.call<&Probe::custom>(i));
    expected.push_back(i);
  }
  pair.world.settle();
  EXPECT_EQ(handled, expected);
  EXPECT_EQ(pair.statistics_a.writes - writes, 1u) << "calls that are made together leave together";
  EXPECT_EQ(pair.statistics_b.writes - answers, 1u) << "and so do their responses";
}

TEST(Backpressure, channels_that_wait_for_one_link_take_turns) {
  // rule: calls/weakness.35
  Limits limits;
  limits.outbound_bytes_max = 2'000;
  FramedPair pair({.pipe_bytes_max = 1'000, .limits = limits});
  std::vector<std::int64_t> totals;
  std::vector<std::int32_t> sent(4);
  std::vector<Call<std::int64_t>> calls;
  Scope scope(pair.world.loop.executor());
  auto client = pair.client_a();
  std::int32_t spread_max = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    auto [tx, rx] = channel<std::int32_t>();
    calls.push_back(client.call<&Probe::sum>(std::move(rx)));
    scope.spawn(send_all(std::move(tx), 2'000, sent[i]));
  }
  while (pair.world.loop.poll_once()) {
    const auto [least, most] = std::ranges::minmax(sent);
    if (most < 2'000) spread_max = std::max(spread_max, most - least);
  }
  for (auto& call : calls) {
    const auto total = pair.world.run(outcome(call));
    ASSERT_TRUE(total);
    EXPECT_EQ(*total, 1'999'000);
  }
  EXPECT_LE(spread_max, 1'000) << "one channel was far ahead of another";
}

// --- much

TEST(Backpressure, many_items_arrive_complete_and_in_order_each_way) {
  constexpr std::int32_t count = 30'000;
  FramedPair pair;
  {
    auto [tx, rx] = channel<std::int32_t>();
    auto total = pair.client_a().call<&Probe::sum>(std::move(rx));
    std::int32_t sent = 0;
    Running<void> sending(pair.world, send_all(std::move(tx), count, sent));
    EXPECT_EQ(sent, count);
    const auto sum = pair.world.run(outcome(total));
    ASSERT_TRUE(sum);
    EXPECT_EQ(*sum, std::int64_t{count} * (count - 1) / 2);
  }
  auto [tx, rx] = channel<std::int32_t, 256>();
  auto done = pair.client_a().call<&Probe::generate>(std::uint32_t{count}, std::move(tx));
  const std::vector<std::int32_t> items = pair.world.run(receive_all(rx));
  ASSERT_EQ(items.size(), static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) ASSERT_EQ(items[static_cast<std::size_t>(i)], i);
  EXPECT_FALSE(rx.error());
  EXPECT_TRUE(pair.world.run(outcome(done)));
  EXPECT_LE(pair.world.loop.blocks().free_count(), 16u);
}

}  // namespace
}  // namespace parley::runtime
