#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "codec/json_document.h"
#include "codec/pattern.h"
#include "codec/schema_validator.h"

// A schema as it is checked: what JsonSchema is made of. Private to it.
namespace parley::codec {

// Kinds of values in a set; the integers are a part of the numbers.
namespace type_bits {
inline constexpr std::uint8_t integer = 1u << 6;
inline constexpr std::uint8_t all = 0x3f;
constexpr std::uint8_t of(JsonKind kind) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind)); }
}  // namespace type_bits

struct SchemaBounds {
  std::uint64_t least = 0;
  std::uint64_t most = static_cast<std::uint64_t>(-1);
};

struct SchemaDivisor {
  std::uint64_t digits = 0;  // times ten to the power of exponent
  std::int64_t exponent = 0;
};

// One schema object. Numbers are places in the lists of SchemaRules, or nodes of its document; none where there is
// none.
struct SchemaRule {
  static constexpr std::uint32_t none = JsonDocument::none;

  struct Property {
    std::string_view name;
    std::uint32_t rule = none;
    bool is_listed = false;  // in `properties`, where additionalProperties does not look
    bool is_required = false;
  };
  struct PatternProperty {
    std::uint32_t pattern = none;
    std::uint32_t rule = none;
  };

  bool is_never = false;  // the schema `false`
  std::uint8_t types = type_bits::all;
  std::optional<std::vector<std::uint32_t>> values;  // of enum and const, as nodes in order
  std::uint32_t minimum = none;
  std::uint32_t maximum = none;
  std::uint32_t exclusive_minimum = none;
  std::uint32_t exclusive_maximum = none;
  std::uint32_t multiple_of = none;
  SchemaDivisor divisor;
  SchemaBounds letters;
  std::uint32_t pattern = none;
  SchemaBounds item_count;
  bool are_items_unique = false;
  std::uint32_t items = none;
  std::uint32_t contains = none;
  SchemaBounds member_count;
  std::vector<Property> properties;  // in the order of their names
  std::vector<PatternProperty> pattern_properties;
  std::uint32_t additional = none;
  std::uint32_t names = none;
  // What the value itself is held against as well.
  std::uint32_t reference = none;
  std::uint32_t excluded = none;
  std::uint32_t condition = none;
  std::uint32_t then = none;
  std::uint32_t otherwise = none;
  std::vector<std::uint32_t> all_of;
  std::vector<std::uint32_t> any_of;
  std::vector<std::uint32_t> one_of;

  template <class Visit>
  void for_each_in_place(Visit visit) const {
    for (const std::uint32_t one : {reference, excluded, condition, then, otherwise}) {
      if (one != none) visit(one);
    }
    for (const auto* list : {&all_of, &any_of, &one_of}) {
      for (const std::uint32_t one : *list) visit(one);
    }
  }
};

struct SchemaPattern {
  Pattern pattern;
  std::string_view text;
};

struct SchemaRules {
  JsonSchema::Options options;
  JsonDocument document;
  std::vector<SchemaRule> rules;  // the first is the whole
  std::vector<SchemaPattern> patterns;
};

// Errors are those of JsonSchema::compile().
Result<void> compile_schema(std::string_view text, SchemaRules& rules);
// The note of what does not fit, or nothing.
std::string check_schema(const SchemaRules& rules, const JsonDocument& value, std::size_t text_bytes);

}  // namespace parley::codec
