#include "face/server.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/world_suite.h"

// A server's end of listening.
namespace parley {
namespace {

using runtime::suite::FakeClock;
using runtime::suite::FakeRandom;
using runtime::suite::FakeReactor;

// Its listener fails when the test says so.
class FailingLoop final : public io::Loop {
 public:
  using io::Loop::Loop;
  Result<std::unique_ptr<io::Listener>> listen(std::string_view uri) override {
    if (!uri.starts_with("fail:")) return io::Loop::listen(uri);
    return std::make_unique<Listener>(*this);
  }
  io::ListenerEvents* events = nullptr;
  bool is_listening = false;

 private:
  class Listener final : public io::Listener {
   public:
    explicit Listener(FailingLoop& loop) : loop_(loop) { loop_.is_listening = true; }
    ~Listener() override { loop_.is_listening = false; }
    void start(io::ListenerEvents& to) override { loop_.events = &to; }
    const std::string& address() const override { return address_; }

   private:
    FailingLoop& loop_;
    std::string address_ = "fail:";
  };
};

class ServerStopped : public testing::Test {
 protected:
  void settle() {
    while (loop.poll_once()) {
    }
  }
  // Waits beside the test, from now on.
  void wait_for_the_end_of(Server& server) {
    waiting.emplace(server.stopped());
    waiting->bind(loop.executor());
    waiting->start();
    settle();
  }
  FakeClock clock;
  FakeReactor reactor;
  FakeRandom random;
  FailingLoop loop{clock, reactor, random};
  std::optional<Task<Result<void>>> waiting;
};

TEST_F(ServerStopped, says_why_the_listener_failed) {
  Server server = listen(loop, "fail:").value();
  wait_for_the_end_of(server);
  EXPECT_FALSE(waiting->is_done());
  EXPECT_TRUE(loop.is_listening);
  loop.events->on_listener_failed({Code::address, "the cable is out"});
  settle();
  ASSERT_TRUE(waiting->is_done());
  EXPECT_EQ(waiting->promise().take().error(), (Error{Code::address, "the cable is out"}));
  EXPECT_FALSE(loop.is_listening);
  // Asked afterwards it says the same, and closing changes nothing about it.
  server.close();
  wait_for_the_end_of(server);
  EXPECT_EQ(waiting->promise().take().error().code, Code::address);
}

TEST_F(ServerStopped, is_good_when_the_server_is_closed) {
  Server server = listen(loop, "mem:desk").value();
  wait_for_the_end_of(server);
  server.close();
  server.close();
  settle();
  ASSERT_TRUE(waiting->is_done());
  EXPECT_TRUE(waiting->promise().take());
}

TEST_F(ServerStopped, is_good_when_the_server_is_destroyed_and_outlives_it) {
  std::optional<Server> server(listen(loop, "mem:desk").value());
  wait_for_the_end_of(*server);
  server.reset();
  settle();
  ASSERT_TRUE(waiting->is_done());
  EXPECT_TRUE(waiting->promise().take());
}

TEST_F(ServerStopped, by_whoever_is_told_of_a_session_which_then_ends) {
  Server server = listen(loop, "mem:desk").value();
  wait_for_the_end_of(server);
  server.on_session([&](Session&) {
    server.close();
    server.close();
  });
  Task<Result<std::unique_ptr<Session>>> dialing = connect(loop, "mem:desk");
  dialing.bind(loop.executor());
  dialing.start();
  settle();
  ASSERT_TRUE(dialing.is_done());
  EXPECT_FALSE(dialing.promise().take().value()->is_open());
  EXPECT_EQ(server.session_count(), 0u);
  EXPECT_TRUE(waiting->promise().take());
}

TEST_F(ServerStopped, leaves_the_sessions_alone) {
  Server server = listen(loop, "fail:").value();
  std::optional<Task<Result<std::unique_ptr<Session>>>> dialing;
  auto other = loop.listen("mem:side").value();
  struct Side final : io::ListenerEvents {
    explicit Side(io::ListenerEvents& to) : to(to) {}
    void on_stream(std::unique_ptr<io::Stream> stream) override { to.on_stream(std::move(stream)); }
    void on_listener_failed(Error) override {}
    io::ListenerEvents& to;
  } side(*loop.events);
  other->start(side);
  dialing.emplace(connect(loop, "mem:side"));
  dialing->bind(loop.executor());
  dialing->start();
  settle();
  ASSERT_TRUE(dialing->is_done());
  const std::unique_ptr<Session> session = dialing->promise().take().value();
  EXPECT_EQ(server.session_count(), 1u);
  loop.events->on_listener_failed({Code::address, "the cable is out"});
  settle();
  EXPECT_EQ(server.session_count(), 1u);
  EXPECT_TRUE(session->is_open());
  server.close();
  settle();
  EXPECT_EQ(server.session_count(), 0u);
  EXPECT_FALSE(session->is_open());
}

// Our own hello is held against the limits that a peer's is held against.
TEST(Server, what_stands_beside_the_hello_is_refused_before_it_is_sent) {
  runtime::suite::World world;
  Options many;
  for (std::uint32_t i = 0; i < Limits().metadata_entries_max; ++i) many.metadata.add("key", "value");
  Options wrong;
  wrong.metadata.add("key", "\xff");
  Options narrow{.limits = {.opening_bytes_max = 1000}};
  narrow.metadata.add("key", std::string(1000, 'x'));
  Server server = listen(world.loop, "mem:server").value();
  for (const auto& [options, code] :
       {std::pair(many, Code::invalid), {wrong, Code::invalid}, {narrow, Code::too_large}}) {
    EXPECT_EQ(world.run(connect(world.loop, "mem:server", options)).error().code, code);
    EXPECT_EQ(listen(world.loop, "mem:other", options).error().code, code);
  }
  many.metadata.erase("key");
  EXPECT_TRUE(world.run(connect(world.loop, "mem:server", many)));
}

// What it serves may grow after listen(), so that its hello could grow beyond what was looked at.
TEST(Server, offers_nothing_beside_its_hello) {
  runtime::suite::World world;
  Services services;
  Server server = listen(world.loop, "mem:server", {.services = &services, .offer = true}).value();
  auto session = world.run(connect(world.loop, "mem:server")).value();
  EXPECT_EQ(session->peer_metadata().find("parley-offers"), nullptr);
}

TEST(Server, counts_what_passes_through_all_its_sessions) {
  runtime::suite::World world;
  const auto statistics = std::make_shared<io::StreamStatistics>();
  Server server = listen(world.loop, "mem:server", {.statistics = statistics}).value();
  auto one = world.run(connect(world.loop, "mem:server")).value();
  const std::uint64_t bytes = statistics->bytes_read;
  EXPECT_GT(bytes, 0u);
  auto other = world.run(connect(world.loop, "mem:server")).value();
  EXPECT_EQ(statistics->bytes_read, 2 * bytes);
}

}  // namespace
}  // namespace parley
