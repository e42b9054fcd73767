#include "net/socket_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>

#include "net/net_world_suite.h"
#include "net/unix_dialer.h"
#include "net/unix_listener.h"

namespace parley::net::suite {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat found{};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found.st_mode;
}

// A listening socket as other programs make them: without a lock. Closing it leaves its file.
io::Descriptor listen_plainly(const std::string& path) {
  io::Descriptor socket = own(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);  // tidy: allow unsafe-c zeroed before
  EXPECT_EQ(::bind(socket.number(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(socket.number(), 4), 0);
  return socket;
}

class SocketFileTest : public testing::Test {
 protected:
  Result<std::unique_ptr<SocketListener>> listen(const std::string& path) {
    return listen_unix(world.loop(), world.reactor(), path);
  }
  Error refusal(const std::string& path) {
    auto listener = listen(path);
    EXPECT_FALSE(listener);
    return listener ? Error{} : listener.error();
  }
  bool answers(const std::string& path) {
    UnixDialer dialer(world.reactor(), path);
    return world.loop().run_until(dialer.dial()).has_value();
  }
  void write_file(const std::string& path) { std::ofstream(path) << "precious"; }

  EpollWorld world;
  TemporaryFolder folder;
};

TEST_F(SocketFileTest, has_mode_0600_whatever_the_umask) {
  for (const mode_t mask : {mode_t{0}, mode_t{022}, mode_t{0777}}) {
    const mode_t before = ::umask(mask);
    auto listener = listen(folder / "app.sock");
    ::umask(before);
    ASSERT_TRUE(listener) << to_string(listener.error());
    EXPECT_EQ(mode_of(folder / "app.sock"), S_IFSOCK | 0600u);
    EXPECT_TRUE(answers(folder / "app.sock"));
  }
}

TEST_F(SocketFileTest, and_its_lock_go_with_the_listener) {
  auto listener = listen(folder / "app.sock");
  ASSERT_TRUE(listener);
  EXPECT_EQ(folder.entries().size(), 2u);
  listener->reset();
  EXPECT_TRUE(folder.entries().empty());
}

TEST_F(SocketFileTest, of_a_dead_owner_is_replaced) {
  listen_plainly(folder / "app.sock").reset();
  ASSERT_EQ(folder.entries().size(), 1u);
  EXPECT_FALSE(answers(folder / "app.sock"));
  auto listener = listen(folder / "app.sock");
  ASSERT_TRUE(listener) << to_string(listener.error());
  EXPECT_TRUE(answers(folder / "app.sock"));
}

TEST_F(SocketFileTest, of_an_owner_that_died_holding_the_lock_is_replaced) {
  listen_plainly(folder / "app.sock").reset();
  write_file(folder / "app.sock.lock");  // what a killed process leaves: the file, and no lock on it
  auto listener = listen(folder / "app.sock");
  ASSERT_TRUE(listener) << to_string(listener.error());
  EXPECT_TRUE(answers(folder / "app.sock"));
  listener->reset();
  EXPECT_TRUE(folder.entries().empty());
}

TEST_F(SocketFileTest, of_a_live_owner_of_ours_is_left_alone) {
  auto first = listen(folder / "app.sock");
  ASSERT_TRUE(first);
  const Error error = refusal(folder / "app.sock");
  EXPECT_EQ(error.code, Code::in_use);
  EXPECT_NE(error.note.find("a live process listens there"), std::string::npos) << error.note;
  EXPECT_TRUE(answers(folder / "app.sock"));
}

TEST_F(SocketFileTest, of_a_live_owner_that_knows_no_lock_is_left_alone) {
  const auto live = listen_plainly(folder / "app.sock");
  const Error error = refusal(folder / "app.sock");
  EXPECT_EQ(error.code, Code::in_use);
  EXPECT_NE(error.note.find("a live process listens there"), std::string::npos) << error.note;
  EXPECT_TRUE(answers(folder / "app.sock"));
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"app.sock"}) << "the lock stayed behind";
}

