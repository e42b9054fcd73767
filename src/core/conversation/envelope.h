#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace parley::core {

// A message of a conversation or a topic with what is said about it, which goes along from end to end.
struct Envelope {
  std::string id = {};                       // of the message, at whoever said it
  std::string publisher = {};                // who said it; empty: nobody says
  std::string parent = {};                   // the id of the message that caused it; empty: none
  std::array<std::uint8_t, 32> schema = {};  // of the payload; all zero: none
  std::vector<std::uint8_t> payload = {};
  std::optional<std::uint64_t> clock = {};  // where it stands in the chain of its causes, as whoever said it counts
  friend bool operator==(const Envelope&, const Envelope&) = default;

  std::size_t bytes() const { return id.size() + publisher.size() + parent.size() + payload.size(); }
};

}  // namespace parley::core
