#include "net/endpoint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "net/inherited.h"
#include "net/net_world_suite.h"

namespace parley::net::suite {
namespace {

using io::suite::End;
using io::suite::Status;

io::Uri uri(const std::string& text) { return io::parse_uri(text).value(); }

std::pair<io::Descriptor, io::Descriptor> make_sockets(int type = SOCK_STREAM) {
  int sockets[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sockets), 0);
  return {own(sockets[0]), own(sockets[1])};
}

// One message there and one back.
void expect_talk(EpollWorld& world, End& a, End& b) {
  a.start();
  b.start();
  ASSERT_EQ(a.write(as_bytes("ping")).bytes, 4u);
  ASSERT_TRUE(world.turn_until([&] { return b.received.size() == 4; }));
  ASSERT_EQ(b.write(as_bytes("pong!")).bytes, 5u);
  ASSERT_TRUE(world.turn_until([&] { return a.received.size() == 5; }));
}

TEST(Endpoint, listeners_and_dialers_of_one_address_meet) {
  // rule: calls/transport.stream.local, calls/transport.stream.kinds
  EpollWorld world;
  const TemporaryFolder folder;
  for (const std::string& text : {"unix:" + (folder / "s"), std::string("tcp:127.0.0.1:0"), std::string("mem:here")}) {
    SCOPED_TRACE(text);
    auto listener = make_listener(world.loop(), world.reactor(), uri(text));
    ASSERT_TRUE(listener) << to_string(listener.error());
    Accepted accepted;
    (*listener)->start(accepted);
    auto dialer = make_dialer(world.loop(), world.reactor(), uri((*listener)->address()));
    ASSERT_TRUE(dialer);
    EXPECT_EQ((*dialer)->address(), (*listener)->address());
    for (std::size_t i = 1; i <= 2; ++i) {
      auto dialed = world.loop().run_until((*dialer)->dial());
      ASSERT_TRUE(dialed) << to_string(dialed.error());
      ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == i; }));
      End a(std::move(*dialed));
      End b(std::move(accepted.streams.back()));
      expect_talk(world, a, b);
    }
  }
}

TEST(Endpoint, an_inherited_descriptor_is_dialed_once) {
  EpollWorld world;
  auto [ours, theirs] = make_sockets();
  const int number = ours.release();
  auto dialer = make_dialer(world.loop(), world.reactor(), uri("fd:" + std::to_string(number)));
  ASSERT_TRUE(dialer) << to_string(dialer.error());
  auto first = world.loop().run_until((*dialer)->dial());
  ASSERT_TRUE(first);
  EXPECT_TRUE((*first)->passes_descriptors());
  auto second = world.loop().run_until((*dialer)->dial());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::closed);
  EXPECT_EQ(::fcntl(number, F_GETFD), FD_CLOEXEC) << "a child would inherit it once more";
  End a(std::move(*first));
  auto other = open_inherited(world.reactor(), theirs.release());
  ASSERT_TRUE(other);
  End b(std::move(*other));
  expect_talk(world, a, b);
  a.destroy();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1) << "the stream did not own it";
}

TEST(Endpoint, an_inherited_descriptor_is_given_by_its_listener_once) {
  EpollWorld world;
  auto [ours, theirs] = make_sockets();
  auto listener = make_listener(world.loop(), world.reactor(), uri("fd:" + std::to_string(ours.release())));
  ASSERT_TRUE(listener);
  Accepted accepted;
  (*listener)->start(accepted);
  EXPECT_TRUE(accepted.streams.empty()) << "reported from inside start()";
  ASSERT_TRUE(world.turn_until([&] { return accepted.streams.size() == 1; }));
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(accepted.streams.size(), 1u);
}

TEST(Endpoint, a_descriptor_that_cannot_be_a_stream_is_refused_with_the_reason) {
  EpollWorld world;
  const TemporaryFolder folder;
  const auto refusal = [&](const io::Descriptor& descriptor) {
    auto dialer = make_dialer(world.loop(), world.reactor(), uri("fd:" + std::to_string(descriptor.number())));
    EXPECT_FALSE(dialer);
    if (dialer) return std::string();
    EXPECT_EQ(dialer.error().code, Code::uri);
    EXPECT_GE(::fcntl(descriptor.number(), F_GETFD), 0) << "closed what it refused";
    return dialer.error().note;
  };
  EXPECT_NE(refusal(own(::open((folder / "f").c_str(), O_RDWR | O_CREAT, 0600))).find("neither a socket nor a pipe"),
            std::string::npos);
  EXPECT_NE(refusal(make_sockets(SOCK_DGRAM).first).find("socket of messages"), std::string::npos);
  EXPECT_NE(refusal(own(::socket(AF_INET, SOCK_STREAM, 0))).find("not connected"), std::string::npos);
  const io::Descriptor listening = own(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::listen(listening.number(), 1), 0);
  EXPECT_NE(refusal(listening).find("listens"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder / "p").c_str(), 0600), 0);
  EXPECT_NE(refusal(own(::open((folder / "p").c_str(), O_RDWR))).find("both ends of a pipe"), std::string::npos);
  auto closed = make_dialer(world.loop(), world.reactor(), uri("fd:987654"));
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().note, "fd:987654: descriptor 987654 is not open in this process");
}

