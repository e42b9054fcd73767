#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "face/loop.h"
#include "face/server.h"
#include "face/session.h"
#include "hub/hub.h"
#include "net/net_world_suite.h"
#include "runtime/builtin.h"
#include "sim/testing_world.h"

// Stable sessions: what runs on them across cuts, and what ends.
namespace parley {
namespace {

using namespace std::chrono_literals;
using parley::testing::Direction;
using SimWorld = parley::testing::World;

// Writes down what it is told, so that what is lost, doubled or reordered shows.
class Ledger {
 public:
  Task<std::uint64_t> note(std::uint32_t number) {
    noted.push_back(number);
    co_return noted.size();
  }
  Task<std::uint64_t> collect(Rx<std::uint32_t, 8> numbers) {
    while (auto number = co_await numbers.recv()) collected.push_back(*number);
    if (numbers.error()) co_return 0;
    co_return collected.size();
  }
  Task<std::uint64_t> produce(std::uint32_t count, Tx<std::uint32_t, 8> numbers) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!co_await numbers.send(i)) co_return 0;
    }
    numbers.close();
    co_return count;
  }
  Task<std::string> echo(std::string text) { co_return text; }
  Task<void> hang() {
    ++hanging;
    co_await never.wait();
  }

  std::vector<std::uint32_t> noted;
  std::vector<std::uint32_t> collected;
  int hanging = 0;
  Event never;
};
PARLEY_SERVICE(Ledger, note, collect, produce, echo, hang);

std::vector<std::uint32_t> up_to(std::uint32_t count) {
  std::vector<std::uint32_t> numbers(count);
  for (std::uint32_t i = 0; i < count; ++i) numbers[i] = i;
  return numbers;
}

// Calls, items both ways, and an end: each happens once and in order, whatever the links do.
Task<Result<void>> converse(Client<Ledger> client, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t noted = co_await co_await client.call<&Ledger::note>(i);
    EXPECT_EQ(noted, i + 1u);
  }
  auto [out, there] = channel<std::uint32_t, 8>();
  auto collecting = client.call<&Ledger::collect>(std::move(there));
  for (std::uint32_t i = 0; i < count; ++i) co_await co_await out.send(i);
  out.close();
  const std::uint64_t collected = co_await co_await std::move(collecting);
  EXPECT_EQ(collected, count);

  auto [back, in] = channel<std::uint32_t, 8>();
  auto producing = client.call<&Ledger::produce>(count, std::move(back));
  std::vector<std::uint32_t> received;
  while (auto number = co_await in.recv()) received.push_back(*number);
  EXPECT_FALSE(in.error());
  EXPECT_EQ(received, up_to(count));
  const std::uint64_t produced = co_await co_await std::move(producing);
  EXPECT_EQ(produced, count);
  co_return Result<void>();
}

// A ledger served in a simulated world.
struct Scene {
  explicit Scene(std::uint64_t seed = 7, const Options& options = {}) : world(seed) { serve(options); }
  void serve(const Options& options = {}) {
    server.emplace(listen(world.loop(), "sim:ledger", options).value());
    server->serve<Ledger>("Ledger", ledger).value();
  }
  Result<std::unique_ptr<Session>> dial(Options options = {}) {
    options.stable = true;
    return world.run(connect(world.loop(), "sim:ledger", options));
  }
  void expect_done(std::uint32_t count) {
    EXPECT_EQ(ledger.noted, up_to(count));
    EXPECT_EQ(ledger.collected, up_to(count));
  }
  void end(std::unique_ptr<Session> session) {
    session->close();
    session.reset();
    world.pass(5s);  // the last link may have been cut in the middle of the end
    EXPECT_EQ(server->session_count(), 0u) << "an end in good order is not waited for";
    server.reset();
    world.expect_quiet();
  }

  Ledger ledger;
  SimWorld world;
  std::optional<Server> server;
};

TEST(StableSession, works_as_any_other) {
  Scene scene;
  auto session = scene.dial().value();
  ASSERT_TRUE(scene.world.run(converse(session->client<Ledger>("Ledger"), 30)));
  scene.expect_done(30);
  EXPECT_EQ(session->pass({}).error().code, Code::unsupported);
  scene.end(std::move(session));
}

TEST(StableSession, a_cut_at_any_byte_loses_and_doubles_nothing) {
  // rule: calls/stable, calls/stable.reconnect, calls/stable.reconnect.client-replay
  // rule: calls/stable.reconnect.server-replay
  for (const Direction direction : {Direction::to_listener, Direction::to_dialer}) {
    std::uint64_t refused = 0;
    for (std::uint64_t byte = 0;; ++byte) {
      SCOPED_TRACE(std::to_string(byte) + (direction == Direction::to_dialer ? " to the dialer" : " to the listener"));
      Scene scene(byte + 1);
      scene.world.links().cut_next_after(byte, direction);
      auto session = scene.dial();
      if (!session) {
        ++refused;  // before the stable session began
        continue;
      }
      ASSERT_TRUE(scene.world.run(converse((*session)->client<Ledger>("Ledger"), 12)));
      scene.expect_done(12);
      scene.end(std::move(*session));
      if (scene.world.faults().cut == 0) break;
    }
    EXPECT_LE(refused, 30u) << "only while the server's hello had not come";
    EXPECT_GT(refused, 0u);
  }
}

