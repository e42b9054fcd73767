#include "net/socket_listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "net/net_world_suite.h"
#include "net/socket_stream.h"
#include "net/unix_dialer.h"
#include "net/unix_listener.h"

namespace parley::net::suite {
namespace {

using io::suite::End;
using io::suite::Status;

static_assert(sizeof(SocketStream) <= 256, "an idle connection is cheap");

class UnixListenerTest : public testing::Test {
 protected:
  std::unique_ptr<SocketListener> listen(ListenOptions options = {}) {
    auto listener = listen_unix(world.loop(), world.reactor(), folder / "s", options);
    EXPECT_TRUE(listener) << to_string(listener.error());
    return std::move(*listener);
  }
  Result<std::unique_ptr<io::Stream>> dial() {
    UnixDialer dialer(world.reactor(), folder / "s");
    return world.loop().run_until(dialer.dial());
  }

  EpollWorld world;
  TemporaryFolder folder;
};

TEST_F(UnixListenerTest, tells_who_is_at_the_other_end) {
  auto listener = listen();
  Accepted accepted;
  listener->start(accepted);
  auto dialed = dial();
  ASSERT_TRUE(dialed);
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  for (const io::Peer& peer : {(*dialed)->peer(), accepted.streams[0]->peer()}) {
    EXPECT_EQ(peer.address, "unix:" + (folder / "s"));
    EXPECT_EQ(peer.credentials, (io::Peer::Credentials{::getpid(), ::geteuid(), ::getegid()}));
  }
}

TEST_F(UnixListenerTest, accepts_more_than_one_batch) {
  auto listener = listen();
  Accepted accepted;
  listener->start(accepted);
  std::vector<std::unique_ptr<io::Stream>> dialed;
  for (int i = 0; i < 100; ++i) dialed.push_back(dial().value());
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 100; }));
  EXPECT_EQ(listener->stats().accepted, 100u);
  EXPECT_EQ(listener->stats().paused, 0u);
}

TEST_F(UnixListenerTest, may_be_destroyed_by_its_own_event) {
  auto listener = listen();
  struct Once final : io::ListenerEvents {
    void on_stream(std::unique_ptr<io::Stream> accepted) override {
      stream = std::move(accepted);
      listener->reset();
    }
    void on_listener_failed(Error) override {}
    std::unique_ptr<io::Stream> stream;
    std::unique_ptr<SocketListener>* listener = nullptr;
  } once;
  once.listener = &listener;
  listener->start(once);
  auto first = dial();
  auto second = dial();
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(world.turn_until([&] { return !listener; }));
  io::suite::turn_a_little(world.loop());
  End left_out(std::move(*second));
  left_out.start();
  ASSERT_TRUE(world.turn_until([&] { return left_out.over.has_value(); }));
  std::uint8_t byte = 0;
  EXPECT_EQ((*first)->read_some({&byte, 1}).status, Status::would_block);
}

TEST_F(UnixListenerTest, a_full_queue_is_told_to_the_dialer) {
  auto listener = listen({.waiting_max = 1});
  std::vector<std::unique_ptr<io::Stream>> waiting;
  for (int i = 0; i < 10; ++i) {
    auto stream = dial();
    if (!stream) {
      EXPECT_EQ(stream.error().code, Code::overloaded) << to_string(stream.error());
      EXPECT_GE(i, 1);
      return;
    }
    waiting.push_back(std::move(*stream));
  }
  FAIL() << "the queue has no bound";
}

TEST_F(UnixListenerTest, dialing_nobody_says_where_and_why) {
  auto missing = dial();
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::address);
  EXPECT_NE(missing.error().note.find(folder / "s"), std::string::npos);
  EXPECT_NE(missing.error().note.find("No such file"), std::string::npos);
}

TEST_F(UnixListenerTest, leaves_nothing_for_a_child_process_to_inherit) {
  const auto open_ones = [] {
    std::set<int> numbers;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      numbers.insert(std::stoi(entry.path().filename().string()));
    }
    std::erase_if(numbers, [](int number) { return ::fcntl(number, F_GETFD) < 0; });  // that of the folder itself
    return numbers;
  };
  const std::set<int> before = open_ones();
  EpollWorld own_world;
  own_world.loop().fd();
  auto listener = listen();
  Accepted accepted;
  listener->start(accepted);
  auto dialed = dial();
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  auto pair = make_socket_pair(world.reactor()).value();
  int checked = 0;
  for (const int number : open_ones()) {
    if (before.contains(number)) continue;
    EXPECT_TRUE(::fcntl(number, F_GETFD) & FD_CLOEXEC) << number;
    ++checked;
  }
  EXPECT_GE(checked, 3 + 3 + 2 + 2);  // reactor; listener with lock and directory; two connections
}

