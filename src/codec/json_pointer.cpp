#include "codec/json_pointer.h"

#include <algorithm>
#include <optional>

#include "codec/json_text.h"

namespace parley::codec {
namespace {

// %41 is A.
std::optional<std::string> without_percents(std::string_view fragment) {
  constexpr std::string_view digits = "0123456789abcdef0123456789ABCDEF";
  std::string plain;
  for (std::size_t i = 0; i < fragment.size(); ++i) {
    if (fragment[i] != '%') {
      plain += fragment[i];
      continue;
    }
    if (fragment.size() - i < 3) return std::nullopt;
    const std::size_t high = digits.find(fragment[i + 1]);
    const std::size_t low = digits.find(fragment[i + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    plain += static_cast<char>(high % 16 * 16 + low % 16);
    i += 2;
  }
  return plain;
}

// ~1 is /, ~0 is ~.
std::optional<std::string> without_tildes(std::string_view step) {
  std::string plain;
  for (std::size_t i = 0; i < step.size(); ++i) {
    if (step[i] != '~') {
      plain += step[i];
      continue;
    }
    if (++i == step.size() || (step[i] != '0' && step[i] != '1')) return std::nullopt;
    plain += step[i] == '0' ? '~' : '/';
  }
  return plain;
}

std::uint32_t node_below(const JsonDocument& document, std::uint32_t node, std::string_view step) {
  if (document.kind(node) == JsonKind::object) return document.find(node, step);
  constexpr std::size_t digits_max = 9;
  if (document.kind(node) != JsonKind::array || step.empty() || step.size() > digits_max) return JsonDocument::none;
  std::size_t index = 0;
  for (const char letter : step) {
    if (letter < '0' || letter > '9') return JsonDocument::none;
    index = index * 10 + static_cast<std::size_t>(letter - '0');
  }
  return index < document.elements(node).size() ? document.elements(node)[index] : JsonDocument::none;
}

}  // namespace

void put_pointer_step(std::string& pointer, std::string_view name) {
  pointer += '/';
  std::string quoted = quoted_start(name);
  for (const char letter : std::string_view(quoted).substr(1, quoted.size() - 2)) {
    if (letter == '~') {
      pointer += "~0";
    } else if (letter == '/') {
      pointer += "~1";
    } else {
      pointer += letter;
    }
  }
}

std::string at_pointer(const std::string& pointer) {
  constexpr std::size_t bytes_max = 200;
  if (pointer.empty()) return "at the top";
  if (pointer.size() <= bytes_max) return "at " + pointer;
  const std::size_t begin = pointer.find('/', pointer.size() - bytes_max);
  return "at ..." + pointer.substr(std::min(begin, pointer.size()));
}

std::uint32_t node_at(const JsonDocument& document, std::string_view fragment) {
  const std::optional<std::string> pointer = without_percents(fragment);
  if (!pointer) return JsonDocument::none;
  std::uint32_t node = JsonDocument::root;
  for (std::string_view rest = *pointer; !rest.empty() && node != JsonDocument::none;) {
    if (!rest.starts_with('/')) return JsonDocument::none;
    const std::size_t end = std::min(rest.find('/', 1), rest.size());
    const std::optional<std::string> step = without_tildes(rest.substr(1, end - 1));
    if (!step) return JsonDocument::none;
    node = node_below(document, node, *step);
    rest.remove_prefix(end);
  }
  return node;
}

}  // namespace parley::codec
