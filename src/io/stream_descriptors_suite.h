#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "io/descriptor_inbox.h"
#include "io/stream_end_suite.h"

// What every Stream does that passes descriptors. Its world also has
//
//   Descriptor make(int tag);              // an open descriptor that is recognised by its tag
//   int tag_of(const Descriptor&);
//   std::size_t open_count();              // of those made, wherever they are now
namespace parley::io::suite {

// Descriptors that no system knows: a number, and a function that is told of its end.
struct PretendedDescriptors {
  static inline std::set<int> open;
  static Descriptor make(int tag) {
    static int next = 0;
    const int number = (++next << 10) | tag;
    open.insert(number);
    return Descriptor(number, [](int closed) { EXPECT_EQ(open.erase(closed), 1u) << "closed twice"; });
  }
  static int tag_of(const Descriptor& descriptor) { return descriptor.number() & 1023; }
  static std::size_t open_count() { return open.size(); }
};

template <class World>
class StreamDescriptorsSuite : public testing::Test {
 protected:
  void SetUp() override {
    auto [first, second] = world.connect();
    a = std::make_unique<End>(std::move(first));
    b = std::make_unique<End>(std::move(second));
    ASSERT_TRUE(a->stream().passes_descriptors());
    ASSERT_EQ(world.open_count(), 0u);
  }
  void TearDown() override {
    a.reset();
    b.reset();
    turn_a_little(world.loop());
    EXPECT_EQ(world.open_count(), 0u) << "a descriptor leaked";
  }
  std::vector<Descriptor> make(int first_tag, std::size_t count) {
    std::vector<Descriptor> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(world.make(first_tag + static_cast<int>(i)));
    return made;
  }
  // Reads everything that has been sent so far.
  void read_all(std::size_t size) {
    ASSERT_TRUE(turn_until(world.loop(), [&] { return b->received.size() >= size || b->over; }));
  }
  int claim_tag(End& end, std::uint64_t number) {
    auto claimed = end.stream().claim_descriptor(number);
    if (!claimed) {
      ADD_FAILURE() << to_string(claimed.error());
      return -1;
    }
    return world.tag_of(*claimed);
  }

