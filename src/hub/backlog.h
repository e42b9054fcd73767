#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace parley::hub {

// How many bytes of one connection wait in the output of a session that many share. Counts exactly while little is
// noted at different positions, or nobody else sends much, and else too much rather than too little.
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
    if (count_ == 0) return 0;
    // Of what has been noted together some may have been sent; no more is left than the output has up to its end.
    const Mark& oldest = marks_[first_];
    return total_ - oldest.bytes + static_cast<std::size_t>(std::min<std::uint64_t>(oldest.bytes, oldest.end - sent));
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
