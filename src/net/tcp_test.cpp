#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/net_world_suite.h"
#include "net/socket_stream.h"
#include "net/tcp_dialer.h"
#include "net/tcp_listener.h"

namespace parley::net::suite {
namespace {

using io::suite::Status;

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

class TcpTest : public testing::Test {
 protected:
  std::unique_ptr<SocketListener> listen(const std::string& host, ListenOptions options = {}) {
    auto listener = listen_tcp(world.loop(), world.reactor(), host, 0, options);
    EXPECT_TRUE(listener) << to_string(listener.error());
    return std::move(*listener);
  }
  Result<std::unique_ptr<io::Stream>> dial(const std::string& host, std::uint16_t port, DialOptions options = {}) {
    TcpDialer dialer(world.loop(), world.reactor(), host, port, options);
    return world.loop().run_until(dialer.dial());
  }
  // A port of this machine on which nobody listens any more.
  std::uint16_t dead_port() { return port_of(listen("127.0.0.1")->address()); }

  EpollWorld world;
};

TEST_F(TcpTest, port_zero_is_chosen_by_the_system_and_told) {
  auto listener = listen("127.0.0.1");
  EXPECT_EQ(listener->address().find("tcp:127.0.0.1:"), 0u);
  EXPECT_NE(port_of(listener->address()), 0);
  Accepted accepted;
  listener->start(accepted);
  auto dialed = dial("127.0.0.1", port_of(listener->address()));
  ASSERT_TRUE(dialed) << to_string(dialed.error());
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  EXPECT_EQ((*dialed)->peer().address, listener->address());
  EXPECT_EQ(accepted.streams[0]->peer().address.find("tcp:127.0.0.1:"), 0u);
  EXPECT_NE(accepted.streams[0]->peer().address, listener->address());
  EXPECT_FALSE((*dialed)->peer().credentials) << "TCP knows no users";
}

TEST_F(TcpTest, who_is_silent_is_asked_by_the_system_after_fifteen_seconds) {
  auto listener = listen("127.0.0.1");
  Accepted accepted;
  listener->start(accepted);
  auto dialed = dial("127.0.0.1", port_of(listener->address()));
  ASSERT_TRUE(dialed);
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  int asked = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int socket = std::stoi(entry.path().filename().string());
    int is_on = 0;
    int after_s = 0;
    socklen_t size = sizeof is_on;
    if (::getsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &is_on, &size) != 0 || is_on == 0) continue;
    EXPECT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, &size), 0);
    EXPECT_EQ(after_s, 15);
    int every_s = 0;
    int times = 0;
    EXPECT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, &size), 0);
    EXPECT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &times, &size), 0);
    EXPECT_LE(after_s + every_s * times, 45) << "which the README promises";
    ++asked;
  }
  EXPECT_EQ(asked, 2) << "both ends";
}

TEST_F(TcpTest, addresses_of_version_6_stand_in_brackets) {
  auto listener = listen_tcp(world.loop(), world.reactor(), "::1", 0);
  if (!listener) GTEST_SKIP() << "no IPv6 here: " << listener.error().note;
  EXPECT_EQ((*listener)->address().find("tcp:[::1]:"), 0u);
  auto dialed = dial("::1", port_of((*listener)->address()));
  ASSERT_TRUE(dialed) << to_string(dialed.error());
  EXPECT_EQ((*dialed)->peer().address, (*listener)->address());
}

TEST_F(TcpTest, localhost_is_listened_on_and_dialed_by_its_name) {
  auto listener = listen("localhost");
  EXPECT_EQ(listener->address().find("tcp:127.0.0.1:"), 0u);
  auto dialed = dial("localhost", port_of(listener->address()));
  ASSERT_TRUE(dialed) << to_string(dialed.error());
  EXPECT_EQ((*dialed)->peer().address, listener->address());
}

TEST_F(TcpTest, listening_takes_addresses_only) {
  auto listener = listen_tcp(world.loop(), world.reactor(), "example.org", 80);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Code::uri);
  EXPECT_NE(listener.error().note.find("tcp:127.0.0.1:80"), std::string::npos) << listener.error().note;
}

TEST_F(TcpTest, a_port_that_is_taken_is_in_use) {
  auto first = listen("127.0.0.1");
  auto second = listen_tcp(world.loop(), world.reactor(), "127.0.0.1", port_of(first->address()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::in_use);
  EXPECT_NE(second.error().note.find(first->address()), std::string::npos) << second.error().note;
}

TEST_F(TcpTest, dialing_nobody_says_where_and_why) {
  const std::uint16_t port = dead_port();
  auto dialed = dial("127.0.0.1", port);
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::address);
  EXPECT_EQ(dialed.error().note, "tcp:127.0.0.1:" + std::to_string(port) + ": Connection refused");
  auto zero = dial("127.0.0.1", 0);
  ASSERT_FALSE(zero);
  EXPECT_EQ(zero.error().code, Code::uri);
}

