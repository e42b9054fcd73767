#include "codec/json_object.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "codec/json_note.h"
#include "codec/json_parser.h"
#include "codec/json_text.h"

namespace parley::codec {
namespace {

constexpr std::size_t members_expected = 8;  // of an envelope

// Hears everything and keeps nothing.
class Silence final : public JsonEvents {
 public:
  bool on_null() override { return true; }
  bool on_bool(bool) override { return true; }
  bool on_number(std::string_view) override { return true; }
  bool on_string(std::string_view) override { return true; }
  bool on_array_begin() override { return true; }
  bool on_array_end() override { return true; }
  bool on_object_begin() override { return true; }
  bool on_key(std::string_view) override { return true; }
  bool on_object_end() override { return true; }
};

// Keeps the one string that it hears.
class OneString final : public JsonEvents {
 public:
  bool on_null() override { return false; }
  bool on_bool(bool) override { return false; }
  bool on_number(std::string_view) override { return false; }
  bool on_string(std::string_view text) override {
    said = text;
    return true;
  }
  bool on_array_begin() override { return false; }
  bool on_array_end() override { return false; }
  bool on_object_begin() override { return false; }
  bool on_key(std::string_view) override { return false; }
  bool on_object_end() override { return false; }

  std::string said;
};

constexpr bool is_blank(char letter) { return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r'; }

// Walks over a text that has been checked.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  char next() {
    while (is_blank(text_[at_])) ++at_;
    return text_[at_];
  }
  void step() { ++at_; }
  std::string_view take_value() {
    next();
    const std::size_t begin = at_;
    if (text_[at_] == '"') {
      pass_string();
    } else if (text_[at_] == '{' || text_[at_] == '[') {
      pass_nested();
    } else {
      while (at_ < text_.size() && !ends_scalar(text_[at_])) ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  static bool ends_scalar(char letter) { return letter == ',' || letter == ']' || letter == '}' || is_blank(letter); }
  void pass_string() {
    for (++at_; text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }
  void pass_nested() {
    std::size_t depth = 0;
    do {
      PARLEY_ASSERT(at_ < text_.size());
      switch (text_[at_]) {
        case '"': pass_string(); continue;
        case '{':
        case '[': ++depth; break;
        case '}':
        case ']': --depth; break;
        default: break;
      }
      ++at_;
    } while (depth != 0);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<void> check_json(std::string_view text, std::size_t depth_max) {
  Silence silence;
  const JsonParse parse = parse_json(text, silence, depth_max);
  if (parse.end == JsonParse::End::finished) return {};
  const JsonPosition position = position_in(text, parse.at);
  return fail(Code::json,
              fmt::format("line {}, column {}: {}", position.line, position.column, what_ends(parse, text, depth_max)));
}

Result<JsonObject> JsonObject::parse(std::string_view text, std::size_t depth_max) {
  PARLEY_TRY(check_json(text, depth_max));
  if (Walk(text).next() != '{') return fail(Code::json, "an object is expected here, in braces");
  JsonObject object = of_checked(text);
  // Few keys, as envelopes have them, are compared with each other; many are sorted, since a peer that chooses them
  // could make a hash table slow.
  const auto twice = [](std::string_view key) {
    return fail(Code::json, fmt::format("the key {} is there twice", quoted_start(key)));
  };
  constexpr std::size_t few = 16;
  if (object.members_.size() <= few) {
    for (const JsonMember& each : object.members_) {
      if (object.find(each.key) != &each.value) return twice(each.key);
    }
    return object;
  }
  std::vector<std::string_view> keys;
  keys.reserve(object.members_.size());
  for (const JsonMember& each : object.members_) keys.push_back(each.key);
  std::ranges::sort(keys);
  const auto found = std::ranges::adjacent_find(keys);
  if (found != keys.end()) return twice(*found);
  return object;
}

JsonObject JsonObject::of_checked(std::string_view text) {
  JsonObject object;
  object.members_.reserve(members_expected);
  Walk walk(text);
  PARLEY_ASSERT(walk.next() == '{');
  walk.step();
  while (walk.next() != '}') {
    if (walk.next() == ',') walk.step();
    std::string key = json_string(walk.take_value());
    PARLEY_ASSERT(walk.next() == ':');
    walk.step();
    object.members_.push_back({std::move(key), walk.take_value()});
  }
  return object;
}

const std::string_view* JsonObject::find(std::string_view key) const {
  const auto found = std::ranges::find(members_, key, &JsonMember::key);
  return found == members_.end() ? nullptr : &found->value;
}

JsonKind json_kind(std::string_view value) {
  switch (Walk(value).next()) {
    case 'n': return JsonKind::null;
    case 't':
    case 'f': return JsonKind::boolean;
    case '"': return JsonKind::string;
    case '[': return JsonKind::array;
    case '{': return JsonKind::object;
    default: return JsonKind::number;
  }
}

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  Walk walk(array);
  PARLEY_ASSERT(walk.next() == '[');
  walk.step();
  while (walk.next() != ']') {
    if (walk.next() == ',') walk.step();
    elements.push_back(walk.take_value());
  }
  return elements;
}

std::string json_string(std::string_view string) {
  PARLEY_ASSERT(string.size() >= 2 && string.front() == '"');
  const std::string_view inside = string.substr(1, string.size() - 2);
  if (!inside.contains('\\')) return std::string(inside);
  OneString one;
  const JsonParse parse = parse_json(string, one, 1);
  PARLEY_ASSERT(parse.end == JsonParse::End::finished);
  return std::move(one.said);
}

std::optional<double> json_number(std::string_view value) {
  double number = 0;
  if (json_kind(value) != JsonKind::number || get_floating(value, number) != JsonNumberFault::none) return std::nullopt;
  return number;
}

void append_compact(std::string& out, std::string_view value) {
  std::size_t done = 0;
  for (std::size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '"') {
      for (++at; value[at] != '"'; ++at) {
        if (value[at] == '\\') ++at;
      }
    } else if (is_blank(value[at])) {
      out.append(value, done, at - done);
      done = at + 1;
    }
  }
  out.append(value, done);
}

}  // namespace parley::codec
