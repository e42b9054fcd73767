#include "wire/frame.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/prng.h"

namespace parley::wire {
namespace {

using Status = FrameScan::Status;
using Message = std::vector<std::uint8_t>;

constexpr std::size_t frame_bytes_max = 1 << 20;

void put_frame(OutBuffer& out, ByteView message) {
  std::uint8_t* cursor = begin_frame(out, message.size());
  end_frame(out, std::ranges::copy(message, cursor).out);
}

Message bytes_of(ByteView view) { return {view.begin(), view.end()}; }

TEST(Frame, a_message_follows_its_length_in_four_bytes_of_little_endian) {
  // rule: calls/transport.stream, calls/zerocopy.framing.link.stream
  BlockPool pool;
  OutBuffer out(pool);
  put_frame(out, Message{0xaa, 0xbb, 0xcc});
  EXPECT_EQ(bytes_of(out.pending()), (Message{3, 0, 0, 0, 0xaa, 0xbb, 0xcc}));

  const Message long_one(0x10203, 0x55);
  OutBuffer second(pool);
  put_frame(second, long_one);
  EXPECT_EQ(bytes_of(second.pending().first(4)), (Message{0x03, 0x02, 0x01, 0x00}));
  const FrameScan scan = scan_frame(second.pending(), frame_bytes_max);
  EXPECT_EQ(scan.status, Status::whole);
  EXPECT_EQ(scan.size, long_one.size() + frame_head_bytes);
  EXPECT_EQ(bytes_of(scan.message), long_one);
}

TEST(Frame, an_empty_message_is_a_message) {
  // rule: calls/link.message.empty
  BlockPool pool;
  OutBuffer out(pool);
  put_frame(out, {});
  EXPECT_EQ(bytes_of(out.pending()), (Message{0, 0, 0, 0}));
  const FrameScan scan = scan_frame(out.pending(), frame_bytes_max);
  EXPECT_EQ(scan.status, Status::whole);
  EXPECT_EQ(scan.size, frame_head_bytes);
  EXPECT_TRUE(scan.message.empty());
}

TEST(Frame, bytes_cut_off_anywhere_say_how_many_are_needed) {
  const Message frame{5, 0, 0, 0, 1, 2, 3, 4, 5};
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const Message part(frame.begin(),
                       frame.begin() + static_cast<std::ptrdiff_t>(size));  // exactly its size: asan sees more
    const FrameScan scan = scan_frame(part, frame_bytes_max);
    EXPECT_EQ(scan.status, Status::cut_off) << size;
    EXPECT_EQ(scan.size, size < frame_head_bytes ? frame_head_bytes : frame.size()) << size;
    EXPECT_TRUE(scan.message.empty()) << size;
  }
  EXPECT_EQ(scan_frame(frame, frame_bytes_max).status, Status::whole);
}

TEST(Frame, a_length_above_the_limit_is_refused_before_its_bytes_arrive) {
  const auto announce = [](std::uint32_t length, std::size_t limit) {
    Message head(frame_head_bytes);
    std::memcpy(head.data(), &length, sizeof length);
    return scan_frame(head, limit);
  };
  EXPECT_EQ(announce(1000, 1000).status, Status::cut_off);
  EXPECT_EQ(announce(1000, 1000).size, 1004u);
  EXPECT_EQ(announce(1001, 1000).status, Status::too_large);
  EXPECT_EQ(announce(1001, 1000).size, 1001u);
  constexpr std::uint32_t largest = std::numeric_limits<std::uint32_t>::max();
  EXPECT_EQ(announce(largest, 64u << 20).status, Status::too_large);
  EXPECT_EQ(announce(largest, 64u << 20).size, largest);
  // No limit of ours: the sum of head and length does not wrap.
  EXPECT_EQ(announce(largest, std::numeric_limits<std::size_t>::max()).status, Status::cut_off);
  EXPECT_EQ(announce(largest, std::numeric_limits<std::size_t>::max()).size, std::size_t{largest} + 4);
  EXPECT_EQ(announce(0, 0).status, Status::whole);
}

TEST(Frame, the_size_of_a_frame_is_that_of_its_message) {
  BlockPool pool;
  OutBuffer out(pool);
  put_frame(out, Message{9});
  std::uint8_t* cursor = begin_frame(out, 10);
  EXPECT_EQ(frame_size(out, cursor), 0u);
  EXPECT_EQ(frame_size(out, cursor + 7), 7u);
}

TEST(Frame, one_that_is_begun_and_not_ended_leaves_nothing) {
  BlockPool pool(64);
  OutBuffer out(pool);
  put_frame(out, Message{1, 2});
  const Message before = bytes_of(out.pending());
  const std::uint64_t committed = out.committed();

  std::uint8_t* cursor = begin_frame(out, 8);
  std::fill_n(cursor, 8, std::uint8_t{0xee});
  cursor = out.more(cursor + 8, 1000);  // moves what is not committed
  std::fill_n(cursor, 1000, std::uint8_t{0xee});
  EXPECT_EQ(bytes_of(out.pending()), before);
  EXPECT_EQ(out.committed(), committed);

  put_frame(out, Message{3});
  EXPECT_EQ(bytes_of(out.pending()), (Message{2, 0, 0, 0, 1, 2, 1, 0, 0, 0, 3}));
}

TEST(Frame, one_that_outgrows_its_room_stays_in_one_piece) {
  BlockPool pool(16);
  OutBuffer out(pool);
  put_frame(out, Message{7});
  std::uint8_t* cursor = begin_frame(out, 1);
  for (unsigned i = 0; i < 300; ++i) {
    cursor = out.more(cursor, 1);
    *cursor++ = static_cast<std::uint8_t>(i);
  }
  EXPECT_EQ(frame_size(out, cursor), 300u);
  end_frame(out, cursor);
  const FrameScan scan = scan_frame(out.pending().subspan(5), frame_bytes_max);
  ASSERT_EQ(scan.status, Status::whole);
  ASSERT_EQ(scan.message.size(), 300u);
  for (unsigned i = 0; i < 300; ++i) EXPECT_EQ(scan.message[i], static_cast<std::uint8_t>(i));
}

// What a reader does: keeps what is cut off, and takes every whole message.
std::vector<Message> received_in_chunks(ByteView stream, Prng& prng, std::size_t chunk_bytes_max) {
  std::vector<Message> messages;
  Message kept;
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(stream.size(), prng.between(1, chunk_bytes_max));
    kept.insert(kept.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
    stream = stream.subspan(size);
    std::size_t taken = 0;
    for (;;) {
      const FrameScan scan = scan_frame(ByteView(kept).subspan(taken), frame_bytes_max);
      if (scan.status != Status::whole) break;
      messages.push_back(bytes_of(scan.message));
      taken += scan.size;
    }
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  EXPECT_TRUE(kept.empty());
  return messages;
}

RC_GTEST_PROP(Frame, many_of_them_come_back_whole_and_in_order_however_the_bytes_arrive, ()) {
  // rule: calls/transport.stream
  const auto messages = *rc::gen::arbitrary<std::vector<Message>>();
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const auto chunk_bytes_max = *rc::gen::element<std::size_t>(1, 3, 7, 1000);
  BlockPool pool(32);
  OutBuffer out(pool);
  for (const Message& message : messages) put_frame(out, message);
  Prng prng(seed);
  RC_ASSERT(received_in_chunks(out.pending(), prng, chunk_bytes_max) == messages);
}

}  // namespace
}  // namespace parley::wire