TEST_F(SocketFileTest, of_a_starter_that_has_only_the_lock_yet_is_left_alone) {
  const io::Descriptor lock = own(::open((folder / "app.sock.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(lock.number(), LOCK_EX), 0);
  EXPECT_EQ(refusal(folder / "app.sock").code, Code::in_use);
  EXPECT_EQ(folder.entries().size(), 1u);
}

TEST_F(SocketFileTest, never_replaces_what_is_no_socket) {
  write_file(folder / "file");
  std::filesystem::create_directory(folder / "folder");
  std::filesystem::create_symlink(folder / "file", folder / "link");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const auto& [name, kind] : {std::pair("file", "a regular file"), std::pair("folder", "a directory"),
                                   std::pair("link", "a symbolic link"), std::pair("pipe", "a pipe")}) {
    const mode_t before = mode_of(folder / name);
    const Error error = refusal(folder / name);
    EXPECT_EQ(error.code, Code::in_use);
    EXPECT_NE(error.note.find(kind), std::string::npos) << error.note;
    EXPECT_EQ(mode_of(folder / name), before);
  }
  EXPECT_EQ(folder.entries().size(), 4u);
}

TEST_F(SocketFileTest, a_link_to_a_dead_socket_is_no_socket_either) {
  listen_plainly(folder / "real.sock").reset();
  std::filesystem::create_symlink(folder / "real.sock", folder / "app.sock");
  EXPECT_EQ(refusal(folder / "app.sock").code, Code::in_use);
  EXPECT_TRUE(std::filesystem::exists(folder / "real.sock"));
}

TEST_F(SocketFileTest, the_lock_is_not_looked_for_behind_a_link) {
  write_file(folder / "victim");
  std::filesystem::create_symlink(folder / "victim", folder / "app.sock.lock");
  EXPECT_EQ(refusal(folder / "app.sock").code, Code::in_use);
  EXPECT_EQ(std::filesystem::file_size(folder / "victim"), 8u);
}

TEST_F(SocketFileTest, that_was_replaced_meanwhile_is_not_removed) {
  auto listener = listen(folder / "app.sock");
  ASSERT_TRUE(listener);
  ASSERT_EQ(::unlink((folder / "app.sock").c_str()), 0);
  const auto other = listen_plainly(folder / "app.sock");
  listener->reset();
  EXPECT_EQ(folder.entries(), std::vector<std::string>{"app.sock"});
  EXPECT_TRUE(answers(folder / "app.sock"));
}

TEST_F(SocketFileTest, needs_a_directory_that_is_there) {
  const Error error = refusal(folder / "missing/app.sock");
  EXPECT_EQ(error.code, Code::address);
  EXPECT_NE(error.note.find(folder / "missing"), std::string::npos) << error.note;
}

TEST_F(SocketFileTest, needs_a_directory_that_is_no_link) {
  std::filesystem::create_directory(folder / "real");
  std::filesystem::create_directory_symlink(folder / "real", folder / "link");
  const Error error = refusal(folder / "link/app.sock");
  EXPECT_EQ(error.code, Code::permission);
  EXPECT_NE(error.note.find("symbolic link"), std::string::npos) << error.note;
  EXPECT_TRUE(listen(folder / "real/app.sock"));
}

TEST_F(SocketFileTest, needs_a_directory_in_which_others_replace_nothing) {
  std::filesystem::create_directory(folder / "d");
  for (const mode_t mode : {mode_t{0777}, mode_t{0770}, mode_t{0702}}) {
    ASSERT_EQ(::chmod((folder / "d").c_str(), mode), 0);
    const Error error = refusal(folder / "d/app.sock");
    EXPECT_EQ(error.code, Code::permission);
    EXPECT_NE(error.note.find("chmod go-w"), std::string::npos) << error.note;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder / "d")) << "something was left in it";
  for (const mode_t mode : {mode_t{01777}, mode_t{0755}, mode_t{0700}}) {
    ASSERT_EQ(::chmod((folder / "d").c_str(), mode), 0);
    EXPECT_TRUE(listen(folder / "d/app.sock"));
  }
}

TEST_F(SocketFileTest, needs_a_directory_of_the_user_or_of_root) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  std::filesystem::create_directory(folder / "d");
  ASSERT_EQ(::chown((folder / "d").c_str(), 12345, 12345), 0);
  const Error error = refusal(folder / "d/app.sock");
  EXPECT_EQ(error.code, Code::permission);
  EXPECT_NE(error.note.find("uid 12345"), std::string::npos) << error.note;
}

TEST_F(SocketFileTest, may_have_a_path_longer_than_the_system_takes) {
  std::string deep = folder.path();
  while (deep.size() < 400) {
    deep += "/a-directory-with-quite-a-long-name";
    std::filesystem::create_directory(deep);
  }
  const std::string path = deep + "/app.sock";
  auto listener = listen(path);
  ASSERT_TRUE(listener) << to_string(listener.error());
  EXPECT_EQ((*listener)->address(), "unix:" + path);
  EXPECT_EQ(mode_of(path), S_IFSOCK | 0600u);
  EXPECT_TRUE(answers(path));
  EXPECT_EQ(refusal(path).code, Code::in_use);
  listener->reset();
  EXPECT_TRUE(std::filesystem::is_empty(deep));
  EXPECT_FALSE(answers(path));
  ASSERT_TRUE(listen(path));
}

TEST_F(SocketFileTest, of_a_dead_owner_behind_a_long_path_is_replaced) {
  const std::string deep = folder / std::string(120, 'd');
  std::filesystem::create_directory(deep);
  listen_plainly(folder / "short.sock").reset();
  std::filesystem::rename(folder / "short.sock", deep + "/app.sock");
  auto listener = listen(deep + "/app.sock");
  ASSERT_TRUE(listener) << to_string(listener.error());
  EXPECT_TRUE(answers(deep + "/app.sock"));
}

TEST_F(SocketFileTest, a_name_that_fits_nowhere_is_refused_with_the_limit) {
  const Error error = refusal(folder / std::string(120, 'n'));
  EXPECT_EQ(error.code, Code::uri);
  EXPECT_NE(error.note.find("120 bytes and may have"), std::string::npos) << error.note;
  EXPECT_TRUE(folder.entries().empty());
}

}  // namespace
}  // namespace parley::net::suite
