#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "io/stream.h"

namespace parley::io {

// Descriptors that came with received bytes and wait to be claimed by their numbers. Owned by a stream; what nobody
// claims is closed with it. A peer that passes what nobody asks for meets a bound.
class DescriptorInbox {
 public:
  static constexpr std::size_t unclaimed_max = 64;

  Result<void> add(Descriptor descriptor) {
    if (waiting_.size() >= unclaimed_max) {
      return fail(Code::too_many_descriptors, "the peer passed descriptors that nobody claims: more than " +
                                                  std::to_string(unclaimed_max) + " are waiting");
    }
    waiting_.push_back({arrived_++, std::move(descriptor)});
    return {};
  }

  Result<Descriptor> claim(std::uint64_t number) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const Waiting& waiting) { return waiting.number == number; });
    if (found == waiting_.end()) {
      return fail(Code::not_found, "descriptor " + std::to_string(number) +
                                       (number < arrived_ ? " has been claimed before" : " has not arrived"));
    }
    Descriptor descriptor = std::move(found->descriptor);
    waiting_.erase(found);
    if (waiting_.empty()) waiting_.shrink_to_fit();
    return descriptor;
  }

  void clear() { std::vector<Waiting>().swap(waiting_); }
  std::size_t unclaimed() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::uint64_t number;
    Descriptor descriptor;
  };
  std::vector<Waiting> waiting_;
  std::uint64_t arrived_ = 0;
};

}  // namespace parley::io
