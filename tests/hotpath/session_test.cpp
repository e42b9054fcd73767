#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "async/frame_pool.h"
#include "net/net_world_suite.h"
#include "parley/parley.h"
#include "runtime/framed_pair_suite.h"
#include "support/allocation_count.h"
#include "support/lock_count.h"

// What calls and items cost between two sessions over a stream, and what an idle session holds.
namespace parley {
namespace {

using async::FramePool;
using namespace runtime::suite;

class SessionCostTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!FramePool::is_on()) GTEST_SKIP() << "the frame pool is off in this build; the release build runs this";
  }
};

Task<void> make_calls(Client<Probe> client, std::int64_t count, std::int64_t& done) {
  for (std::int64_t i = 0; i < count; ++i) {
    const Result<std::int64_t> sum = co_await client.call<&Probe::add>(i, std::int64_t{1});
    if (!sum || *sum != i + 1) co_return;
    ++done;
  }
}

Task<void> send_numbers(Tx<std::int32_t> tx, std::int32_t count) {
  for (std::int32_t i = 0; i < count; ++i) {
    if (!co_await tx.send(i)) co_return;
  }
  tx.close();
}

// Client to server: what the handler added up.
std::int64_t pour(FramedPair& pair, std::int32_t count) {
  auto [tx, rx] = channel<std::int32_t>();
  auto total = pair.client_a().call<&Probe::sum>(std::move(rx));
  Scope scope(pair.world.loop.executor());
  scope.spawn(send_numbers(std::move(tx), count));
  while (!total.is_done() && pair.world.loop.poll_once()) {
  }
  return total.is_done() ? total.await_resume().value_or(-1) : -2;
}

// Server to client: how many came, in order and to a clean end.
Task<std::int32_t> drain(Client<Probe> client, std::uint32_t count) {
  auto [tx, rx] = channel<std::int32_t, 256>();
  auto done = client.call<&Probe::generate>(count, std::move(tx));
  std::int32_t received = 0;
  while (auto item = co_await rx.recv()) {
    if (*item != received++) co_return -1;
  }
  if (rx.error() || !co_await done) co_return -2;
  co_return received;
}

