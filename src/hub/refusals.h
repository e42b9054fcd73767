#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "runtime/builtin.h"

namespace parley::hub {

// What was refused, newest last; the same again is counted and moves to the end. Bounded: the oldest goes of whoever
// has the most, so that nobody pushes out what is known of others. Of secrets nothing is kept.
class Refusals {
 public:
  explicit Refusals(std::size_t count_max) : count_max_(count_max) {}

  // `times` of it is of no account.
  void add(builtin::Refusal refusal);
  builtin::Refusals all() const;

 private:
  void drop_one();

  std::size_t count_max_;
  std::deque<builtin::Refusal> kept_;
  std::uint64_t dropped_ = 0;
};

}  // namespace parley::hub
