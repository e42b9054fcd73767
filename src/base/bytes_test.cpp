#include "base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace parley {
namespace {

Bytes written_into(const BlockHandle& block, std::string_view text) {
  std::memcpy(block->data(), text.data(), text.size());
  return Bytes::view_into(block.get(), {block->data(), text.size()});
}

TEST(Bytes, a_view_keeps_its_block_alive) {
  BlockPool pool(64);
  Bytes view;
  {
    const BlockHandle block = pool.take();
    view = written_into(block, "still here");
  }
  EXPECT_EQ(pool.held_count(), 1u);
  EXPECT_EQ(as_text(view.view()), "still here");
  view = Bytes();
  EXPECT_EQ(pool.held_count(), 0u);
  EXPECT_EQ(pool.free_count(), 1u);
}

TEST(Bytes, the_last_of_several_views_frees_the_block) {
  BlockPool pool(64);
  BlockHandle block = pool.take();
  Bytes first = written_into(block, "shared");
  EXPECT_TRUE(block->is_shared());
  block.reset();
  Bytes second = first;
  const Bytes third = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): that is the question
  second = Bytes::copy_of(as_bytes("other"));
  EXPECT_EQ(pool.held_count(), 1u);
  EXPECT_EQ(as_text(third.view()), "shared");
}

TEST(Bytes, a_copy_has_memory_of_its_own) {
  std::string text = "mine";
  const Bytes copy = Bytes::copy_of(as_bytes(text));
  text = "lost";
  EXPECT_EQ(as_text(copy.view()), "mine");
  EXPECT_EQ(copy.pinned(), 4u);
}

TEST(Bytes, nothing_pins_nothing) {
  EXPECT_EQ(Bytes().pinned(), 0u);
  EXPECT_EQ(Bytes::copy_of({}).pinned(), 0u);
  EXPECT_EQ(Bytes::copy_of({}), Bytes());
}

TEST(Bytes, a_view_pins_its_whole_block) {
  BlockPool pool(4096);
  const BlockHandle block = pool.take();
  EXPECT_EQ(written_into(block, "x").pinned(), 4096u);
}

TEST(Bytes, they_compare_by_content) {
  EXPECT_EQ(Bytes::copy_of(as_bytes("abc")), Bytes::copy_of(as_bytes("abc")));
  EXPECT_NE(Bytes::copy_of(as_bytes("abc")), Bytes::copy_of(as_bytes("abd")));
  EXPECT_NE(Bytes::copy_of(as_bytes("abc")), Bytes::copy_of(as_bytes("ab")));
}

TEST(Bytes, they_can_be_assigned_to_themselves) {
  Bytes bytes = Bytes::copy_of(as_bytes("same"));
  Bytes& alias = bytes;
  bytes = alias;
  EXPECT_EQ(as_text(bytes.view()), "same");
  bytes = std::move(alias);
  EXPECT_EQ(as_text(bytes.view()), "same");
}

TEST(BlockPool, a_block_that_comes_back_is_taken_again) {
  BlockPool pool(64);
  const Block* first = pool.take().get();
  EXPECT_EQ(pool.free_count(), 1u);
  const BlockHandle again = pool.take();
  EXPECT_EQ(again.get(), first);
  EXPECT_EQ(pool.free_count(), 0u);
}

TEST(BlockPool, it_keeps_no_more_free_blocks_than_its_bound) {
  BlockPool pool(64, 3);
  std::vector<BlockHandle> held;
  for (int i = 0; i < 10; ++i) held.push_back(pool.take());
  EXPECT_EQ(pool.held_count(), 10u);
  held.clear();
  EXPECT_EQ(pool.held_count(), 0u);
  EXPECT_EQ(pool.free_count(), 3u);
}

TEST(BlockPool, what_does_not_fit_a_block_is_made_to_size) {
  BlockPool pool(64);
  const BlockHandle small = pool.take_at_least(64);
  const BlockHandle large = pool.take_at_least(65);
  EXPECT_EQ(small->capacity(), 64u);
  EXPECT_EQ(large->capacity(), 65u);
  EXPECT_EQ(pool.held_count(), 1u);
}

TEST(BlockPool, blocks_outlive_it) {
  std::optional<BlockPool> pool(std::in_place, 64);
  BlockHandle block = pool->take();
  Bytes view = written_into(block, "orphan");
  Bytes other = written_into(pool->take(), "second");
  pool.reset();
  EXPECT_EQ(as_text(view.view()), "orphan");
  block.reset();
  view = Bytes();
  EXPECT_EQ(as_text(other.view()), "second");
}

TEST(BlockDeathTest, a_block_is_not_released_more_often_than_held) {
  BlockPool pool(64);
  Block* block = pool.take().get();  // released, and back in the pool
  EXPECT_DEATH(block->release(), "holders_ > 0");
}

RC_GTEST_PROP(BlockPool, it_counts_what_is_held_and_free, ()) {
  constexpr std::size_t free_max = 4;
  BlockPool pool(32, free_max);
  std::vector<BlockHandle> held;
  std::size_t free = 0;
  for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-3, 4))) {
    for (int i = 0; i < step; ++i) {
      held.push_back(pool.take());
      if (free > 0) --free;
    }
    for (int i = step; i < 0 && !held.empty(); ++i) {
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(held.size() / 2));
      free = std::min(free + 1, free_max);
    }
    RC_ASSERT(pool.held_count() == held.size());
    RC_ASSERT(pool.free_count() == free);
  }
}

}  // namespace
}  // namespace parley