TEST(StableSession, cuts_and_quiet_ends_again_and_again_lose_and_double_nothing) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Scene scene(seed);
    auto session = scene.dial().value();
    auto links = scene.world.links();
    links.carry({.delay_min = 50us, .delay_max = 5ms, .piece_bytes_max = 40});
    Task<Result<void>> talk = converse(session->client<Ledger>("Ledger"), 200);
    talk.bind(scene.world.loop().executor());
    talk.start();
    for (int i = 0; i < 40 && !talk.is_done(); ++i) {
      scene.world.pass(scene.world.prng().below(20) * 10ms);
      if (scene.world.prng().chance(500)) {
        links.cut();
      } else {
        links.close();
      }
    }
    scene.world.pass(20s);
    ASSERT_TRUE(talk.is_done());
    ASSERT_TRUE(talk.promise().take());
    talk.reset();
    scene.expect_done(200);
    EXPECT_GT(scene.world.faults().cut + scene.world.faults().closed, 10u);
    scene.end(std::move(session));
  }
}

TEST(StableSession, one_way_items_go_on_by_pings_through_a_small_window) {
  Scene scene;
  auto session = scene.dial({.limits = {.stable_items_max = 16}}).value();
  ASSERT_TRUE(scene.world.run(converse(session->client<Ledger>("Ledger"), 500)));
  scene.expect_done(500);
  scene.end(std::move(session));
}

