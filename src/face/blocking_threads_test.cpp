#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "face/blocking_suite.h"

namespace parley::blocking {
namespace {

using suite::Probe;
using suite::ServerThread;

// A loop on a thread of its own, with both ends of a session on it: what is served and who calls.
class LoopThread {
 public:
  LoopThread() : thread_([this] { run(); }) { started_.wait(); }
  ~LoopThread() { stop(); }
  // Session, loop and thread are gone.
  void stop() {
    if (!thread_.joinable()) return;
    loop_->stop();
    stopped_.count_down();
    thread_.join();
  }
  template <class Work>
  void run_there(Work work) {
    std::latch done(1);
    loop_->post([&] {
      work();
      done.count_down();
    });
    done.wait();
  }
  parley::Session& session() { return *session_; }
  void drop_session() {
    run_there([this] { session_.reset(); });
  }
  void wait_for_end_of_session() { ended_.wait(); }

  Probe probe;

 private:
  void run() {
    Loop loop;
    Server server = listen(loop, "mem:here").value();
    server.serve<Probe>("Probe", probe).value();
    Scope scope(loop);
    server.on_session([&](parley::Session& session) { scope.spawn(tell_of_end(session, ended_)); });
    session_ = loop.run_until(parley::connect(loop, "mem:here")).value();
    loop_ = &loop;
    started_.count_down();
    loop.run();
    stopped_.wait();  // whoever stops the loop may still be at it
    session_.reset();
  }
  static Task<void> tell_of_end(parley::Session& session, std::latch& ended) {
    static_cast<void>(co_await session.closed());
    ended.count_down();
  }

  Loop* loop_ = nullptr;
  std::unique_ptr<parley::Session> session_;
  std::latch started_{1};
  std::latch stopped_{1};
  std::latch ended_{1};
  std::thread thread_;
};

class BlockingThreadsTest : public ::testing::Test {
 protected:
  // The probe's handler says when it runs, and then waits for ever.
  void let_custom_hang() {
    loop_.run_there([this] {
      loop_.probe.on_custom = [this](std::int64_t number) -> Task<std::int64_t> {
        const runtime::suite::Alive alive(loop_.probe.hanging);
        is_hanging_.count_down();
        co_await loop_.probe.release.wait();
        co_return number;
      };
    });
  }

  LoopThread loop_;
  Session session_ = on(loop_.session()).value();
  std::latch is_hanging_{1};
};

TEST_F(BlockingThreadsTest, calls_of_many_threads_have_their_outcomes_each) {
  std::vector<std::jthread> threads;
  for (std::int64_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      auto probe = session_.client<Probe>("Probe");
      for (std::int64_t i = 0; i < 100; ++i) {
        EXPECT_EQ(probe.call<&Probe::add>(thread, i).value(), thread + i);
        auto started = probe.start<&Probe::echo>(std::to_string(i));
        EXPECT_EQ(started.get().value(), std::to_string(i));
      }
    });
  }
}

TEST_F(BlockingThreadsTest, several_threads_make_handles_of_the_session_at_once) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < 20; ++i) {
        Session own = on(loop_.session()).value();
        EXPECT_EQ(own.client<Probe>("Probe").call<&Probe::add>(1, 2).value(), 3);
      }
    });
  }
}

TEST_F(BlockingThreadsTest, streams_of_many_threads_flow_both_ways_beyond_their_credit) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([this] {
      auto probe = session_.client<Probe>("Probe");
      auto [tx, rx] = session_.channel<std::int32_t>();
      auto total = probe.start<&Probe::sum>(std::move(rx));
      for (std::int32_t i = 1; i <= 100; ++i) EXPECT_TRUE(tx.send(i));
      tx.close();
      EXPECT_EQ(total.get().value(), 5050);

      auto [out, in] = session_.channel<std::int32_t, 256>();
      auto done = probe.start<&Probe::generate>(400, std::move(out));
      std::int32_t count = 0;
      while (auto item = in.recv()) EXPECT_EQ(*item, count++);
      EXPECT_EQ(count, 400);
      EXPECT_TRUE(done.get());
    });
  }
}

TEST_F(BlockingThreadsTest, one_end_of_a_channel_is_used_on_another_thread) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  std::jthread feeder([numbers = std::move(tx)]() mutable {
    for (std::int32_t i = 1; i <= 100; ++i) EXPECT_TRUE(numbers.send(i));
    numbers.close();
  });
  EXPECT_EQ((session_.client<Probe>("Probe").call<&Probe::sum>(std::move(rx)).value()), 5050);
}

TEST_F(BlockingThreadsTest, a_loop_that_is_destroyed_ends_all_waits) {
  let_custom_hang();
  std::latch streaming(1);
  std::vector<std::jthread> threads;
  threads.emplace_back(
      [this] { EXPECT_EQ(session_.client<Probe>("Probe").call<&Probe::custom>(1).error().code, Code::closed); });
  threads.emplace_back([this] { EXPECT_EQ(session_.closed().error().code, Code::closed); });
  threads.emplace_back([&] {
    auto [tx, rx] = session_.channel<std::int32_t>();
    auto kept = session_.client<Probe>("Probe").call<&Probe::keep_tx>(std::move(tx));
    EXPECT_TRUE(kept);
    streaming.count_down();
    EXPECT_FALSE(rx.recv());
    EXPECT_EQ(rx.error()->code, Code::closed);
  });
  is_hanging_.wait();
  streaming.wait();
  loop_.stop();
}

