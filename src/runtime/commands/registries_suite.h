#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "runtime/commands/memory_carrier.h"
#include "runtime/commands/registry.h"
#include "sim/world.h"

namespace parley::registries_suite {

struct Add {
  int a, b;
};
struct Sum {
  int sum;
  bool operator==(const Sum&) const = default;
};

// Registries of one world, and what waits for them.
class Registries : public ::testing::Test {
 protected:
  template <class T>
  T run(Task<T> task) {
    return world.loop().run_until(std::move(task));
  }
  template <class T>
  Error error_of(Task<Result<T>> task) {
    auto result = run(std::move(task));
    EXPECT_FALSE(result.has_value());
    return result ? Error{} : result.error();
  }
  // The child's router is the parent.
  void join(Registry& parent, Registry& child, std::string name) {
    auto [up, down] = carrier_pair({world.loop(), "parent"}, {world.loop(), std::move(name)});
    run(parent.attach(down)).value();
    run(child.attach(up, {.is_router = true})).value();
    world.settle();
  }
  void settle() { world.settle(); }
  // Begins it here, to be looked at later.
  template <class T>
  void begin(Task<T>& task) {
    task.bind(world.executor());
    task.start();
  }
  // What came of what was begun.
  template <class T>
  T end(Task<T>& task) {
    EXPECT_EQ(world.run_until([&] { return task.is_done(); }), sim::World::Stop::done);
    return task.promise().take();
  }

  sim::World world{1};
};

}  // namespace parley::registries_suite