TEST(StableSession, full_windows_both_ways_do_not_wait_for_each_other) {
  const Options small{.limits = {.stable_items_max = 16, .stable_bytes_max = 4096}};
  Scene scene(7, small);
  scene.world.links().carry({.delay_min = 1ms, .delay_max = 2ms});
  auto session = scene.dial(small).value();
  auto client = session->client<Ledger>("Ledger");
  for (const std::size_t size : {100, 3000, 15'000}) {
    const std::string text(size, 't');
    std::vector<Call<std::string>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(client.call<&Ledger::echo>(text));
    for (auto& call : calls) {
      const auto echoed = scene.world.run(std::move(call));
      EXPECT_EQ(echoed ? echoed->size() : 0, size);
    }
  }
  scene.end(std::move(session));
}

// In step with each other, without delay, so that there is always a short message under way.
TEST(StableSession, messages_above_the_window_both_ways_do_not_wait_for_each_other) {
  const Options small{.limits = {.stable_bytes_max = 4096}};
  Scene scene(7, small);
  auto session = scene.dial(small).value();
  auto client = session->client<Ledger>("Ledger");
  const std::string text(150'000, 't');
  std::vector<Call<std::string>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(client.call<&Ledger::echo>(text));
  for (auto& call : calls) {
    const auto echoed = scene.world.run(std::move(call));
    ASSERT_TRUE(echoed) << to_string(echoed.error());
    EXPECT_EQ(echoed->size(), text.size());
  }
  scene.end(std::move(session));
}

TEST(StableSession, a_half_open_link_is_left_when_the_client_comes_over_another) {
  Scene scene;
  auto session = scene.dial().value();
  auto client = session->client<Ledger>("Ledger");
  // The client learns of it after a while, the server when the client is back.
  scene.world.links().half_open(Direction::to_listener);
  EXPECT_EQ(*scene.world.run(client.call<&Ledger::note>(0)), 1u);
  EXPECT_EQ(scene.world.faults().half_open, 1u);
  EXPECT_EQ(scene.server->session_count(), 1u);
  scene.end(std::move(session));
}

// Everything is acknowledged by then, so that nothing but the call waits for the peer.
TEST(StableSession, a_link_that_fell_silent_under_a_call_is_left) {
  for (const Direction silent : {Direction::to_listener, Direction::to_dialer, Direction::both}) {
    Scene scene;
    auto session = scene.dial().value();
    auto client = session->client<Ledger>("Ledger");
    auto hanging = client.call<&Ledger::hang>();
    scene.world.pass(10min);
    EXPECT_EQ(session->counters().links_silent, 0u) << "a peer that answers is waited for";
    scene.world.links().half_open(silent);
    scene.world.pass(2min);
    EXPECT_GE(session->counters().links_resumed, 1u);
    EXPECT_FALSE(hanging.is_done());
    scene.ledger.never.set();
    EXPECT_TRUE(scene.world.run(std::move(hanging)));
    scene.end(std::move(session));
  }
}

TEST(StableSession, a_server_that_was_started_anew_ends_it_lost_and_every_call_once) {
  // rule: calls/stable.reconnect.failure, calls/retry.reconnect.stable-conduit
  Scene scene;
  auto session = scene.dial().value();
  auto client = session->client<Ledger>("Ledger");
  std::vector<Call<void>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(client.call<&Ledger::hang>());
  scene.world.settle();
  EXPECT_EQ(scene.ledger.hanging, 3);
  scene.world.links().cut();
  scene.world.settle();
  scene.server.reset();
  scene.serve();
  auto meanwhile = client.call<&Ledger::note>(1);
  const Result<void> ended = scene.world.run(session->closed());
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::link_lost);
  for (auto& call : calls) {
    ASSERT_TRUE(call.is_done());
    EXPECT_EQ(scene.world.run(std::move(call)).error().code, Code::sent_then_lost);
  }
  EXPECT_EQ(scene.world.run(std::move(meanwhile)).error().code, Code::not_sent) << "it never left";
  EXPECT_EQ(scene.ledger.hanging, 3) << "nothing is done twice";
  EXPECT_TRUE(scene.ledger.noted.empty());
}

TEST(StableSession, one_whose_client_is_gone_for_good_ends_after_its_time) {
  Scene scene;
  auto session = scene.dial({.limits = {.stable_away_max = 2s}}).value();
  auto call = session->client<Ledger>("Ledger").call<&Ledger::hang>();
  scene.world.settle();
  scene.world.links().refuse_next(1000);
  scene.world.links().cut();
  scene.world.pass(1900ms);
  EXPECT_FALSE(call.is_done());
  scene.world.pass(200ms);
  EXPECT_EQ(scene.world.run(std::move(call)).error().code, Code::sent_then_lost);
  session.reset();
  scene.world.pass(27s);
  EXPECT_EQ(scene.server->session_count(), 1u);
  scene.world.pass(1s);
  EXPECT_EQ(scene.server->session_count(), 0u) << "the server waits for 30 s";
}

TEST(StableSession, with_redial_a_new_one_begins_when_the_old_one_is_lost) {
  Scene scene;
  auto session = scene.dial({.redial = true}).value();
  auto client = session->client<Ledger>("Ledger");
  EXPECT_EQ(*scene.world.run(client.call<&Ledger::note>(0)), 1u);
  scene.world.links().cut();
  scene.server.reset();
  scene.serve();
  scene.world.pass(10s);
  EXPECT_TRUE(session->is_open());
  EXPECT_EQ(*scene.world.run(client.call<&Ledger::note>(1)), 2u);
}

TEST(StableSession, a_peer_that_keeps_none_is_said_to_be_something_else) {
  SimWorld world(1);
  auto listener = world.loop().listen("sim:bare").value();
  struct Bare final : io::ListenerEvents {
    void on_stream(std::unique_ptr<io::Stream> stream) override {
      const std::string_view said("\x08\0\0\0\0\2\5nope!", 12);
      stream->write_some(as_bytes(said));
      streams.push_back(std::move(stream));
    }
    void on_listener_failed(Error) override {}
    std::vector<std::unique_ptr<io::Stream>> streams;
  } bare;
  listener->start(bare);
  const auto session = world.run(connect(world.loop(), "sim:bare", {.stable = true}));
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::message);
}

TEST(StableSession, a_worker_and_a_client_of_a_hub_go_on_through_it) {
  Ledger ledger;
  Services services;
  ASSERT_TRUE(services.serve<Ledger>("Ledger", ledger));
  SimWorld world(3);
  Hub hub(world.loop());
  ASSERT_TRUE(hub.listen("mem:hub"));
  auto worker = world.run(connect(world.loop(), "mem:hub", {.services = &services, .offer = true, .stable = true}));
  ASSERT_TRUE(worker) << to_string(worker.error());
  auto session = world.run(connect(world.loop(), "mem:hub", {.stable = true})).value();
  Task<Result<void>> talk = converse(session->client<Ledger>("Ledger"), 100);
  talk.bind(world.loop().executor());
  talk.start();
  auto links = world.links("mem:hub");
  links.carry({.delay_min = 1ms, .delay_max = 10ms});
  for (int i = 0; i < 10; ++i) {
    links.cut_after(100 + world.prng().below(100), Direction::to_listener);
    world.pass(300ms);
  }
  world.pass(20s);
  ASSERT_TRUE(talk.is_done());
  ASSERT_TRUE(talk.promise().take());
  EXPECT_EQ(ledger.noted, up_to(100));
  EXPECT_EQ(ledger.collected, up_to(100));
  EXPECT_GT(world.faults().cut, 4u);
  EXPECT_EQ(hub.session_count(), 2u) << "the same two";

  const core::Counters& counters = session->counters();
  EXPECT_GT(counters.links_resumed, 1u);
  EXPECT_GT(counters.messages_resent, 0u);
  auto asked = session->client<builtin::Hub>(builtin::hub_name).call<&builtin::Hub::who>();
  const auto known = world.run(std::move(asked)).value();
  EXPECT_EQ(known.at(1).links_resumed, counters.links_resumed);
  EXPECT_GT(known.at(0).links_resumed, 1u) << "the worker's";
}

