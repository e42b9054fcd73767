#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include "base/assert.h"
#include "base/bytes.h"
#include "codec/pattern.h"
#include "codec/pattern_letters.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

using Ranges = std::vector<LetterRange>;

constexpr std::uint32_t no_bound = static_cast<std::uint32_t>(-1);

void put_in_order(Ranges& ranges) {
  std::ranges::sort(ranges);
  Ranges merged;
  for (const auto& range : ranges) {
    if (!merged.empty() && range.first <= merged.back().second + 1) {
      merged.back().second = std::max(merged.back().second, range.second);
    } else {
      merged.push_back(range);
    }
  }
  ranges = std::move(merged);
}

void add_others(Ranges& to, std::span<const LetterRange> ranges) {
  char32_t next = 0;
  for (const auto& [first, last] : ranges) {
    if (first > next) to.emplace_back(next, first - 1);
    next = last + 1;
  }
  to.emplace_back(next, last_scalar);
}

std::optional<std::uint32_t> hex_value(char32_t letter) {
  if (letter >= U'0' && letter <= U'9') return letter - U'0';
  if (letter >= U'a' && letter <= U'f') return letter - U'a' + 10;
  if (letter >= U'A' && letter <= U'F') return letter - U'A' + 10;
  return std::nullopt;
}

}  // namespace

// Reads a pattern into a tree, and makes states of it from the end to the begin.
class PatternCompiler {
 public:
  Result<Pattern> compile(std::string_view text, std::size_t states_bound);

 private:
  using Place = Pattern::Place;
  enum class Form : std::uint8_t { letter, set, sequence, choice, repeat, assertion };
  struct Tree {
    Form form = Form::sequence;
    Pattern::Step step = Pattern::Step::match;  // of an assertion
    char32_t letter = 0;
    std::uint32_t set = 0;
    std::uint32_t times_min = 0;
    std::uint32_t times_max = 0;
    std::vector<std::uint32_t> parts;
    std::size_t states = 0;  // that are made of it; beyond states_max they are not counted
  };
  using Number = std::optional<std::uint32_t>;

  Number choice();
  Number sequence();
  Number repeated();
  Number atom();
  Number group();
  Number escape();
  Number bracket();
  bool bracket_escape(Ranges& ranges, std::optional<char32_t>& letter);
  bool class_of(char32_t letter, Ranges& ranges);
  std::optional<char32_t> escaped_letter();
  std::optional<char32_t> hex_letter(std::size_t count);
  std::optional<char32_t> unicode_letter();
  bool quantifier(std::uint32_t& times_min, std::uint32_t& times_max);
  bool bounds(std::uint32_t& times_min, std::uint32_t& times_max);
  std::uint32_t set_of(Ranges ranges, bool is_negated);

  std::size_t states_of(const Tree& tree) const;
  Place emit(const Tree& tree, Place next);
  Place emit_repeat(const Tree& tree, Place next);
  Place push(const Pattern::State& state) {
    pattern_.states_.push_back(state);
    return static_cast<Place>(pattern_.states_.size() - 1);
  }

  std::uint32_t add(Tree tree) {
    tree.states = states_of(tree);
    trees_.push_back(std::move(tree));
    return static_cast<std::uint32_t>(trees_.size() - 1);
  }
  std::nullopt_t refuse(std::string note) {
    if (note_.empty()) note_ = std::move(note);
    return std::nullopt;
  }
  bool is_at_end() const { return at_ == letters_.size(); }
  bool is_next(char32_t letter, std::size_t ahead = 0) const {
    return at_ + ahead < letters_.size() && letters_[at_ + ahead] == letter;
  }
  bool take(char32_t letter) {
    if (!is_next(letter)) return false;
    ++at_;
    return true;
  }

  std::u32string letters_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::string note_;
  std::vector<Tree> trees_;
  Pattern pattern_;
};

