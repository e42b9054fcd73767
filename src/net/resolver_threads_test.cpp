#include "net/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "net/net_world_suite.h"

namespace parley::net::suite {
namespace {

// A resolver that answers when it is told to. Threads outlive their tests, so this is not on any stack.
std::counting_semaphore<1000> may_answer(0);
std::atomic<int> asked = 0;
std::atomic<int> answered = 0;

Result<std::vector<SocketAddress>> ask_slowly(const std::string&, std::uint16_t port) {
  asked.fetch_add(1);
  may_answer.acquire();
  auto addresses = literal_addresses("127.0.0.1", port);
  answered.fetch_add(1);
  return addresses;
}

using Answer = Result<std::vector<SocketAddress>>;

Task<Answer> begun(Resolver& resolver, io::Loop& loop) {
  auto task = resolver.resolve("slow.name", 80);
  task.bind(loop.executor());
  task.start();
  return task;
}

class ResolverThreads : public testing::Test {
 protected:
  void SetUp() override { asked = answered = 0; }
  static void let_answer(int count) {
    may_answer.release(count);
    while (answered.load() < count) std::this_thread::yield();
  }
};

TEST_F(ResolverThreads, the_loop_goes_on_while_a_name_is_looked_up) {
  EpollWorld world;
  Resolver resolver(world.loop(), &ask_slowly);
  auto task = begun(resolver, world.loop());
  bool has_run = false;
  world.loop().post([&] { has_run = true; });
  ASSERT_TRUE(world.turn_until([&] { return has_run; }));
  EXPECT_FALSE(task.is_done());
  let_answer(1);
  ASSERT_TRUE(world.turn_until([&] { return task.is_done(); }));
  const Answer answer = task.promise().take();
  ASSERT_TRUE(answer);
  EXPECT_EQ(tcp_text(answer->front().storage), "tcp:127.0.0.1:80");
}

TEST_F(ResolverThreads, an_answer_that_nobody_waits_for_is_dropped) {
  auto world = std::make_unique<EpollWorld>();
  {
    Resolver resolver(world->loop(), &ask_slowly);
    {
      const auto dropped = begun(resolver, world->loop());
    }
    auto dropped_late = begun(resolver, world->loop());
    while (asked.load() < 2) std::this_thread::yield();
    let_answer(2);
    // Its answer may be in the loop's queue by now, or still on the way there.
    {
      const auto end = std::move(dropped_late);
    }
    io::suite::turn_a_little(world->loop());
  }
  world.reset();
  EXPECT_EQ(answered.load(), 2);
}

TEST_F(ResolverThreads, a_loop_that_is_gone_is_not_posted_to) {
  auto world = std::make_unique<EpollWorld>();
  auto resolver = std::make_unique<Resolver>(world->loop(), &ask_slowly);
  {
    const auto dropped = begun(*resolver, world->loop());
  }
  resolver.reset();
  world.reset();
  let_answer(1);
  EXPECT_EQ(answered.load(), 1);
}

TEST_F(ResolverThreads, a_bounded_number_of_lookups_is_under_way) {
  EpollWorld world;
  Resolver resolver(world.loop(), &ask_slowly);
  for (int i = 0; i < Resolver::lookups_max; ++i) {
    const auto dropped = begun(resolver, world.loop());
    EXPECT_FALSE(dropped.is_done());
  }
  auto refused = begun(resolver, world.loop());
  ASSERT_TRUE(refused.is_done());
  const Answer answer = refused.promise().take();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::overloaded);
  let_answer(Resolver::lookups_max);
  // When the threads are through there is room again.
  std::optional<Task<Answer>> next;
  do {
    next.emplace(begun(resolver, world.loop()));
  } while (next->is_done());
  may_answer.release(1);
  ASSERT_TRUE(world.turn_until([&] { return next->is_done(); }));
}

}  // namespace
}  // namespace parley::net::suite
