#include "codec/pattern.h"

#include "base/bytes.h"
#include "codec/pattern_letters.h"
#include "codec/utf8.h"

namespace parley::codec {

// The ways that are open between two letters of a text.
class Pattern::Run {
 public:
  Run(const Pattern& pattern, Work& work)
      : pattern_(pattern), work_(work), seen_(pattern.states_.size(), 0), now_(), next_() {}

  bool finds(ByteView bytes);

 private:
  struct Around {
    bool is_begin = false;
    bool is_end = false;
    bool is_word_edge = false;
  };

  bool enter(std::vector<std::uint32_t>& ways, std::uint32_t state, const Around& around);
  bool fits(const State& state, char32_t letter) const {
    if (state.step == Step::letter) return state.other == letter;
    const Set& set = pattern_.sets_[state.other];
    return covers(set.ranges, letter) != set.is_negated;
  }

  const Pattern& pattern_;
  Work& work_;
  std::uint32_t turn_ = 0;
  std::vector<std::uint32_t> seen_;  // the turn in which a state was entered last
  std::vector<std::uint32_t> now_;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> left_;
};

// Adds the states that wait for a letter. True where the end of the pattern is among those reached.
bool Pattern::Run::enter(std::vector<std::uint32_t>& ways, std::uint32_t state, const Around& around) {
  left_.assign(1, state);
  while (!left_.empty()) {
    const std::uint32_t number = left_.back();
    left_.pop_back();
    if (seen_[number] == turn_) continue;
    seen_[number] = turn_;
    if (!work_.spend(1)) return false;
    const State& one = pattern_.states_[number];
    const bool is_edge = around.is_word_edge;
    switch (one.step) {
      case Step::match: return true;
      case Step::letter:
      case Step::set: ways.push_back(number); break;
      case Step::split:
        left_.push_back(one.other);
        left_.push_back(one.next);
        break;
      case Step::begin:
        if (around.is_begin) left_.push_back(one.next);
        break;
      case Step::end:
        if (around.is_end) left_.push_back(one.next);
        break;
      case Step::word_edge:
      case Step::no_word_edge:
        if (is_edge == (one.step == Step::word_edge)) left_.push_back(one.next);
        break;
    }
  }
  return false;
}

bool Pattern::Run::finds(ByteView bytes) {
  const std::uint8_t* cursor = bytes.data();
  const std::uint8_t* const end = cursor + bytes.size();
  Around around{.is_begin = true};
  bool was_word = false;
  for (;;) {
    char32_t letter = 0;
    around.is_end = cursor == end;
    const std::uint8_t* const behind = around.is_end ? nullptr : get_scalar(cursor, end, letter);
    const bool is_word = behind && covers(word_letters, letter);
    around.is_word_edge = was_word != is_word;
    // The ways are followed over what has no width, and a new one begins here.
    ++turn_;
    next_.clear();
    for (const std::uint32_t way : now_) {
      if (enter(next_, way, around)) return true;
    }
    if (enter(next_, pattern_.start_, around)) return true;
    if (!behind || work_.is_over()) return false;
    now_.clear();
    for (const std::uint32_t way : next_) {
      if (fits(pattern_.states_[way], letter)) now_.push_back(pattern_.states_[way].next);
    }
    cursor = behind;
    was_word = is_word;
    around.is_begin = false;
  }
}

bool Pattern::is_in(std::string_view text, Work& work) const {
  // To get the memory of a run, and to clear a word of it for each state.
  constexpr std::uint64_t steps_least = 8;
  constexpr std::uint64_t states_a_step = 32;
  return work.spend(steps_least + states_.size() / states_a_step) && Run(*this, work).finds(as_bytes(text));
}

}  // namespace parley::codec
