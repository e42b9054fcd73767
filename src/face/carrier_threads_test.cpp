#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "async/wait.h"
#include "face/loop.h"
#include "io/memory_stream.h"
#include "runtime/commands/line_server.h"
#include "runtime/commands/memory_carrier.h"
#include "runtime/commands/registry.h"

namespace parley {
namespace {

struct Add {
  int a, b;
};
struct Sum {
  int sum;
  bool operator==(const Sum&) const = default;
};

CommandMessage event(int number) {
  return {.id = std::to_string(number), .body = wire::command::Event{.event = "e", .payload = {}}};
}

Task<int> count_in_order(std::shared_ptr<Carrier> carrier) {
  int count = 0;
  while (auto received = co_await carrier->receive()) {
    if (std::get<CommandMessage>(*received).id != std::to_string(count)) co_return -1;
    ++count;
  }
  co_return count;
}

TEST(CarrierThreads, send_and_close_may_be_called_from_any_thread) {
  // rule: commands/C8
  constexpr int messages = 10'000;
  Loop loop;
  auto [first, second] = carrier_pair({loop, "second"}, {loop, "first"});
  std::thread other([&carrier = *first] {
    for (int i = 0; i < messages; ++i) {
      while (!carrier.send(event(i))) std::this_thread::yield();
    }
    carrier.close();
  });
  EXPECT_EQ(loop.run_until(count_in_order(second)), messages);
  other.join();
}

TEST(CarrierThreads, lines_are_sent_and_closed_from_any_thread) {
  // rule: commands/C8
  constexpr int messages = 1'000;
  Loop loop;
  auto [first, second] = io::MemoryStream::make_pair(loop);
  auto sending = LineCarrier::make(loop, std::move(first), {.id = "second"});
  auto receiving = LineCarrier::make(loop, std::move(second), {.id = "first"});
  loop.run_until(sending->start()).value();
  loop.run_until(receiving->start()).value();
  std::thread other([&carrier = *sending] {
    for (int i = 0; i < messages; ++i) carrier.send(event(i)).value();
    carrier.close();
  });
  EXPECT_EQ(loop.run_until(count_in_order(receiving)), messages);
  other.join();
}

Task<std::vector<std::string>> metas_of(std::shared_ptr<Carrier> carrier) {
  std::vector<std::string> all;
  while (auto received = co_await carrier->receive()) all.push_back(std::get<CommandMessage>(*received).meta);
  co_return all;
}

TEST(CarrierThreads, the_first_line_says_the_token_whoever_sends_it) {
  constexpr int messages = 100;
  Loop loop;
  auto [first, second] = io::MemoryStream::make_pair(loop);
  auto sending = LineCarrier::make(loop, std::move(first), {.id = "second", .token = "secret"});
  auto receiving = LineCarrier::make(loop, std::move(second), {.id = "first"});
  loop.run_until(sending->start()).value();
  loop.run_until(receiving->start()).value();
  std::thread other([&carrier = *sending] {
    for (int i = 0; i < messages; ++i) carrier.send(event(i)).value();
  });
  for (int i = 0; i < messages; ++i) sending->send(event(i)).value();
  other.join();
  sending->close();
  const std::vector<std::string> metas = loop.run_until(metas_of(receiving));
  ASSERT_EQ(metas.size(), 2u * messages);
  EXPECT_EQ(metas[0], R"({"parley-token":"secret"})");
  for (std::size_t i = 1; i < metas.size(); ++i) EXPECT_EQ(metas[i], "");
}

Task<int> add_many(Registry& registry, int count) {
  int right = 0;
  for (int i = 0; i < count; ++i) {
    const auto sum = co_await registry.execute<Sum>("math.add", Add{i, 1});
    if (sum && sum->sum == i + 1) ++right;
  }
  co_return right;
}

TEST(CarrierThreads, registries_on_two_loops_call_each_other_over_a_pair) {
  constexpr int calls = 1'000;
  Loop ours;
  std::shared_ptr<Carrier> up, down;
  std::atomic<bool> is_ready = false, is_over = false;
  std::thread other([&] {
    Loop loop;
    Registry root(loop);
    loop.run_until(root.command("math.add", "", [](Add in) { return Sum{in.a + in.b}; })).value();
    std::tie(up, down) = carrier_pair({ours, "root"}, {loop, "child"});
    loop.run_until(root.attach(std::exchange(down, nullptr))).value();
    is_ready = true;
    is_ready.notify_one();
    loop.run_until(root.detached("child"));
    is_over = true;
  });
  is_ready.wait(false);
  {
    Registry child(ours);
    ours.run_until(child.attach(std::exchange(up, nullptr), {.is_router = true})).value();
    EXPECT_EQ(ours.run_until(add_many(child, calls)), calls);
  }
  other.join();
  EXPECT_TRUE(is_over);
}

}  // namespace
}  // namespace parley
