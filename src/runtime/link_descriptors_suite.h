#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/descriptor_inbox.h"
#include "io/statistics_stream.h"
#include "io/stream_descriptors_suite.h"
#include "runtime/framed_link.h"
#include "runtime/link_log_suite.h"

// What every Link does that passes descriptors, over the worlds of io/stream_descriptors_suite.h.
namespace parley::runtime::suite {

template <class World>
class LinkDescriptorsSuite : public testing::Test {
 protected:
  void connect(const Limits& limits = {}) {
    auto [first, second] = world.connect();
    a = std::make_unique<FramedLink>(world.loop(), std::make_unique<io::StatisticsStream>(std::move(first), statistics),
                                     limits);
    b = std::make_unique<FramedLink>(world.loop(), std::move(second), limits);
    a->start(log_a);
  }
  // Until then it reads nothing.
  void start_b() { b->start(log_b); }
  void TearDown() override {
    a.reset();
    b.reset();
    io::suite::turn_a_little(world.loop());
    EXPECT_EQ(world.open_count(), 0u) << "a descriptor leaked";
  }
  std::vector<io::Descriptor> make(int first_tag, std::size_t count = 1) {
    std::vector<io::Descriptor> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(world.make(first_tag + static_cast<int>(i)));
    return made;
  }
  std::uint64_t attach(int first_tag, std::size_t count = 1) {
    auto made = make(first_tag, count);
    auto first = a->attach(made);
    EXPECT_TRUE(first) << to_string(first.error());
    return first.value_or(~std::uint64_t{0});
  }
  int claim_tag(std::uint64_t number) {
    auto claimed = b->claim_descriptor(number);
    if (!claimed) {
      ADD_FAILURE() << to_string(claimed.error());
      return -1;
    }
    return world.tag_of(*claimed);
  }
  void await_messages(std::size_t count) {
    ASSERT_TRUE(io::suite::turn_until(world.loop(), [&] { return log_b.messages.size() >= count || log_b.ends != 0; }));
    ASSERT_EQ(log_b.messages.size(), count);
  }

