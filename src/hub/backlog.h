#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace parley::hub {

// How many bytes of one connection wait in the output of a session that many share. Counts exactly while little is
// noted at different positions, and then too much rather than too little.
class Backlog {
 public:
  // A message of so many bytes ends at this position of the output.
  void add(std::uint64_t end, std::size_t bytes) {
    if (count_ == marks_.size()) {
      marks_[(first_ + count_ - 1) % marks_.size()].end = end;
      marks_[(first_ + count_ - 1) % marks_.size()].bytes += bytes;
    } else {
      marks_[(first_ + count_++) % marks_.size()] = {end, bytes};
    }
    total_ += bytes;
  }
  // When the output has been sent up to here.
  std::size_t bytes(std::uint64_t sent) {
    while (count_ != 0 && marks_[first_].end <= sent) {
      total_ -= marks_[first_].bytes;
      first_ = (first_ + 1) % marks_.size();
      --count_;
    }
    return total_;
  }

 private:
  struct Mark {
    std::uint64_t end = 0;
    std::size_t bytes = 0;
  };
  std::array<Mark, 8> marks_{};
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::size_t total_ = 0;
};

}  // namespace parley::hub