Result<Pattern> PatternCompiler::compile(std::string_view text, std::size_t states_bound) {
  if (text.size() > Pattern::bytes_max) {
    return fail(Code::invalid, "a pattern has at most " + std::to_string(Pattern::bytes_max) + " bytes");
  }
  const ByteView bytes = as_bytes(text);
  const std::uint8_t* const end = bytes.data() + bytes.size();
  for (const std::uint8_t* cursor = bytes.data(); cursor != end;) {
    char32_t letter = 0;
    cursor = get_scalar(cursor, end, letter);
    if (!cursor) return fail(Code::invalid, "a pattern is UTF-8");
    letters_ += letter;
  }
  Number whole = choice();
  if (whole && !is_at_end()) whole = refuse("a ) has no ( before it");
  if (!whole) return fail(Code::invalid, std::move(note_));
  const bool is_shared = states_bound < Pattern::states_max;
  const std::size_t most = is_shared ? states_bound : Pattern::states_max;
  const std::size_t states = trees_[*whole].states + 1;
  if (states > most) {
    return fail(Code::invalid, "with its repetitions written out it has more than " + std::to_string(most) +
                                   (is_shared ? " states, and other patterns leave it no more" : " states"));
  }
  pattern_.states_.reserve(states);
  const Place match = push({});
  pattern_.start_ = emit(trees_[*whole], match);
  PARLEY_ASSERT(pattern_.states_.size() == states);
  pattern_.sets_.shrink_to_fit();
  return std::move(pattern_);
}

PatternCompiler::Number PatternCompiler::choice() {
  Tree tree{.form = Form::choice};
  do {
    const Number one = sequence();
    if (!one) return one;
    tree.parts.push_back(*one);
  } while (take(U'|'));
  return tree.parts.size() == 1 ? tree.parts[0] : add(std::move(tree));
}

PatternCompiler::Number PatternCompiler::sequence() {
  Tree tree{.form = Form::sequence};
  while (!is_at_end() && !is_next(U'|') && !is_next(U')')) {
    const Number one = repeated();
    if (!one) return one;
    // A repetition does not look at what makes no states again and again.
    if (trees_[*one].states != 0) tree.parts.push_back(*one);
  }
  // A group that is repeated is no assertion, be there only one in it.
  const bool is_one = tree.parts.size() == 1 && trees_[tree.parts[0]].form != Form::assertion;
  return is_one ? tree.parts[0] : add(std::move(tree));
}

PatternCompiler::Number PatternCompiler::repeated() {
  const Number one = atom();
  std::uint32_t times_min = 0;
  std::uint32_t times_max = 0;
  if (!one || !quantifier(times_min, times_max)) return one;
  if (trees_[*one].form == Form::assertion) return refuse("an assertion like ^ or \\b is not repeated");
  take(U'?');  // which way is tried first does not matter here
  if (times_min > times_max) return refuse("the numbers in {} are in the wrong order");
  Tree tree{.form = Form::repeat, .times_min = times_min, .times_max = times_max, .parts = {*one}};
  if (is_next(U'*') || is_next(U'+') || is_next(U'?')) return refuse("a repetition is repeated without a group");
  return add(std::move(tree));
}

bool PatternCompiler::quantifier(std::uint32_t& times_min, std::uint32_t& times_max) {
  times_max = no_bound;
  if (take(U'*')) return true;
  if (take(U'+')) {
    times_min = 1;
    return true;
  }
  if (take(U'?')) {
    times_max = 1;
    return true;
  }
  return is_next(U'{') && bounds(times_min, times_max);
}

// "{2}", "{2,}" or "{2,5}"; anything else begins with a brace that is a letter.
bool PatternCompiler::bounds(std::uint32_t& times_min, std::uint32_t& times_max) {
  const std::size_t before = at_++;
  const auto number = [&](std::uint32_t& sum) {
    const std::size_t first = at_;
    for (sum = 0; !is_at_end() && covers(digits, letters_[at_]); ++at_) {
      sum = std::min<std::uint32_t>(sum * 10 + (letters_[at_] - U'0'), 100'000'000);
    }
    return at_ != first;
  };
  if (number(times_min)) {
    times_max = times_min;
    if (take(U',') && !number(times_max)) times_max = no_bound;
    if (take(U'}')) return true;
  }
  at_ = before;
  return false;
}

PatternCompiler::Number PatternCompiler::atom() {
  const char32_t letter = letters_[at_++];
  switch (letter) {
    case U'(': return group();
    case U'[': return bracket();
    case U'\\': return escape();
    case U'^': return add({.form = Form::assertion, .step = Pattern::Step::begin});
    case U'$': return add({.form = Form::assertion, .step = Pattern::Step::end});
    case U'.': return add({.form = Form::set, .set = set_of({line_ends.begin(), line_ends.end()}, true)});
    case U'*':
    case U'+':
    case U'?': return refuse("nothing stands before a repetition");
    default: return add({.form = Form::letter, .letter = letter});
  }
}

