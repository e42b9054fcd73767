#include "os/spawn.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace parley::os {
namespace {

// All that comes, until the other side has ended.
std::string read_all(const io::Descriptor& from) {
  std::string text;
  std::array<char, 4096> bytes;
  for (;;) {
    const ssize_t count = ::read(from.number(), bytes.data(), bytes.size());
    if (count <= 0) return text;
    text.append(bytes.data(), static_cast<std::size_t>(count));
  }
}
void say(const io::Descriptor& to, std::string_view text) {
  ASSERT_EQ(::write(to.number(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(Spawn, a_child_reads_and_writes_at_the_other_end) {
  io::Descriptor streams;
  auto child = Child::start({"cat"}, streams);
  ASSERT_TRUE(child) << child.error().note;
  say(streams, "hello");
  ::shutdown(streams.number(), SHUT_WR);
  EXPECT_EQ(read_all(streams), "hello");
}

TEST(Spawn, a_program_that_is_not_there_is_not_found) {
  io::Descriptor streams;
  const auto child = Child::start({"/no/such/program"}, streams);
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, Code::not_found);
  EXPECT_FALSE(streams);
  EXPECT_EQ(Child::start({}, streams).error().code, Code::invalid);
}

TEST(Spawn, a_child_that_dies_is_seen_and_no_zombie_stays) {
  std::int64_t id = 0;
  {
    io::Descriptor streams;
    auto child = Child::start_line("exit 3", streams);
    ASSERT_TRUE(child);
    id = child->id();
    EXPECT_EQ(read_all(streams), "");
    while (!child->outcome()) ::poll(nullptr, 0, 1);
    EXPECT_EQ(child->outcome(), "exit code 3");
  }
  EXPECT_EQ(::waitpid(static_cast<pid_t>(id), nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Spawn, whoever_lets_go_of_a_child_ends_it_and_all_that_it_has_started) {
  io::Descriptor streams;
  {
    auto child = Child::start_line("sleep 1000 & echo started; sleep 1000", streams);
    ASSERT_TRUE(child);
    std::array<char, 8> bytes;
    ASSERT_EQ(::read(streams.number(), bytes.data(), bytes.size()), 8);
    EXPECT_EQ(child->outcome(), std::nullopt);
  }
  EXPECT_EQ(read_all(streams), "") << "the end comes when nobody has the other end any more";
}

// A child that has joined the group of the test when this returns.
Result<Child> start_elsewhere(io::Descriptor& streams) {
  auto child = Child::start({"python3", "-c",
                             "import os, signal\n"
                             "os.setpgid(0, os.getpgid(os.getppid()))\n"
                             "os.write(1, b'.')\n"
                             "signal.pause()\n"},
                            streams);
  if (!child) return child;
  char byte = 0;
  EXPECT_EQ(::read(streams.number(), &byte, 1), 1);
  EXPECT_EQ(::getpgid(static_cast<pid_t>(child->id())), ::getpgrp());
  return child;
}

TEST(Spawn, a_child_that_has_left_its_group_ends_with_its_owner) {
  io::Descriptor streams;
  std::int64_t id = 0;
  {
    auto child = start_elsewhere(streams);
    ASSERT_TRUE(child) << child.error().note;
    id = child->id();
    EXPECT_EQ(child->outcome(), std::nullopt);
  }
  EXPECT_EQ(read_all(streams), "");
  EXPECT_EQ(::waitpid(static_cast<pid_t>(id), nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Spawn, a_child_that_has_left_its_group_can_be_asked_to_end) {
  io::Descriptor streams;
  auto child = start_elsewhere(streams);
  ASSERT_TRUE(child) << child.error().note;
  child->terminate();
  EXPECT_EQ(read_all(streams), "");
  while (!child->outcome()) ::poll(nullptr, 0, 1);
  EXPECT_EQ(child->outcome(), "signal 15");
}

TEST(Spawn, what_a_child_was_moved_from_ends_nobody) {
  io::Descriptor streams;
  auto child = Child::start({"cat"}, streams);
  ASSERT_TRUE(child);
  {
    Child taken = *std::move(child);
    child->terminate();  // NOLINT(bugprone-use-after-move): it must not reach the group of the test
    say(streams, "hello");
    ::shutdown(streams.number(), SHUT_WR);
    EXPECT_EQ(read_all(streams), "hello");
  }
}

TEST(Spawn, a_child_has_no_signals_blocked) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  io::Descriptor streams;
  auto child = Child::start({"cat"}, streams);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(child);
  child->terminate();
  EXPECT_EQ(read_all(streams), "");
}

}  // namespace
}  // namespace parley::os