TEST_F(TcpTest, an_address_that_does_not_answer_is_given_up) {
  // The kernel drops whoever knocks at a full queue: to the dialer a machine that does not answer.
  auto listener = listen("127.0.0.1", {.waiting_max = 0});
  std::vector<std::unique_ptr<io::Stream>> waiting;
  for (int i = 0; i < 20; ++i) {
    auto dialed = dial("127.0.0.1", port_of(listener->address()), {.connect_max = std::chrono::milliseconds(20)});
    if (!dialed) {
      EXPECT_EQ(dialed.error().code, Code::timed_out) << to_string(dialed.error());
      EXPECT_NE(dialed.error().note.find("no answer within 20 ms"), std::string::npos) << dialed.error().note;
      return;
    }
    waiting.push_back(std::move(*dialed));
  }
  FAIL() << "the queue has no bound";
}

// What the resolver would have said, as ports of this machine.
std::vector<std::uint16_t> ports_of_the_name;  // of one test at a time

Result<std::vector<SocketAddress>> answer_with_ports(const std::string&, std::uint16_t) {
  std::vector<SocketAddress> addresses;
  for (const std::uint16_t port : ports_of_the_name) addresses.push_back(literal_addresses("127.0.0.1", port).front());
  return addresses;
}

TEST_F(TcpTest, the_addresses_of_a_name_are_tried_in_their_order) {
  auto first = listen("127.0.0.1");
  auto second = listen("127.0.0.1");
  ports_of_the_name = {dead_port(), port_of(first->address()), port_of(second->address())};
  auto dialed = dial("some.name", 1, {.ask = &answer_with_ports});
  ASSERT_TRUE(dialed) << to_string(dialed.error());
  EXPECT_EQ((*dialed)->peer().address, first->address());
}

TEST_F(TcpTest, when_none_of_them_answers_all_are_named) {
  ports_of_the_name = {dead_port(), dead_port()};
  auto dialed = dial("some.name", 17, {.ask = &answer_with_ports});
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::address);
  EXPECT_EQ(dialed.error().note.find("tcp:some.name:17: "), 0u) << dialed.error().note;
  for (const std::uint16_t port : ports_of_the_name) {
    const std::string named = "tcp:127.0.0.1:" + std::to_string(port) + ": Connection refused";
    EXPECT_NE(dialed.error().note.find(named), std::string::npos) << dialed.error().note;
  }
}

TEST_F(TcpTest, a_name_that_means_nothing_is_an_address_error) {
  const auto ask = [](const std::string& host, std::uint16_t) -> Result<std::vector<SocketAddress>> {
    return fail(Code::address, "resolving " + host + ": Name or service not known");
  };
  auto dialed = dial("nowhere.invalid", 4711, {.ask = ask});
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::address);
  EXPECT_EQ(dialed.error().note, "tcp:nowhere.invalid:4711: resolving nowhere.invalid: Name or service not known");
}

TEST_F(TcpTest, a_dial_that_is_dropped_leaves_nothing_behind) {
  auto listener = listen("127.0.0.1", {.waiting_max = 0});
  std::vector<Task<Result<std::unique_ptr<io::Stream>>>> dials;
  TcpDialer dialer(world.loop(), world.reactor(), "127.0.0.1", port_of(listener->address()));
  for (int i = 0; i < 20; ++i) {
    dials.push_back(dialer.dial());
    dials.back().bind(world.loop().executor());
    dials.back().start();
  }
  io::suite::turn_a_little(world.loop());
  EXPECT_TRUE(std::ranges::any_of(dials, [](const auto& task) { return !task.is_done(); }));
  dials.clear();
  EXPECT_EQ(world.loop().executor().timer_count(), 0u);
}

TEST_F(TcpTest, small_writes_are_not_held_back) {
  int ends[2] = {-1, -1};
  auto listener = listen("127.0.0.1");
  ends[0] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const SocketAddress to = literal_addresses("127.0.0.1", port_of(listener->address())).front();
  ASSERT_EQ(::connect(ends[0], to.get(), to.size), 0);
  ends[1] = ::fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
  const io::Descriptor watched = own(ends[1]);
  const auto stream = SocketStream::make(world.reactor(), own(ends[0]), "tcp:x");
  int is_on = 0;
  socklen_t size = sizeof is_on;
  ASSERT_EQ(::getsockopt(watched.number(), IPPROTO_TCP, TCP_NODELAY, &is_on, &size), 0);
  EXPECT_NE(is_on, 0);
}

}  // namespace
}  // namespace parley::net::suite
