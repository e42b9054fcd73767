#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <utility>

#include "io/fault_stream.h"
#include "io/statistics_stream.h"
#include "io/stream_descriptors_suite.h"
#include "io/stream_suite.h"
#include "net/net_world_suite.h"
#include "net/pipe_stream.h"
#include "net/socket_stream.h"
#include "net/tcp_dialer.h"
#include "net/tcp_listener.h"
#include "net/tls.h"
#include "net/tls_files_suite.h"
#include "net/unix_dialer.h"
#include "net/unix_listener.h"

// Every stream of this layer passes the suites of io.
namespace parley::io::suite {
namespace {

using net::EpollReactor;
using net::suite::Accepted;
using net::suite::EpollWorld;

struct SocketPairWorld : EpollWorld, net::suite::TaggedDescriptors {
  static constexpr bool keeps_what_arrived = true;
  SocketPairWorld() = default;
  explicit SocketPairWorld(net::ReactorOptions options) : EpollWorld(options) {}
  StreamPair connect() { return net::make_socket_pair(reactor()).value(); }
};

// Every wait spins first, so that on_spin() reads most of what comes.
struct SpinningWorld : SocketPairWorld {
  SpinningWorld() : SocketPairWorld({.spin = std::chrono::microseconds(50), .spin_on_few_cores = true}) {}
};

template <class SomeDialer>
StreamPair meet(EpollWorld& world, Listener& listener, SomeDialer& dialer) {
  Accepted accepted;
  listener.start(accepted);
  auto dialed = world.loop().run_until(dialer.dial());
  EXPECT_TRUE(dialed) << to_string(dialed.error());
  world.turn_until([&] { return !accepted.streams.empty(); });
  return {std::move(*dialed), std::move(accepted.streams.front())};
}

struct UnixWorld : EpollWorld, net::suite::TaggedDescriptors {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() {
    auto listener = net::listen_unix(loop(), reactor(), folder / "s").value();
    net::UnixDialer dialer(reactor(), folder / "s");
    return meet(*this, *listener, dialer);
  }
  net::suite::TemporaryFolder folder;
};

struct TcpWorld : EpollWorld {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() {
    auto listener = net::listen_tcp(loop(), reactor(), "127.0.0.1", 0).value();
    const auto port = std::stoi(listener->address().substr(listener->address().rfind(':') + 1));
    net::TcpDialer dialer(loop(), reactor(), "127.0.0.1", static_cast<std::uint16_t>(port));
    return meet(*this, *listener, dialer);
  }
};

struct PipeWorld : EpollWorld {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() {
    int forth[2];
    int back[2];
    EXPECT_EQ(::pipe2(forth, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(back, O_CLOEXEC), 0);
    return {std::make_unique<net::PipeStream>(reactor(), net::own(back[0]), net::own(forth[1]), "pipe:a"),
            std::make_unique<net::PipeStream>(reactor(), net::own(forth[0]), net::own(back[1]), "pipe:b")};
  }
};

// What some launchers give a child for standard input and output: two sockets, each used in one direction.
struct SocketsAsPipesWorld : EpollWorld {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() {
    int forth[2];
    int back[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, forth), 0);
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, back), 0);
    return {std::make_unique<net::PipeStream>(reactor(), net::own(back[0]), net::own(forth[1]), "pipe:a"),
            std::make_unique<net::PipeStream>(reactor(), net::own(forth[0]), net::own(back[1]), "pipe:b")};
  }
};

struct FaultWorld : SocketPairWorld {
  FaultPlan plan;
  StreamPair connect() {
    auto [first, second] = SocketPairWorld::connect();
    return {std::make_unique<FaultStream>(loop().executor(), std::move(first), plan),
            std::make_unique<FaultStream>(loop().executor(), std::move(second), plan)};
  }
};

struct StatisticsWorld : SpinningWorld {
  StreamStatistics statistics;
  StreamPair connect() {
    auto [first, second] = SpinningWorld::connect();
    return {std::make_unique<StatisticsStream>(std::move(first), statistics),
            std::make_unique<StatisticsStream>(std::move(second), statistics)};
  }
};

// One authority for all tests: keys take their time.
struct TlsWorld : SpinningWorld {
  static constexpr bool keeps_what_arrived = true;
  StreamPair connect() {
    static net::suite::TlsFiles files;
    static const TlsOptions server = files.issue("server");
    net::Tls accepting(server);
    net::Tls dialing(files.dialer());
    auto [first, second] = net::make_socket_pair(reactor()).value();
    auto near = dialing.dial(loop(), first, "localhost").value();
    auto far = accepting.accept(loop(), second).value();
    net::suite::shake_hands(*near, *far);
    return {std::move(near), std::move(far)};
  }
};

struct TlsFaultWorld : TlsWorld {
  FaultPlan plan;
  StreamPair connect() {
    auto [first, second] = TlsWorld::connect();
    return {std::make_unique<FaultStream>(loop().executor(), std::move(first), plan),
            std::make_unique<FaultStream>(loop().executor(), std::move(second), plan)};
  }
};

struct TlsStatisticsWorld : TlsWorld {
  StreamStatistics statistics;
  StreamPair connect() {
    auto [first, second] = TlsWorld::connect();
    return {std::make_unique<StatisticsStream>(std::move(first), statistics),
            std::make_unique<StatisticsStream>(std::move(second), statistics)};
  }
};

using Worlds = testing::Types<SocketPairWorld, SpinningWorld, UnixWorld, TcpWorld, PipeWorld, SocketsAsPipesWorld,
                              FaultWorld, StatisticsWorld, TlsWorld, TlsFaultWorld, TlsStatisticsWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Net, StreamSuite, Worlds);
using WorldsWithDescriptors = testing::Types<SocketPairWorld, SpinningWorld, UnixWorld, FaultWorld, StatisticsWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Net, StreamDescriptorsSuite, WorldsWithDescriptors);
using WorldsWithoutDescriptors = testing::Types<TcpWorld, PipeWorld, SocketsAsPipesWorld, TlsWorld>;
INSTANTIATE_TYPED_TEST_SUITE_P(Net, StreamWithoutDescriptorsSuite, WorldsWithoutDescriptors);

}  // namespace
}  // namespace parley::io::suite
