#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "io/stream_end_suite.h"

// What every Stream does, whatever carries its bytes. A new kind of stream is done when it passes:
//
//   struct MyWorld { Loop& loop(); StreamPair connect(); ... };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Mine, StreamSuite, MyWorld);
//
// A world that passes descriptors also takes part in stream_descriptors_suite.h.
namespace parley::io::suite {

template <class World>
class StreamSuite : public testing::Test {
 protected:
  void SetUp() override {
    auto [first, second] = world.connect();
    a = std::make_unique<End>(std::move(first));
    b = std::make_unique<End>(std::move(second));
  }
  void start() {
    a->start();
    b->start();
  }
  template <class Condition>
  bool turn_until(Condition condition) {
    return suite::turn_until(world.loop(), condition);
  }
  void turn_a_little() { suite::turn_a_little(world.loop()); }

  World world;
  std::unique_ptr<End> a;
  std::unique_ptr<End> b;
};

TYPED_TEST_SUITE_P(StreamSuite);

TYPED_TEST_P(StreamSuite, bytes_arrive_whole_and_in_order_in_whatever_portions) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    if (seed > 1) this->SetUp();
    Prng prng(seed);
    const auto forth = random_bytes(prng, prng.below(300'000) + 1);
    const auto back = random_bytes(prng, prng.below(300'000) + 1);
    for (End* end : {this->a.get(), this->b.get()}) {
      end->chunks = &prng;
      end->read_max = std::size_t{1} << prng.between(8, 17);
      end->write_max = std::size_t{1} << prng.between(8, 17);
    }
    this->start();
    this->a->send(forth);
    this->b->send(back);
    ASSERT_TRUE(this->turn_until(
        [&] { return this->b->received.size() >= forth.size() && this->a->received.size() >= back.size(); }));
    EXPECT_TRUE(this->b->received == forth);
    EXPECT_TRUE(this->a->received == back);
  }
}

TYPED_TEST_P(StreamSuite, eight_megabytes_pass_each_way_at_once) {
  Prng prng(8);
  const auto forth = random_bytes(prng, std::size_t{8} << 20);
  const auto back = random_bytes(prng, std::size_t{8} << 20);
  this->a->write_max = this->b->write_max = std::size_t{1} << 20;
  this->start();
  this->a->send(forth);
  this->b->send(back);
  ASSERT_TRUE(this->turn_until(
      [&] { return this->b->received.size() >= forth.size() && this->a->received.size() >= back.size(); }));
  EXPECT_TRUE(this->b->received == forth);
  EXPECT_TRUE(this->a->received == back);
}

TYPED_TEST_P(StreamSuite, a_read_of_nothing_would_block) {
  std::uint8_t byte = 0;
  EXPECT_EQ(this->a->read({&byte, 1}).status, Status::would_block);
  this->start();
  EXPECT_EQ(this->a->read({&byte, 1}).status, Status::would_block);
  this->turn_a_little();
  EXPECT_EQ(this->a->readable_count, 0u);
  EXPECT_EQ(this->b->readable_count, 0u);
}

TYPED_TEST_P(StreamSuite, what_came_before_the_start_is_reported_after_it) {
  ASSERT_EQ(this->a->write(as_bytes("early")).bytes, 5u);
  this->turn_a_little();
  EXPECT_EQ(this->b->readable_count, 0u);
  this->start();
  EXPECT_EQ(this->b->readable_count, 0u) << "reported from inside start()";
  ASSERT_TRUE(this->turn_until([&] { return this->b->received.size() == 5; }));
  EXPECT_EQ(as_text(this->b->received), "early");
}

TYPED_TEST_P(StreamSuite, readability_is_reported_until_everything_is_read) {
  this->b->read_max = 1;
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("abcdefgh")).bytes, 8u);
  ASSERT_TRUE(this->turn_until([&] { return this->b->received.size() == 8; }));
  EXPECT_EQ(as_text(this->b->received), "abcdefgh");
  EXPECT_GE(this->b->readable_count, 4u);  // a spin may read one before each
  this->turn_a_little();
  const std::size_t count = this->b->readable_count;
  this->turn_a_little();
  EXPECT_EQ(this->b->readable_count, count) << "readable with nothing to read";
}

TYPED_TEST_P(StreamSuite, what_a_reader_leaves_is_reported_again) {
  this->b->is_reading = false;
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("x")).bytes, 1u);
  ASSERT_TRUE(this->turn_until([&] { return this->b->readable_count >= 3; }));
  this->b->is_reading = true;
  ASSERT_TRUE(this->turn_until([&] { return this->b->received.size() == 1; }));
}

