#include "base/ring.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <memory>
#include <vector>

namespace parley {
namespace {

TEST(Ring, it_holds_no_memory_before_its_first_item) {
  const Ring<int> ring;
  EXPECT_EQ(ring.capacity(), 0u);
  EXPECT_TRUE(ring.empty());
}

TEST(Ring, it_keeps_its_memory_while_it_is_used) {
  Ring<int> ring;
  for (int i = 0; i < 100; ++i) {
    for (int j = 0; j < 8; ++j) ring.push(j);
    for (int j = 0; j < 8; ++j) EXPECT_EQ(ring.pop(), j);
  }
  EXPECT_EQ(ring.capacity(), 8u);
  ring.free_memory();
  EXPECT_EQ(ring.capacity(), 0u);
  ring.push(5);
  EXPECT_EQ(ring.front(), 5);
}

TEST(Ring, what_it_moves_from_is_empty_and_usable) {
  Ring<std::unique_ptr<int>> from;
  from.push(std::make_unique<int>(1));
  from.push(std::make_unique<int>(2));
  Ring<std::unique_ptr<int>> to = std::move(from);
  EXPECT_EQ(from.size(), 0u);  // NOLINT(bugprone-use-after-move): that is the question
  from.push(std::make_unique<int>(3));
  EXPECT_EQ(*to.pop(), 1);
  to = std::move(from);
  EXPECT_EQ(to.size(), 1u);
  EXPECT_EQ(*to.pop(), 3);
}

TEST(Ring, clear_drops_what_it_holds) {
  const auto watched = std::make_shared<int>(1);
  Ring<std::shared_ptr<int>> ring;
  for (int i = 0; i < 5; ++i) ring.push(watched);
  EXPECT_EQ(watched.use_count(), 6);
  ring.clear();
  EXPECT_EQ(watched.use_count(), 1);
}

TEST(RingDeathTest, an_empty_ring_has_no_front) {
  Ring<int> ring;
  EXPECT_DEATH(static_cast<void>(ring.front()), "empty");
  EXPECT_DEATH(static_cast<void>(ring.pop()), "empty");
  ring.push(1);
  EXPECT_DEATH(ring.free_memory(), "empty");
}

RC_GTEST_PROP(Ring, it_behaves_as_a_deque, ()) {
  Ring<int> ring;
  std::deque<int> model;
  int next = 0;
  for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-20, 20))) {
    for (int i = 0; i < step; ++i) {
      ring.push(next);
      model.push_back(next++);
    }
    for (int i = step; i < 0 && !model.empty(); ++i) {
      RC_ASSERT(ring.front() == model.front());
      RC_ASSERT(ring.pop() == model.front());
      model.pop_front();
    }
    RC_ASSERT(ring.size() == model.size());
    RC_ASSERT(ring.capacity() >= ring.size());
  }
}

}  // namespace
}  // namespace parley
