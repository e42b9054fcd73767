#include "face/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "face/server.h"
#include "face/session.h"
#include "hub/hub.h"
#include "io/memory_listener.h"
#include "runtime/framed_link.h"
#include "runtime/scripted_peer_suite.h"
#include "runtime/world_suite.h"

// Connections that users open and accept themselves, and what a client can ask about its own.
namespace parley {
namespace {

using namespace std::chrono_literals;
using runtime::suite::Running;
using runtime::suite::World;

class Echo {
 public:
  Task<std::string> echo(std::string text) { co_return name + text; }
  Task<std::string> hang(std::string text) {
    co_await release.wait();
    co_return text;
  }
  std::string name;
  Event release;
};
PARLEY_SERVICE(Echo, echo, hang);

Task<Result<std::string>> echo(Client<Echo> client, std::string text) {
  co_return co_await client.call<&Echo::echo>(text);
}
template <class T>
Task<CallResultOf<T>> outcome(Call<T>& call) {
  co_return co_await call;
}

class ConnectionTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(of_server.serve<Echo>("Echo", server_echo));
    ASSERT_TRUE(of_client.serve<Echo>("Back", client_echo));
  }
  void open(Options client_options = {}, Options server_options = {}) {
    server.emplace(listen(world.loop, "mem:server", std::move(server_options)).value());
    ASSERT_TRUE(server->serve<Echo>("Echo", server_echo));
    server->on_session([this](Session& accepted) { theirs = &accepted; });
    session = world.run(connect(world.loop, "mem:server", std::move(client_options))).value();
    world.settle();
  }
  Result<Connection> open_connection(ConnectionOptions options = {}) {
    return world.run(session->open_connection(std::move(options)));
  }
  const core::Counters& counters_there() { return theirs->counters(); }

  Echo server_echo{.name = "server "};
  Echo client_echo{.name = "client "};
  Services of_server;
  Services of_client;
  World world;
  std::optional<Server> server;
  Session* theirs = nullptr;
  std::unique_ptr<Session> session;
};

TEST_F(ConnectionTest, is_opened_to_a_service_and_closed_with_its_last_user) {
  // rule: calls/rpc.virtual-connection.open, calls/rpc.virtual-connection.accept
  // rule: calls/rpc.caller.liveness.last-drop-closes-connection
  open();
  std::optional<Connection> connection = open_connection({.service = "Echo"}).value();
  EXPECT_TRUE(connection->is_connected());
  EXPECT_NE(connection->id(), 0u);
  std::optional<Client<Echo>> client = connection->client<Echo>();
  EXPECT_EQ(world.run(echo(*client, "one")).value(), "server one");
  EXPECT_EQ(counters_there().connections_accepted, 1u);
  connection.reset();
  world.settle();
  EXPECT_TRUE(client->is_connected()) << "the client is a user as good as any";
  EXPECT_EQ(theirs->runtime().connection_count(), 1u);
  client.reset();
  world.settle();
  EXPECT_EQ(theirs->runtime().connection_count(), 0u);
  EXPECT_EQ(session->runtime().connection_count(), 0u);
  EXPECT_TRUE(session->is_open());
}

TEST_F(ConnectionTest, whoever_is_not_there_or_has_no_name_is_an_error_and_leaves_nothing) {
  open();
  EXPECT_EQ(open_connection({.service = "Nobody"}).error().code, Code::not_found);
  EXPECT_EQ(open_connection({.service = "no name"}).error().code, Code::invalid);
  Metadata endless;
  for (int i = 0; i < 63; ++i) endless.add("k" + std::to_string(i), std::uint64_t{1});
  EXPECT_EQ(open_connection({.metadata = endless}).error().code, Code::invalid);
  world.settle();
  EXPECT_EQ(session->runtime().connection_count(), 0u);
  session->close();
  EXPECT_EQ(open_connection().error().code, Code::closed);
}

