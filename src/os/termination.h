#pragma once

#include <functional>
#include <memory>

namespace parley::os {

// Tells when the process is asked to end (SIGINT, SIGTERM, SIGHUP), or, where somebody is there for SIGHUP, to read its
// files again. Made first in main, before any thread, because it
// blocks these signals for all of them; they do what they always did once it is gone. Calls the functions on a thread
// of its own, once for each signal.
class Termination {
 public:
  explicit Termination(std::move_only_function<void()> asked, std::move_only_function<void()> asked_to_reload = {});
  ~Termination();

 private:
  class State;
  std::unique_ptr<State> state_;
};

// To write to a pipe that nobody reads any more is an error from now on, and does not end the process: of this thread
// and of those that it starts.
void ignore_broken_pipes();

}  // namespace parley::os
