#include "wire/bus/frame_reader.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "wire/bus/random_frame_suite.h"

namespace parley::wire::bus {
namespace {

// What a reader makes of a stream: the frames, written again, and the fault at which it stopped.
struct Story {
  Octets frames;
  std::size_t count = 0;
  std::optional<Fault> fault;
  bool is_inside_frame = false;
};

// Gives one piece to a reader; false when it has failed.
bool feed(FrameReader& reader, ByteView piece, Story& story) {
  // A copy of exactly its size that is gone afterwards: a read beyond it, or later, is then seen.
  const Octets copy = octets(piece);
  ByteView left = copy;
  for (;;) {
    const auto frame = reader.next(left);
    if (!frame) {
      story.fault = frame.error().fault;
      return false;
    }
    if (!*frame) break;
    const Octets bytes = encoded(**frame);
    story.frames.insert(story.frames.end(), bytes.begin(), bytes.end());
    ++story.count;
  }
  EXPECT_TRUE(left.empty());
  story.is_inside_frame = reader.is_inside_frame();
  return true;
}

template <class NextSize>
Story read_in_pieces(ByteView stream, NextSize next_size, const Bounds& bounds = default_bounds) {
  FrameReader reader(bounds);
  Story story;
  while (!stream.empty()) {
    const std::size_t size = std::min<std::size_t>(stream.size(), next_size());
    if (!feed(reader, stream.first(size), story)) break;
    stream = stream.subspan(size);
  }
  return story;
}

Octets all_golden() {
  Octets stream;
  for (const VectorLine& line : read_vectors("encode")) {
    const Octets bytes = from_hex(line.text("hex"));
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  return stream;
}

TEST(BusFrameReader, frames_come_out_whatever_pieces_go_in) {
  const Octets stream = all_golden();
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, std::size_t{9}, std::size_t{10}, std::size_t{11},
                                 std::size_t{64}, stream.size()}) {
    const Story story = read_in_pieces(stream, [&] { return size; });
    EXPECT_FALSE(story.fault);
    EXPECT_FALSE(story.is_inside_frame);
    EXPECT_EQ(story.count, 37u);
    EXPECT_EQ(story.frames, stream) << size;
  }
}

TEST(BusFrameReader, a_stream_may_be_cut_in_two_anywhere) {
  const Octets stream = all_golden();
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameReader reader(default_bounds);
    Story story;
    ASSERT_TRUE(feed(reader, ByteView(stream).first(cut), story));
    ASSERT_TRUE(feed(reader, ByteView(stream).subspan(cut), story));
    ASSERT_EQ(story.frames, stream) << cut;
  }
}

TEST(BusFrameReader, says_whether_a_stream_ends_inside_a_frame) {
  const Octets bytes = golden("push");
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    FrameReader reader(default_bounds);
    ByteView left = ByteView(bytes).first(size);
    const auto frame = reader.next(left);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->has_value(), size == bytes.size());
    EXPECT_EQ(reader.is_inside_frame(), size != 0 && size != bytes.size()) << size;
  }
}

TEST(BusFrameReader, a_frame_that_lies_whole_in_the_bytes_is_not_copied) {
  Octets stream = golden("ping");
  const Octets push = golden("push");
  stream.insert(stream.end(), push.begin(), push.end());
  FrameReader reader(default_bounds);
  ByteView left = stream;
  ASSERT_TRUE(reader.next(left).value());
  const auto frame = reader.next(left).value();
  ASSERT_TRUE(frame);
  EXPECT_EQ(std::get<Push>(frame->body).payload.data(), &stream[stream.size() - 4]);
  EXPECT_TRUE(left.empty());
  EXPECT_EQ(reader.kept_bytes(), 0u);
}

