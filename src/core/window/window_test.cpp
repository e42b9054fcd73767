#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/window/receive_window.h"
#include "core/window/send_window.h"
#include "core/window/serial.h"

namespace parley::core {
namespace {

using Verdict = ReceiveWindow::Verdict;

constexpr SendWindow::Bounds roomy{100, 10'000};
constexpr std::uint32_t before_the_wrap = 0xfffffffeu;

std::string add(SendWindow& window, std::string_view item) {
  return std::string(as_text(window.add(as_bytes(item.substr(0, 1)), as_bytes(item.substr(1)))));
}
std::string resumed(SendWindow& window, std::optional<std::uint32_t> last) {
  const Result<ByteView> bytes = window.resume(last);
  return bytes ? std::string(as_text(*bytes)) : "(" + to_string(bytes.error()) + ")";
}

TEST(Serial, a_number_is_newer_when_less_than_half_the_way_round_ahead) {
  EXPECT_TRUE(is_newer(1, 0));
  EXPECT_FALSE(is_newer(0, 0));
  EXPECT_FALSE(is_newer(0, 1));
  EXPECT_TRUE(is_newer(0, 0xffffffffu));
  EXPECT_FALSE(is_newer(0xffffffffu, 0));
  EXPECT_TRUE(is_newer(0x7fffffffu, 0));
  EXPECT_FALSE(is_newer(0x80000001u, 0));
}

// --- the sender

TEST(SendWindow, items_are_kept_as_they_were_until_they_are_acknowledged) {
  // rule: calls/stable.replay-buffer, calls/stable.ack.trim
  SendWindow window(roomy);
  EXPECT_EQ(window.next(), 0u);
  EXPECT_EQ(add(window, "one"), "one");
  EXPECT_EQ(add(window, "two"), "two");
  EXPECT_EQ(add(window, "three"), "three");
  EXPECT_EQ(window.next(), 3u);
  EXPECT_EQ(window.bytes(), 11u);
  ASSERT_TRUE(window.acknowledge(1));
  EXPECT_FALSE(window.holds(1));
  EXPECT_TRUE(window.holds(2));
  EXPECT_FALSE(window.holds(3));
  EXPECT_EQ(window.size(), 1u);
  EXPECT_EQ(resumed(window, 1), "three");
}

TEST(SendWindow, a_peer_that_comes_back_gets_what_it_lacks_in_order) {
  // rule: calls/stable.replay-buffer.order
  SendWindow window(roomy);
  for (const char* item : {"a", "b", "c", "d"}) add(window, item);
  EXPECT_EQ(resumed(window, std::nullopt), "abcd");
  EXPECT_EQ(resumed(window, 1), "cd");
  EXPECT_EQ(resumed(window, 1), "cd") << "nothing came of it the last time";
  EXPECT_EQ(resumed(window, 3), "");
  EXPECT_EQ(resumed(window, 3), "");
  add(window, "e");
  EXPECT_EQ(resumed(window, 3), "e");
}

TEST(SendWindow, an_old_acknowledgement_is_nothing_and_one_of_what_was_never_sent_an_error) {
  // rule: calls/stable.ack
  SendWindow window(roomy);
  EXPECT_EQ(window.acknowledge(0).error().code, Code::unexpected);
  EXPECT_EQ(window.acknowledge(0xffffffffu).error().code, Code::unexpected);
  for (const char* item : {"a", "b", "c", "d"}) add(window, item);
  EXPECT_EQ(window.acknowledge(4).error().code, Code::unexpected);
  ASSERT_TRUE(window.acknowledge(2));
  for (const std::uint32_t old : {0u, 1u, 2u}) EXPECT_TRUE(window.acknowledge(old)) << old;
  EXPECT_EQ(window.size(), 1u);
  EXPECT_EQ(window.acknowledge(0xffffffffu).error().code, Code::unexpected);
  EXPECT_EQ(window.acknowledge(4).error().note, "an acknowledgement of 4, where 4 comes next");
  ASSERT_TRUE(window.acknowledge(3));
  EXPECT_EQ(window.size(), 0u);
}

TEST(SendWindow, a_peer_that_has_forgotten_or_made_up_something_is_another_one) {
  // rule: calls/stable.reconnect.failure
  SendWindow window(roomy);
  EXPECT_NE(resumed(window, 0).find("lost"), std::string::npos);
  EXPECT_NE(resumed(window, 0xffffffffu).find("lost"), std::string::npos);
  EXPECT_EQ(resumed(window, std::nullopt), "");
  for (const char* item : {"a", "b", "c"}) add(window, item);
  ASSERT_TRUE(window.acknowledge(1));
  for (const std::optional<std::uint32_t> last :
       std::initializer_list<std::optional<std::uint32_t>>{std::nullopt, 0u, 3u, 0xffffffffu}) {
    const Result<ByteView> bytes = window.resume(last);
    ASSERT_FALSE(bytes);
    EXPECT_EQ(bytes.error().code, Code::link_lost);
  }
  EXPECT_EQ(resumed(window, 1), "c");
}

TEST(SendWindow, its_numbers_wrap) {
  // rule: calls/stable.seq
  SendWindow window(roomy, before_the_wrap);
  for (const char* item : {"a", "b", "c", "d"}) add(window, item);
  EXPECT_EQ(window.next(), 2u);
  EXPECT_TRUE(window.holds(before_the_wrap) && window.holds(0) && window.holds(1));
  ASSERT_TRUE(window.acknowledge(0xffffffffu));
  EXPECT_EQ(resumed(window, 0xffffffffu), "cd");
  EXPECT_EQ(resumed(window, 0), "d");
  EXPECT_TRUE(window.acknowledge(before_the_wrap));
  EXPECT_EQ(window.acknowledge(2).error().code, Code::unexpected);
  ASSERT_TRUE(window.acknowledge(1));
  EXPECT_EQ(window.size(), 0u);
}

TEST(SendWindow, it_is_bounded_in_items_and_in_bytes_but_takes_one_of_any_size) {
  SendWindow window({3, 10});
  EXPECT_TRUE(window.has_room(1000));
  add(window, "four");
  EXPECT_TRUE(window.has_room(6));
  EXPECT_FALSE(window.has_room(7));
  EXPECT_TRUE(window.has_room(7, {0, 1}));
  add(window, "x");
  add(window, "y");
  EXPECT_FALSE(window.has_room(1));
  EXPECT_TRUE(window.has_room(1, {1, 0}));
  ASSERT_TRUE(window.acknowledge(0));
  EXPECT_TRUE(window.has_room(8));
}

TEST(SendWindow, a_large_item_does_not_wait_for_the_last_small_one) {
  SendWindow window({3, 80});
  add(window, "ten bytes.");
  EXPECT_TRUE(window.has_room(1000));
  add(window, "x");
  EXPECT_FALSE(window.has_room(1000));
  ASSERT_TRUE(window.acknowledge(0));
  add(window, std::string(1000, 'l'));
  EXPECT_FALSE(window.has_room(1)) << "it has filled the window";
  add(window, "x");
  EXPECT_FALSE(window.has_room(1, {0, 1000})) << "of items there are three";
}

TEST(SendWindow, a_large_item_leaves_as_much_beyond_the_bounds_as_small_ones) {
  SendWindow window({3, 10});
  add(window, std::string(1000, 'l'));
  EXPECT_FALSE(window.has_room(1));
  EXPECT_TRUE(window.has_room(5, {0, 5}));
  EXPECT_FALSE(window.has_room(6, {0, 5}));
  add(window, "five.");
  EXPECT_FALSE(window.has_room(1, {0, 5}));
  ASSERT_TRUE(window.acknowledge(0));
  EXPECT_TRUE(window.has_room(5));
}

TEST(SendWindow, once_empty_it_holds_little_memory) {
  SendWindow window({100, 1u << 20});
  const std::string large(100'000, 'l');
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 3; ++i) add(window, large);
    add(window, "small");
    ASSERT_TRUE(window.acknowledge(window.next() - 2));
    EXPECT_EQ(resumed(window, window.next() - 2), "small");
    EXPECT_LE(window.memory(), 4096u);
    ASSERT_TRUE(window.acknowledge(window.next() - 1));
  }
}

// --- the receiver

TEST(ReceiveWindow, numbers_come_one_by_one_and_what_comes_twice_is_a_duplicate) {
  // rule: calls/stable.seq.monotonic
  ReceiveWindow window;
  EXPECT_EQ(window.last(), std::nullopt);
  EXPECT_EQ(window.take(0), Verdict::fresh);
  EXPECT_EQ(window.last(), 0u);
  EXPECT_EQ(window.take(1), Verdict::fresh);
  EXPECT_EQ(window.take(0), Verdict::duplicate);
  EXPECT_EQ(window.take(1), Verdict::duplicate);
  EXPECT_EQ(window.last(), 1u);
  EXPECT_EQ(window.take(2), Verdict::fresh);
}

TEST(ReceiveWindow, a_gap_is_an_error_and_so_is_what_was_never_sent) {
  ReceiveWindow window;
  EXPECT_EQ(window.take(1).error().code, Code::unexpected);
  EXPECT_EQ(window.take(0xffffffffu).error().code, Code::unexpected) << "before the first";
  EXPECT_EQ(window.take(0), Verdict::fresh);
  EXPECT_EQ(window.take(2).error().note, "number 2, where 1 comes next");
  EXPECT_EQ(window.take(0xffffffffu).error().code, Code::unexpected);
  EXPECT_EQ(window.last(), 0u) << "nothing came of these";
}

TEST(ReceiveWindow, its_numbers_wrap) {
  // rule: calls/stable.seq, calls/stable.seq.monotonic
  ReceiveWindow window(before_the_wrap);
  for (const std::uint32_t number : {0xfffffffeu, 0xffffffffu, 0u, 1u}) {
    EXPECT_EQ(window.take(number), Verdict::fresh) << number;
    EXPECT_EQ(window.last(), number);
  }
  for (const std::uint32_t number : {0xfffffffeu, 0xffffffffu, 0u, 1u}) {
    EXPECT_EQ(window.take(number), Verdict::duplicate) << number;
  }
  EXPECT_EQ(window.take(3).error().code, Code::unexpected);
  EXPECT_EQ(window.take(0xfffffffdu).error().code, Code::unexpected);
}

}  // namespace
}  // namespace parley::core
