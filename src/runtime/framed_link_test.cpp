#include "runtime/framed_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/statistics_stream.h"
#include "io/stream_end_suite.h"
#include "runtime/link_log_suite.h"

// Messages over a byte stream, one end against the bare bytes of the other.
namespace parley::runtime {
namespace {

using namespace suite;
using io::suite::End;
using testing::ElementsAre;

// Sees into what memory the link reads.
class ReadWatcher final : public io::Stream {
 public:
  struct Seen {
    std::size_t received = 0;
    std::size_t room_max = 0;  // of one read, beyond a block and twice what had been received
    std::size_t places = 0;    // reads that did not go on where the one before ended
    const std::uint8_t* next = nullptr;
  };
  ReadWatcher(std::unique_ptr<io::Stream> inner, Seen& seen, std::size_t block_size)
      : inner_(std::move(inner)), seen_(seen), block_size_(block_size) {}

  using Stream::write_some;
  void start(io::StreamEvents& events) override { inner_->start(events); }
  io::Transfer read_some(std::span<std::uint8_t> into) override {
    const io::Transfer transfer = inner_->read_some(into);
    if (transfer.status != io::Transfer::Status::moved) return transfer;
    const std::size_t allowed = std::max(block_size_, seen_.received * 2);
    if (into.size() > allowed) seen_.room_max = std::max(seen_.room_max, into.size() - allowed);
    if (into.data() != seen_.next) ++seen_.places;
    seen_.next = into.data() + transfer.bytes;
    seen_.received += transfer.bytes;
    return transfer;
  }
  io::Transfer write_some(ByteView from, std::span<io::Descriptor> with) override {
    return inner_->write_some(from, with);
  }
  void want_writable() override { inner_->want_writable(); }
  void finish() override { inner_->finish(); }
  Error failure() const override { return inner_->failure(); }
  const io::Peer& peer() const override { return inner_->peer(); }

 private:
  std::unique_ptr<io::Stream> inner_;
  Seen& seen_;
  std::size_t block_size_;
};

// A link, and the bare other end of its stream.
struct Rig {
  explicit Rig(io::MemoryOptions memory = {}, const Limits& limits = {}) {
    auto [near, far] = io::MemoryStream::make_pair(world.loop(), "mem:rig", memory);
    auto watcher = std::make_unique<ReadWatcher>(std::move(near), seen, world.loop().blocks().block_size());
    auto counted = std::make_unique<io::StatisticsStream>(std::move(watcher), statistics);
    link = std::make_unique<FramedLink>(world.loop(), std::move(counted), limits);
    peer = std::make_unique<End>(std::move(far));
    link->start(log);
    peer->start();
  }
  void settle() { io::suite::turn_a_little(world.loop()); }
  // Everything that is under way arrives.
  void settle_all() {
    for (int i = 0; i < 1000; ++i) settle();
  }
  std::size_t blocks_held() { return world.loop().blocks().held_count(); }
  std::string received() const { return {peer->received.begin(), peer->received.end()}; }
  void peer_sends(std::string_view bytes) {
    const ByteView view = as_bytes(bytes);
    peer->send({view.begin(), view.end()});
    settle();
  }

