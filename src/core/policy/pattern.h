#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace parley::core {

// Names as rules speak of them: a name in which a whole segment may be `*`, which stands for one segment, or `**`,
// which stands for any number of them, none included. Segments are what lies between dots, and may be empty. Nothing
// else divides: a dot is all that Parley itself divides names at (the service and its method), while `:`, `/` and `-`
// mean something to users alone, and a `**` between two different dividers would leave open which of them it stands
// for. So `disk:*` is no pattern, and `*` covers "a/b".
class Pattern {
 public:
  static constexpr std::size_t bytes_max = 256;

  // Errors: invalid, which says what a pattern is made of.
  static Result<Pattern> parse(std::string_view text);
  // `**`
  static Pattern everything() { return Pattern("**"); }

  // In at most (segments of the name + 1) x (segments of the pattern + 1) steps, which are added to `steps`: a step
  // looks at one segment.
  bool matches(std::string_view name, std::uint64_t* steps = nullptr) const;
  // Whether there may be a name that fits both.
  bool meets(const Pattern& other) const;
  const std::string& text() const { return text_; }

  friend bool operator==(const Pattern&, const Pattern&) = default;

 private:
  explicit Pattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace parley::core
