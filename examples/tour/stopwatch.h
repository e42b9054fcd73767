#pragma once

#include <chrono>

namespace tour {

class Stopwatch {
 public:
  std::chrono::nanoseconds time() const { return std::chrono::steady_clock::now() - begin_; }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace tour