TEST_F(ConnectionTest, an_acceptor_sees_what_was_asked_and_decides) {
  // rule: calls/rpc.virtual-connection.open, calls/rpc.virtual-connection.accept
  std::optional<Connection> accepted;
  std::vector<std::string> seen;
  Options options;
  options.on_connection = [&](ConnectionRequest& request) -> Result<void> {
    seen.push_back(std::string(request.service()) + " " + std::to_string(request.concurrent_requests_max()));
    if (request.service() == "Forbidden") return fail(Code::permission, "not for you");
    if (request.service() == "Broken") throw std::runtime_error("oops");
    if (request.service() != "Mine") return {};
    EXPECT_EQ(*request.metadata().find_text("room"), "7");
    PARLEY_TRY(accepted, request.accept(
                             {.concurrent_requests_max = 3, .metadata = {{"hello", "there"}}, .services = &of_server}));
    EXPECT_EQ(request.accept().error().code, Code::invalid) << "once";
    return {};
  };
  open({}, options);
  const Connection mine =
      open_connection(
          {.service = "Mine", .concurrent_requests_max = 5, .metadata = {{"room", "7"}}, .services = &of_client})
          .value();
  EXPECT_EQ(*mine.peer_metadata().find_text("hello"), "there");
  EXPECT_EQ(*accepted->peer_metadata().find_text("room"), "7");
  EXPECT_EQ(mine.id(), accepted->id());
  EXPECT_EQ(world.run(echo(mine.client<Echo>(), "a")).value(), "server a");
  EXPECT_EQ(world.run(echo(accepted->client<Echo>(), "b")).value(), "client b") << "calls go both ways";

  EXPECT_EQ(open_connection({.service = "Forbidden"}).error(), (Error{Code::permission, "not for you"}));
  EXPECT_EQ(open_connection({.service = "Broken"}).error(), (Error{Code::handler_threw, "oops"}));
  EXPECT_EQ(open_connection({.service = "Nobody"}).error().code, Code::not_found);
  EXPECT_TRUE(open_connection({.service = "Echo"})) << "as if nobody had been asked";
  EXPECT_THAT(seen, testing::ElementsAre("Mine 5", "Forbidden 1024", "Broken 1024", "Nobody 1024", "Echo 1024"));
}

TEST_F(ConnectionTest, one_that_was_accepted_and_then_refused_is_closed_with_the_reason) {
  Options options;
  options.on_connection = [](ConnectionRequest& request) -> Result<void> {
    PARLEY_TRY(request.accept());
    return fail(Code::refused, "after all");
  };
  open({}, options);
  const Result<Connection> opened = open_connection();
  if (opened) {
    EXPECT_FALSE(opened->is_connected());
    EXPECT_EQ(world.run(opened->closed()).error(), (Error{Code::refused, "after all"}));
  } else {
    EXPECT_EQ(opened.error(), (Error{Code::refused, "after all"}));
  }
  EXPECT_EQ(theirs->runtime().connection_count(), 0u);
}

TEST_F(ConnectionTest, an_end_of_its_own_is_not_said_of_the_session) {
  open();
  Connection connection = open_connection({.service = "Echo"}).value();
  Client<Echo> client = connection.client<Echo>();
  connection.close();
  EXPECT_EQ(world.run(echo(client, "late")).error(), (Error{Code::closed, "the connection"}));
  EXPECT_TRUE(session->is_open());
}

TEST_F(ConnectionTest, whoever_decides_may_close_the_session) {
  Options options;
  options.on_connection = [this](ConnectionRequest&) -> Result<void> {
    theirs->close();
    return {};
  };
  open({}, options);
  EXPECT_EQ(open_connection({.service = "Echo"}).error().code, Code::link_lost);
  EXPECT_FALSE(session->is_open());
}

TEST_F(ConnectionTest, nothing_is_accepted_on_a_session_that_has_just_been_closed) {
  std::optional<Error> refused;
  Options options;
  options.on_connection = [&](ConnectionRequest& request) -> Result<void> {
    theirs->close();
    const Result<Connection> accepted = request.accept();
    if (!accepted) refused = accepted.error();
    return {};
  };
  open({}, options);
  EXPECT_FALSE(open_connection());
  EXPECT_EQ(refused.value().code, Code::closed);
}

TEST_F(ConnectionTest, the_acceptor_may_open_one_as_well) {
  Options options;
  options.services = &of_client;
  open(options);
  const Connection back = world.run(theirs->open_connection({.service = "Back"})).value();
  EXPECT_EQ(world.run(echo(back.client<Echo>(), "x")).value(), "client x");
  EXPECT_EQ(back.id() % 2, 0u) << "of the acceptor's parity";
}