TEST(BusFrameReader, a_wrong_head_is_told_at_its_tenth_byte) {
  struct Case {
    Octets head;
    Fault fault;
  };
  const Case cases[] = {
      {from_hex("13000000000100000004"), Fault::wrong_stream},
      {from_hex("09000000000000000004"), Fault::wrong_stream},
      {from_hex("090000000001ffffffff"), Fault::frame_too_large},
      {from_hex("09000000000101000000"), Fault::frame_too_large},
      {from_hex("7f000000000001000000"), Fault::frame_too_large},
  };
  for (const Case& each : cases) {
    FrameReader reader(default_bounds);
    ByteView first = ByteView(each.head).first(9);
    EXPECT_FALSE(reader.next(first).value());
    ByteView last = ByteView(each.head).subspan(9);
    const auto failed = reader.next(last);
    ASSERT_FALSE(failed) << to_hex(each.head);
    EXPECT_EQ(failed.error().fault, each.fault);
    EXPECT_EQ(read_in_pieces(each.head, [&] { return each.head.size(); }).fault, each.fault);
  }
}

TEST(BusFrameReader, an_announced_length_takes_no_memory) {
  FrameReader reader(default_bounds);
  const Octets head = from_hex("09000000000100ffffe6");
  Octets piece = head;
  piece.resize(100);
  ByteView left = piece;
  EXPECT_FALSE(reader.next(left).value());
  EXPECT_TRUE(reader.is_inside_frame());
  EXPECT_LE(reader.kept_bytes(), 200u);
}

TEST(BusFrameReader, the_memory_of_a_long_frame_is_given_back) {
  const Octets payload(std::size_t{1} << 20, 7);
  Octets bytes = encoded({1, Push{1, payload}});
  FrameReader reader(default_bounds);
  ByteView part = ByteView(bytes).first(bytes.size() - 1);
  EXPECT_FALSE(reader.next(part).value());
  part = ByteView(bytes).last(1);
  const auto frame = reader.next(part).value();
  ASSERT_TRUE(frame);
  EXPECT_EQ(std::get<Push>(frame->body).payload.size(), payload.size());
  EXPECT_GT(reader.kept_bytes(), payload.size());
  EXPECT_FALSE(reader.next(part).value());
  EXPECT_EQ(reader.kept_bytes(), 0u);
}

TEST(BusFrameReader, errors_are_final_and_keep_the_frames_before_them) {
  Octets stream = golden("ping");
  for (const Octets& bytes : {from_hex("1300000000000000000100"), golden("pong")}) {
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  FrameReader reader(default_bounds);
  ByteView left = stream;
  EXPECT_TRUE(reader.next(left).value());
  for (int i = 0; i < 3; ++i) {
    const auto failed = reader.next(left);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().fault, Fault::bytes_left);
    EXPECT_EQ(failed.error().note, "Ping: body: 1 bytes more than its fields");
  }
}

RC_GTEST_PROP(BusFrameReader, pieces_are_one_stream, ()) {
  FrameMaker maker;
  Octets stream;
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    const Octets bytes = encoded(maker.any());
    stream.insert(stream.end(), bytes.begin(), bytes.end());
  }
  const Story whole = read_in_pieces(stream, [&] { return stream.size(); });
  RC_ASSERT(!whole.fault && whole.frames == stream);
  // Damaged or not, what is read does not depend on the pieces.
  if (!stream.empty() && *rc::gen::arbitrary<bool>()) {
    stream[*rc::gen::inRange<std::size_t>(0, stream.size())] ^= *rc::gen::element<std::uint8_t>(1, 2, 0x80);
  }
  const Story at_once = read_in_pieces(stream, [&] { return stream.size(); });
  const Story bytewise = read_in_pieces(stream, [] { return std::size_t{1}; });
  const Story pieces = read_in_pieces(stream, [] { return *rc::gen::inRange<std::size_t>(1, 40); });
  RC_ASSERT(at_once.frames == bytewise.frames && at_once.fault == bytewise.fault);
  RC_ASSERT(at_once.frames == pieces.frames && at_once.fault == pieces.fault);
}

}  // namespace
}  // namespace parley::wire::bus
