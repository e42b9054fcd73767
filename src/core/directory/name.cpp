#include "core/directory/name.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/utf8.h"

namespace parley::core {

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

bool is_name_part(std::string_view part) {
  return std::ranges::all_of(part, [](char c) { return is_word(c) || c == '.' || c == ':' || c == '/' || c == '-'; });
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= name_bytes_max && is_word(name.front()) && is_name_part(name);
}

Result<void> check_name(std::string_view name) {
  if (is_name(name)) return {};
  return fail(Code::invalid, fmt::format("\"{}\" is no name: up to {} of A-Z a-z 0-9 _ . : / -, the first one a "
                                         "letter, a digit or _",
                                         codec::to_line(name, name_bytes_max), name_bytes_max));
}

bool is_built_in(std::string_view name) { return name.starts_with("parley."); }

}  // namespace parley::core
