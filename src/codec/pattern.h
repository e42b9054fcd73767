#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json_document.h"
#include "codec/pattern_letters.h"

namespace parley::codec {

// A regular expression in the notation of JSON Schema (ECMA-262), over Unicode scalars, of the kind that takes time
// linear in the text: all ways are followed at once, none is gone back. Look-around, references to groups and \p are
// not of that kind or need tables, and are refused. Groups do not capture. Does not change; for any thread.
class Pattern {
 public:
  static constexpr std::size_t bytes_max = 4096;
  static constexpr std::size_t states_max = 4096;  // what {n} repeats is there n times
  static constexpr std::size_t depth_max = 64;     // of groups

  // The error (`invalid`) says what is wrong with it, or not possible here. The bound is for one of several that share
  // their states; none has more than states_max. Time: linear in the text and the bound.
  static Result<Pattern> compile(std::string_view text, std::size_t states_bound = states_max);

  // Memory: 8 bytes each, and what is linear in the text.
  std::size_t states() const { return states_.size(); }

  // Whether it fits some part of the text, which is UTF-8. Takes work to begin, and for each letter and way; false
  // where that ends.
  bool is_in(std::string_view text, Work& work) const;

 private:
  friend class PatternCompiler;

  struct Set {
    bool is_negated = false;
    std::vector<LetterRange> ranges;  // in order, apart from each other
  };
  enum class Step : std::uint8_t { letter, set, split, begin, end, word_edge, no_word_edge, match };
  using Place = std::uint16_t;  // of a state
  static_assert(states_max - 1 <= static_cast<Place>(-1));
  struct State {
    Step step = Step::match;
    Place next = 0;
    std::uint32_t other = 0;  // of a split the second way; the number of a set; the letter
  };
  static_assert(sizeof(State) == 8);
  class Run;

  std::vector<State> states_;
  std::vector<Set> sets_;
  Place start_ = 0;
};

}  // namespace parley::codec
