#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json_kind.h"
#include "codec/json_shape.h"

// JSON that passes through: an envelope is looked into, and what it carries stays the text that it was. Parsed once,
// never copied into a tree.
namespace parley::codec {

struct JsonMember {
  std::string key;         // unescaped
  std::string_view value;  // as it is written, without blanks around it
};

// The members of an object, in their order, unread. Its text outlives it.
class JsonObject {
 public:
  // Errors: json (another value, bad grammar or UTF-8, too deep, a key of this object twice, anything behind it).
  static Result<JsonObject> parse(std::string_view text, std::size_t depth_max = json_depth_default);
  // Of an object inside of a text that has been checked. Where a key is there twice the first counts.
  static JsonObject of_checked(std::string_view object);

  const std::vector<JsonMember>& members() const { return members_; }
  // Null: there is none.
  const std::string_view* find(std::string_view key) const;

 private:
  std::vector<JsonMember> members_;
};

// Whether the text is one value of JSON with nothing behind it. Errors: json.
Result<void> check_json(std::string_view text, std::size_t depth_max = json_depth_default);

// These take what has been checked, as a whole or inside of something.

JsonKind json_kind(std::string_view value);
// Of an array, in their order.
std::vector<std::string_view> json_elements(std::string_view array);
// The text that a string says.
std::string json_string(std::string_view string);
// Nothing where it is no number, or one beyond the range of a double.
std::optional<double> json_number(std::string_view value);
// Without the blanks between tokens, and so in one line.
void append_compact(std::string& out, std::string_view value);

}  // namespace parley::codec
