#include "base/out_buffer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace parley {
namespace {

void append(OutBuffer& out, std::string_view text) {
  std::uint8_t* cursor = out.room(text.size());
  std::memcpy(cursor, text.data(), text.size());
  out.commit(cursor + text.size());
}

TEST(OutBuffer, it_holds_no_memory_until_something_is_written) {
  BlockPool pool(64);
  OutBuffer out(pool);
  EXPECT_FALSE(out.holds_memory());
  append(out, "x");
  EXPECT_TRUE(out.holds_memory());
  EXPECT_EQ(pool.held_count(), 1u);
}

TEST(OutBuffer, its_memory_goes_back_when_everything_has_left) {
  BlockPool pool(64);
  OutBuffer out(pool);
  append(out, "hello");
  out.consume(2);
  EXPECT_EQ(as_text(out.pending()), "llo");
  EXPECT_TRUE(out.holds_memory());
  out.consume(3);
  EXPECT_FALSE(out.holds_memory());
  EXPECT_EQ(pool.held_count(), 0u);
  EXPECT_EQ(pool.free_count(), 1u);
}

TEST(OutBuffer, positions_count_everything_that_was_ever_committed) {
  BlockPool pool(64);
  OutBuffer out(pool);
  append(out, "12345");
  const std::uint64_t end_of_message = out.committed();
  append(out, "678");
  EXPECT_EQ(end_of_message, 5u);
  EXPECT_EQ(out.committed(), 8u);
  EXPECT_EQ(out.sent(), 0u);
  out.consume(4);
  EXPECT_LT(out.sent(), end_of_message);
  out.consume(1);
  EXPECT_EQ(out.sent(), end_of_message);
  out.consume(3);
  EXPECT_EQ(out.sent(), out.committed());
}

TEST(OutBuffer, what_is_not_committed_does_not_leave) {
  BlockPool pool(64);
  OutBuffer out(pool);
  append(out, "kept");
  std::uint8_t* cursor = out.room(8);
  std::memcpy(cursor, "dropped!", 8);
  EXPECT_EQ(as_text(out.pending()), "kept");
  append(out, "+");
  EXPECT_EQ(as_text(out.pending()), "kept+");
}

TEST(OutBuffer, it_grows_beyond_a_block_and_comes_back_to_one) {
  BlockPool pool(64);
  OutBuffer out(pool);
  const std::string large(1000, 'x');
  append(out, "small");
  append(out, large);
  EXPECT_EQ(as_text(out.pending()), "small" + large);
  out.consume(out.size());
  append(out, "again");
  EXPECT_EQ(pool.held_count(), 1u);
}

TEST(OutBuffer, what_was_handed_over_lives_on_without_it) {
  BlockPool pool(64);
  OutBuffer out(pool);
  append(out, "for the reader");
  out.consume(4);
  ByteView bytes;
  const BlockHandle block = out.hand_over(bytes);
  EXPECT_TRUE(out.empty());
  EXPECT_FALSE(out.holds_memory());
  EXPECT_EQ(out.sent(), out.committed());
  append(out, "something else");
  EXPECT_EQ(as_text(bytes), "the reader");
}

TEST(OutBuffer, a_slow_reader_does_not_make_it_grow) {
  BlockPool pool(64);
  OutBuffer out(pool);
  append(out, std::string(30, 'x'));
  for (int i = 0; i < 1000; ++i) {
    append(out, "0123456789");
    out.consume(10);
  }
  EXPECT_EQ(out.size(), 30u);
  ByteView bytes;
  EXPECT_LE(out.hand_over(bytes)->capacity(), 128u);
}

TEST(OutBufferDeathTest, nothing_is_committed_or_consumed_that_is_not_there) {
  BlockPool pool(64);
  OutBuffer out(pool);
  append(out, "four");
  EXPECT_DEATH(out.consume(5), "\\[5, 4\\]");
  EXPECT_DEATH(out.commit(out.room(1) + 1000), "cursor");
}

// A message is encoded piece by piece, each announced by more(); between messages some of what is pending leaves.
RC_GTEST_PROP(OutBuffer, it_behaves_as_a_string, ()) {
  BlockPool pool(16);
  OutBuffer out(pool);
  std::string model;
  std::uint64_t committed = 0;
  std::uint64_t sent = 0;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, std::vector<int>>>>(
      rc::gen::pair(rc::gen::inRange(0, 8), rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 40))));
  char next = 'a';
  for (const auto& [what, pieces] : steps) {
    if (what < 5) {
      std::uint8_t* cursor = out.room(1);
      std::string message;
      for (const int size : pieces) {
        cursor = out.more(cursor, static_cast<std::size_t>(size));
        for (int i = 0; i < size; ++i) {
          *cursor++ = static_cast<std::uint8_t>(next);
          message += next;
          next = next == 'z' ? 'a' : static_cast<char>(next + 1);
        }
      }
      if (what == 4) continue;  // given up
      out.commit(cursor);
      model += message;
      committed += message.size();
    } else if (what < 7) {
      const std::size_t size = pieces.empty() ? model.size() : std::min<std::size_t>(pieces.size() * 7, model.size());
      out.consume(size);
      model.erase(0, size);
      sent += size;
    } else {
      ByteView bytes;
      const BlockHandle block = out.hand_over(bytes);
      RC_ASSERT(as_text(bytes) == model);
      sent += model.size();
      model.clear();
    }
    RC_ASSERT(as_text(out.pending()) == model);
    RC_ASSERT(out.empty() == model.empty());
    RC_ASSERT(out.committed() == committed);
    RC_ASSERT(out.sent() == sent);
  }
  out.consume(model.size());
  out.clear();
  RC_ASSERT(pool.held_count() == 0u);
}

}  // namespace
}  // namespace parley
