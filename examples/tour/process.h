#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "parley/error.h"

namespace tour {

// A directory of our own below the one for temporary files. Removed, with what lies in it, when it dies; and by
// SIGINT, SIGTERM and SIGHUP, which end the program.
class Directory {
 public:
  static parley::Result<Directory> make();
  Directory(Directory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  Directory& operator=(Directory&&) = delete;
  ~Directory();
  const std::string& path() const { return path_; }

 private:
  explicit Directory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The service's process. Killed, if it still runs, when it dies.
class ServiceProcess {
 public:
  // Starts `program uri --parent <us>` and waits for the line that says that it listens.
  static parley::Result<ServiceProcess> start(const std::string& program, const std::string& uri,
                                              std::chrono::milliseconds patience);
  ServiceProcess(ServiceProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), out_(std::exchange(other.out_, -1)) {}
  ServiceProcess& operator=(ServiceProcess&&) = delete;
  ~ServiceProcess();

  int pid() const { return pid_; }
  void kill();  // SIGKILL: it has no say in it

  // How it ended.
  struct End {
    std::optional<int> exit_code;
    std::optional<int> signal;
  };
  // Waits for that; one that takes longer is killed.
  End wait(std::chrono::milliseconds patience);

 private:
  ServiceProcess(int pid, int out) : pid_(pid), out_(out) {}
  int pid_ = 0;
  int out_ = -1;  // what it prints; ends with it
};

// The folder that this program lies in.
std::string own_folder();

}  // namespace tour