TEST_F(ConnectionTest, each_has_the_parity_of_ids_that_its_opener_chose) {
  // rule: calls/connection.parity
  open();
  const Connection even = open_connection({.service = "Echo", .parity = Parity::even}).value();
  auto call = even.client<Echo>().call<&Echo::hang>("x");
  EXPECT_EQ(call.id() % 2, 0u);
  world.settle();
  EXPECT_FALSE(call.is_done());
  server_echo.release.set();
  EXPECT_EQ(world.run(outcome(call)).value(), "x");
  const Connection odd = open_connection({.service = "Echo", .parity = Parity::odd}).value();
  auto other = odd.client<Echo>().call<&Echo::hang>("y");
  EXPECT_EQ(other.id() % 2, 1u);
}

TEST_F(ConnectionTest, its_bound_on_calls_is_its_own) {
  Options options;
  options.on_connection = [this](ConnectionRequest& request) -> Result<void> {
    PARLEY_TRY(request.accept({.concurrent_requests_max = 1, .services = &of_server}));
    return {};
  };
  open({}, options);
  const Connection narrow = open_connection().value();
  auto client = narrow.client<Echo>();
  auto first = client.call<&Echo::hang>("1");
  auto second = client.call<&Echo::hang>("2");
  world.settle();
  EXPECT_EQ(session->counters().calls_waited, 1u) << "the second waits for its turn";
  server_echo.release.set();
  EXPECT_EQ(world.run(outcome(first)).value(), "1");
  EXPECT_EQ(world.run(outcome(second)).value(), "2");
}

TEST_F(ConnectionTest, closed_says_when_and_why) {
  // rule: calls/connection.close
  std::optional<Connection> accepted;
  Options options;
  options.on_connection = [&](ConnectionRequest& request) -> Result<void> {
    PARLEY_TRY(accepted, request.accept({.services = &of_server}));
    return {};
  };
  open({}, options);
  {
    const Connection connection = open_connection().value();
    Running<Result<void>> here(world, connection.closed());
    Running<Result<void>> there(world, accepted->closed());
    EXPECT_FALSE(here.is_done() || there.is_done());
    auto call = connection.client<Echo>().call<&Echo::hang>("x");
    world.settle();
    connection.close();
    connection.close();
    world.settle();
    EXPECT_TRUE(here.take()) << "in good order";
    EXPECT_TRUE(there.take());
    EXPECT_TRUE(call.is_done());
    EXPECT_FALSE(connection.is_connected() || accepted->is_connected());
    EXPECT_TRUE(world.run(connection.closed())) << "also afterwards";
    EXPECT_EQ(world.run(echo(connection.client<Echo>(), "late")).error().code, Code::closed);
  }
  {
    const Connection connection = open_connection().value();
    Running<Result<void>> here(world, connection.closed());
    accepted->close(theirs->runtime().root().describe({Code::overloaded, "too much"}));
    world.settle();
    EXPECT_EQ(here.take().error(), (Error{Code::overloaded, "too much"}));
  }
  {
    const Connection connection = open_connection().value();
    Running<Result<void>> here(world, connection.closed());
    server.reset();
    world.settle();
    EXPECT_EQ(here.take().error().code, Code::link_lost);
  }
  accepted.reset();
}

TEST_F(ConnectionTest, dropping_the_opening_closes_what_it_opened) {
  open();
  {
    std::optional<Task<Result<Connection>>> opening = session->open_connection({.service = "Echo"});
    opening->bind(world.loop.executor());
    opening->start();
    opening.reset();
  }
  world.settle();
  EXPECT_EQ(session->runtime().connection_count(), 0u);
  EXPECT_EQ(theirs->runtime().connection_count(), 0u);
}

TEST_F(ConnectionTest, a_thousand_come_and_go_and_leave_nothing) {
  open();
  for (int i = 0; i < 1000; ++i) {
    const Connection connection = open_connection({.service = "Echo"}).value();
    ASSERT_EQ(world.run(echo(connection.client<Echo>(), "x")).value(), "server x");
  }
  world.settle();
  EXPECT_EQ(session->runtime().connection_count(), 0u);
  EXPECT_EQ(theirs->runtime().connection_count(), 0u);
}

