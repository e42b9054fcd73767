#include "os/line_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace parley::os {
namespace {

class LineFileTest : public testing::Test {
 protected:
  LineFileTest() {
    std::string pattern = testing::TempDir() + "parley-lines-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~LineFileTest() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name = "lines") const { return folder_ + "/" + name; }
  std::string text(const std::string& name = "lines") const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  std::string folder_;
};

TEST_F(LineFileTest, adds_line_by_line_behind_what_is_there) {
  {
    const auto file = LineFile::open(path(), 1000).value();
    EXPECT_TRUE(file->add("one"));
    EXPECT_TRUE(file->add("two"));
    EXPECT_EQ(text(), "one\ntwo\n") << "at once";
  }
  const auto file = LineFile::open(path(), 1000).value();
  EXPECT_TRUE(file->add("three"));
  EXPECT_EQ(text(), "one\ntwo\nthree\n");
}

TEST_F(LineFileTest, is_for_its_owner_alone) {
  const auto file = LineFile::open(path(), 1000).value();
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(LineFileTest, that_was_open_to_others_is_for_its_owner_alone) {
  std::ofstream(path()) << "one\n";
  ASSERT_EQ(::chmod(path().c_str(), 0666), 0);
  const auto file = LineFile::open(path(), 1000).value();
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  EXPECT_EQ(text(), "one\n");
}

TEST_F(LineFileTest, is_nobody_elses) {
  std::ofstream(path()) << "theirs\n";
  if (::chown(path().c_str(), ::geteuid() + 1, static_cast<::gid_t>(-1)) != 0) GTEST_SKIP() << "only root gives away";
  const auto refused = LineFile::open(path(), 1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::permission);
  EXPECT_THAT(refused.error().note, testing::HasSubstr("belongs to user"));
  EXPECT_EQ(text(), "theirs\n");
}

TEST_F(LineFileTest, begins_anew_before_it_grows_beyond_its_bound) {
  const auto file = LineFile::open(path(), 10).value();
  for (const char* const line : {"aaaa", "bbbb", "cccc", "dddd", "eeee"}) EXPECT_TRUE(file->add(line));
  EXPECT_EQ(text(), "eeee\n");
  EXPECT_EQ(text("lines.1"), "cccc\ndddd\n") << "the one before is gone";
  EXPECT_EQ(file->times_begun_anew(), 2u);
}

TEST_F(LineFileTest, what_was_there_before_counts) {
  std::ofstream(path()) << "12345678\n";
  const auto file = LineFile::open(path(), 10).value();
  EXPECT_TRUE(file->add("x"));
  EXPECT_EQ(text(), "x\n");
  EXPECT_EQ(text("lines.1"), "12345678\n");
}

TEST_F(LineFileTest, a_line_beyond_the_bound_is_not_there) {
  const auto file = LineFile::open(path(), 10).value();
  EXPECT_TRUE(file->add("123456789"));
  EXPECT_FALSE(file->add("1234567890"));
  EXPECT_EQ(text(), "123456789\n");
}

TEST_F(LineFileTest, that_cannot_be_begun_anew_grows_no_further) {
  const auto file = LineFile::open(path(), 10).value();
  EXPECT_TRUE(file->add("12345678"));
  ASSERT_EQ(::mkdir(path("lines.1").c_str(), 0700), 0);
  EXPECT_FALSE(file->add("x23"));
  EXPECT_EQ(text(), "12345678\n");
  ASSERT_EQ(::rmdir(path("lines.1").c_str()), 0);
  EXPECT_TRUE(file->add("x23")) << "as soon as there is room";
}

TEST_F(LineFileTest, that_was_renamed_and_not_opened_goes_on_when_it_can_be) {
  const auto file = LineFile::open(path(), 10).value();
  EXPECT_TRUE(file->add("12345678"));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool was_added = file->add("x23");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_FALSE(was_added);
  EXPECT_EQ(text("lines.1"), "12345678\n");
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_TRUE(file->add("y23"));
  EXPECT_EQ(text(), "y23\n");
  EXPECT_EQ(text("lines.1"), "12345678\n");
  EXPECT_EQ(file->times_begun_anew(), 1u);
}

TEST_F(LineFileTest, is_no_pipe) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(LineFile::open(path(), 1000).error().code, Code::invalid) << "nobody reads it";
  const int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(LineFile::open(path(), 1000).error().code, Code::invalid) << "somebody does";
  ::close(reader);
}

TEST_F(LineFileTest, says_where_it_cannot_be) {
  EXPECT_EQ(LineFile::open(path("missing/lines"), 10).error().code, Code::not_found);
  EXPECT_EQ(LineFile::open(path(""), 10).error().code, Code::invalid) << "a directory";
  EXPECT_THAT(LineFile::open(path("missing/lines"), 10).error().note, testing::HasSubstr("missing/lines: No such"));
}

}  // namespace
}  // namespace parley::os
