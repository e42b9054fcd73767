#include "base/assert.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace parley {

void assert_failed(const char* condition, const char* file, int line, std::initializer_list<AssertValue> values) {
  std::string text = fmt::format("{}:{}: parley: assertion failed: {}", file, line, condition);
  const char* separator = " [";
  for (const AssertValue& value : values) {
    text += separator;
    separator = ", ";
    if (value.is_text) {
      text += value.text;
    } else if (value.is_signed) {
      text += fmt::format("{}", static_cast<std::int64_t>(value.number));
    } else {
      text += fmt::format("{}", value.number);
    }
  }
  text += values.size() == 0 ? "\n" : "]\n";
  std::fputs(text.c_str(), stderr);  // tidy: allow print the last words before the abort
  std::abort();
}

}  // namespace parley
