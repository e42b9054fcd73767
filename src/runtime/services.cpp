#include "runtime/services.h"

#include <fmt/format.h>

#include <algorithm>

namespace parley {

namespace {

// [A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}
bool is_name(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || name.size() > 128 || !is_word(name.front())) return false;
  return std::ranges::all_of(name, [&](char c) { return is_word(c) || c == '.' || c == ':' || c == '/' || c == '-'; });
}

}  // namespace

Result<void> Services::check_name(const std::string& name) const {
  if (!is_name(name)) {
    return fail(Code::invalid, fmt::format("\"{}\" is no name: up to 128 of A-Z a-z 0-9 _ . : / -, the first one a "
                                           "letter, a digit or _",
                                           name));
  }
  if (std::ranges::find(names_, name) != names_.end()) {
    return fail(Code::in_use, fmt::format("\"{}\" is served already", name));
  }
  return {};
}

}  // namespace parley