TEST(Endpoint, ends_of_pipes_carry_one_direction) {
  EpollWorld world;
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  End reader(open_inherited(world.reactor(), ends[0]).value());
  End writer(open_inherited(world.reactor(), ends[1]).value());
  reader.start();
  ASSERT_EQ(writer.write(as_bytes("through")).bytes, 7u);
  writer.destroy();
  ASSERT_TRUE(world.turn_until([&] { return reader.over.has_value(); }));
  EXPECT_EQ(as_text(reader.received), "through");
}

// Standard input and output of this process, lent to a test.
class LentStandard {
 public:
  LentStandard(int in, int out) : in_(keep(0)), out_(keep(1)) {
    std::fflush(stdout);
    EXPECT_EQ(::dup2(in, 0), 0);
    EXPECT_EQ(::dup2(out, 1), 1);
  }
  ~LentStandard() {
    ::dup2(in_.number(), 0);
    ::dup2(out_.number(), 1);
  }

 private:
  static io::Descriptor keep(int number) { return own(::fcntl(number, F_DUPFD_CLOEXEC, 3)); }
  io::Descriptor in_;
  io::Descriptor out_;
};

TEST(Endpoint, standard_input_and_output_are_a_stream_and_lead_nowhere_after_it) {
  // rule: calls/transport.stream.kinds
  EpollWorld world;
  int to_us[2] = {-1, -1};
  int from_us[2] = {-1, -1};
  ASSERT_EQ(::pipe2(to_us, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(from_us, O_CLOEXEC), 0);
  End launcher(open_inherited(world.reactor(), from_us[0]).value());
  End launcher_writer(open_inherited(world.reactor(), to_us[1]).value());
  struct stat after[2];
  {
    const LentStandard lent(to_us[0], from_us[1]);
    ::close(to_us[0]);
    ::close(from_us[1]);
    auto dialer = make_dialer(world.loop(), world.reactor(), uri("stdio:"));
    ASSERT_TRUE(dialer);
    EXPECT_EQ((*dialer)->address(), "stdio:");
    End ours(world.loop().run_until((*dialer)->dial()).value());
    ours.start();
    launcher.start();
    EXPECT_EQ(launcher_writer.write(as_bytes("in")).bytes, 2u);
    EXPECT_TRUE(world.turn_until([&] { return ours.received.size() == 2; }));
    EXPECT_EQ(ours.write(as_bytes("out")).bytes, 3u);
    EXPECT_TRUE(world.turn_until([&] { return launcher.received.size() == 3; }));
    ours.destroy();
    EXPECT_TRUE(world.turn_until([&] { return launcher.over.has_value(); }));
    EXPECT_EQ(launcher_writer.write(as_bytes("?")).status, Status::failed);
    ::fstat(0, &after[0]);
    ::fstat(1, &after[1]);
  }
  struct stat nowhere{};
  ASSERT_EQ(::stat("/dev/null", &nowhere), 0);
  EXPECT_EQ(after[0].st_rdev, nowhere.st_rdev);
  EXPECT_EQ(after[1].st_rdev, nowhere.st_rdev);
  EXPECT_EQ(as_text(launcher.received), "out");
}

TEST(Endpoint, errors_of_the_address_come_at_once) {
  EpollWorld world;
  const TemporaryFolder folder;
  EXPECT_EQ(make_listener(world.loop(), world.reactor(), uri("unix:" + (folder / "no/s"))).error().code, Code::address);
  auto first = make_listener(world.loop(), world.reactor(), uri("mem:one"));
  EXPECT_EQ(make_listener(world.loop(), world.reactor(), uri("mem:one")).error().code, Code::in_use);
  EXPECT_EQ(make_listener(world.loop(), world.reactor(), uri("fd:987654")).error().code, Code::uri);
}

}  // namespace
}  // namespace parley::net::suite
