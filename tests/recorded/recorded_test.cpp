#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/stream_end_suite.h"
#include "net/net_world_suite.h"
#include "parley/parley.h"
#include "recorded/recorded_peer.h"
#include "testbed/scenarios.h"

// What roam 7.1 peers said to each other, said again: our client against the recorded server, our server against the
// recorded client, over memory and over sockets. There is no exception from byte for byte: none of the recordings has
// as many items as a receiver of ours takes before it grants credit, which a peer of this version would not have done.
namespace recorded {
namespace {

using parley::Client;
using parley::Error;
using parley::Kind;
using parley::Loop;
using parley::Task;
using testbed::Scenario;
using testbed::scenarios;
using testbed::Testbed;

// As the recorded peers were set up.
parley::Options as_recorded() { return {.limits = {}, .foreign = true, .concurrent_requests_max = 64}; }

constexpr const char* traffic = "tests/vectors/roam-7.1/traffic";

// Meets the first stream that comes with the recorded server.
class RecordedServer final : private parley::io::ListenerEvents {
 public:
  RecordedServer(Loop& loop, const std::string& uri, const Recording& recording, std::size_t messages_max, Leave leave)
      : listener_(loop.listen(uri).value()), recording_(recording), messages_max_(messages_max), leave_(leave) {
    listener_->start(*this);
  }
  const std::string& address() const { return listener_->address(); }
  RecordedPeer& peer() { return *peer_; }

 private:
  void on_stream(std::unique_ptr<parley::io::Stream> stream) override {
    ASSERT_FALSE(peer_) << "a second stream";
    peer_ = std::make_unique<RecordedPeer>(recording_, Side::server, std::move(stream), messages_max_, leave_);
  }
  void on_listener_failed(Error error) override { ADD_FAILURE() << to_string(error); }

  std::unique_ptr<parley::io::Listener> listener_;
  const Recording& recording_;
  const std::size_t messages_max_;
  const Leave leave_;
  std::unique_ptr<RecordedPeer> peer_;
};

struct ClientOutcome {
  bool is_connected = false;
  std::optional<Error> error;
};

Task<ClientOutcome> run_client(Loop& loop, std::string uri, Scenario scenario, parley::Options options) {
  auto session = co_await parley::connect(loop, uri, std::move(options));
  if (!session) co_return ClientOutcome{.is_connected = false, .error = session.error()};
  EXPECT_TRUE((*session)->peer_metadata().empty());
  auto verdict = co_await scenario((*session)->client<Testbed>("Testbed"));
  if (!verdict) co_return ClientOutcome{.is_connected = true, .error = verdict.error()};
  EXPECT_EQ(*verdict, "");
  co_return ClientOutcome{.is_connected = true, .error = std::nullopt};
}

Task<bool> await_over(RecordedPeer& peer) {
  co_await peer.over().wait();
  co_return true;
}

Task<std::unique_ptr<parley::io::Stream>> dial(Loop& loop, std::string uri) {
  auto dialer = loop.dialer(uri).value();
  auto stream = co_await dialer->dial();
  EXPECT_TRUE(stream) << to_string(stream.error());
  co_return std::move(stream).value();
}

// Over each kind of transport, by its scheme.
class RecordedRoam : public testing::TestWithParam<const char*> {
 protected:
  std::string uri() const {
    const std::string scheme = GetParam();
    if (scheme == "unix") return "unix:" + folder_ / "socket";
    return scheme == "tcp" ? "tcp:127.0.0.1:0" : "mem:recorded";
  }

  // Our client against the recorded server, which stops after some messages.
  ClientOutcome meet_server(const Recording& recording, std::size_t messages_max = ~std::size_t{0},
                            Leave leave = Leave::finishes) {
    RecordedServer server(loop_, uri(), recording, messages_max, leave);
    const ClientOutcome outcome =
        loop_.run_until(run_client(loop_, server.address(), scenarios().at(recording.name), as_recorded()));
    loop_.run_until(await_over(server.peer()));
    EXPECT_EQ(server.peer().complaint(), "");
    surplus_ = server.peer().surplus();
    return outcome;
  }

  // The recorded client against a server of ours.
  void meet_client(parley::Server& server, const Recording& recording, std::size_t messages_max = ~std::size_t{0},
                   Leave leave = Leave::finishes) {
    {
      RecordedPeer peer(recording, Side::client, loop_.run_until(dial(loop_, server.address())), messages_max, leave);
      loop_.run_until(await_over(peer));
      EXPECT_EQ(peer.complaint(), "");
    }
    EXPECT_TRUE(parley::io::suite::turn_until(loop_, [&] { return server.session_count() == 0; }));
  }

  parley::Server serve() {
    auto server = parley::listen(loop_, uri(), as_recorded());
    EXPECT_TRUE(server) << to_string(server.error());
    EXPECT_TRUE(server->serve<Testbed>("Testbed", service_));
    return std::move(server).value();
  }