  World world;
  std::unique_ptr<End> a;
  std::unique_ptr<End> b;
};

TYPED_TEST_SUITE_P(StreamDescriptorsSuite);

TYPED_TEST_P(StreamDescriptorsSuite, descriptors_arrive_under_the_numbers_in_which_they_were_passed) {
  this->b->start();
  auto first = this->make(10, 2);
  auto second = this->make(12, 1);
  ASSERT_EQ(this->a->write(as_bytes("one"), first).bytes, 3u);
  EXPECT_EQ(this->a->stream().descriptors_passed(), 2u);
  for (const auto& descriptor : first) EXPECT_FALSE(descriptor) << "passed and still here";
  ASSERT_EQ(this->a->write(as_bytes("two")).bytes, 3u);
  ASSERT_EQ(this->a->write(as_bytes("three"), second).bytes, 5u);
  EXPECT_EQ(this->a->stream().descriptors_passed(), 3u);
  this->read_all(11);
  EXPECT_EQ(this->claim_tag(*this->b, 2), 12);
  EXPECT_EQ(this->claim_tag(*this->b, 0), 10);
  EXPECT_EQ(this->claim_tag(*this->b, 1), 11);
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(StreamDescriptorsSuite, each_direction_numbers_for_itself) {
  this->a->start();
  this->b->start();
  auto forth = this->make(1, 1);
  auto back = this->make(2, 1);
  ASSERT_EQ(this->a->write(as_bytes("x"), forth).bytes, 1u);
  ASSERT_EQ(this->b->write(as_bytes("y"), back).bytes, 1u);
  ASSERT_TRUE(turn_until(this->world.loop(), [&] { return this->a->received.size() + this->b->received.size() == 2; }));
  EXPECT_EQ(this->claim_tag(*this->b, 0), 1);
  EXPECT_EQ(this->claim_tag(*this->a, 0), 2);
}

TYPED_TEST_P(StreamDescriptorsSuite, a_number_is_claimed_once_and_not_before_it_came) {
  this->b->start();
  auto passed = this->make(5, 1);
  EXPECT_EQ(this->b->stream().claim_descriptor(0).error().code, Code::not_found);
  ASSERT_EQ(this->a->write(as_bytes("x"), passed).bytes, 1u);
  this->read_all(1);
  EXPECT_EQ(this->claim_tag(*this->b, 0), 5);
  EXPECT_EQ(this->b->stream().claim_descriptor(0).error().code, Code::not_found);
  EXPECT_EQ(this->b->stream().claim_descriptor(1).error().code, Code::not_found);
  EXPECT_EQ(this->b->stream().claim_descriptor(~std::uint64_t{0}).error().code, Code::not_found);
}

TYPED_TEST_P(StreamDescriptorsSuite, they_have_arrived_when_the_byte_they_went_with_has) {
  // Frames of random length, some with a descriptor, read in portions that meet no frame's end but by chance.
  Prng prng(7);
  std::vector<std::size_t> starts;  // where a descriptor's byte is
  std::size_t claimed = 0;
  this->b->at_readable = [&] {
    std::array<std::uint8_t, 40> portion;
    const Transfer transfer = this->b->read(std::span(portion).first(prng.between(1, portion.size())));
    this->b->received.insert(this->b->received.end(), portion.begin(), portion.begin() + transfer.bytes);
    for (; claimed < starts.size() && starts[claimed] < this->b->received.size(); ++claimed) {
      EXPECT_EQ(this->claim_tag(*this->b, claimed), static_cast<int>(claimed));
    }
  };
  this->b->start();
  std::size_t written = 0;
  for (int frame = 0; frame < 200; ++frame) {
    const std::size_t count = prng.chance(250) ? 1 : 0;
    const std::vector<std::uint8_t> bytes(prng.between(1, 90), 'x');
    auto with = this->make(static_cast<int>(starts.size()), count);
    ASSERT_EQ(this->a->write(bytes, with).bytes, bytes.size());
    if (count) starts.push_back(written);
    written += bytes.size();
    if (frame % 8 == 7) this->read_all(written);
  }
  this->read_all(written);
  EXPECT_GT(starts.size(), 20u);
  EXPECT_EQ(claimed, starts.size());
  EXPECT_EQ(this->a->stream().descriptors_passed(), starts.size());
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(StreamDescriptorsSuite, a_write_that_would_block_leaves_them_with_the_caller) {
  const std::size_t filled = this->a->fill();
  auto with = this->make(20, 2);
  const std::vector<std::uint8_t> bytes(std::size_t{1} << 20, 'x');
  ASSERT_EQ(this->a->write(bytes, with).status, Status::would_block);
  EXPECT_TRUE(with[0] && with[1]);
  EXPECT_EQ(this->a->stream().descriptors_passed(), 0u);
  this->a->start();
  this->b->start();
  this->read_all(filled);
  EXPECT_EQ(this->b->stream().claim_descriptor(0).error().code, Code::not_found);
}

TYPED_TEST_P(StreamDescriptorsSuite, a_write_that_moves_in_part_passes_them_once_with_its_first_byte) {
  this->a->start();
  Prng prng(11);
  const auto bytes = random_bytes(prng, std::size_t{4} << 20);
  auto with = this->make(30, 3);
  const Transfer first = this->a->write(bytes, with);
  ASSERT_EQ(first.status, Status::moved);
  ASSERT_LT(first.bytes, bytes.size()) << "the stream took all at once";
  for (const auto& descriptor : with) EXPECT_FALSE(descriptor);
  EXPECT_EQ(this->a->stream().descriptors_passed(), 3u);
  this->b->start();
  this->b->read_max = 1;
  this->read_all(1);
  EXPECT_EQ(this->claim_tag(*this->b, 0), 30);
  this->b->read_max = std::size_t{64} << 10;
  this->a->send({bytes.begin() + static_cast<std::ptrdiff_t>(first.bytes), bytes.end()});
  this->read_all(bytes.size());
  EXPECT_TRUE(this->b->received == bytes);
  EXPECT_EQ(this->claim_tag(*this->b, 1), 31);
  EXPECT_EQ(this->claim_tag(*this->b, 2), 32);
  EXPECT_EQ(this->b->stream().claim_descriptor(3).error().code, Code::not_found);
}

TYPED_TEST_P(StreamDescriptorsSuite, as_many_as_the_limit_go_with_one_write_and_no_more) {
  this->a->start();
  this->b->start();
  const std::size_t limit = descriptors_per_write_max;
  auto some = this->make(40, limit);
  ASSERT_EQ(this->a->write(as_bytes("ok"), some).bytes, 2u);
  this->read_all(2);
  for (std::size_t i = 0; i < limit; ++i) EXPECT_EQ(this->claim_tag(*this->b, i), 40 + static_cast<int>(i));
  auto many = this->make(50, limit + 1);
  EXPECT_EQ(this->a->write(as_bytes("no"), many).status, Status::failed);
  EXPECT_EQ(this->a->stream().failure().code, Code::too_many_descriptors);
  EXPECT_EQ(this->a->stream().descriptors_passed(), limit);
  for (const auto& descriptor : many) EXPECT_TRUE(descriptor) << "what was not passed stays the caller's";
}

TYPED_TEST_P(StreamDescriptorsSuite, unclaimed_ones_die_with_the_stream) {
  this->b->start();
  auto with = this->make(60, 4);
  ASSERT_EQ(this->a->write(as_bytes("x"), with).bytes, 1u);
  this->read_all(1);
  EXPECT_EQ(this->world.open_count(), 4u);
  EXPECT_EQ(this->claim_tag(*this->b, 1), 61);
  EXPECT_EQ(this->world.open_count(), 3u);
  this->b->destroy();
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(StreamDescriptorsSuite, those_on_their_way_die_with_their_reader) {
  auto with = this->make(70, 3);
  ASSERT_EQ(this->a->write(as_bytes("x"), with).bytes, 1u);
  this->b->destroy();
  this->a->start();
  ASSERT_TRUE(turn_until(this->world.loop(), [&] { return this->a->over.has_value(); }));
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(StreamDescriptorsSuite, a_claimed_one_outlives_its_stream) {
  this->b->start();
  auto with = this->make(80, 1);
  ASSERT_EQ(this->a->write(as_bytes("x"), with).bytes, 1u);
  this->read_all(1);
  auto claimed = this->b->stream().claim_descriptor(0);
  ASSERT_TRUE(claimed);
  this->a->destroy();
  this->b->destroy();
  EXPECT_EQ(this->world.tag_of(*claimed), 80);
  EXPECT_EQ(this->world.open_count(), 1u);
}

TYPED_TEST_P(StreamDescriptorsSuite, more_unclaimed_ones_than_the_bound_cost_the_stream) {
  this->a->start();
  this->b->start();
  std::size_t passed = 0;
  while (passed + 8 <= DescriptorInbox::unclaimed_max) {
    auto with = this->make(100, 8);
    ASSERT_EQ(this->a->write(as_bytes("x"), with).bytes, 1u);
    passed += 8;
  }
  this->read_all(passed / 8);
  EXPECT_FALSE(this->b->over);
  EXPECT_EQ(this->world.open_count(), passed);
  auto with = this->make(200, 1);
  ASSERT_EQ(this->a->write(as_bytes("x"), with).bytes, 1u);
  ASSERT_TRUE(turn_until(this->world.loop(), [&] { return this->b->over.has_value(); }));
  EXPECT_EQ(this->b->over, Status::failed);
  EXPECT_EQ(this->b->stream().failure().code, Code::too_many_descriptors);
  EXPECT_EQ(this->world.open_count(), 0u) << "a failed stream keeps nothing open";
  EXPECT_EQ(this->b->write(as_bytes("x")).status, Status::failed);
}

REGISTER_TYPED_TEST_SUITE_P(StreamDescriptorsSuite, descriptors_arrive_under_the_numbers_in_which_they_were_passed,
                            each_direction_numbers_for_itself, a_number_is_claimed_once_and_not_before_it_came,
                            they_have_arrived_when_the_byte_they_went_with_has,
                            a_write_that_would_block_leaves_them_with_the_caller,
                            a_write_that_moves_in_part_passes_them_once_with_its_first_byte,
                            as_many_as_the_limit_go_with_one_write_and_no_more, unclaimed_ones_die_with_the_stream,
                            those_on_their_way_die_with_their_reader, a_claimed_one_outlives_its_stream,
                            more_unclaimed_ones_than_the_bound_cost_the_stream);

// What every other Stream says about them.
template <class World>
class StreamWithoutDescriptorsSuite : public testing::Test {
 protected:
  World world;
};

TYPED_TEST_SUITE_P(StreamWithoutDescriptorsSuite);

TYPED_TEST_P(StreamWithoutDescriptorsSuite, passing_and_claiming_are_refused) {
  auto [a, b] = this->world.connect();
  EXPECT_FALSE(a->passes_descriptors());
  EXPECT_EQ(b->claim_descriptor(0).error().code, Code::unsupported);
  static bool is_closed;
  is_closed = false;
  Descriptor descriptor(1000, [](int) { is_closed = true; });
  EXPECT_EQ(a->write_some(as_bytes("x"), {&descriptor, 1}).status, Status::failed);
  EXPECT_EQ(a->failure().code, Code::unsupported);
  EXPECT_EQ(a->descriptors_passed(), 0u);
  EXPECT_FALSE(is_closed) << "what was not passed stays the caller's";
}

REGISTER_TYPED_TEST_SUITE_P(StreamWithoutDescriptorsSuite, passing_and_claiming_are_refused);

}  // namespace parley::io::suite