  io::suite::IdleWorld world;
  io::StreamStatistics statistics;
  ReadWatcher::Seen seen;
  LinkLog log;
  std::unique_ptr<FramedLink> link;
  std::unique_ptr<End> peer;
};

// --- out

TEST(FramedLink, what_is_ready_together_leaves_in_one_write) {
  // rule: calls/weakness.35
  Rig rig;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const std::string message = "message " + std::to_string(i);
    if (i % 3 == 0) {
      send_control(*rig.link, message);
    } else {
      send(*rig.link, message);
    }
    expected += framed(message);
  }
  EXPECT_EQ(rig.statistics.writes, 0u);
  rig.settle();
  EXPECT_EQ(rig.statistics.writes, 1u);
  EXPECT_EQ(rig.received(), expected);
}

TEST(FramedLink, much_leaves_before_the_ready_queue_drains) {
  Limits limits;
  limits.flush_bytes = 1000;
  Rig rig({}, limits);
  const std::string message(96, 'm');
  for (int i = 0; i < 9; ++i) send(*rig.link, message);
  EXPECT_EQ(rig.statistics.writes, 0u) << "900 bytes";
  send(*rig.link, message);
  EXPECT_EQ(rig.statistics.writes, 1u) << "1000 bytes";
  EXPECT_TRUE(rig.link->out().empty());
}

TEST(FramedLink, a_destructors_messages_wait_for_the_ready_queue_however_many) {
  Limits limits;
  limits.flush_bytes = 10;
  Rig rig({}, limits);
  put(rig.link->out(), std::string(1000, 'm'));
  rig.link->committed_later();
  EXPECT_EQ(rig.statistics.writes, 0u);
  rig.settle();
  EXPECT_EQ(rig.statistics.writes, 1u);
}

TEST(FramedLink, a_write_may_end_at_any_byte) {
  const std::vector<std::string> messages = {"one", "", "a longer one", "4"};
  std::string expected;
  for (const std::string& message : messages) expected += framed(message);
  for (std::size_t at = 1; at <= expected.size(); ++at) {
    Rig rig({.pipe_bytes_max = at});
    for (const std::string& message : messages) send(*rig.link, message);
    rig.settle_all();
    ASSERT_EQ(rig.received(), expected) << "in pieces of " << at;
    ASSERT_TRUE(rig.link->out().empty() && !rig.link->is_blocked());
  }
}

TEST(FramedLink, control_overtakes_what_waits_but_no_frame_that_was_begun) {
  // rule: calls/weakness.33
  const std::vector<std::string> messages = {"first", "second one", "", "third"};
  std::string all;
  std::vector<std::size_t> ends;
  for (const std::string& message : messages) {
    all += framed(message);
    ends.push_back(all.size());
  }
  for (std::size_t at = 1; at < all.size(); ++at) {
    Rig rig({.pipe_bytes_max = at});
    rig.peer->is_reading = false;
    for (const std::string& message : messages) send(*rig.link, message);
    rig.settle();
    ASSERT_TRUE(rig.link->is_blocked());
    send_control(*rig.link, "credit");
    send(*rig.link, "fourth");
    send_control(*rig.link, "cancel");
    rig.peer->is_reading = true;
    rig.settle_all();
    const std::size_t begun = *std::ranges::lower_bound(ends, at);
    const std::string expected =
        all.substr(0, begun) + framed("credit") + framed("cancel") + all.substr(begun) + framed("fourth");
    ASSERT_EQ(rig.received(), expected) << "blocked behind byte " << at;
    ASSERT_GE(rig.log.drains, 1);
  }
}

TEST(FramedLink, a_blocked_link_still_reads) {
  // rule: calls/weakness.33
  Rig rig({.pipe_bytes_max = 64});
  rig.peer->is_reading = false;
  send(*rig.link, std::string(1000, 'm'));
  rig.settle();
  ASSERT_TRUE(rig.link->is_blocked());
  rig.peer_sends(framed("heard") + framed("all the same"));
  rig.settle_all();
  EXPECT_THAT(rig.log.messages, ElementsAre("heard", "all the same"));
}

TEST(FramedLink, finishing_sends_what_is_committed_and_then_the_end) {
  for (const std::size_t pipe : {7u, 1000u}) {
    Rig rig({.pipe_bytes_max = pipe});
    send(*rig.link, "the last words");
    rig.link->finish();
    rig.settle_all();
    EXPECT_EQ(rig.received(), framed("the last words"));
    EXPECT_EQ(rig.peer->over, io::Transfer::Status::ended);
    rig.peer_sends(framed("an answer"));
    EXPECT_THAT(rig.log.messages, ElementsAre("an answer")) << "the other direction goes on";
    rig.peer->finish();
    rig.settle();
    EXPECT_EQ(rig.log.ends, 1);
    EXPECT_FALSE(rig.log.failure);
  }
}

TEST(FramedLink, control_messages_behind_a_peer_that_does_not_read_are_bounded) {
  // rule: calls/weakness.29
  Limits limits;
  limits.control_bytes_max = 1000;
  Rig rig({.pipe_bytes_max = 64}, limits);
  rig.peer->is_reading = false;
  send(*rig.link, std::string(1000, 'm'));
  rig.settle();
  const std::string message(96, 'c');
  for (int i = 0; i < 10; ++i) send_control(*rig.link, message);
  rig.settle();
  EXPECT_EQ(rig.log.ends, 0) << "1000 bytes";
  EXPECT_EQ(rig.link->control().size(), 1000u);
  send_control(*rig.link, "");
  EXPECT_EQ(rig.log.ends, 0) << "told to whoever was writing";
  rig.settle();
  EXPECT_EQ(rig.log.ends, 1);
  ASSERT_TRUE(rig.log.failure);
  EXPECT_EQ(rig.log.failure->code, Code::outbound_full);
  EXPECT_EQ(rig.blocks_held(), 0u) << "what can never leave is still held";
  for (int i = 0; i < 1000; ++i) send(*rig.link, message);
  EXPECT_TRUE(rig.link->out().empty()) << "a dead link gathers messages";
  EXPECT_EQ(rig.link->out().sent(), 64u) << "what was dropped counts as sent";
}

// --- in

TEST(FramedLink, messages_arrive_whole_however_they_are_cut_up) {
  const std::string bytes = framed("one") + framed("") + framed("a longer one");
  for (std::size_t at = 1; at <= bytes.size(); ++at) {
    Rig rig;
    rig.peer_sends(bytes.substr(0, at));
    rig.peer_sends(bytes.substr(at));
    ASSERT_THAT(rig.log.messages, ElementsAre("one", "", "a longer one")) << "cut at " << at;
    ASSERT_EQ(rig.blocks_held(), 0u) << "cut at " << at;
  }
}

TEST(FramedLink, a_peer_that_floods_gives_way_to_others_after_each_block) {
  Rig rig({.pipe_bytes_max = std::size_t{1} << 20});
  constexpr std::size_t count = 800;
  std::string much;
  for (std::size_t i = 0; i < count; ++i) much += framed(std::string(1000, 'm'));
  const ByteView view = as_bytes(much);
  rig.peer->send({view.begin(), view.end()});
  io::Loop& loop = rig.world.loop();
  const std::size_t block = loop.blocks().block_size();
  // One entry of the ready queue after the other: what others want to do stands between two of them.
  std::size_t before = 0;
  for (int step = 0; step < 100 && rig.log.messages.size() < count; ++step) {
    if (!loop.executor().run_ready(1)) loop.executor().advance(loop.clock().now());
    ASSERT_LE(rig.seen.received - before, block);
    before = rig.seen.received;
  }
  EXPECT_EQ(rig.log.messages.size(), count);
  EXPECT_GE(rig.statistics.reads, much.size() / block);
}

TEST(FramedLink, memory_is_held_only_while_a_message_is_half_received) {
  Rig rig;
  EXPECT_EQ(rig.blocks_held(), 0u);
  send(*rig.link, "out");
  rig.settle();
  EXPECT_EQ(rig.blocks_held(), 0u);
  const std::string bytes = framed("whole") + framed("half");
  rig.peer_sends(bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(rig.blocks_held(), 1u);
  rig.peer_sends(bytes.substr(bytes.size() - 1));
  EXPECT_THAT(rig.log.messages, ElementsAre("whole", "half"));
  EXPECT_EQ(rig.blocks_held(), 0u);
}

TEST(FramedLink, memory_for_an_announced_length_grows_as_bytes_arrive) {
  Rig rig;
  const std::size_t size = std::size_t{8} << 20;
  const std::string message(size, 'g');
  const std::string bytes = framed(message);
  rig.peer->write_max = 60'000;
  rig.peer_sends(bytes.substr(0, 100));
  EXPECT_EQ(rig.blocks_held(), 1u) << "eight megabytes were announced, one block is enough for 100 bytes";
  rig.peer_sends(bytes.substr(100));
  rig.settle_all();
  ASSERT_EQ(rig.log.messages.size(), 1u);
  EXPECT_TRUE(rig.log.messages[0] == message);
  EXPECT_EQ(rig.seen.room_max, 0u) << "more memory than a block and twice of what had come";
  EXPECT_EQ(rig.log.capacity, bytes.size()) << "the last step gives what is needed and no more";
}

TEST(FramedLink, a_giant_message_in_tiny_pieces_moves_only_when_its_memory_doubles) {
  Rig rig({.pipe_bytes_max = 1000});
  const std::string message(std::size_t{1} << 20, 'g');
  rig.peer_sends(framed("before") + framed(message));
  for (int i = 0; i < 20 && rig.log.messages.size() < 2; ++i) rig.settle_all();
  ASSERT_EQ(rig.log.messages.size(), 2u);
  EXPECT_EQ(rig.seen.room_max, 0u);
  EXPECT_LE(rig.seen.places, 7u) << "128 KiB to 1 MiB are four doublings";
}

TEST(FramedLink, a_message_at_the_limit_passes_and_one_above_ends_the_link) {
  Limits limits;
  limits.frame_bytes_max = 1000;
  Rig rig({}, limits);
  rig.peer_sends(framed(std::string(1000, 'm')));
  EXPECT_EQ(rig.log.messages.size(), 1u);
  EXPECT_EQ(rig.log.ends, 0);
  rig.peer_sends(framed("before") + framed(std::string(1001, 'm')).substr(0, 4));
  EXPECT_EQ(rig.log.messages.size(), 2u) << "what came before the breach is delivered";
  EXPECT_EQ(rig.log.ends, 1) << "the length alone is enough";
  ASSERT_TRUE(rig.log.failure);
  EXPECT_EQ(rig.log.failure->code, Code::frame_too_large);
  EXPECT_EQ(rig.blocks_held(), 0u);
  send(*rig.link, "why");
  rig.settle();
  EXPECT_EQ(rig.received(), framed("why")) << "the peer can still be told";
  rig.peer->finish();
  rig.settle();
  EXPECT_EQ(rig.log.ends, 1) << "an end is told once";
}

TEST(FramedLink, the_limit_for_a_message_can_be_changed_between_two) {
  Rig rig;
  rig.link->set_frame_bytes_max(10);
  rig.log.at_message = [&](ByteView) { rig.link->set_frame_bytes_max(20); };
  rig.peer_sends(framed(std::string(10, 'a')) + framed(std::string(20, 'b')));
  EXPECT_EQ(rig.log.messages.size(), 2u);
  rig.peer_sends(framed(std::string(21, 'c')));
  ASSERT_TRUE(rig.log.failure);
  EXPECT_EQ(rig.log.failure->code, Code::frame_too_large);
}

TEST(FramedLink, an_end_between_messages_is_good_and_one_inside_is_told) {
  const std::string bytes = framed("one") + framed("two");
  for (std::size_t at = 0; at <= bytes.size(); ++at) {
    Rig rig;
    rig.peer_sends(bytes.substr(0, at));
    rig.peer->finish();
    rig.settle();
    ASSERT_EQ(rig.log.ends, 1);
    ASSERT_EQ(rig.log.messages.size(), at / 7);
    ASSERT_EQ(rig.log.failure.has_value(), at % 7 != 0) << "after " << at;
    if (rig.log.failure) ASSERT_EQ(rig.log.failure->code, Code::frame_truncated);
    ASSERT_EQ(rig.blocks_held(), 0u);
  }
}

TEST(FramedLink, a_receiver_that_has_closed_gets_nothing_more_but_the_end) {
  Rig rig;
  rig.log.is_open = false;
  rig.peer_sends(framed("last") + framed("unseen"));
  EXPECT_THAT(rig.log.messages, ElementsAre("last"));
  EXPECT_EQ(rig.blocks_held(), 0u);
  rig.peer_sends(framed("unseen too"));
  EXPECT_EQ(rig.log.ends, 0);
  rig.peer->finish();
  rig.settle();
  EXPECT_THAT(rig.log.messages, ElementsAre("last"));
  EXPECT_EQ(rig.log.ends, 1);
  EXPECT_EQ(rig.blocks_held(), 0u);
}

TEST(FramedLink, a_link_is_handed_over_between_two_messages) {
  Rig rig;
  LinkLog next;
  rig.log.at_message = [&](ByteView) {
    rig.link->hand_over();
    rig.link->start(next);
  };
  rig.peer_sends(framed("for the first") + framed("for the second"));
  EXPECT_THAT(rig.log.messages, ElementsAre("for the first"));
  EXPECT_THAT(next.messages, ElementsAre("for the second"));
  rig.peer->finish();
  rig.settle();
  EXPECT_EQ(rig.log.ends, 0);
  EXPECT_EQ(next.ends, 1);
}

TEST(FramedLinkDeath, nobody_takes_a_link_that_was_not_handed_over) {
  Rig rig;
  LinkLog next;
  EXPECT_DEATH(rig.link->start(next), "handed over before it is started again");
}

// --- death

TEST(FramedLink, what_the_peer_sent_before_it_died_is_delivered_when_a_write_finds_out) {
  Rig rig;
  ASSERT_TRUE(rig.link->out().empty());
  const std::string bytes = framed("sent") + framed("before it died");
  ASSERT_EQ(rig.peer->write(as_bytes(bytes)).bytes, bytes.size());
  rig.peer->destroy();
  send(*rig.link, "too late");
  rig.link->flush();  // fails before anything has been read
  EXPECT_EQ(rig.log.ends, 0);
  rig.settle();
  EXPECT_THAT(rig.log.messages, ElementsAre("sent", "before it died"));
  EXPECT_EQ(rig.log.ends, 1);
  ASSERT_TRUE(rig.log.failure);
  EXPECT_EQ(rig.log.failure->code, Code::link_lost);
  EXPECT_EQ(rig.link->out().sent(), 0u);
}

TEST(FramedLink, a_write_that_fails_while_messages_are_delivered_costs_none_of_them) {
  Rig rig;
  const std::string bytes = framed("one") + framed("two") + framed("three");
  ASSERT_EQ(rig.peer->write(as_bytes(bytes)).bytes, bytes.size());
  rig.peer->destroy();
  rig.log.at_message = [&](ByteView) {
    send(*rig.link, "an answer to the dead");
    rig.link->flush();
  };
  rig.settle();
  EXPECT_THAT(rig.log.messages, ElementsAre("one", "two", "three"));
  EXPECT_EQ(rig.log.ends, 1);
  EXPECT_TRUE(rig.log.failure);
  EXPECT_EQ(rig.blocks_held(), 0u);
}

// Takes no writes; its reads go on.
class DeafStream final : public io::Stream {
 public:
  explicit DeafStream(std::unique_ptr<io::Stream> inner) : inner_(std::move(inner)) {}
  using Stream::write_some;
  void start(io::StreamEvents& events) override { inner_->start(events); }
  io::Transfer read_some(std::span<std::uint8_t> into) override { return inner_->read_some(into); }
  io::Transfer write_some(ByteView, std::span<io::Descriptor>) override { return {io::Transfer::Status::failed, 0}; }
  void want_writable() override {}
  void finish() override { inner_->finish(); }
  Error failure() const override { return {Code::link_lost, "the peer takes nothing"}; }
  const io::Peer& peer() const override { return inner_->peer(); }

 private:
  std::unique_ptr<io::Stream> inner_;
};

TEST(FramedLink, a_peer_that_takes_nothing_and_never_ends_is_not_waited_for_without_end) {
  io::suite::IdleWorld world;
  auto [near, far] = io::MemoryStream::make_pair(world.loop());
  FramedLink link(world.loop(), std::make_unique<DeafStream>(std::move(near)), Limits());
  LinkLog log;
  link.start(log);
  send(link, "unheard");
  const Instant began = world.loop().clock().now();
  ASSERT_EQ(far->write_some(as_bytes(framed("heard"))).bytes, 9u);
  ASSERT_TRUE(io::suite::turn_until(world.loop(), [&] { return log.ends == 1; }));
  EXPECT_THAT(log.messages, ElementsAre("heard"));
  EXPECT_EQ(world.loop().clock().now() - began, Limits().handshake_max);
  ASSERT_TRUE(log.failure);
  EXPECT_EQ(log.failure->note, "the peer takes nothing");
}

}  // namespace
}  // namespace parley::runtime