// --- over sockets of the system

// Hands on what two streams say, and breaks each link after so many bytes from the client.
class CuttingProxy final : private io::ListenerEvents {
 public:
  CuttingProxy(io::Loop& loop, const std::string& from, std::string to, std::uint64_t cut_after)
      : loop_(loop), to_(std::move(to)), cut_after_(cut_after), listener_(loop.listen(from).value()) {
    listener_->start(*this);
  }
  std::size_t cuts = 0;
  std::size_t cuts_max = 8;

 private:
  struct Side final : io::StreamEvents {
    void on_readable() override { proxy->hand_on(*this); }
    void on_writable() override { proxy->hand_on(*other); }
    CuttingProxy* proxy = nullptr;
    Side* other = nullptr;
    std::unique_ptr<io::Stream> stream;
    std::vector<std::uint8_t> waiting;  // for the other one
    bool is_client = false;
  };
  struct Link {
    std::array<Side, 2> sides;
    std::uint64_t handed_on = 0;
  };
  void on_stream(std::unique_ptr<io::Stream> stream) override { dialing_.spawn(join(std::move(stream))); }
  void on_listener_failed(Error) override {}
  Task<void> join(std::unique_ptr<io::Stream> stream) {
    auto dialer = loop_.dialer(to_);
    auto onward = co_await (*dialer)->dial();
    if (!onward) co_return;
    link_ = std::make_unique<Link>();
    link_->sides[0].stream = std::move(stream);
    link_->sides[0].is_client = true;
    link_->sides[1].stream = std::move(*onward);
    for (std::size_t i = 0; i < 2; ++i) {
      link_->sides[i].proxy = this;
      link_->sides[i].other = &link_->sides[1 - i];
      link_->sides[i].stream->start(link_->sides[i]);
    }
  }
  void hand_on(Side& from) {
    if (from.waiting.empty()) {
      from.waiting.resize(4096);
      const io::Transfer read = from.stream->read_some(from.waiting);
      from.waiting.resize(read.bytes);
      if (read.status == io::Transfer::Status::ended || read.status == io::Transfer::Status::failed) return close();
    }
    std::size_t size = from.waiting.size();
    const bool is_cutting = cuts < cuts_max && from.is_client;
    if (is_cutting) size = static_cast<std::size_t>(std::min<std::uint64_t>(size, cut_after_ - link_->handed_on));
    if (size != 0) {
      const io::Transfer written = from.other->stream->write_some(ByteView(from.waiting).first(size));
      if (written.status == io::Transfer::Status::failed) return close();
      if (written.status == io::Transfer::Status::would_block) return from.other->stream->want_writable();
      from.waiting.erase(from.waiting.begin(), from.waiting.begin() + static_cast<std::ptrdiff_t>(written.bytes));
      if (from.is_client) link_->handed_on += written.bytes;
    }
    if (is_cutting && link_->handed_on == cut_after_) {
      ++cuts;
      close();
    } else if (!from.waiting.empty()) {
      hand_on(from);
    }
  }
  // Not while one of its streams tells something.
  void close() {
    closed_ = std::move(link_);
    for (Side& side : closed_->sides) side.stream->finish();
    loop_.post([this] { closed_.reset(); });
  }

  io::Loop& loop_;
  const std::string to_;
  const std::uint64_t cut_after_;
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Link> closed_;
  Scope dialing_{loop_.executor()};
};

TEST(StableSession, over_unix_sockets_a_proxy_that_cuts_changes_nothing) {
  const net::suite::TemporaryFolder folder;
  const std::string there = "unix:" + folder / "there";
  const std::string between = "unix:" + folder / "between";
  Ledger ledger;
  Loop loop;
  {
    auto server = listen(loop, there).value();
    ASSERT_TRUE(server.serve<Ledger>("Ledger", ledger));
    CuttingProxy proxy(loop, between, there, 900);
    auto session = loop.run_until(connect(loop, between, {.stable = true})).value();
    ASSERT_TRUE(loop.run_until(converse(session->client<Ledger>("Ledger"), 300)));
    EXPECT_EQ(proxy.cuts, proxy.cuts_max);
    EXPECT_EQ(ledger.noted, up_to(300));
    EXPECT_EQ(ledger.collected, up_to(300));
  }
}

}  // namespace
}  // namespace parley
