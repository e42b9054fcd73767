#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/loop.h"
#include "io/stream.h"
#include "io/stream_end_suite.h"
#include "net/descriptor.h"
#include "net/epoll_reactor.h"
#include "net/system_clock.h"
#include "net/system_random.h"

// What the tests of this layer are written with.
namespace parley::net::suite {

// A loop on the system's clock and epoll.
class EpollWorld {
 public:
  explicit EpollWorld(ReactorOptions options = {}) : reactor_(EpollReactor::make(clock_, options).value()) {}
  io::Loop& loop() { return loop_; }
  EpollReactor& reactor() { return *reactor_; }
  template <class Condition>
  bool turn_until(Condition condition) {
    return io::suite::turn_until(loop_, condition);
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<EpollReactor> reactor_;
  io::Loop loop_{clock_, *reactor_, random_};
};

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "parley-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }
  std::vector<std::string> entries() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.push_back(entry.path().filename());
    return names;
  }

 private:
  std::string path_;
};

// Descriptors of the system that are recognised by what is written in them.
struct TaggedDescriptors {
  static io::Descriptor make(int tag) {
    io::Descriptor made = own(::memfd_create("parley-tagged", MFD_CLOEXEC));
    EXPECT_TRUE(made);
    EXPECT_EQ(::pwrite(made.number(), &tag, sizeof tag, 0), static_cast<ssize_t>(sizeof tag));
    return made;
  }
  static int tag_of(const io::Descriptor& descriptor) {
    int tag = -1;
    EXPECT_EQ(::pread(descriptor.number(), &tag, sizeof tag, 0), static_cast<ssize_t>(sizeof tag));
    EXPECT_EQ(::fcntl(descriptor.number(), F_GETFD), FD_CLOEXEC) << "a child would inherit it";
    return tag;
  }
  static std::size_t open_count() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // the folder's own descriptor
      count += std::filesystem::read_symlink(entry.path(), gone).string().find("parley-tagged") != std::string::npos;
    }
    return count;
  }
};

// Keeps what a listener gives.
struct Accepted final : io::ListenerEvents {
  void on_stream(std::unique_ptr<io::Stream> stream) override { streams.push_back(std::move(stream)); }
  void on_listener_failed(Error error) override { failures.push_back(std::move(error)); }
  std::vector<std::unique_ptr<io::Stream>> streams;
  std::vector<Error> failures;
};

}  // namespace parley::net::suite