TEST_F(BlockingThreadsTest, handles_outlive_the_loop_and_fail) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  auto [unused_tx, unused_rx] = session_.channel<std::int32_t>();
  auto probe = session_.client<Probe>("Probe");
  auto total = probe.start<&Probe::sum>(std::move(rx));
  EXPECT_TRUE(tx.send(1));
  loop_.stop();
  EXPECT_EQ(tx.send(2).error().code, Code::closed);
  EXPECT_EQ(total.get().error().code, Code::closed);
  EXPECT_EQ(probe.call<&Probe::add>(1, 1).error().code, Code::closed);
  EXPECT_EQ(session_.closed().error().code, Code::closed);
  EXPECT_FALSE(unused_rx.recv());
  auto [late_tx, late_rx] = session_.channel<std::int32_t>();
  EXPECT_EQ(late_tx.send(1).error().code, Code::closed);
  tx.close();
  session_.close();
}

TEST_F(BlockingThreadsTest, waiting_on_the_loops_own_thread_is_an_error) {
  auto [tx, rx] = session_.channel<std::int32_t>();
  auto call = session_.client<Probe>("Probe").start<&Probe::add>(1, 2);
  loop_.run_there([&] {
    EXPECT_EQ(session_.client<Probe>("Probe").call<&Probe::add>(1, 2).error().code, Code::wrong_thread);
    EXPECT_EQ(session_.closed().error().code, Code::wrong_thread);
    EXPECT_EQ(call.get().error().code, Code::wrong_thread);
    EXPECT_EQ(tx.send(1).error().code, Code::wrong_thread);
    EXPECT_FALSE(rx.recv());
    EXPECT_EQ(rx.error()->code, Code::wrong_thread);
  });
  EXPECT_EQ(call.get().value(), 3);
}

TEST_F(BlockingThreadsTest, the_loops_own_thread_makes_a_handle_for_others) {
  std::optional<Session> made;
  loop_.run_there([&] { made = on(loop_.session()).value(); });
  EXPECT_EQ(made->client<Probe>("Probe").call<&Probe::add>(2, 2).value(), 4);
}

TEST_F(BlockingThreadsTest, a_call_that_is_dropped_on_another_thread_is_cancelled) {
  let_custom_hang();
  auto call = session_.client<Probe>("Probe").start<&Probe::custom>(1);
  is_hanging_.wait();
  std::jthread([call = std::move(call)] {}).join();
  EXPECT_TRUE(session_.client<Probe>("Probe").call<&Probe::add>(1, 1));
  loop_.run_there([this] { EXPECT_EQ(loop_.probe.hanging, 0); });
}

TEST_F(BlockingThreadsTest, close_ends_what_another_thread_waits_for) {
  let_custom_hang();
  std::jthread waiting([this] {
    EXPECT_EQ(session_.client<Probe>("Probe").call<&Probe::custom>(1).error().code, Code::sent_then_lost);
    EXPECT_TRUE(session_.closed());
  });
  is_hanging_.wait();
  session_.close();
}

TEST_F(BlockingThreadsTest, the_session_is_held_until_the_last_handle_is_gone) {
  loop_.drop_session();
  {
    auto probe = std::exchange(session_, Session(nullptr)).client<Probe>("Probe");
    EXPECT_TRUE(probe.call<&Probe::add>(1, 1));
  }
  loop_.wait_for_end_of_session();
}

// A loop that connect() made belongs to whoever waits.
TEST(OwnLoopThreadsTest, a_second_thread_is_refused_and_may_close) {
  ServerThread server;
  std::latch is_hanging(1);
  server.run_there([&] {
    server.probe.on_custom = [&](std::int64_t number) -> Task<std::int64_t> {
      is_hanging.count_down();
      co_await server.probe.release.wait();
      co_return number;
    };
  });
  Session session = connect(server.address()).value();
  std::jthread waiting(
      [&] { EXPECT_EQ(session.client<Probe>("Probe").call<&Probe::custom>(1).error().code, Code::sent_then_lost); });
  is_hanging.wait();
  EXPECT_EQ(session.client<Probe>("Probe").call<&Probe::add>(1, 1).error().code, Code::wrong_thread);
  {
    auto [tx, rx] = session.channel<std::int32_t>();  // made and dropped while the other waits
    EXPECT_EQ(tx.send(1).error().code, Code::wrong_thread);
  }
  session.close();
}

TEST(OwnLoopThreadsTest, handles_that_another_thread_drops_refuse_nobody) {
  ServerThread server;
  Session session = connect(server.address()).value();
  std::vector<std::pair<Tx<std::int32_t>, Rx<std::int32_t>>> handles;
  for (int i = 0; i < 2000; ++i) handles.push_back(session.channel<std::int32_t>());
  std::atomic<bool> is_over = false;
  std::jthread dropping([&] {
    while (!handles.empty()) handles.pop_back();
    is_over = true;
  });
  auto probe = session.client<Probe>("Probe");
  while (!is_over) {
    const auto sum = probe.call<&Probe::add>(1, 2);
    ASSERT_TRUE(sum) << to_string(sum.error());
  }
}

TEST(OwnLoopThreadsTest, a_session_goes_from_thread_to_thread) {
  ServerThread server;
  std::optional<Session> session(connect(server.address()).value());
  auto [tx, rx] = session->channel<std::int32_t>();
  auto total = session->client<Probe>("Probe").start<&Probe::sum>(std::move(rx));
  std::jthread([&] { EXPECT_TRUE(tx.send(1)); }).join();
  std::jthread([&] {
    EXPECT_TRUE(tx.send(2));
    tx.close();
  }).join();
  EXPECT_EQ(total.get().value(), 3);
  std::jthread([dropped = *std::move(session)] {}).join();
}

}  // namespace
}  // namespace parley::blocking