PatternCompiler::Number PatternCompiler::group() {
  if (take(U'?')) {
    const bool is_behind = is_next(U'<') && (is_next(U'=', 1) || is_next(U'!', 1));
    if (is_next(U'=') || is_next(U'!') || is_behind) return refuse("look-around, (?= (?! (?<= and (?<!, is not done");
    if (take(U'<')) {
      while (!is_at_end() && !is_next(U'>')) ++at_;
      if (!take(U'>')) return refuse("the name of a group has no end");
    } else if (!take(U':')) {
      return refuse("a group begins with an unknown (?");
    }
  }
  if (++depth_ > Pattern::depth_max) return refuse("groups are nested too deeply");
  const Number inside = choice();
  --depth_;
  if (!inside) return inside;
  if (!take(U')')) return refuse("a ( has no ) behind it");
  return inside;
}

PatternCompiler::Number PatternCompiler::escape() {
  if (is_at_end()) return refuse("it ends in a backslash");
  const char32_t letter = letters_[at_];
  if (letter == U'b' || letter == U'B') {
    ++at_;
    return add(
        {.form = Form::assertion, .step = letter == U'b' ? Pattern::Step::word_edge : Pattern::Step::no_word_edge});
  }
  if ((letter >= U'1' && letter <= U'9') || letter == U'k') return refuse("references to groups are not done");
  Ranges ranges;
  if (class_of(letter, ranges)) {
    ++at_;
    return add({.form = Form::set, .set = set_of(std::move(ranges), false)});
  }
  const std::optional<char32_t> one = escaped_letter();
  if (!one) return std::nullopt;
  return add({.form = Form::letter, .letter = *one});
}

bool PatternCompiler::class_of(char32_t letter, Ranges& ranges) {
  const auto add_to = [&](std::span<const LetterRange> all, bool is_negated) {
    if (is_negated) {
      add_others(ranges, all);
    } else {
      ranges.insert(ranges.end(), all.begin(), all.end());
    }
    return true;
  };
  switch (letter) {
    case U'd':
    case U'D': return add_to(digits, letter == U'D');
    case U'w':
    case U'W': return add_to(word_letters, letter == U'W');
    case U's':
    case U'S': return add_to(spaces, letter == U'S');
    default: return false;
  }
}

std::optional<char32_t> PatternCompiler::escaped_letter() {
  const char32_t letter = letters_[at_++];
  switch (letter) {
    case U't': return U'\t';
    case U'n': return U'\n';
    case U'v': return U'\v';
    case U'f': return U'\f';
    case U'r': return U'\r';
    case U'0': return U'\0';
    case U'x': return hex_letter(2);
    case U'u': return unicode_letter();
    case U'c': {
      const char32_t control = is_at_end() ? U'\0' : letters_[at_++] & ~U' ';
      if (control < U'A' || control > U'Z') return refuse("\\c is followed by a letter");
      return control - U'@';
    }
    default: break;
  }
  if (letter == U'p' || letter == U'P') return refuse("\\p needs the tables of Unicode, which are not here");
  const bool is_plain = covers(word_letters, letter) && letter != U'_';
  if (is_plain) return refuse("\\" + std::string(1, static_cast<char>(letter)) + " means nothing");
  return letter;
}

std::optional<char32_t> PatternCompiler::hex_letter(std::size_t count) {
  char32_t sum = 0;
  for (; count > 0; --count) {
    const auto value = is_at_end() ? std::nullopt : hex_value(letters_[at_++]);
    if (!value) return refuse("\\x is followed by two digits of base 16, \\u by four");
    sum = sum * 16 + *value;
  }
  return sum;
}

std::optional<char32_t> PatternCompiler::unicode_letter() {
  if (take(U'{')) {
    char32_t sum = 0;
    const std::size_t first = at_;
    while (!is_at_end() && hex_value(letters_[at_]) && sum <= last_scalar) sum = sum * 16 + *hex_value(letters_[at_++]);
    if (at_ == first || !take(U'}') || !is_scalar(sum)) return refuse("\\u{...} is no character");
    return sum;
  }
  const std::optional<char32_t> high = hex_letter(4);
  if (!high || is_scalar(*high)) return high;
  if (*high < 0xdc00 && take(U'\\') && take(U'u')) {
    const std::optional<char32_t> low = hex_letter(4);
    if (low && *low >= 0xdc00 && *low <= 0xdfff) return 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00);
  }
  return refuse("\\u is half a surrogate pair");
}

