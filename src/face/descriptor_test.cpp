#include "face/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/net_world_suite.h"
#include "net/socket_stream.h"
#include "parley/parley.h"
#include "runtime/link_descriptors_suite.h"

// Open files between processes, over sockets of the system.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamDescriptorsSuite);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StreamWithoutDescriptorsSuite);

namespace parley {

// Reads what it is passed, and passes back what it writes.
class Files {
 public:
  Task<Result<std::string>> read(Context& context, std::uint64_t number) {
    Descriptor file = co_await context.claim_descriptor(number);
    std::array<char, 100> bytes{};
    const auto count = ::read(file.number(), bytes.data(), bytes.size());
    co_return std::string(bytes.data(), static_cast<std::size_t>(std::max<std::ptrdiff_t>(count, 0)));
  }
  Task<Result<std::uint64_t>> open(Context& context, std::string text) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) co_return fail(Code::bug, "pipe2");
    const Descriptor write_end = own_descriptor(ends[1]);
    std::vector<Descriptor> passed;
    passed.push_back(own_descriptor(ends[0]));
    EXPECT_EQ(::write(write_end.number(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    co_return context.pass(std::move(passed));
  }
};
PARLEY_SERVICE(Files, read, open);

namespace {

std::pair<Descriptor, Descriptor> make_pipe() {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  return {own_descriptor(ends[0]), own_descriptor(ends[1])};
}

struct Two {
  explicit Two(const std::string& uri) : server(listen(loop, uri).value()) {
    EXPECT_TRUE(server.serve<Files>("Files", files));
    session = loop.run_until(connect(loop, server.address())).value();
  }
  Result<std::string> read(std::uint64_t number) {
    return loop.run_until([](Client<Files> files, std::uint64_t each) -> Task<Result<std::string>> {
      co_return co_await files.call<&Files::read>(each);
    }(session->client<Files>("Files"), number));
  }
  Result<std::uint64_t> open(std::string text) {
    return loop.run_until([](Client<Files> files, std::string each) -> Task<Result<std::uint64_t>> {
      co_return co_await files.call<&Files::open>(each);
    }(session->client<Files>("Files"), std::move(text)));
  }
  Loop loop;
  Files files;
  Server server;
  std::unique_ptr<Session> session;
};

TEST(Descriptors, a_pipe_is_passed_to_a_handler_and_another_one_back) {
  const net::suite::TemporaryFolder folder;
  Two two("unix:" + folder / "s");
  auto [read_end, write_end] = make_pipe();
  ASSERT_EQ(::write(write_end.number(), "through the wall", 16), 16);
  std::vector<Descriptor> passed;
  passed.push_back(std::move(read_end));
  const Result<std::uint64_t> number = two.session->pass(std::move(passed));
  ASSERT_TRUE(number) << to_string(number.error());
  const auto text = two.read(*number);
  ASSERT_TRUE(text) << to_string(text.error());
  EXPECT_EQ(*text, "through the wall");
  pollfd wish{write_end.number(), POLLOUT, 0};
  ASSERT_EQ(::poll(&wish, 1, 0), 1);
  EXPECT_TRUE(wish.revents & POLLERR) << "the handler closed the last reader, but somebody kept a copy";
  EXPECT_EQ(two.session->counters().descriptors_passed, 1u);

  const auto back = two.open("and back");
  ASSERT_TRUE(back) << to_string(back.error());
  const Result<Descriptor> file = two.session->claim_descriptor(*back);
  ASSERT_TRUE(file) << to_string(file.error());
  std::array<char, 100> bytes{};
  ASSERT_EQ(::read(file->number(), bytes.data(), bytes.size()), 8);
  EXPECT_EQ(std::string(bytes.data(), 8), "and back");
  EXPECT_EQ(two.session->counters().descriptors_claimed, 1u);
  EXPECT_EQ(two.session->claim_descriptor(*back).error().code, Code::not_found);
}

TEST(Descriptors, a_number_that_never_came_is_not_found) {
  const net::suite::TemporaryFolder folder;
  Two two("unix:" + folder / "s");
  const auto text = two.read(0);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Code::not_found);
}

TEST(Descriptors, over_tcp_they_are_refused_with_the_addresses_that_pass_them) {
  Two two("tcp:127.0.0.1:0");
  std::vector<Descriptor> passed;
  passed.push_back(make_pipe().first);
  const auto refused = two.session->pass(std::move(passed));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported);
  EXPECT_NE(refused.error().note.find("unix:"), std::string::npos);
}

}  // namespace
}  // namespace parley

namespace parley::runtime::suite {
namespace {

struct SocketPairWorld : net::suite::EpollWorld, net::suite::TaggedDescriptors {
  io::suite::StreamPair connect() { return net::make_socket_pair(reactor()).value(); }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, LinkDescriptorsSuite, testing::Types<SocketPairWorld>);

}  // namespace
}  // namespace parley::runtime::suite