  parley::net::suite::TemporaryFolder folder_;
  testbed::TestbedService service_;
  Loop loop_;
  const std::vector<Recording> recordings_ = read_recordings(traffic);
  std::size_t surplus_ = 0;
};

TEST_P(RecordedRoam, our_client_says_to_a_server_what_its_client_said) {
  // rule: calls/session.handshake, calls/rpc.request, calls/rpc.channel.item, calls/rpc.channel.close
  for (const Recording& recording : recordings_) {
    SCOPED_TRACE(recording.name);
    const ClientOutcome outcome = meet_server(recording);
    EXPECT_FALSE(outcome.error) << to_string(*outcome.error);
  }
}

TEST_P(RecordedRoam, our_server_says_to_a_client_what_its_server_said) {
  // rule: calls/session.handshake, calls/rpc.response, calls/rpc.channel.item, calls/rpc.channel.close
  parley::Server server = serve();
  for (const Recording& recording : recordings_) {
    SCOPED_TRACE(recording.name);
    meet_client(server, recording);
  }
}

TEST_P(RecordedRoam, a_server_that_leaves_after_any_message_ends_the_call_with_what_is_known_of_it) {
  // rule: calls/weakness.7, calls/weakness.16
  for (const Recording& recording : recordings_) {
    for (const Leave leave : {Leave::finishes, Leave::disappears}) {
      for (std::size_t said = 0; said < recording.messages.size(); ++said) {
        SCOPED_TRACE(recording.name + (leave == Leave::finishes ? " finishes after " : " disappears after ") +
                     std::to_string(said));
        const ClientOutcome outcome = meet_server(recording, said, leave);
        ASSERT_TRUE(outcome.error);
        const Kind kind = parley::kind(*outcome.error);
        EXPECT_EQ(outcome.is_connected, said >= 2) << to_string(*outcome.error);  // both hellos
        if (said < 2) {
          EXPECT_EQ(kind, Kind::lost) << to_string(*outcome.error);
        } else if (said >= 3) {
          // The call has arrived: it may have been done.
          EXPECT_EQ(kind, Kind::unknown) << to_string(*outcome.error);
        } else {
          // The end and the call may meet under way. A call that left is never said to be safe to repeat.
          EXPECT_TRUE(kind == Kind::unknown || kind == Kind::lost) << to_string(*outcome.error);
          if (kind == Kind::lost) EXPECT_EQ(surplus_, 0u);
        }
      }
    }
  }
}

TEST_P(RecordedRoam, a_client_that_leaves_after_any_message_costs_its_own_session_only) {
  // rule: calls/weakness.7
  parley::Server server = serve();
  for (const Recording& recording : recordings_) {
    for (const Leave leave : {Leave::finishes, Leave::disappears}) {
      for (std::size_t said = 0; said < recording.messages.size(); ++said) {
        SCOPED_TRACE(recording.name + (leave == Leave::finishes ? " finishes after " : " disappears after ") +
                     std::to_string(said));
        meet_client(server, recording, said, leave);
      }
      meet_client(server, recording);
    }
  }
}

TEST(Recordings, have_a_scenario_each) {
  const auto recordings = read_recordings(traffic);
  EXPECT_EQ(recordings.size(), 6u);
  for (const Recording& recording : recordings) EXPECT_TRUE(scenarios().contains(recording.name)) << recording.name;
}

TEST(Recordings, notice_what_they_do_not_have) {
  Loop loop;
  const Recording recording = read_recording(std::string(traffic) + "/echo.txt");
  const auto complaint = [&](Scenario scenario, const parley::Options& options) {
    RecordedServer server(loop, "mem:recorded", recording, ~std::size_t{0}, Leave::finishes);
    loop.run_until(run_client(loop, server.address(), scenario, options));
    loop.run_until(await_over(server.peer()));
    return server.peer().complaint();
  };
  parley::Options marked = as_recorded();
  marked.foreign = false;
  const Scenario echo = scenarios().at("echo");
  EXPECT_NE(complaint(echo, marked).find("message 1 of the recording"), std::string::npos);
  EXPECT_NE(complaint(scenarios().at("shape_area"), as_recorded()).find("message 3 of the recording"),
            std::string::npos);
  const Scenario twice = [](Client<Testbed> client) -> Task<testbed::Verdict> {
    co_await co_await scenarios().at("echo")(client);
    co_return co_await scenarios().at("echo")(client);
  };
  EXPECT_NE(complaint(twice, as_recorded()).find("more than is recorded"), std::string::npos);
  const Scenario nothing = [](Client<Testbed>) -> Task<testbed::Verdict> { co_return std::string(); };
  EXPECT_NE(complaint(nothing, as_recorded()).find("finished before message 3"), std::string::npos);
  EXPECT_EQ(complaint(echo, as_recorded()), "");
}

INSTANTIATE_TEST_SUITE_P(Over, RecordedRoam, testing::Values("mem", "unix", "tcp"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace recorded