TEST_F(SessionCostTest, calls_allocate_nothing_and_take_no_lock_in_the_steady_state) {
  // rule: calls/weakness.30
  // rule: calls/weakness.32
  FramedPair pair;
  const auto round = [&] {
    std::int64_t done = 0;
    Scope scope(pair.world.loop.executor());
    for (int i = 0; i < 10; ++i) scope.spawn(make_calls(pair.client_a(), 1000, done));
    pair.world.settle();
    ASSERT_EQ(done, 10'000);
  };
  round();
  std::size_t locks = 0;
  EXPECT_EQ(allocations_in([&] { locks = locks_in(round); }), 0u);
  EXPECT_EQ(locks, 0u);
}

TEST_F(SessionCostTest, locks_are_seen_where_there_are_any) {
  std::mutex mutex;
  EXPECT_EQ(locks_in([&] { const std::lock_guard lock(mutex); }), 1u);
}

TEST_F(SessionCostTest, a_handler_that_suspends_comes_from_the_pool) {
  // rule: calls/weakness.32
  FramedPair pair;
  pair.probe_b.on_custom = [](std::int64_t number) -> Task<std::int64_t> {
    co_await Yield();
    co_return number;
  };
  const auto call = [](Client<Probe> client) -> Task<std::int64_t> {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < 1000; ++i) sum += (co_await client.call<&Probe::custom>(i)).value();
    co_return sum;
  };
  EXPECT_EQ(pair.world.run(call(pair.client_a())), 499'500);
  EXPECT_EQ(allocations_in([&] { EXPECT_EQ(pair.world.run(call(pair.client_a())), 499'500); }), 0u);
}

constexpr std::int32_t million = 1'000'000;

TEST_F(SessionCostTest, a_million_items_to_the_server_allocate_as_good_as_nothing_and_take_no_lock) {
  // rule: calls/weakness.30
  // rule: calls/weakness.31
  FramedPair pair;
  ASSERT_EQ(pour(pair, 100'000), std::int64_t{100'000} * 99'999 / 2);
  reset_peak();
  const std::size_t live = allocation_count().live_bytes;
  std::int64_t sum = 0;
  std::size_t locks = 0;
  const std::size_t allocations = allocations_in([&] { locks = locks_in([&] { sum = pour(pair, million); }); });
  EXPECT_EQ(sum, std::int64_t{million} * (million - 1) / 2);
  EXPECT_LE(allocations, 40u) << "the call, its channel and its growing queue; nothing an item";
  EXPECT_EQ(locks, 0u);
  EXPECT_LE(allocation_count().peak_bytes, live + (std::size_t{2} << 20)) << "a window of a megabyte and its blocks";
}

TEST_F(SessionCostTest, a_million_items_to_the_client_allocate_as_good_as_nothing_and_take_no_lock) {
  // rule: calls/weakness.30
  // rule: calls/weakness.31
  FramedPair pair;
  ASSERT_EQ(pair.world.run(drain(pair.client_a(), 100'000)), 100'000);
  reset_peak();
  const std::size_t live = allocation_count().live_bytes;
  std::int32_t received = 0;
  std::size_t locks = 0;
  const std::size_t allocations =
      allocations_in([&] { locks = locks_in([&] { received = pair.world.run(drain(pair.client_a(), million)); }); });
  EXPECT_EQ(received, million);
  EXPECT_LE(allocations, 40u) << "the call, its channel and its growing queue; nothing an item";
  EXPECT_EQ(locks, 0u);
  EXPECT_LE(allocation_count().peak_bytes, live + (std::size_t{2} << 20));
}

// --- idle

Task<Result<std::unique_ptr<Session>>> connect_and_call(io::Loop& loop, std::string uri) {
  auto session = co_await connect(loop, std::move(uri));
  if (!session) co_return fail(session.error());
  const Result<std::int64_t> sum =
      co_await (*session)->client<Probe>("Probe").call<&Probe::add>(std::int64_t{1}, std::int64_t{2});
  if (!sum) co_return fail(sum.error());
  co_return std::move(*session);
}

TEST_F(SessionCostTest, an_idle_session_over_a_unix_socket_holds_at_most_four_kilobytes_at_each_end) {
  constexpr std::size_t session_count = 1000;
  constexpr std::size_t bytes_max = 4096;
  const net::suite::TemporaryFolder folder;
  Loop server_loop;
  Loop client_loop;
  Probe probe;
  auto server = listen(server_loop, "unix:" + folder / "s").value();
  ASSERT_TRUE(server.serve<Probe>("Probe", probe));
  std::ptrdiff_t held_here = 0;
  std::ptrdiff_t held_there = 0;
  // What live memory a side gains while it runs is its own.
  const auto counted = [](std::ptrdiff_t& held, auto work) {
    const auto before = static_cast<std::ptrdiff_t>(allocation_count().live_bytes);
    work();
    held += static_cast<std::ptrdiff_t>(allocation_count().live_bytes) - before;
  };
  std::vector<std::unique_ptr<Session>> sessions(session_count + 1);
  for (std::size_t i = 0; i <= session_count; ++i) {
    if (i == 1) held_here = held_there = 0;  // the first one fills the pools
    auto opening = connect_and_call(client_loop, server.address());
    opening.bind(client_loop.executor());
    bool is_done = false;
    counted(held_here, [&] { is_done = opening.start(); });
    while (!is_done) {
      counted(held_there, [&] { server_loop.poll_once(); });
      counted(held_here, [&] {
        client_loop.poll_once();
        is_done = opening.is_done();
      });
    }
    counted(held_here, [&] { sessions[i] = opening.promise().take().value(); });
    counted(held_here, [&] { opening.reset(); });
  }
  counted(held_there, [&] {
    while (server_loop.poll_once()) {
    }
  });
  ASSERT_EQ(server.session_count(), session_count + 1);
  const auto per_session = [](std::ptrdiff_t held) {
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(held, 0)) / session_count;
  };
  EXPECT_LE(per_session(held_here), bytes_max);
  EXPECT_LE(per_session(held_there), bytes_max);
  EXPECT_GE(per_session(held_here), 500u) << "is anything counted at all?";
  EXPECT_GE(per_session(held_there), 500u);
  RecordProperty("bytes_client", static_cast<int>(per_session(held_here)));
  RecordProperty("bytes_server", static_cast<int>(per_session(held_there)));
  sessions.clear();
}

}  // namespace
}  // namespace parley
