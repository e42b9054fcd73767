// What a call costs that never leaves its process: tasks, the ready queue, timers.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "async/scope.h"
#include "async/task.h"
#include "async/wait.h"
#include "base/prng.h"

namespace parley {
namespace {

constexpr int batch = 1000;

struct PlainService {
  virtual ~PlainService() = default;
  virtual std::int32_t add(std::int32_t a, std::int32_t b) = 0;
};
struct PlainAdder final : PlainService {
  std::int32_t add(std::int32_t a, std::int32_t b) override { return a + b; }
};

struct Service {
  virtual ~Service() = default;
  virtual Task<std::int32_t> add(std::int32_t a, std::int32_t b) = 0;
};
struct Adder final : Service {
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return a + b; }
};
struct PatientAdder final : Service {
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override {
    co_await Yield();
    co_return a + b;
  }
};
struct Forwarder final : Service {
  explicit Forwarder(Service& to_) : to(to_) {}
  Task<std::int32_t> add(std::int32_t a, std::int32_t b) override { co_return co_await to.add(a, b); }
  Service& to;
};

// The compiler forgets which class the object is of.
template <class T>
T& unknown(T& object) {
  T* pointer = &object;
  benchmark::DoNotOptimize(pointer);
  return *pointer;
}

Task<void> call(Service& service, int times) {
  for (int i = 0; i < times; ++i) {
    if (co_await service.add(i, 2) != i + 2) std::abort();
  }
}
Task<void> yield(int times) {
  for (int i = 0; i < times; ++i) co_await Yield();
}
Task<void> consume(Queue<int>& queue) {
  while (co_await queue.pop()) {
  }
}

void run(Executor& executor, Task<void> task) {
  Scope scope(executor);
  scope.spawn(std::move(task));
  executor.run_ready();
  if (scope.size() != 0) std::abort();
}

void plain_virtual_call(benchmark::State& state) {
  PlainAdder adder;
  PlainService& service = unknown<PlainService>(adder);
  int i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(service.add(++i, 2));
}
BENCHMARK(plain_virtual_call);

void call_service(benchmark::State& state, Service& service) {
  Executor executor;
  while (state.KeepRunningBatch(batch)) run(executor, call(unknown(service), batch));
}
void dispatch_to_a_handler_that_ends_at_once(benchmark::State& state) {
  Adder adder;
  call_service(state, adder);
}
BENCHMARK(dispatch_to_a_handler_that_ends_at_once);

void dispatch_through_another_task(benchmark::State& state) {
  Adder adder;
  Forwarder forwarder(unknown<Service>(adder));
  call_service(state, forwarder);
}
BENCHMARK(dispatch_through_another_task);

void dispatch_to_a_handler_that_yields(benchmark::State& state) {
  PatientAdder adder;
  call_service(state, adder);
}
BENCHMARK(dispatch_to_a_handler_that_yields);

void pass_of_the_ready_queue(benchmark::State& state) {
  Executor executor;
  while (state.KeepRunningBatch(batch)) run(executor, yield(batch));
}
BENCHMARK(pass_of_the_ready_queue);

void spawn_and_end(benchmark::State& state) {
  Executor executor;
  Scope scope(executor);
  for (auto _ : state) scope.spawn(yield(0));
}
BENCHMARK(spawn_and_end);

void item_through_a_queue(benchmark::State& state) {
  Executor executor;
  Queue<int> queue(batch);
  Scope scope(executor);
  scope.spawn(consume(queue));
  while (state.KeepRunningBatch(batch)) {
    for (int i = 0; i < batch; ++i) static_cast<void>(queue.push(i));
    executor.run_ready();
  }
}
BENCHMARK(item_through_a_queue);

void arm_and_disarm_a_timer(benchmark::State& state) {
  struct Deadline : Timer {
    Deadline() : Timer([](Timer&) {}) {}
  };
  Prng random(1);
  Executor executor;
  std::vector<std::unique_ptr<Deadline>> armed;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    armed.push_back(std::make_unique<Deadline>());
    executor.arm(*armed.back(), Instant::from_ns(static_cast<std::int64_t>(random.below(1000000))));
  }
  for (auto _ : state) {
    Deadline deadline;
    executor.arm(deadline, Instant::from_ns(static_cast<std::int64_t>(random.below(1000000))));
  }
}
BENCHMARK(arm_and_disarm_a_timer)->Arg(0)->Arg(1000);

}  // namespace
}  // namespace parley