TYPED_TEST_P(StreamSuite, a_full_stream_would_block_and_says_once_that_it_no_longer_does) {
  this->b->is_reading = false;
  this->a->start();
  std::size_t written = 0;
  for (std::size_t more = 1; more > 0; written += more) {
    more = this->a->fill();
    this->turn_a_little();
  }
  EXPECT_GT(written, 0u);
  this->a->want_writable();
  this->turn_a_little();
  EXPECT_EQ(this->a->writable_count, 0u);
  this->b->is_reading = true;
  this->b->start();
  ASSERT_TRUE(this->turn_until([&] { return this->b->received.size() == written; }));
  ASSERT_TRUE(this->turn_until([&] { return this->a->writable_count == 1; }));
  this->turn_a_little();
  EXPECT_EQ(this->a->writable_count, 1u) << "reported more than once";
  EXPECT_EQ(this->a->write(as_bytes("!")).bytes, 1u);
  ASSERT_TRUE(this->turn_until([&] { return this->b->received.size() == written + 1; }));
}

TYPED_TEST_P(StreamSuite, a_wish_to_write_is_granted_when_there_is_room_and_once) {
  this->a->want_writable();
  this->turn_a_little();
  EXPECT_EQ(this->a->writable_count, 0u) << "reported before the start";
  this->start();
  EXPECT_EQ(this->a->writable_count, 0u) << "reported from inside start()";
  ASSERT_TRUE(this->turn_until([&] { return this->a->writable_count == 1; }));
  this->turn_a_little();
  EXPECT_EQ(this->a->writable_count, 1u);
  this->a->want_writable();
  EXPECT_EQ(this->a->writable_count, 1u);
  ASSERT_TRUE(this->turn_until([&] { return this->a->writable_count == 2; }));
}

TYPED_TEST_P(StreamSuite, finishing_gives_the_peer_everything_and_then_an_end_that_stays) {
  Prng prng(3);
  const auto bytes = random_bytes(prng, 100'000);
  this->start();
  std::size_t written = 0;
  while (written < bytes.size()) {
    const Transfer transfer = this->a->write(ByteView(bytes).subspan(written));
    if (transfer.status != Status::moved) break;
    written += transfer.bytes;
  }
  this->a->finish();
  this->a->finish();
  ASSERT_TRUE(this->turn_until([&] { return this->b->over.has_value(); }));
  EXPECT_EQ(this->b->over, Status::ended);
  EXPECT_EQ(this->b->received.size(), written);
  EXPECT_TRUE(std::equal(this->b->received.begin(), this->b->received.end(), bytes.begin()));
  std::uint8_t byte = 0;
  EXPECT_EQ(this->b->read({&byte, 1}).status, Status::ended);
  const std::size_t count = this->b->readable_count;
  this->turn_a_little();
  EXPECT_EQ(this->b->readable_count, count) << "reported after the end";
  EXPECT_EQ(this->b->read({&byte, 1}).status, Status::ended);
}

TYPED_TEST_P(StreamSuite, after_finishing_the_other_direction_goes_on) {
  this->start();
  this->a->finish();
  ASSERT_TRUE(this->turn_until([&] { return this->b->over.has_value(); }));
  Prng prng(4);
  const auto back = random_bytes(prng, std::size_t{1} << 20);
  this->b->send(back);
  ASSERT_TRUE(this->turn_until([&] { return this->a->received.size() >= back.size(); }));
  EXPECT_TRUE(this->a->received == back);
  this->b->finish();
  ASSERT_TRUE(this->turn_until([&] { return this->a->over.has_value(); }));
  EXPECT_EQ(this->a->over, Status::ended);
}

TYPED_TEST_P(StreamSuite, writing_after_the_own_end_fails) {
  this->start();
  this->a->finish();
  EXPECT_EQ(this->a->write(as_bytes("late")).status, Status::failed);
  EXPECT_EQ(this->a->stream().failure().code, Code::closed);
}

TYPED_TEST_P(StreamSuite, destroying_an_end_gives_the_other_what_was_written_and_then_its_end) {
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("last words")).bytes, 10u);
  this->a->destroy();
  ASSERT_TRUE(this->turn_until([&] { return this->b->over.has_value(); }));
  EXPECT_EQ(as_text(this->b->received), "last words");
  const std::size_t count = this->b->readable_count;
  std::uint8_t byte = 0;
  EXPECT_EQ(this->b->read({&byte, 1}).status, *this->b->over);
  this->turn_a_little();
  EXPECT_EQ(this->b->readable_count, count) << "reported after the end";
}

