#include "os/user.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace parley::os {
namespace {

namespace fs = std::filesystem;

class Place : public testing::Test {
 protected:
  Place() {
    std::string pattern = (fs::temp_directory_path() / "parley-user-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    place = pattern;
  }
  ~Place() override { fs::remove_all(place); }
  fs::path place;
};
using PrivateDirectory = Place;

class PrivateFile : public Place {
 protected:
  fs::path file(std::string_view content, fs::perms perms = fs::perms::owner_read | fs::perms::owner_write) {
    const fs::path path = place / "secret";
    std::ofstream(path) << content;
    fs::permissions(path, perms);
    return path;
  }
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

TEST_F(PrivateFile, is_read_as_it_is) {
  EXPECT_EQ(read_private_file(file("a\nb\n"), 4).value(), "a\nb\n");
  EXPECT_EQ(read_private_file(file(""), 4).value(), "");
}

TEST_F(PrivateFile, that_others_may_read_is_refused_with_what_to_do) {
  for (const fs::perms perms : {fs::perms::group_read, fs::perms::others_read, fs::perms::others_write}) {
    const auto read = read_private_file(file("a", fs::perms::owner_read | perms), 4);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Code::permission);
    EXPECT_NE(read.error().note.find("chmod 600"), std::string::npos);
  }
}

TEST_F(PrivateFile, that_is_missing_or_no_file_or_too_long_is_told) {
  EXPECT_EQ(read_private_file(place / "missing", 4).error().code, Code::not_found) << "no address";
  EXPECT_EQ(read_private_file(fs::path(file("a")) / "b", 4).error().code, Code::not_found);
  EXPECT_EQ(read_private_file(place, 4).error().code, Code::invalid);
  EXPECT_EQ(read_private_file(file("12345"), 4).error().code, Code::too_large);
}

}  // namespace
}  // namespace parley::os