  World world;
  io::StreamStatistics statistics;
  LinkLog log_a;
  LinkLog log_b;
  std::unique_ptr<FramedLink> a;
  std::unique_ptr<FramedLink> b;
};

TYPED_TEST_SUITE_P(LinkDescriptorsSuite);

TYPED_TEST_P(LinkDescriptorsSuite, they_are_there_when_their_message_is) {
  this->connect();
  this->start_b();
  std::vector<int> tags;
  this->log_b.at_message = [&](ByteView message) {
    if (as_text(message) != "with two") return;
    tags.push_back(this->claim_tag(0));
    tags.push_back(this->claim_tag(1));
  };
  send(*this->a, "with none");
  EXPECT_EQ(this->attach(10, 2), 0u);
  send(*this->a, "with two");
  EXPECT_EQ(this->attach(12), 2u);
  send(*this->a, "with one");
  this->await_messages(3);
  EXPECT_THAT(tags, testing::ElementsAre(10, 11));
  EXPECT_EQ(this->claim_tag(2), 12);
  EXPECT_EQ(this->b->claim_descriptor(2).error().code, Code::not_found);
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(LinkDescriptorsSuite, their_message_starts_a_write_of_its_own) {
  this->connect();
  this->start_b();
  send(*this->a, "before");
  this->attach(10);
  send(*this->a, "with");
  send(*this->a, "after");
  this->attach(11);
  this->attach(12);  // with the same message
  send(*this->a, "with two");
  this->await_messages(4);
  EXPECT_EQ(this->statistics.writes, 3u) << "before | with, after | with two";
  EXPECT_EQ(this->statistics.descriptors_passed, 3u);
}

TYPED_TEST_P(LinkDescriptorsSuite, behind_a_slow_reader_each_comes_with_its_own_message) {
  this->connect();
  Prng prng(5);
  int next = 0;
  std::size_t claimed = 0;
  this->log_b.at_message = [&](ByteView message) {
    const std::string text(as_text(message));
    if (!text.starts_with("take ")) return;
    const std::uint64_t first = std::stoull(text.substr(5));
    const std::uint64_t count = std::stoull(text.substr(text.find('+') + 1));
    for (std::uint64_t number = first; number < first + count; ++number) {
      EXPECT_EQ(this->claim_tag(number), static_cast<int>(number));
      ++claimed;
    }
  };
  for (int i = 0; i < 20; ++i) send(*this->a, std::string(prng.between(0, 60'000), 'x'));  // the stream is full
  std::size_t messages = 20;
  for (int i = 0; i < 60; ++i, ++messages) {
    if (next < 40 && prng.chance(400)) {
      const std::size_t count = prng.between(1, 3);
      const std::uint64_t first = this->attach(next, count);
      EXPECT_EQ(first, static_cast<std::uint64_t>(next));
      next += static_cast<int>(count);
      send(*this->a, "take " + std::to_string(first) + "+" + std::to_string(count));
    } else if (prng.chance(300)) {
      send_control(*this->a, "control");
    } else {
      send(*this->a, std::string(prng.between(0, 3000), 'y'));
    }
    if (i % 10 == 0) this->a->flush();
  }
  this->start_b();
  this->await_messages(messages);
  EXPECT_EQ(claimed, static_cast<std::size_t>(next));
  EXPECT_GT(next, 20);
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(LinkDescriptorsSuite, at_most_eight_go_with_one_message_and_refused_ones_stay) {
  this->connect();
  this->start_b();
  this->attach(0, 5);
  auto four = this->make(20, 4);
  EXPECT_EQ(this->a->attach(four).error().code, Code::too_many_descriptors);
  for (const auto& descriptor : four) EXPECT_TRUE(descriptor);
  this->attach(5, 3);
  send(*this->a, "full");
  EXPECT_EQ(this->a->attach(four), 8u) << "the next message has room again";
  send(*this->a, "next");
  this->await_messages(2);
  for (std::uint64_t number = 0; number < 8; ++number) EXPECT_EQ(this->claim_tag(number), static_cast<int>(number));
  for (std::uint64_t number = 8; number < 12; ++number)
    EXPECT_EQ(this->claim_tag(number), static_cast<int>(number) + 12);
}

TYPED_TEST_P(LinkDescriptorsSuite, a_limit_of_ones_own_holds) {
  Limits limits;
  limits.descriptors_max = 2;
  this->connect(limits);
  auto three = this->make(0, 3);
  EXPECT_EQ(this->a->attach(three).error().code, Code::too_many_descriptors);
  EXPECT_EQ(this->attach(0, 2), 0u);
}

TYPED_TEST_P(LinkDescriptorsSuite, more_than_streams_pass_at_once_are_refused_whatever_the_limit) {
  Limits limits;
  limits.descriptors_max = 100;
  this->connect(limits);
  auto nine = this->make(0, 9);
  EXPECT_EQ(this->a->attach(nine).error().code, Code::too_many_descriptors);
  EXPECT_EQ(this->log_a.ends, 0);
}

TYPED_TEST_P(LinkDescriptorsSuite, an_empty_one_is_refused_and_none_need_no_message) {
  this->connect();
  std::vector<io::Descriptor> empty(1);
  EXPECT_EQ(this->a->attach(empty).error().code, Code::invalid);
  EXPECT_EQ(this->a->attach({}), 0u);
  EXPECT_EQ(this->attach(1), 0u);
}

TYPED_TEST_P(LinkDescriptorsSuite, those_that_wait_to_leave_are_bounded) {
  this->connect();
  send(*this->a, std::string(std::size_t{8} << 20, 'x'));
  this->a->flush();
  ASSERT_TRUE(this->a->is_blocked());
  for (std::size_t i = 0; i < io::DescriptorInbox::unclaimed_max; ++i) {
    this->attach(static_cast<int>(i));
    send(*this->a, "with one");
  }
  auto one_more = this->make(100);
  EXPECT_EQ(this->a->attach(one_more).error().code, Code::too_many_descriptors);
  one_more.clear();
  EXPECT_EQ(this->world.open_count(), io::DescriptorInbox::unclaimed_max);
  this->a.reset();
  EXPECT_EQ(this->world.open_count(), 0u) << "they die with their link";
}

TYPED_TEST_P(LinkDescriptorsSuite, those_that_nobody_claims_die_with_the_link) {
  this->connect();
  this->start_b();
  this->attach(0, 3);
  send(*this->a, "with three");
  this->await_messages(1);
  auto claimed = this->b->claim_descriptor(1);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(this->world.open_count(), 3u);
  this->b.reset();
  EXPECT_EQ(this->world.open_count(), 1u);
  EXPECT_EQ(this->world.tag_of(*claimed), 1);
}

TYPED_TEST_P(LinkDescriptorsSuite, those_behind_a_dead_peer_are_closed) {
  this->connect();
  this->b.reset();
  this->attach(0, 3);
  send(*this->a, "with three");
  ASSERT_TRUE(io::suite::turn_until(this->world.loop(), [&] { return this->log_a.ends == 1; }));
  EXPECT_EQ(this->world.open_count(), 0u);
}

TYPED_TEST_P(LinkDescriptorsSuite, behind_the_end_there_is_no_message_for_them) {
  this->connect();
  this->a->finish();
  auto late = this->make(1);
  const auto refused = this->a->attach(late);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::closed);
}

TYPED_TEST_P(LinkDescriptorsSuite, a_peer_that_passes_what_nobody_claims_loses_the_link) {
  this->connect();
  this->start_b();
  const std::size_t bound = io::DescriptorInbox::unclaimed_max;
  for (std::size_t i = 0; i < bound; i += 8) {
    this->attach(static_cast<int>(i), 8);
    send(*this->a, "take this");
    this->await_messages(i / 8 + 1);
  }
  EXPECT_EQ(this->world.open_count(), bound);
  this->attach(0);
  send(*this->a, "and that");
  ASSERT_TRUE(io::suite::turn_until(this->world.loop(), [&] { return this->log_b.ends == 1; }));
  ASSERT_TRUE(this->log_b.failure);
  EXPECT_EQ(this->log_b.failure->code, Code::too_many_descriptors);
  EXPECT_EQ(this->world.open_count(), 0u);
}

REGISTER_TYPED_TEST_SUITE_P(LinkDescriptorsSuite, they_are_there_when_their_message_is,
                            their_message_starts_a_write_of_its_own,
                            behind_a_slow_reader_each_comes_with_its_own_message,
                            at_most_eight_go_with_one_message_and_refused_ones_stay, a_limit_of_ones_own_holds,
                            more_than_streams_pass_at_once_are_refused_whatever_the_limit,
                            an_empty_one_is_refused_and_none_need_no_message, those_that_wait_to_leave_are_bounded,
                            those_that_nobody_claims_die_with_the_link, those_behind_a_dead_peer_are_closed,
                            behind_the_end_there_is_no_message_for_them,
                            a_peer_that_passes_what_nobody_claims_loses_the_link);

}  // namespace parley::runtime::suite
