#include "os/user.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace parley::os {
namespace {

namespace fs = std::filesystem;

class PrivateDirectory : public testing::Test {
 protected:
  PrivateDirectory() {
    std::string pattern = (fs::temp_directory_path() / "parley-user-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    place = pattern;
  }
  ~PrivateDirectory() override { fs::remove_all(place); }
  fs::path place;
};

TEST_F(PrivateDirectory, is_made_for_its_owner_alone_and_found_again) {
  const fs::path path = place / "parley";
  ASSERT_TRUE(make_private_directory(path));
  EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
  EXPECT_TRUE(make_private_directory(path));
}

TEST_F(PrivateDirectory, that_others_may_enter_is_refused_with_what_to_do) {
  const fs::path path = place / "parley";
  fs::create_directory(path);
  fs::permissions(path, fs::perms::owner_all | fs::perms::group_read);
  const auto made = make_private_directory(path);
  EXPECT_EQ(made.error().code, Code::permission);
  EXPECT_NE(made.error().note.find("chmod 700"), std::string::npos);
}

TEST_F(PrivateDirectory, is_no_file_and_no_link_and_has_a_parent) {
  std::ofstream(place / "file") << "x";
  EXPECT_EQ(make_private_directory(place / "file").error().code, Code::in_use);
  fs::create_directory_symlink(place, place / "link");
  EXPECT_EQ(make_private_directory(place / "link").error().code, Code::in_use);
  EXPECT_EQ(make_private_directory(place / "missing" / "parley").error().code, Code::address);
}

}  // namespace
}  // namespace parley::os
