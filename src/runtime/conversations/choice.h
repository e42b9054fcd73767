#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/conversation/conversation.h"

namespace parley {

// Somebody who could take part, as whoever chooses sees it.
struct Candidate {
  core::Conversation::Participant who = 0;
  std::string_view name;
  std::uint64_t in_flight = 0;  // messages that it has not answered
};

// Whom a conversation on a subject begins with, of those who provide it. The others follow in the same manner.
struct Choice {
  enum class How : std::uint8_t {
    least_busy,   // who has the fewest messages that are not answered; in turn, of several
    round_robin,  // in turn
    affinity,     // the same one for the same key, as long as it is there
    custom,       // whom `pick` says
  };
  How how = How::least_busy;
  std::string key = {};  // of affinity
  // A position in these; beyond their end: nobody of them.
  std::move_only_function<std::size_t(std::span<const Candidate>)> pick = {};
};

// In the order in which they are asked. `turn` counts the choices on that subject. Names decide about affinity, so that
// it outlives an order of arrival.
std::vector<core::Conversation::Participant> choose(std::vector<Candidate> candidates, Choice& choice,
                                                    std::uint64_t turn);

}  // namespace parley