TYPED_TEST_P(StreamSuite, destroying_an_end_that_has_not_read_everything_still_ends_the_other) {
  this->b->is_reading = false;
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("never read")).bytes, 10u);
  ASSERT_TRUE(this->turn_until([&] { return this->b->readable_count > 0; }));
  this->b->destroy();
  ASSERT_TRUE(this->turn_until([&] { return this->a->over.has_value(); }));
  std::uint8_t byte = 0;
  EXPECT_EQ(this->a->read({&byte, 1}).status, *this->a->over);
}

TYPED_TEST_P(StreamSuite, writing_to_a_destroyed_peer_fails_for_good_and_kills_nobody) {
  this->start();
  this->b->destroy();
  ASSERT_TRUE(this->turn_until([&] { return this->a->over.has_value(); }));
  // The first bytes may still leave, toward a machine that has yet to say that nobody is there.
  ASSERT_TRUE(this->turn_until([&] {
    this->a->want_writable();
    return this->a->write(as_bytes("?")).status == Status::failed;
  }));
  EXPECT_EQ(this->a->write(as_bytes("?")).status, Status::failed);
  EXPECT_EQ(kind(this->a->stream().failure()), Kind::lost) << to_string(this->a->stream().failure());
  EXPECT_FALSE(this->a->stream().failure().note.empty());
}

TYPED_TEST_P(StreamSuite, a_failed_write_leaves_what_had_arrived) {
  this->b->start();
  ASSERT_EQ(this->b->write(as_bytes("why I go")).bytes, 8u);
  this->b->destroy();
  // Read only when writing has failed, or the peer's system would be told that it was read.
  for (int tries = 0; tries < 100 && this->a->write(as_bytes("?")).status != Status::failed; ++tries) {
    this->turn_a_little();
  }
  ASSERT_EQ(this->a->write(as_bytes("?")).status, Status::failed);
  this->a->start();
  ASSERT_TRUE(this->turn_until([&] { return this->a->over.has_value(); }));
  if (TypeParam::keeps_what_arrived) EXPECT_EQ(as_text(this->a->received), "why I go");
}

TYPED_TEST_P(StreamSuite, whoever_waits_to_write_is_told_when_the_peer_dies) {
  this->b->is_reading = false;
  this->start();
  while (this->a->fill() > 0) this->turn_a_little();
  this->a->want_writable();
  this->turn_a_little();
  ASSERT_EQ(this->a->writable_count, 0u);
  this->b->destroy();
  ASSERT_TRUE(this->turn_until([&] { return this->a->writable_count == 1; }));
}

