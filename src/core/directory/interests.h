#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/pattern.h"

namespace parley::core {

// Who wants to hear of which events: patterns, each with those who hold it. To each neighbour goes what all others hold
// together, so that nobody is asked for what only he himself wants.
class Interests {
 public:
  using Holder = std::uint64_t;
  // More than these are said as `**`.
  static constexpr std::size_t patterns_said_max = 256;

  // To whom something else has to be said now.
  struct Change {
    enum class Who : std::uint8_t { nobody, one, all_but };
    Who who = Who::nobody;
    Holder holder = 0;
  };
  Change add(Holder holder, const Pattern& pattern);
  Change remove(Holder holder, const Pattern& pattern);
  // In place of all that he holds.
  std::vector<Change> replace(Holder holder, std::vector<Pattern> patterns);
  std::vector<Change> drop(Holder holder) { return replace(holder, {}); }

  bool wants(Holder holder, std::string_view event) const;
  // What all but him hold, by their texts.
  std::vector<std::string> of_others(Holder holder) const;

 private:
  struct Held {
    Pattern pattern;
    std::map<Holder, std::uint32_t> by;  // how often
  };
  std::map<std::string, Held, std::less<>> patterns_;
  std::map<Holder, std::vector<Pattern>> holders_;  // once each
};

}  // namespace parley::core
