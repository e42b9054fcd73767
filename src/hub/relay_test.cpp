#include "hub/relay.h"

#include <gtest/gtest.h>

#include "hub/hub_suite.h"
#include "io/memory_stream.h"
#include "io/stream_end_suite.h"
#include "runtime/framed_pair_suite.h"
#include "runtime/scripted_peer_suite.h"

// What a slow or hostile side of a relay costs, and whom.
namespace parley::hub {
namespace {

using namespace runtime::suite;
using namespace suite;
using namespace std::chrono_literals;
namespace say = runtime::suite::say;
using runtime::suite::Octets;
using wire::roam::Parity;

constexpr std::size_t quota = std::size_t{64} << 10;
constexpr std::size_t control = std::size_t{8} << 10;

class RelayTest : public testing::Test {
 protected:
  RelayTest() : RelayTest(1024) {}
  // A foreign client of bare bytes, which reads only what the test reads.
  struct Bare {
    Bare(std::unique_ptr<io::Stream> stream, World& in)
        : end(std::make_unique<io::suite::End>(std::move(stream))), world(in) {
      end->is_reading = false;
      end->start();
    }
    std::unique_ptr<io::suite::End> end;
    World& world;
    void says(const Octets& message) {
      const std::string bytes = framed(as_text(message));
      ASSERT_EQ(end->write(as_bytes(bytes)).bytes, bytes.size());
      io::suite::turn_a_little(world.loop);
    }
    // Everything that has come for it, until nothing more does.
    std::vector<wire::roam::Message> reads(std::vector<Octets>& storage) {
      end->is_reading = true;
      for (std::size_t before = 1; before != end->received.size();) {
        before = end->received.size();
        io::suite::turn_a_little(world.loop);
      }
      end->is_reading = false;
      const Octets read = std::exchange(end->received, {});
      std::vector<wire::roam::Message> messages;
      static const Limits limits;
      for (ByteView left = read; !left.empty();) {
        const wire::FrameScan scan = wire::scan_frame(left, 1 << 26);
        if (scan.status != wire::FrameScan::Status::whole) break;
        storage.emplace_back(scan.message.begin(), scan.message.end());
        messages.push_back(wire::roam::decode_message(storage.back(), limits).value());
        left = left.subspan(scan.size);
      }
      return messages;
    }
  };
  Bare foreign() {
    Bare made(at.dial(), world);
    made.says(say::hello(7, Parity::odd, 64));
    return made;
  }
  // One that is Parley, and has opened connection 1 to the Probe.
  Bare bare(const std::string& service = "Probe") {
    Bare made(at.dial(), world);
    made.says(say::hello(7, Parity::odd, 64, runtime::suite::parley_mark));
    Metadata metadata = runtime::suite::parley_mark;
    metadata.add("parley-service", service);
    made.says(runtime::suite::octets({{1, 3, 0, 64}, runtime::suite::metadata_bytes(metadata)}));
    return made;
  }
  // The message on connection 1.
  static Octets on_1(Octets message) {
    message[0] = 1;
    return message;
  }
  void turn() { io::suite::turn_a_little(world.loop); }
  // That the others go on.
  void expect_others_work() {
    Client<Probe> probe = client->client();
    auto call = probe.call<&Probe::add>(20, 22);
    turn();
    ASSERT_TRUE(call.is_done());
    EXPECT_EQ(at.outcome_of(call).value(), 42);
  }

  explicit RelayTest(std::uint32_t calls_max)
      : at({.limits = {
                .outbound_bytes_max = quota, .control_bytes_max = control, .concurrent_requests_max = calls_max}}) {
    worker = at.worker();
    client = at.party();
  }

