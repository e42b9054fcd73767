#include "core/directory/name.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley::core {

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool is_separator(char c) { return c == '.' || c == ':' || c == '/'; }

}  // namespace

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max || !is_word(name.front())) return false;
  return std::ranges::all_of(name, [](char c) { return is_word(c) || is_separator(c) || c == '-'; });
}

Result<void> check_name(std::string_view name) {
  if (is_name(name)) return {};
  return fail(Code::invalid, fmt::format("\"{}\" is no name: up to {} of A-Z a-z 0-9 _ . : / -, the first one a "
                                         "letter, a digit or _",
                                         name, name_bytes_max));
}

bool is_built_in(std::string_view name) { return name.starts_with("parley."); }

bool covers(std::string_view pattern, std::string_view name) {
  // Where to go on when what follows the last `*` or `**` does not fit: one letter later.
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  std::size_t double_star = std::string_view::npos;
  std::size_t double_star_name = 0;
  std::size_t p = 0;
  std::size_t n = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      const bool is_double = p + 1 < pattern.size() && pattern[p + 1] == '*';
      p += is_double ? 2 : 1;
      (is_double ? double_star : star) = p;
      (is_double ? double_star_name : star_name) = n;
      if (is_double) star = std::string_view::npos;
      continue;
    }
    if (p == pattern.size() && n == name.size()) return true;
    if (p < pattern.size() && n < name.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos && star_name < name.size() && !is_separator(name[star_name])) {
      p = star;
      n = ++star_name;
    } else if (double_star != std::string_view::npos && double_star_name < name.size()) {
      p = double_star;
      n = ++double_star_name;
      star = std::string_view::npos;
    } else {
      return false;
    }
  }
}

}  // namespace parley::core
