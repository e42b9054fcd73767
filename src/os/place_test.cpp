#include "os/place.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "os/user.h"

namespace parley::os {
namespace {

namespace fs = std::filesystem;

class PlaceTest : public testing::Test {
 protected:
  PlaceTest() {
    std::string pattern = (fs::temp_directory_path() / "parley-place-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    at = pattern;
  }
  ~PlaceTest() override { fs::remove_all(at); }
  fs::path at;
};

TEST_F(PlaceTest, a_directory_has_its_owner_and_mode) {
  fs::permissions(at, fs::perms::owner_all | fs::perms::group_read);
  const Place place = look_at(at);
  EXPECT_EQ(place.kind, Place::Kind::directory);
  EXPECT_EQ(place.uid, user_id());
  EXPECT_EQ(place.mode, 0740u);
}

TEST_F(PlaceTest, files_links_and_sockets_are_told_apart) {
  std::ofstream(at / "file") << "x";
  EXPECT_EQ(look_at(at / "file").kind, Place::Kind::other);
  fs::create_directory_symlink(at, at / "link");
  EXPECT_EQ(look_at(at / "link").kind, Place::Kind::other);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = at / "socket";
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::ranges::copy(path, address.sun_path);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  EXPECT_EQ(look_at(path).kind, Place::Kind::socket);
}

TEST_F(PlaceTest, what_is_not_there_is_missing) {
  EXPECT_EQ(look_at(at / "none").kind, Place::Kind::missing);
  std::ofstream(at / "file") << "x";
  EXPECT_EQ(look_at(at / "file" / "below").kind, Place::Kind::missing);
}

}  // namespace
}  // namespace parley::os
