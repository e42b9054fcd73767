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

  // The error (`invalid`) says what is wrong with it, or not possible here.
  static Result<Pattern> compile(std::string_view text);

  // Whether it fits some part of the text, which is UTF-8. Takes work for each letter and way; false where that ends.
  bool is_in(std::string_view text, Work& work) const;

 private:
  friend class PatternCompiler;

  struct Set {
    bool is_negated = false;
    std::vector<LetterRange> ranges;  // in order, apart from each other
  };
  enum class Step : std::uint8_t { letter, set, split, begin, end, word_edge, no_word_edge, match };
  struct State {
    Step step = Step::match;
    std::uint32_t next = 0;
    std::uint32_t other = 0;  // of a split the second way; the number of a set
    char32_t letter = 0;
  };
  class Run;

  std::vector<State> states_;
  std::vector<Set> sets_;
  std::uint32_t start_ = 0;
};

}  // namespace parley::codec