TEST_F(ConnectionTest, one_too_many_is_overloaded) {
  Options options;
  options.limits.connections_max = 2;
  open({}, options);
  const Connection first = open_connection({.service = "Echo"}).value();
  const Connection second = open_connection({.service = "Echo"}).value();
  EXPECT_EQ(open_connection({.service = "Echo"}).error().code, Code::overloaded);
}

TEST_F(ConnectionTest, goes_through_a_hub_to_a_worker_that_decides) {
  Hub hub(world.loop);
  ASSERT_TRUE(hub.listen("mem:hub"));
  std::vector<std::string> rooms;
  Options offering{.services = &of_server, .offer = true};
  offering.on_connection = [&](ConnectionRequest& request) -> Result<void> {
    const std::string* room = request.metadata().find_text("room");
    if (!room) return fail(Code::invalid, "no room");
    rooms.push_back(*room);
    return {};
  };
  auto worker = world.run(connect(world.loop, "mem:hub", offering)).value();
  session = world.run(connect(world.loop, "mem:hub")).value();
  const Connection connection = open_connection({.service = "Echo", .metadata = {{"room", "3"}}}).value();
  EXPECT_EQ(world.run(echo(connection.client<Echo>(), "x")).value(), "server x");
  EXPECT_EQ(open_connection({.service = "Echo"}).error(), (Error{Code::invalid, "no room"}));
  EXPECT_THAT(rooms, testing::ElementsAre("3"));
}

TEST_F(ConnectionTest, a_client_behind_a_hub_that_hangs_while_it_is_called_back_is_given_up) {
  namespace suite = runtime::suite;
  Hub hub(world.loop);
  ASSERT_TRUE(hub.listen("mem:hub"));
  std::optional<Connection> accepted;
  Options offering{.services = &of_server, .offer = true};
  offering.on_connection = [&](ConnectionRequest& request) -> Result<void> {
    PARLEY_TRY(accepted, request.accept({.services = &of_server}));
    return {};
  };
  auto worker = world.run(connect(world.loop, "mem:hub", offering)).value();
  io::MemoryDialer dialer(world.loop, "hub");
  suite::ScriptedPeer hung(
      world, std::make_unique<runtime::FramedLink>(world.loop, world.run(dialer.dial()).value(), Limits()));
  const Metadata to_echo = {{"parley", std::uint64_t{1}}, {"parley-service", "Echo"}};
  hung.says(suite::say::hello(7, Parity::odd, 64, suite::parley_mark));
  hung.says(suite::octets({{1, 3, 0, 64}, suite::metadata_bytes(to_echo)}));
  ASSERT_TRUE(accepted);
  auto back = accepted->client<Echo>().call<&Echo::echo>("x");
  for (int quarter = 0; quarter < 3; ++quarter) world.pass(15s);
  ASSERT_TRUE(back.is_done());
  EXPECT_EQ(kind(world.run(outcome(back)).error()), Kind::unknown);
  EXPECT_EQ(hub.session_count(), 1u);
  accepted.reset();
}

TEST_F(ConnectionTest, a_client_says_whether_it_is_connected_and_when_no_longer) {
  open();
  const auto on_root = session->client<Echo>("Echo");
  EXPECT_TRUE(on_root.is_connected());
  Running<Result<void>> closed(world, on_root.closed());
  EXPECT_FALSE(closed.is_done());
  server.reset();
  world.settle();
  EXPECT_TRUE(closed.take()) << "the server closed it in good order";
  EXPECT_FALSE(on_root.is_connected());

  Hub hub(world.loop);
  ASSERT_TRUE(hub.listen("mem:hub"));
  auto worker = world.run(connect(world.loop, "mem:hub", {.services = &of_server, .offer = true})).value();
  session = world.run(connect(world.loop, "mem:hub")).value();
  const auto client = session->client<Echo>("Echo");
  EXPECT_FALSE(client.is_connected()) << "its first call opens it";
  EXPECT_TRUE(world.run(client.closed()));
  EXPECT_EQ(world.run(echo(client, "x")).value(), "server x");
  EXPECT_TRUE(client.is_connected());
  Running<Result<void>> gone(world, client.closed());
  EXPECT_FALSE(gone.is_done());
  worker->close();
  worker.reset();
  world.settle();
  EXPECT_FALSE(gone.take());
  EXPECT_FALSE(client.is_connected());
}

}  // namespace
}  // namespace parley