  HubWorld at;
  World& world = at.world;
  std::unique_ptr<Party> worker;
  std::unique_ptr<Party> client;
};

// A send that may wait.
struct Send {
  Send(World& world, Tx<std::string, 256>& tx, std::size_t bytes) : task(send_one(tx, std::string(bytes, 'x'))) {
    task.bind(world.loop.executor());
    task.start();
    io::suite::turn_a_little(world.loop);
  }
  Task<Result<void>> task;
};

class RelayOfOneCall : public RelayTest {
 protected:
  RelayOfOneCall() : RelayTest(1) {}
};

// It tells its reader only what it understands.
TEST_F(RelayOfOneCall, tells_a_foreign_client_that_nobody_took_the_channels_of_one_too_many) {
  Bare client = foreign();
  client.says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
  EXPECT_EQ(worker->probe.hanging, 1);
  client.says(say::call_of<&Probe::keep_tx>(3, {1}));
  client.says(say::call_of<&Probe::add>(5, {}, std::int64_t{1}, std::int64_t{2}));
  std::vector<Octets> storage;
  const auto heard = client.reads(storage);
  ASSERT_EQ(heard.size(), 3u);
  const auto* with_channel = std::get_if<wire::roam::Response>(&heard[1].payload);
  const auto* without = std::get_if<wire::roam::Response>(&heard[2].payload);
  ASSERT_TRUE(with_channel && without);
  EXPECT_EQ(Octets(with_channel->result.begin(), with_channel->result.end()), (Octets{1, 2}));
  EXPECT_EQ(Octets(without->result.begin(), without->result.end()), (Octets{1, 3}));
}

TEST_F(RelayTest, credit_from_a_side_that_does_not_read_is_withheld_until_it_does) {
  Bare slow = bare();
  slow.says(on_1(say::call_of<&Probe::keep_text>(1, {1})));
  ASSERT_TRUE(worker->probe.kept_text);
  for (int i = 0; i < 256; ++i) ASSERT_TRUE(Send(world, *worker->probe.kept_text, 1400).task.is_done()) << i;
  EXPECT_GT(at.hub->bytes_queued(), quota);
  Send next(world, *worker->probe.kept_text, 1400);
  EXPECT_FALSE(next.task.is_done());
  slow.says(on_1(say::grant(1, 4)));
  slow.says(on_1(say::grant(1, 6)));
  EXPECT_FALSE(next.task.is_done()) << "credit passed to a side that leaves much unread";
  auto stats = client->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::stats>();
  turn();
  ASSERT_TRUE(stats.is_done());
  EXPECT_EQ(at.outcome_of(stats).value().sessions.back().credit_withheld_items, 10u);
  expect_others_work();
  std::vector<Octets> storage;
  EXPECT_GE(slow.reads(storage).size(), 256u);
  turn();
  ASSERT_TRUE(next.task.is_done());
  EXPECT_TRUE(next.task.promise().take());
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(Send(world, *worker->probe.kept_text, 1).task.is_done()) << i;
  EXPECT_FALSE(Send(world, *worker->probe.kept_text, 1).task.is_done()) << "more credit than was given";
}

TEST_F(RelayTest, a_channel_that_nobody_reads_is_cut_and_the_hub_stays_below_its_bound) {
  Bare slow = bare();
  slow.says(on_1(say::call_of<&Probe::keep_text>(1, {1})));
  ASSERT_TRUE(worker->probe.kept_text);
  Result<void> sent;
  for (int i = 0; i < 256 && sent; ++i) {
    Send next(world, *worker->probe.kept_text, 4096);
    ASSERT_TRUE(next.task.is_done());
    sent = next.task.promise().take();
    ASSERT_LE(at.hub->bytes_queued(), 2 * quota + 4096 + control);
  }
  EXPECT_EQ(sent.error().code, Code::reset);
  EXPECT_GT(at.hub->bytes_queued(), quota);
  expect_others_work();
  std::vector<Octets> storage;
  const auto heard = slow.reads(storage);
  ASSERT_FALSE(heard.empty());
  EXPECT_TRUE(std::holds_alternative<wire::roam::Close>(heard.back().payload));
  EXPECT_EQ(at.hub->session_count(), 3u) << "which costs the channel alone";
}

TEST_F(RelayTest, messages_above_the_quota_do_not_pass) {
  Client<Probe> probe = client->client();
  auto large = probe.call<&Probe::echo>(std::string(quota, 'x'));
  EXPECT_EQ(at.outcome_of(large).error().code, Code::too_large);
  auto result = probe.call<&Probe::repeat>("xxxxxxxx", std::uint32_t{quota / 8});
  EXPECT_EQ(at.outcome_of(result).error().code, Code::unknown);
  auto [out, in] = channel<std::string, 256>();
  auto kept = probe.call<&Probe::keep_text>(std::move(out));
  ASSERT_TRUE(at.outcome_of(kept));
  EXPECT_TRUE(world.run(send_one(*worker->probe.kept_text, std::string(quota, 'x'))));
  EXPECT_EQ(world.run(receive_one(in)), std::nullopt);
  EXPECT_EQ(in.error()->code, Code::too_large);
  world.settle();
  EXPECT_EQ(world.run(send_one(*worker->probe.kept_text, std::string("x"))).error().code, Code::reset);
  expect_others_work();
}

TEST_F(RelayTest, a_client_that_reads_no_results_loses_them_and_then_its_connection) {
  Bare slow = bare();
  const std::string text(2000, 'x');
  std::uint64_t calls = 0;
  while (at.hub->relay_count() == 1 && calls < 10'000) {
    slow.says(on_1(say::call_of<&Probe::echo>(2 * calls++ + 1, {}, text)));
    ASSERT_LE(at.hub->bytes_queued(), 3 * quota + control + 2100);
  }
  EXPECT_EQ(at.hub->relay_count(), 0u);
  EXPECT_EQ(at.hub->session_count(), 3u);
  EXPECT_EQ(worker->session->connection_count(), 0u);
  expect_others_work();
}

TEST_F(RelayTest, what_is_small_by_nature_and_sent_large_costs_its_sender_the_connection_alone) {
  const std::vector<std::uint8_t> junk(quota + 1, 'j');
  for (const Octets& large :
       {runtime::suite::octets({say::close(1), junk}), runtime::suite::octets({say::reset(1), junk}),
        runtime::suite::octets({say::cancel(1), junk})}) {
    Bare wild = bare();
    wild.says(on_1(say::call_of<&Probe::hang>(1, {1}, std::string("x"))));
    wild.says(on_1(large));
    EXPECT_EQ(at.hub->relay_count(), 0u);
    EXPECT_TRUE(worker->session->is_established());
    expect_others_work();
    wild.end->destroy();
    turn();
  }
}

// A worker of bare bytes that reads nothing.
class UnreadWorkerTest : public RelayTest {
 protected:
  UnreadWorkerTest() : deaf(at.dial(), world) {
    Metadata metadata = runtime::suite::parley_mark;
    metadata.add("parley-offers", codec::to_postcard(std::vector{probe_offer("Deaf")}));
    deaf.says(say::hello(7, Parity::odd, 1000, metadata));
  }
  Bare deaf;
};

TEST_F(UnreadWorkerTest, new_calls_to_a_worker_that_does_not_read_are_refused_as_overloaded) {
  Client<Probe> probe = client->client("Deaf");
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 300; ++i) {
    calls.push_back(probe.call<&Probe::echo>(std::string(4000, 'x')));
    turn();
    ASSERT_LE(at.hub->bytes_queued(), 2 * quota + 4096 + control);
    if (calls.back().is_done()) break;
  }
  ASSERT_TRUE(calls.back().is_done());
  EXPECT_EQ(at.outcome_of(calls.back()).error().code, Code::overloaded);
  expect_others_work();
}

TEST_F(UnreadWorkerTest, small_messages_without_end_cost_the_connection_and_not_the_workers_session) {
  Bare wild = bare("Deaf");
  wild.says(on_1(say::call_of<&Probe::keep_text>(1, {1})));
  for (int i = 0; i < 100'000 && at.hub->relay_count() == 1; ++i) {
    wild.says(on_1(say::grant(1, 1)));
    if (i % 64 == 0) ASSERT_LE(at.hub->bytes_queued(), 3 * quota + control + 100);
  }
  EXPECT_EQ(at.hub->relay_count(), 0u);
  EXPECT_EQ(at.hub->directory().size(), 2u) << "the worker is still there";
  expect_others_work();
}

TEST_F(UnreadWorkerTest, opens_without_end_are_refused_before_they_fill_the_hub) {
  Bare wild(at.dial(), world);
  wild.says(say::hello(7, Parity::odd, 64, runtime::suite::parley_mark));
  Metadata metadata = runtime::suite::parley_mark;
  metadata.add("parley-service", std::string("Deaf"));
  metadata.add("junk", std::string(30'000, 'j'));
  for (std::uint8_t id = 1; id < 127; id += 2) {
    wild.says(runtime::suite::octets({{id, 3, 0, 64}, runtime::suite::metadata_bytes(metadata)}));
    wild.says({id, 6, 0});
    ASSERT_LE(at.hub->bytes_queued(), 17 * quota);
  }
  expect_others_work();
}

TEST_F(UnreadWorkerTest, when_it_dies_calls_that_never_left_are_lost_and_the_others_unknown) {
  Client<Probe> probe = client->client("Deaf");
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 80; ++i) calls.push_back(probe.call<&Probe::echo>(std::string(4000, 'x')));
  turn();
  EXPECT_GT(at.hub->bytes_queued(), 10'000u);
  deaf.end->destroy();
  world.settle();
  int unknown = 0;
  int lost = 0;
  for (auto& call : calls) {
    const auto outcome = at.outcome_of(call);
    ASSERT_FALSE(outcome);
    unknown += outcome.error().code == Code::sent_then_lost;
    lost += outcome.error().code == Code::not_sent;
  }
  EXPECT_EQ(unknown + lost, 80);
  EXPECT_GT(unknown, 60);
  EXPECT_GT(lost, 2);
  expect_others_work();
}

TEST_F(RelayTest, a_foreign_client_that_repeats_a_request_id_loses_its_session_and_the_worker_nothing) {
  Bare wild = foreign();
  wild.says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
  wild.says(say::call_of<&Probe::hang>(1, {}, std::string("x")));
  EXPECT_EQ(at.hub->session_count(), 2u);
  EXPECT_EQ(worker->probe.hanging, 0);
  EXPECT_TRUE(worker->session->is_established());
  expect_others_work();
}

TEST_F(RelayTest, a_breach_that_the_worker_finds_costs_the_clients_connection_and_no_other) {
  for (const Octets& breach : {say::item(77, {1}), say::grant(1, 0xffffffff), say::call(3, 5, {}, {2})}) {
    Bare wild = bare();
    wild.says(on_1(say::call_of<&Probe::keep_text>(1, {1})));
    EXPECT_EQ(at.hub->relay_count(), 1u);
    wild.says(on_1(breach));
    wild.says(on_1(breach));
    EXPECT_EQ(at.hub->relay_count(), 0u);
    EXPECT_EQ(at.hub->session_count(), 3u);
    EXPECT_TRUE(worker->session->is_established());
    expect_others_work();
    wild.end->destroy();
    turn();
    worker->probe.kept_text.reset();
  }
}

}  // namespace
}  // namespace parley::hub
