#include "core/policy/pattern.h"

#include <fmt/format.h>

#include <vector>

#include "codec/utf8.h"
#include "core/directory/name.h"

namespace parley::core {

namespace {

constexpr std::string_view one = "*";
constexpr std::string_view any = "**";
constexpr std::size_t nowhere = std::string_view::npos;

// A text, segment by segment.
class Segments {
 public:
  explicit Segments(std::string_view text, std::size_t at = 0) : text_(text), at_(at) { find_end(); }
  bool is_over() const { return at_ > text_.size(); }
  std::size_t at() const { return at_; }
  std::string_view now() const { return text_.substr(at_, end_ - at_); }
  void next() {
    at_ = end_ + 1;
    find_end();
  }

 private:
  void find_end() {
    end_ = is_over() ? at_ : text_.find('.', at_);
    if (end_ == nowhere) end_ = text_.size();
  }
  std::string_view text_;
  std::size_t at_;
  std::size_t end_ = 0;
};

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  bool is_well = !text.empty() && text.size() <= bytes_max;
  for (Segments segments(text); is_well && !segments.is_over(); segments.next()) {
    const std::string_view segment = segments.now();
    if (segment == one || segment == any) continue;
    is_well = segments.at() == 0 ? is_name(segment) : is_name_part(segment);
  }
  if (is_well) return Pattern(std::string(text));
  return fail(Code::invalid,
              fmt::format("\"{}\" is no pattern: a name in which a whole segment may be *, for any one, or **, for any "
                          "number of them, such as Desk.* or build.**; up to {} bytes",
                          codec::to_line(text, bytes_max), bytes_max));
}

// Only the last ** is ever tried again: what lies before it matched with as little as could be, and a longer match
// there would leave less for what follows.
bool Pattern::matches(std::string_view name, std::uint64_t* steps) const {
  Segments pattern(text_);
  Segments segments(name);
  std::size_t behind_any = nowhere;  // in the pattern
  std::size_t tried = 0;             // in the name: the last ** ends here
  while (!segments.is_over()) {
    if (steps) ++*steps;
    if (!pattern.is_over()) {
      if (pattern.now() == any) {
        pattern.next();
        behind_any = pattern.at();
        tried = segments.at();
        continue;
      }
      if (pattern.now() == one || pattern.now() == segments.now()) {
        pattern.next();
        segments.next();
        continue;
      }
    }
    if (behind_any == nowhere) return false;
    segments = Segments(name, tried);
    segments.next();
    tried = segments.at();
    pattern = Segments(text_, behind_any);
  }
  while (!pattern.is_over() && pattern.now() == any) pattern.next();
  return pattern.is_over();
}

static std::vector<std::string_view> segments_of(std::string_view text) {
  std::vector<std::string_view> all;
  for (Segments segments(text); !segments.is_over(); segments.next()) all.push_back(segments.now());
  return all;
}

// Row by row from the ends: whether what is left of both has a name in common.
bool Pattern::meets(const Pattern& other) const {
  const std::vector<std::string_view> rows = segments_of(text_);
  const std::vector<std::string_view> columns = segments_of(other.text_);
  std::vector<char> below(columns.size() + 1);
  std::vector<char> row(columns.size() + 1);
  for (std::size_t i = rows.size() + 1; i-- > 0;) {
    for (std::size_t j = columns.size() + 1; j-- > 0;) {
      const std::string_view mine = i < rows.size() ? rows[i] : std::string_view();
      const std::string_view its = j < columns.size() ? columns[j] : std::string_view();
      if (mine == any) {
        row[j] = below[j] || (j < columns.size() && row[j + 1]);
      } else if (its == any) {
        row[j] = row[j + 1] || (i < rows.size() && below[j]);
      } else if (i == rows.size() || j == columns.size()) {
        row[j] = i == rows.size() && j == columns.size();
      } else {
        row[j] = (mine == one || its == one || mine == its) && below[j + 1];
      }
    }
    std::swap(row, below);
  }
  return below[0];
}

}  // namespace parley::core