TYPED_TEST_P(StreamSuite, nothing_is_reported_after_destruction) {
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("unseen")).bytes, 6u);
  this->b->want_writable();
  this->b->destroy();
  this->turn_a_little();
  EXPECT_EQ(this->b->readable_count, 0u);
  EXPECT_EQ(this->b->writable_count, 0u);
}

TYPED_TEST_P(StreamSuite, an_end_may_be_destroyed_by_its_own_event) {
  this->b->at_readable = [&] { this->b->destroy(); };
  this->a->at_writable = [&] { this->a->destroy(); };
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("!")).bytes, 1u);
  ASSERT_TRUE(this->turn_until([&] { return !this->b->is_alive(); }));
  this->a->is_reading = false;
  this->a->want_writable();
  ASSERT_TRUE(this->turn_until([&] { return !this->a->is_alive(); }));
  this->turn_a_little();
  EXPECT_EQ(this->b->readable_count, 1u);
  EXPECT_EQ(this->a->writable_count, 1u);
}

TYPED_TEST_P(StreamSuite, an_end_may_destroy_the_other_one_that_has_news_too) {
  const auto kill = [](std::unique_ptr<End>& victim) {
    return [&victim] {
      if (victim->is_alive()) victim->destroy();
    };
  };
  this->a->at_readable = kill(this->b);
  this->b->at_readable = kill(this->a);
  this->start();
  ASSERT_EQ(this->a->write(as_bytes("x")).bytes, 1u);
  ASSERT_EQ(this->b->write(as_bytes("y")).bytes, 1u);
  ASSERT_TRUE(this->turn_until([&] { return !this->a->is_alive() || !this->b->is_alive(); }));
  this->turn_a_little();
  EXPECT_NE(this->a->is_alive(), this->b->is_alive());
}

TYPED_TEST_P(StreamSuite, a_stream_that_is_never_started_reports_nothing) {
  ASSERT_EQ(this->b->write(as_bytes("x")).bytes, 1u);
  this->turn_a_little();
  EXPECT_EQ(this->a->readable_count, 0u);
  std::uint8_t byte = 0;
  EXPECT_EQ(this->a->read({&byte, 1}).bytes, 1u);
  EXPECT_EQ(byte, 'x');
}

TYPED_TEST_P(StreamSuite, both_ends_name_their_peer) {
  EXPECT_NE(this->a->stream().peer().address.find(':'), std::string::npos) << this->a->stream().peer().address;
  EXPECT_NE(this->b->stream().peer().address.find(':'), std::string::npos) << this->b->stream().peer().address;
}

REGISTER_TYPED_TEST_SUITE_P(StreamSuite, bytes_arrive_whole_and_in_order_in_whatever_portions,
                            eight_megabytes_pass_each_way_at_once, a_read_of_nothing_would_block,
                            what_came_before_the_start_is_reported_after_it,
                            readability_is_reported_until_everything_is_read, what_a_reader_leaves_is_reported_again,
                            a_full_stream_would_block_and_says_once_that_it_no_longer_does,
                            a_wish_to_write_is_granted_when_there_is_room_and_once,
                            finishing_gives_the_peer_everything_and_then_an_end_that_stays,
                            after_finishing_the_other_direction_goes_on, writing_after_the_own_end_fails,
                            destroying_an_end_gives_the_other_what_was_written_and_then_its_end,
                            destroying_an_end_that_has_not_read_everything_still_ends_the_other,
                            writing_to_a_destroyed_peer_fails_for_good_and_kills_nobody,
                            a_failed_write_leaves_what_had_arrived, whoever_waits_to_write_is_told_when_the_peer_dies,
                            nothing_is_reported_after_destruction, an_end_may_be_destroyed_by_its_own_event,
                            an_end_may_destroy_the_other_one_that_has_news_too,
                            a_stream_that_is_never_started_reports_nothing, both_ends_name_their_peer);

}  // namespace parley::io::suite
