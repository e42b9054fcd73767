#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/policy/pattern.h"

namespace parley::core {

// Who wants to hear of which events: patterns, each with those who hold it. To each neighbour goes what all others hold
// together, so that nobody is asked for what only he himself wants. Each says how far away the one is who wants it:
// what goes round in a ring, and nobody wants any more, comes back from ever farther away until it is forgotten.
class Interests {
 public:
  using Holder = std::uint64_t;
  // More than these are said as `**`.
  static constexpr std::size_t patterns_said_max = 256;

  struct Wanted {
    Pattern pattern = Pattern::everything();
    std::uint32_t hops = 0;
  };
  struct Said {
    std::string pattern;
    std::uint32_t hops = 0;  // of the nearest who holds it
    friend bool operator==(const Said&, const Said&) = default;
  };

  // These tell whether something else may have to be said now.
  bool add(Holder holder, const Wanted& wanted);
  bool remove(Holder holder, const Pattern& pattern);
  // In place of all that he holds.
  bool replace(Holder holder, std::vector<Wanted> all);
  bool drop(Holder holder) { return replace(holder, {}); }

  bool wants(Holder holder, std::string_view event) const;
  // What all but him hold, by their texts.
  std::vector<Said> of_others(Holder holder) const;

 private:
  struct Held {
    Pattern pattern;
    struct By {
      std::uint32_t count = 0;
      std::uint32_t hops = 0;
    };
    std::map<Holder, By> by;
    std::set<std::pair<std::uint32_t, Holder>> nearest;  // the hops of each
  };
  using Two = std::pair<std::pair<std::uint32_t, Holder>, std::pair<std::uint32_t, Holder>>;
  static Two nearest_two(const Held& held);
  std::map<std::string, Held, std::less<>> patterns_;
  std::map<Holder, std::vector<Pattern>> holders_;  // once each
};

}  // namespace parley::core
