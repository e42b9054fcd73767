#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/prng.h"
#include "io/memory_stream.h"
#include "runtime/link_log_suite.h"
#include "runtime/world_suite.h"

// What every link does, whatever it is made of.
namespace parley::runtime::suite {

using Links = std::pair<std::unique_ptr<io::Link>, std::unique_ptr<io::Link>>;

// Streams that take a little at a time.
inline io::MemoryStream::Pair narrow_streams(World& world) {
  return io::MemoryStream::make_pair(world.loop, "mem:narrow", {.pipe_bytes_max = 1000});
}

// Its Connector has `Links connect(World&, io::LinkEvents& a, io::LinkEvents& b)`, which starts both.
template <class Connector>
class EveryLink : public testing::Test {
 protected:
  void SetUp() override {
    std::tie(a, b) = connector.connect(world, log_a, log_b);
    ASSERT_TRUE(a && b);
  }
  void TearDown() override {
    a.reset();
    b.reset();
    world.settle();
    EXPECT_EQ(world.loop.executor().timer_count(), 0u) << "a timer outlives the links";
    EXPECT_EQ(world.loop.blocks().held_count(), 0u) << "a block outlives the links";
  }

  World world;
  Connector connector;
  LinkLog log_a;
  LinkLog log_b;
  std::unique_ptr<io::Link> a;
  std::unique_ptr<io::Link> b;
};
TYPED_TEST_SUITE_P(EveryLink);

TYPED_TEST_P(EveryLink, each_message_arrives_whole_once_and_in_order_at_its_one_peer) {
  // rule: calls/link, calls/link.message, calls/link.order
  Prng prng(7);
  std::vector<std::string> to_a;
  std::vector<std::string> to_b;
  for (int i = 0; i < 500; ++i) {
    const std::size_t size = prng.between(0, i % 50 == 0 ? 300'000 : 200);
    const std::string message(size, static_cast<char>('a' + i % 26));
    if (prng.between(0, 1) == 0) {
      send(*this->a, message);
      to_b.push_back(message);
    } else {
      send(*this->b, message);
      to_a.push_back(message);
    }
    if (prng.between(0, 9) == 0) this->a->flush();
    if (prng.between(0, 9) == 0) this->world.loop.poll_once();
  }
  this->world.settle();
  EXPECT_TRUE(this->log_a.messages == to_a);
  EXPECT_TRUE(this->log_b.messages == to_b);
}

TYPED_TEST_P(EveryLink, what_was_written_is_committed_at_once_and_nothing_else) {
  // rule: calls/link.tx.commit, calls/link.tx.slot.len
  OutBuffer& out = this->a->out();
  std::string expected;
  for (const std::size_t size : {0u, 1u, 40u, 100u}) {
    std::uint8_t* const cursor = wire::begin_frame(out, 100);
    std::memset(cursor, 'm', size);
    wire::end_frame(out, cursor + size);
    expected += framed(std::string(size, 'm'));
    EXPECT_EQ(as_text(out.pending()), expected);
  }
  this->a->committed();
  this->world.settle();
  EXPECT_THAT(this->log_b.messages, testing::ElementsAre("", "m", std::string(40, 'm'), std::string(100, 'm')));
}

TYPED_TEST_P(EveryLink, what_was_begun_and_not_ended_was_never_there_and_costs_no_room) {
  // rule: calls/link.tx.discard, calls/link.tx.permit.drop
  OutBuffer& out = this->a->out();
  send(*this->a, "before");
  const std::uint64_t committed = out.committed();
  const std::uint8_t* const place = wire::begin_frame(out, 1000);
  for (int i = 0; i < 1000; ++i) {
    std::uint8_t* const cursor = wire::begin_frame(out, 1000);
    ASSERT_EQ(cursor, place);
    std::memset(cursor, 'x', 1000);
  }
  EXPECT_EQ(out.committed(), committed);
  this->a->committed();
  this->a->flush();
  this->world.settle();
  EXPECT_THAT(this->log_b.messages, testing::ElementsAre("before"));
  std::memset(wire::begin_frame(out, 1000), 'x', 1000);
  send(*this->a, "after");
  this->a->flush();
  this->world.settle();
  EXPECT_THAT(this->log_b.messages, testing::ElementsAre("before", "after"));
  EXPECT_EQ(out.sent(), out.committed());
}

TYPED_TEST_P(EveryLink, finishing_gives_the_peer_everything_and_then_an_end_that_stays) {
  // rule: calls/link.tx.close, calls/link.rx.eof
  std::size_t heard_before_the_end = 0;
  this->log_b.at_end = [this, &heard_before_the_end] {
    heard_before_the_end = this->log_b.messages.size();
    send(*this->b, "goodbye");
    this->b->finish();
  };
  for (int i = 0; i < 200; ++i) send(*this->a, std::string(100, 'm'));
  this->a->finish();
  this->world.settle();
  EXPECT_EQ(heard_before_the_end, 200u);
  EXPECT_THAT(this->log_a.messages, testing::ElementsAre("goodbye"));
  this->a->flush();
  this->b->flush();
  this->world.pass(std::chrono::hours(1));
  EXPECT_EQ(this->log_b.messages.size(), 200u);
  for (const LinkLog* log : {&this->log_a, &this->log_b}) {
    EXPECT_EQ(log->ends, 1);
    EXPECT_FALSE(log->failure);
  }
}

TYPED_TEST_P(EveryLink, an_over_long_message_is_an_error_for_good) {
  // rule: calls/link.rx.error, calls/link.tx.alloc.limits
  this->b->set_frame_bytes_max(1000);
  send(*this->a, std::string(1000, 'm'));
  send(*this->a, std::string(1100, 'm'));
  send(*this->a, "behind it");
  this->world.settle();
  send(*this->a, "later");
  this->world.settle();
  EXPECT_THAT(this->log_b.messages, testing::ElementsAre(std::string(1000, 'm')));
  EXPECT_EQ(this->log_b.ends, 1);
  ASSERT_TRUE(this->log_b.failure);
  EXPECT_EQ(this->log_b.failure->code, Code::frame_too_large);
  this->a->finish();
  this->world.settle();
  EXPECT_EQ(this->log_b.messages.size(), 1u);
  EXPECT_EQ(this->log_b.ends, 1);
}

TYPED_TEST_P(EveryLink, a_message_stays_as_it_came_for_whoever_keeps_its_block) {
  // rule: calls/link.rx.recv
  this->log_b.keeps = true;
  for (int i = 0; i < 26; ++i) {
    send(*this->a, std::string(500, static_cast<char>('a' + i)));
    if (i % 3 == 0) this->world.settle();
  }
  this->world.settle();
  this->log_b.keeps = false;
  for (int i = 0; i < 20; ++i) {
    send(*this->a, std::string(100'000, 'z'));
    send(*this->b, std::string(100'000, 'z'));
    this->world.settle();
  }
  ASSERT_EQ(this->log_b.kept.size(), 26u);
  for (std::size_t i = 0; i < 26; ++i) {
    EXPECT_GT(this->log_b.kept[i].pinned(), 0u) << "it lies in no block";
    EXPECT_EQ(as_text(this->log_b.kept[i].view()), std::string(500, static_cast<char>('a' + i)));
  }
  this->log_b.kept.clear();
}

REGISTER_TYPED_TEST_SUITE_P(EveryLink, each_message_arrives_whole_once_and_in_order_at_its_one_peer,
                            what_was_written_is_committed_at_once_and_nothing_else,
                            what_was_begun_and_not_ended_was_never_there_and_costs_no_room,
                            finishing_gives_the_peer_everything_and_then_an_end_that_stays,
                            an_over_long_message_is_an_error_for_good,
                            a_message_stays_as_it_came_for_whoever_keeps_its_block);

}  // namespace parley::runtime::suite
