#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parley/error.h"

namespace tour {

// A directory of our own below the one for temporary files. Removed, with what lies in it, when it dies; and by
// SIGINT, SIGTERM and SIGHUP, which end the program: with 128 and their number, or with 0 after end_well().
class Directory {
 public:
  static parley::Result<Directory> make();
  Directory(Directory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Directory& operator=(Directory&&) = delete;
  ~Directory();
  const std::string& path() const { return path_; }
  static void end_well();

 private:
  explicit Directory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// A process that we started. Killed, if it still runs, when it dies, or when we do.
class ChildProcess {
 public:
  // Starts the program and waits for its first line, which begins with `ready`.
  static parley::Result<ChildProcess> start(const std::string& program, std::vector<std::string> arguments,
                                            std::string_view ready, std::chrono::milliseconds patience);
  ChildProcess(ChildProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), out_(std::exchange(other.out_, -1)) {}
  ChildProcess& operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(out_, other.out_);
    return *this;
  }
  ~ChildProcess();

  int pid() const { return pid_; }
  void kill();        // SIGKILL: it has no say in it
  void ask_to_end();  // SIGTERM

  // How it ended.
  struct End {
    std::optional<int> exit_code;
    std::optional<int> signal;
  };
  // Waits for that; one that takes longer is killed.
  End wait(std::chrono::milliseconds patience);

 private:
  ChildProcess(int pid, int out) : pid_(pid), out_(out) {}
  int pid_ = 0;
  int out_ = -1;  // what it prints; ends with it
};

// The folder that this program lies in.
std::string own_folder();

}  // namespace tour
