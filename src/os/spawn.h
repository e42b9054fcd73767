#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/stream.h"

namespace parley::os {

// A process that this one has started. It has a group of its own, so that a terminal's Ctrl-C is ours alone and what it
// starts ends with it; its standard error is ours. Destroying this kills the group, and the process itself should it
// have left that, and leaves no zombie.
class Child {
 public:
  // `words`: the program, looked for in PATH, and its arguments. Its standard input and output are one socket, whose
  // other end `streams` is. Errors: not_found, permission, overloaded (no descriptors or processes are left), and
  // whatever else the system says.
  static Result<Child> start(const std::vector<std::string>& words, io::Descriptor& streams);
  // The same of a line for the shell.
  static Result<Child> start_line(const std::string& line, io::Descriptor& streams);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) = delete;
  ~Child();

  std::int64_t id() const { return pid_; }
  // Asks it to end.
  void terminate();
  // How it ended: "exit code 3", "signal 9"; nothing: it has not. Empty where somebody else has asked the system.
  std::optional<std::string> outcome();

 private:
  explicit Child(std::int64_t pid) : pid_(pid) {}
  std::int64_t pid_;  // 0: moved from
  bool is_reaped_ = false;
};

}  // namespace parley::os