// Takes all descriptors that this process may still open away, until it dies.
class Scarcity {
 public:
  Scarcity() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const io::Descriptor lowest = own(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit now = before_;
    now.rlim_cur = static_cast<rlim_t>(lowest.number());
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
  }
  ~Scarcity() { end(); }
  void end() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(UnixListenerTest, without_free_descriptors_pauses_while_connections_go_on) {
  auto listener = listen({.pause = std::chrono::hours(1)});
  Accepted accepted;
  listener->start(accepted);
  End early(dial().value());
  early.start();
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  End server(std::move(accepted.streams[0]));
  server.start();
  auto waiting = dial();
  ASSERT_TRUE(waiting);

  const Scarcity scarcity;
  ASSERT_TRUE(world.turn_until([&] { return listener->stats().paused == 1; }));
  const auto events = world.reactor().stats().events;
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(world.reactor().stats().events, events) << "it is told of what it cannot take, again and again";
  EXPECT_EQ(listener->stats().paused, 1u);
  EXPECT_EQ(listener->stats().accepted, 1u);
  ASSERT_EQ(early.write(as_bytes("still here")).bytes, 10u);
  ASSERT_TRUE(world.turn_until([&] { return server.received.size() == 10; }));
  EXPECT_TRUE(accepted.failures.empty());
}

TEST_F(UnixListenerTest, after_the_pause_accepts_who_waited) {
  auto listener = listen({.pause = std::chrono::milliseconds(1)});
  Accepted accepted;
  auto waiting = dial();
  ASSERT_TRUE(waiting);
  Scarcity scarcity;
  listener->start(accepted);
  ASSERT_TRUE(world.turn_until([&] { return listener->stats().paused >= 3; }));
  EXPECT_TRUE(accepted.streams.empty());
  scarcity.end();
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  EXPECT_EQ(listener->stats().accepted, 1u);
}

TEST_F(UnixListenerTest, a_descriptor_that_cannot_be_opened_on_arrival_costs_the_stream) {
  auto [first, second] = make_socket_pair(world.reactor()).value();
  End a(std::move(first));
  End b(std::move(second));
  a.start();
  b.start();
  auto passed = TaggedDescriptors::make(1);
  {
    const Scarcity scarcity;
    ASSERT_EQ(a.write(as_bytes("x"), {&passed, 1}).bytes, 1u);
    // Passing has closed ours, whose number is free again: take that as well.
    const io::Descriptor last = own(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(world.turn_until([&] { return b.over.has_value(); }));
  }
  EXPECT_EQ(b.over, Status::failed);
  EXPECT_EQ(b.stream().failure().code, Code::too_many_descriptors);
}

TEST(SocketListener, goes_on_after_errors_that_belong_to_one_connection) {
  using Verdict = SocketListener::Verdict;
  for (const int error : {ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, ENETUNREACH, EPERM, ETIMEDOUT, EINTR}) {
    EXPECT_EQ(SocketListener::judge(error), Verdict::skip) << error;
  }
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    EXPECT_EQ(SocketListener::judge(error), Verdict::pause) << error;
  }
  EXPECT_EQ(SocketListener::judge(EAGAIN), Verdict::nothing);
  EXPECT_EQ(SocketListener::judge(EBADF), Verdict::stop);
}

// A number that nobody has open: what epoll refuses, as it would for want of memory.
io::Descriptor unwatchable() {
  return io::Descriptor(987654, [](int) {});
}

TEST(SocketListener, that_cannot_be_watched_says_so) {
  EpollWorld world;
  SocketListener listener(world.loop(), world.reactor(), unwatchable(), "tcp:test", nullptr, {});
  Accepted accepted;
  listener.start(accepted);
  EXPECT_TRUE(accepted.failures.empty()) << "reported from inside start()";
  ASSERT_TRUE(world.turn_until([&] { return !accepted.failures.empty(); }));
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(accepted.failures.size(), 1u);
  EXPECT_NE(accepted.failures[0].note.find("epoll_ctl"), std::string::npos) << accepted.failures[0].note;
}

TEST(SocketStream, that_cannot_be_watched_fails) {
  EpollWorld world;
  End end(SocketStream::make(world.reactor(), unwatchable(), "unix:test"));
  end.start();
  end.want_writable();
  ASSERT_TRUE(world.turn_until([&] { return end.over && end.writable_count == 1; }));
  EXPECT_EQ(end.over, Status::failed);
  EXPECT_NE(end.stream().failure().note.find("epoll_ctl"), std::string::npos);
  EXPECT_EQ(end.write(as_bytes("x")).status, Status::failed);
  const auto events = world.reactor().stats().events;
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(world.reactor().stats().events, events);
}

TEST(SocketListener, says_when_its_socket_is_gone_and_asks_no_more) {
  EpollWorld world;
  io::Descriptor socket = own(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::listen(socket.number(), 1), 0);
  const io::Descriptor other = own(::fcntl(socket.number(), F_DUPFD_CLOEXEC, 0));
  SocketListener listener(world.loop(), world.reactor(), std::move(socket), "tcp:test", nullptr, {});
  Accepted accepted;
  listener.start(accepted);
  ASSERT_EQ(::shutdown(other.number(), SHUT_RDWR), 0);
  ASSERT_TRUE(world.turn_until([&] { return !accepted.failures.empty(); }));
  EXPECT_NE(accepted.failures[0].note.find("tcp:test"), std::string::npos);
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(accepted.failures.size(), 1u);
}

}  // namespace
}  // namespace parley::net::suite
