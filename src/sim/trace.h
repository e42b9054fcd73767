#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "io/clock.h"

namespace parley::sim {

// Everything that happens in a run, as one number: equal numbers mean that the same happened at the same times in the
// same order. On request the lines are kept, too.
class Trace {
 public:
  explicit Trace(io::Clock& clock, bool keeps_lines = false) : clock_(clock), keeps_lines_(keeps_lines) {}

  void note(std::string_view what, std::initializer_list<std::uint64_t> values = {}, std::string_view text = {});
  std::uint64_t hash() const { return hash_; }
  std::uint64_t size() const { return size_; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 29;
  }
  void mix(std::string_view text);

  io::Clock& clock_;
  bool keeps_lines_;
  std::uint64_t hash_ = 0x5ca1ab1e;
  std::uint64_t size_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace parley::sim
