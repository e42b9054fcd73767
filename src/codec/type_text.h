#pragma once

#include <cstddef>
#include <string_view>

// What the compiler knows about types, fields and enumerators, cut out of the text it prints for a function.
namespace parley::codec::detail {

// "... [T = app::Circle]" -> "app::Circle"
constexpr std::string_view last_argument(std::string_view function) {
  const std::size_t begin = function.find(" = ") + 3;
  return function.substr(begin, function.size() - 1 - begin);
}

// The name behind the last "::" that is not inside of <>: "app::Box<app::Circle>" -> "Box<app::Circle>".
constexpr std::string_view unqualified(std::string_view name) {
  std::size_t depth = 0;
  for (std::size_t i = name.size(); i > 0; --i) {
    const char letter = name[i - 1];
    if (letter == '>') ++depth;
    if (letter == '<') --depth;
    if (letter == ':' && depth == 0) return name.substr(i);
  }
  return name;
}

template <class T>
consteval std::string_view type_text() {
  return last_argument(__PRETTY_FUNCTION__);
}

}  // namespace parley::codec::detail
