#include "os/private_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace parley::os {
namespace {

namespace fs = std::filesystem;

class GrowingFile : public testing::Test {
 protected:
  GrowingFile() {
    std::string pattern = (fs::temp_directory_path() / "parley-file-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    place = pattern;
  }
  ~GrowingFile() override { fs::remove_all(place); }
  static std::string content(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  fs::path place;
};

TEST_F(GrowingFile, is_its_owners_alone_and_grows_at_once) {
  auto file = PrivateFile::create(place / "a");
  ASSERT_TRUE(file);
  EXPECT_EQ(fs::status(place / "a").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(file->append(as_bytes("one ")));
  EXPECT_EQ(content(place / "a"), "one ");
  ASSERT_TRUE(file->append(as_bytes("two")));
  ASSERT_TRUE(file->append({}));
  EXPECT_EQ(content(place / "a"), "one two");
}

TEST_F(GrowingFile, replaces_nothing) {
  std::ofstream(place / "there") << "precious";
  EXPECT_EQ(PrivateFile::create(place / "there").error().code, Code::in_use);
  EXPECT_EQ(content(place / "there"), "precious");
  fs::create_symlink(place / "elsewhere", place / "link");
  EXPECT_EQ(PrivateFile::create(place / "link").error().code, Code::in_use);
  EXPECT_FALSE(fs::exists(place / "elsewhere"));
}

TEST_F(GrowingFile, says_what_keeps_it_from_being_made) {
  EXPECT_EQ(PrivateFile::create(place / "no" / "a").error().code, Code::address);
  const auto directory = PrivateFile::create(place);
  EXPECT_EQ(directory.error().code, Code::in_use);
  EXPECT_NE(directory.error().note.find(place.string()), std::string::npos);
}

}  // namespace
}  // namespace parley::os
