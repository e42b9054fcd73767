#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/memory_link.h"
#include "runtime/probe_service_suite.h"
#include "runtime/world_suite.h"

namespace parley::runtime::suite {

struct PairOptions {
  SessionOptions a = {};
  SessionOptions b = {};
  Interceptors serving_a = {};
  Interceptors serving_b = {};
};

// Two sessions of one world joined by a memory link, each serving a "Probe"; `a` is the initiator. When it goes, so do
// the sessions, and it is checked that they leave nothing behind.
class Pair {
 public:
  explicit Pair(PairOptions options = {}) {
    for (auto [table, probe] : {std::pair(&table_a, &probe_a), std::pair(&table_b, &probe_b)}) {
      MethodTable own;
      add_service<Probe>(own, *probe).value();
      table->add("Probe", std::move(own)).value();
    }
    for (const auto& each : options.serving_a) table_a.intercept(each);
    for (const auto& each : options.serving_b) table_b.intercept(each);
    auto [link_a, link_b] = make_memory_links(world.loop);
    a = Hold(Session::start(world.loop, std::make_unique<TrackedLink>(std::move(link_a), is_a_gone),
                            Session::Role::initiator, std::move(options.a), &table_a));
    b = Hold(Session::start(world.loop, std::make_unique<TrackedLink>(std::move(link_b), is_b_gone),
                            Session::Role::acceptor, std::move(options.b), &table_b));
    world.settle();
    EXPECT_TRUE(a->is_established());
    EXPECT_TRUE(b->is_established());
  }
  ~Pair() {
    end();
    EXPECT_TRUE(is_a_gone && is_b_gone) << "a session outlives its last caller";
    EXPECT_EQ(world.loop.executor().timer_count(), 0u) << "a timer outlives the sessions";
    EXPECT_EQ(probe_a.hanging + probe_b.hanging, 0) << "a handler outlives its session";
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  // Drops the holds; what else is a caller, the test has dropped before.
  void end() {
    a.reset();
    b.reset();
    world.settle();
  }
  Client<Probe> client_a() { return Client<Probe>(*a); }
  Client<Probe> client_b() { return Client<Probe>(*b); }

  World world;
  bool is_a_gone = false;
  bool is_b_gone = false;
  Probe probe_a;
  Probe probe_b;
  MethodTable table_a;
  MethodTable table_b;
  Hold a;
  Hold b;
};

// The outcome of a call, awaited as a whole.
template <class T>
Task<CallResultOf<T>> outcome(Call<T>& call) {
  co_return co_await call;
}

template <class T, std::uint32_t N>
Task<Result<void>> send_one(Tx<T, N>& tx, T item) {
  co_return co_await tx.send(item);
}
template <class T, std::uint32_t N>
Task<std::optional<T>> receive_one(Rx<T, N>& rx) {
  co_return co_await rx.recv();
}
template <class T, std::uint32_t N>
Task<std::vector<T>> receive_all(Rx<T, N>& rx) {
  std::vector<T> items;
  while (auto item = co_await rx.recv()) items.push_back(*item);
  co_return items;
}

}  // namespace parley::runtime::suite
