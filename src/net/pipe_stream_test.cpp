#include "net/pipe_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "net/net_world_suite.h"

namespace parley::net::suite {
namespace {

using io::suite::End;
using io::suite::Status;

std::pair<io::Descriptor, io::Descriptor> make_pipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  return {own(ends[0]), own(ends[1])};
}

io::Descriptor second_hold(const io::Descriptor& descriptor) {
  return own(::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, 0));
}

bool is_blocking(const io::Descriptor& descriptor) { return !(::fcntl(descriptor.number(), F_GETFL) & O_NONBLOCK); }

TEST(PipeStream, reads_a_regular_file_to_its_end_and_writes_another) {
  EpollWorld world;
  const TemporaryFolder folder;
  const std::string text(200'000, 't');
  std::ofstream(folder / "in") << text;
  io::Descriptor in = own(::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC));
  io::Descriptor out = own(::open((folder / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  End end(std::make_unique<PipeStream>(world.reactor(), std::move(in), std::move(out), "stdio:"));
  end.start();
  EXPECT_EQ(end.readable_count, 0u) << "reported from inside start()";
  end.send({text.begin(), text.end()});
  end.want_writable();
  ASSERT_TRUE(world.turn_until([&] { return end.over && end.writable_count == 1; }));
  EXPECT_EQ(end.over, Status::ended);
  EXPECT_EQ(as_text(end.received), text);
  EXPECT_TRUE(end.has_sent_all());
  std::stringstream written;
  written << std::ifstream(folder / "out").rdbuf();
  EXPECT_EQ(written.str(), text);
  // The end has been told: a file that is always ready does not keep the loop turning.
  const auto events = world.reactor().stats().events;
  io::suite::turn_a_little(world.loop());
  EXPECT_EQ(world.reactor().stats().events, events);
}

TEST(PipeStream, a_file_keeps_a_foreign_main_loop_going) {
  EpollWorld world;
  const TemporaryFolder folder;
  std::ofstream(folder / "in") << std::string(1000, 't');
  const int number = world.loop().fd();
  End end(std::make_unique<PipeStream>(world.reactor(), own(::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC)),
                                       io::Descriptor(), "stdio:"));
  end.read_max = 100;
  end.start();
  const auto is_readable = [&] {
    epoll_event event;
    return ::epoll_wait(number, &event, 1, 0) == 1;
  };
  for (int turns = 0; turns < 50 && !end.over; ++turns) {
    ASSERT_TRUE(is_readable());
    world.loop().poll_once();
  }
  EXPECT_EQ(end.over, Status::ended);
  EXPECT_EQ(end.received.size(), 1000u);
}

TEST(PipeStream, puts_blocking_back_for_the_others_who_have_it_open) {
  EpollWorld world;
  auto [in, in_writer] = make_pipe();
  auto [out_reader, out] = make_pipe();
  const io::Descriptor in_hold = second_hold(in);
  const io::Descriptor out_hold = second_hold(out);
  auto stream = std::make_unique<PipeStream>(world.reactor(), std::move(in), std::move(out), "stdio:");
  EXPECT_FALSE(is_blocking(in_hold));
  EXPECT_FALSE(is_blocking(out_hold));
  stream->finish();
  EXPECT_TRUE(is_blocking(out_hold));
  stream.reset();
  EXPECT_TRUE(is_blocking(in_hold));
}

TEST(PipeStream, one_open_file_for_both_directions_is_put_back_too) {
  EpollWorld world;
  const TemporaryFolder folder;
  io::Descriptor both = own(::open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const io::Descriptor hold = second_hold(both);
  io::Descriptor again = second_hold(both);
  auto stream = std::make_unique<PipeStream>(world.reactor(), std::move(both), std::move(again), "stdio:");
  EXPECT_FALSE(is_blocking(hold));
  stream.reset();
  EXPECT_TRUE(is_blocking(hold));
}

TEST(PipeStream, a_side_that_is_missing_ends_or_fails) {
  EpollWorld world;
  auto [reader, writer] = make_pipe();
  End from(std::make_unique<PipeStream>(world.reactor(), io::Descriptor(), std::move(writer), "fd:4"));
  End to(std::make_unique<PipeStream>(world.reactor(), std::move(reader), io::Descriptor(), "fd:3"));
  from.start();
  to.start();
  ASSERT_EQ(from.write(as_bytes("one way")).bytes, 7u);
  ASSERT_TRUE(world.turn_until([&] { return to.received.size() == 7 && from.over; }));
  EXPECT_EQ(from.over, Status::ended);
  EXPECT_EQ(to.write(as_bytes("back")).status, Status::failed);
  EXPECT_EQ(to.stream().failure(), (Error{Code::refused, "fd:3 is open for reading only"}));
  to.want_writable();
  ASSERT_TRUE(world.turn_until([&] { return to.writable_count == 1; }));
}

TEST(PipeStream, a_missing_reader_raises_no_signal_and_leaves_signals_as_they_were) {
  EpollWorld world;
  struct sigaction action{};
  ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
  ASSERT_EQ(action.sa_handler, SIG_DFL) << "the test would prove nothing";
  sigset_t mask_before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
  auto [reader, writer] = make_pipe();
  reader.reset();
  PipeStream stream(world.reactor(), io::Descriptor(), std::move(writer), "fd:4");
  EXPECT_EQ(stream.write_some(as_bytes("x")).status, Status::failed);
  EXPECT_EQ(stream.failure().code, Code::link_lost);
  sigset_t mask;
  sigset_t pending;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&mask, SIGPIPE), ::sigismember(&mask_before, SIGPIPE));
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
}

TEST(PipeStream, a_signal_that_was_pending_before_stays_pending) {
  EpollWorld world;
  sigset_t sigpipe;
  sigset_t before;
  ::sigemptyset(&sigpipe);
  ::sigaddset(&sigpipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
  ::pthread_kill(::pthread_self(), SIGPIPE);
  auto [reader, writer] = make_pipe();
  reader.reset();
  PipeStream stream(world.reactor(), io::Descriptor(), std::move(writer), "fd:4");
  EXPECT_EQ(stream.write_some(as_bytes("x")).status, Status::failed);
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 1);
  const timespec at_once{};
  EXPECT_EQ(::sigtimedwait(&sigpipe, nullptr, &at_once), SIGPIPE);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace parley::net::suite
