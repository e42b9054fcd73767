#pragma once

#include <cstdint>

namespace parley::core {

// Where somebody stands in a kept topic: behind the message of that version.
struct TopicPosition {
  std::uint64_t incarnation = 0;  // each time a topic is kept anew it has another one, and counts anew. 0: whichever
  std::uint64_t version = 0;      // 0: before the first message
  friend bool operator==(const TopicPosition&, const TopicPosition&) = default;
};

}  // namespace parley::core