PatternCompiler::Number PatternCompiler::bracket() {
  const bool is_negated = take(U'^');
  Ranges ranges;
  while (!take(U']')) {
    std::optional<char32_t> first;
    if (!bracket_escape(ranges, first)) return std::nullopt;
    if (!is_next(U'-') || is_next(U']', 1)) {
      if (first) ranges.emplace_back(*first, *first);
      continue;
    }
    ++at_;
    std::optional<char32_t> last;
    if (!bracket_escape(ranges, last)) return std::nullopt;
    if (!first || !last) return refuse("a range in [] goes from one character to one other");
    if (*first > *last) return refuse("a range in [] is in the wrong order");
    ranges.emplace_back(*first, *last);
  }
  return add({.form = Form::set, .set = set_of(std::move(ranges), is_negated)});
}

// One character, or a class that is added to the ranges.
bool PatternCompiler::bracket_escape(Ranges& ranges, std::optional<char32_t>& letter) {
  if (is_at_end()) {
    refuse("a [ has no ] behind it");
    return false;
  }
  letter = letters_[at_++];
  if (letter != U'\\') return true;
  letter.reset();
  if (is_at_end()) {
    refuse("it ends in a backslash");
    return false;
  }
  if (class_of(letters_[at_], ranges)) {
    ++at_;
    return true;
  }
  if (take(U'b')) {
    letter = U'\b';
    return true;
  }
  letter = escaped_letter();
  return letter.has_value();
}

std::uint32_t PatternCompiler::set_of(Ranges ranges, bool is_negated) {
  put_in_order(ranges);
  pattern_.sets_.push_back({is_negated, std::move(ranges)});
  return static_cast<std::uint32_t>(pattern_.sets_.size() - 1);
}

std::size_t PatternCompiler::states_of(const Tree& tree) const {
  std::uint64_t states = 0;
  for (const std::uint32_t part : tree.parts) states += trees_[part].states;
  switch (tree.form) {
    case Form::letter:
    case Form::set:
    case Form::assertion: states = 1; break;
    case Form::sequence: break;
    case Form::choice: states += tree.parts.size() - 1; break;
    case Form::repeat:
      // With a split for each time that may be left out, or one for all.
      states = tree.times_max == no_bound ? states * (tree.times_min + 1) + 1
                                          : states * tree.times_max + (tree.times_max - tree.times_min);
  }
  return std::min<std::uint64_t>(states, Pattern::states_max + 1);
}

PatternCompiler::Place PatternCompiler::emit(const Tree& tree, Place next) {
  switch (tree.form) {
    case Form::letter: return push({.step = Pattern::Step::letter, .next = next, .other = tree.letter});
    case Form::set: return push({.step = Pattern::Step::set, .next = next, .other = tree.set});
    case Form::assertion: return push({.step = tree.step, .next = next});
    case Form::repeat: return emit_repeat(tree, next);
    case Form::sequence:
      for (auto part = tree.parts.rbegin(); part != tree.parts.rend(); ++part) next = emit(trees_[*part], next);
      return next;
    case Form::choice: break;
  }
  Place way = emit(trees_[tree.parts.back()], next);
  for (std::size_t i = tree.parts.size() - 1; i > 0; --i) {
    const Place one = emit(trees_[tree.parts[i - 1]], next);
    way = push({.step = Pattern::Step::split, .next = one, .other = way});
  }
  return way;
}

PatternCompiler::Place PatternCompiler::emit_repeat(const Tree& tree, Place next) {
  const Tree& one = trees_[tree.parts[0]];
  if (tree.times_max == no_bound) {
    const Place loop = push({.step = Pattern::Step::split, .other = next});
    pattern_.states_[loop].next = emit(one, loop);
    next = loop;
  } else {
    const Place behind = next;
    for (std::uint32_t i = tree.times_min; i < tree.times_max; ++i) {
      const Place inside = emit(one, next);
      next = push({.step = Pattern::Step::split, .next = inside, .other = behind});
    }
  }
  // What is empty makes no states, however often.
  for (std::uint32_t i = 0; i < tree.times_min && one.states != 0; ++i) next = emit(one, next);
  return next;
}

Result<Pattern> Pattern::compile(std::string_view text, std::size_t states_bound) {
  return PatternCompiler().compile(text, states_bound);
}

}  // namespace parley::codec
