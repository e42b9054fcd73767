#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codec/json_pointer.h"
#include "codec/json_text.h"
#include "codec/schema_rules.h"

namespace parley::codec {
namespace {

constexpr std::uint32_t none = SchemaRule::none;
constexpr std::size_t rules_max = 20'000;
constexpr std::size_t states_each = 8;  // of all patterns, for each byte of the schema, beyond the states_max of one

// Makes rules of the schemas of a document, one after the other: each asks for those that it holds.
class SchemaCompiler {
 public:
  SchemaCompiler(SchemaRules& rules, std::size_t text_bytes)
      : rules_(rules), document_(rules.document), states_left_(Pattern::states_max + states_each * text_bytes) {}

  Result<void> compile();

  void take_type(std::uint32_t node);
  void take_enum(std::uint32_t node);
  void take_const(std::uint32_t node);
  void take_number(std::uint32_t node);
  void take_divisor(std::uint32_t node);
  void take_count(std::uint32_t node);
  void take_unique(std::uint32_t node);
  void take_pattern(std::uint32_t node);
  void take_schema(std::uint32_t node);
  void take_schemas(std::uint32_t node);
  void take_properties(std::uint32_t node);
  void take_pattern_properties(std::uint32_t node);
  void take_required(std::uint32_t node);
  void take_definitions(std::uint32_t node);
  void take_reference(std::uint32_t node);
  void take_text(std::uint32_t node) { want(node, JsonKind::string, "a string"); }
  void take_list(std::uint32_t node) { want(node, JsonKind::array, "an array"); }
  void take_flag(std::uint32_t node) { want(node, JsonKind::boolean, "true or false"); }
  void take_anything(std::uint32_t) {}
  void take_draft(std::uint32_t node);
  void take_id(std::uint32_t node);

 private:
  // Where a schema stands: in another one, by a keyword and perhaps a step.
  struct Origin {
    std::uint32_t node = 0;
    std::uint32_t parent = none;
    std::string step;
  };

  void compile_one();
  void take_keyword(std::string_view keyword, std::uint32_t node);
  void settle_properties();
  std::uint32_t rule_of(std::uint32_t node, std::string step);
  bool is_draft_7() const;
  std::uint32_t pattern_of(std::string_view text);
  void check_references();

  bool want(std::uint32_t node, JsonKind kind, std::string_view expected) {
    if (document_.kind(node) == kind) return true;
    refuse(std::string(expected) + " is expected here, and this is " + shown({&document_, node}));
    return false;
  }
  std::string path(std::uint32_t rule) const;
  void refuse_at(std::uint32_t rule, std::string_view keyword, const std::string& note) {
    if (!note_.empty()) return;
    std::string pointer = path(rule);
    if (!keyword.empty()) put_pointer_step(pointer, keyword);
    note_ = "in the schema, " + at_pointer(pointer) + ": " + note;
  }
  void refuse(const std::string& note) { refuse_at(now_, keyword_, note); }
  // What allows_more ignores.
  void need_more(const std::string& note) {
    if (rules_.options.allows_more) return;
    refuse(note + "; leave it out, or set allows_more, which ignores what is not checked here");
  }

  SchemaRules& rules_;
  const JsonDocument& document_;
  std::vector<Origin> origins_;                               // of each rule
  std::unordered_map<std::uint32_t, std::uint32_t> by_node_;  // rules that are there
  std::uint32_t now_ = 0;                                     // the rule that is compiled, and its keyword
  std::string_view keyword_;
  SchemaRule rule_;
  std::size_t states_left_;  // of patterns
  std::string note_;
};

struct Keyword {
  std::string_view name;
  void (SchemaCompiler::*take)(std::uint32_t node);
};
// In the order of their names.
constexpr std::array keywords = {
    Keyword{"$comment", &SchemaCompiler::take_text},
    Keyword{"$defs", &SchemaCompiler::take_definitions},
    Keyword{"$id", &SchemaCompiler::take_id},
    Keyword{"$ref", &SchemaCompiler::take_reference},
    Keyword{"$schema", &SchemaCompiler::take_draft},
    Keyword{"additionalProperties", &SchemaCompiler::take_schema},
    Keyword{"allOf", &SchemaCompiler::take_schemas},
    Keyword{"anyOf", &SchemaCompiler::take_schemas},
    Keyword{"const", &SchemaCompiler::take_const},
    Keyword{"contains", &SchemaCompiler::take_schema},
    Keyword{"contentEncoding", &SchemaCompiler::take_text},
    Keyword{"contentMediaType", &SchemaCompiler::take_text},
    Keyword{"default", &SchemaCompiler::take_anything},
    Keyword{"definitions", &SchemaCompiler::take_definitions},
    Keyword{"deprecated", &SchemaCompiler::take_flag},
    Keyword{"description", &SchemaCompiler::take_text},
    Keyword{"else", &SchemaCompiler::take_schema},
    Keyword{"enum", &SchemaCompiler::take_enum},
    Keyword{"examples", &SchemaCompiler::take_list},
    Keyword{"exclusiveMaximum", &SchemaCompiler::take_number},
    Keyword{"exclusiveMinimum", &SchemaCompiler::take_number},
    Keyword{"format", &SchemaCompiler::take_text},
    Keyword{"if", &SchemaCompiler::take_schema},
    Keyword{"items", &SchemaCompiler::take_schema},
    Keyword{"maxItems", &SchemaCompiler::take_count},
    Keyword{"maxLength", &SchemaCompiler::take_count},
    Keyword{"maxProperties", &SchemaCompiler::take_count},
    Keyword{"maximum", &SchemaCompiler::take_number},
    Keyword{"minItems", &SchemaCompiler::take_count},
    Keyword{"minLength", &SchemaCompiler::take_count},
    Keyword{"minProperties", &SchemaCompiler::take_count},
    Keyword{"minimum", &SchemaCompiler::take_number},
    Keyword{"multipleOf", &SchemaCompiler::take_divisor},
    Keyword{"not", &SchemaCompiler::take_schema},
    Keyword{"oneOf", &SchemaCompiler::take_schemas},
    Keyword{"pattern", &SchemaCompiler::take_pattern},
    Keyword{"patternProperties", &SchemaCompiler::take_pattern_properties},
    Keyword{"properties", &SchemaCompiler::take_properties},
    Keyword{"propertyNames", &SchemaCompiler::take_schema},
    Keyword{"readOnly", &SchemaCompiler::take_flag},
    Keyword{"required", &SchemaCompiler::take_required},
    Keyword{"then", &SchemaCompiler::take_schema},
    Keyword{"title", &SchemaCompiler::take_text},
    Keyword{"type", &SchemaCompiler::take_type},
    Keyword{"uniqueItems", &SchemaCompiler::take_unique},
    Keyword{"writeOnly", &SchemaCompiler::take_flag},
};
static_assert(std::ranges::is_sorted(keywords, {}, &Keyword::name));

constexpr std::array<std::string_view, 4> drafts = {
    "http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2020-12/schema#"};

struct TypeName {
  std::string_view name;
  std::uint8_t bits = 0;
};
constexpr std::array types = {
    TypeName{"null", type_bits::of(JsonKind::null)},
    TypeName{"boolean", type_bits::of(JsonKind::boolean)},
    TypeName{"number", type_bits::of(JsonKind::number)},
    TypeName{"string", type_bits::of(JsonKind::string)},
    TypeName{"array", type_bits::of(JsonKind::array)},
    TypeName{"object", type_bits::of(JsonKind::object)},
    TypeName{"integer", type_bits::integer},
};

Result<void> SchemaCompiler::compile() {
  rule_of(JsonDocument::root, {});
  for (now_ = 0; now_ < origins_.size() && note_.empty(); ++now_) compile_one();
  if (note_.empty()) check_references();
  if (!note_.empty()) return fail(Code::invalid, std::move(note_));
  return {};
}

std::uint32_t SchemaCompiler::rule_of(std::uint32_t node, std::string step) {
  const auto [known, is_new] = by_node_.try_emplace(node, static_cast<std::uint32_t>(origins_.size()));
  if (is_new) {
    if (origins_.size() == rules_max) refuse("a schema has at most " + std::to_string(rules_max) + " parts");
    origins_.push_back({node, origins_.empty() ? none : now_, std::move(step)});
    rules_.rules.emplace_back();
  }
  return known->second;
}

std::string SchemaCompiler::path(std::uint32_t rule) const {
  std::vector<std::uint32_t> steps;
  for (; rule != none; rule = origins_[rule].parent) steps.push_back(rule);
  std::string pointer;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) pointer += origins_[*step].step;
  return pointer;
}

void SchemaCompiler::compile_one() {
  const std::uint32_t node = origins_[now_].node;
  rule_ = {};
  keyword_ = {};
  if (document_.kind(node) == JsonKind::boolean) {
    rule_.is_never = !document_.boolean(node);
  } else if (want(node, JsonKind::object, "a schema, an object or true or false,")) {
    const bool is_reference_alone = is_draft_7() && document_.find(node, "$ref") != none;
    for (const JsonDocument::Member& member : document_.members(node)) {
      keyword_ = document_.key(member);
      if (is_reference_alone && keyword_ != "$ref" && keyword_ != "definitions" && keyword_ != "$schema") continue;
      take_keyword(keyword_, member.node);
    }
    settle_properties();
  }
  rules_.rules[now_] = std::move(rule_);
}

void SchemaCompiler::take_keyword(std::string_view keyword, std::uint32_t node) {
  const auto known = std::ranges::lower_bound(keywords, keyword, {}, &Keyword::name);
  if (known != keywords.end() && known->name == keyword) return (this->*known->take)(node);
  if (rules_.options.allows_more || !note_.empty()) return;  // to look for a name near it takes long
  std::array<std::string_view, keywords.size()> names;
  std::ranges::transform(keywords, names.begin(), &Keyword::name);
  const std::string_view meant = nearest_name(keyword, names.data(), names.size());
  need_more(quoted_start(keyword) + " is no keyword that draft 7 and 2020-12 of JSON Schema have in common" +
            (meant.empty() ? std::string() : " (did you mean " + quoted_start(meant) + "?)"));
}

bool SchemaCompiler::is_draft_7() const {
  const std::uint32_t draft =
      document_.kind(JsonDocument::root) == JsonKind::object ? document_.find(JsonDocument::root, "$schema") : none;
  return draft != none && document_.kind(draft) == JsonKind::string &&
         document_.text(draft).starts_with("http://json-schema.org/draft-07/");
}

void SchemaCompiler::take_draft(std::uint32_t node) {
  if (!want(node, JsonKind::string, "a string")) return;
  if (std::ranges::find(drafts, document_.text(node)) != drafts.end()) return;
  need_more("the schema is of " + quoted_start(document_.text(node)) + ", and draft 7 and 2020-12 are checked here");
}

// In the whole it is a name. Further in it would change what a "$ref" means.
void SchemaCompiler::take_id(std::uint32_t node) {
  if (want(node, JsonKind::string, "a string") && now_ != 0) need_more("an $id inside of a schema is not looked at");
}

void SchemaCompiler::take_type(std::uint32_t node) {
  rule_.types = 0;
  const auto add = [&](std::uint32_t name) {
    if (!want(name, JsonKind::string, "the name of a type")) return;
    const auto known = std::ranges::find(types, document_.text(name), &TypeName::name);
    if (known == types.end()) {
      return refuse(shown({&document_, name}) +
                    " is no type; those are null, boolean, number, integer, string, array and object");
    }
    rule_.types |= known->bits;
  };
  if (document_.kind(node) != JsonKind::array) return add(node);
  for (const std::uint32_t name : document_.elements(node)) add(name);
  if (document_.elements(node).empty()) refuse("at least one type is expected here");
}

void SchemaCompiler::take_enum(std::uint32_t node) {
  if (!want(node, JsonKind::array, "an array of the values")) return;
  const auto values = document_.elements(node);
  std::vector<std::uint32_t> in_order(values.begin(), values.end());
  Work work{static_cast<std::uint64_t>(-1)};
  std::ranges::sort(in_order, [&](std::uint32_t left, std::uint32_t right) {
    return compare(JsonPart{&document_, left}, JsonPart{&document_, right}, work) < 0;
  });
  // A const beside it has been taken, and both count.
  const auto is_listed = [&](std::uint32_t value) {
    return std::ranges::any_of(in_order, [&](std::uint32_t one) {
      return compare(JsonPart{&document_, value}, JsonPart{&document_, one}, work) == 0;
    });
  };
  if (rule_.values) {
    std::erase_if(*rule_.values, [&](std::uint32_t value) { return !is_listed(value); });
  } else {
    rule_.values = std::move(in_order);
  }
}

void SchemaCompiler::take_const(std::uint32_t node) { rule_.values = {node}; }

void SchemaCompiler::take_number(std::uint32_t node) {
  if (!want(node, JsonKind::number, "a number")) return;
  (keyword_ == "minimum"            ? rule_.minimum
   : keyword_ == "maximum"          ? rule_.maximum
   : keyword_ == "exclusiveMinimum" ? rule_.exclusive_minimum
                                    : rule_.exclusive_maximum) = node;
}

void SchemaCompiler::take_divisor(std::uint32_t node) {
  if (!want(node, JsonKind::number, "a number above 0")) return;
  constexpr std::size_t digits_max = 18;
  const JsonDecimal number = document_.decimal(node);
  if (number.is_negative || number.digits.empty()) return refuse("a number above 0 is expected here");
  if (number.digits.size() > digits_max) {
    return need_more("a number of more than " + std::to_string(digits_max) + " digits is too long here");
  }
  rule_.multiple_of = node;
  for (const char digit : number.digits) rule_.divisor.digits = rule_.divisor.digits * 10 + (digit - '0');
  rule_.divisor.exponent = number.point - static_cast<std::int64_t>(number.digits.size());
}

void SchemaCompiler::take_count(std::uint32_t node) {
  if (!want(node, JsonKind::number, "a whole number from 0")) return;
  constexpr std::int64_t digits_max = 18;
  const JsonDecimal number = document_.decimal(node);
  if (number.is_negative || !number.is_integer()) return refuse("a whole number from 0 is expected here");
  std::uint64_t count = 0;
  for (std::int64_t i = 0; i < std::min(number.point, digits_max); ++i) {
    const auto at = static_cast<std::size_t>(i);
    count = count * 10 + (at < number.digits.size() ? number.digits[at] - '0' : 0);
  }
  if (number.point > digits_max) count = static_cast<std::uint64_t>(-1);
  SchemaBounds& bounds = keyword_.ends_with("Items")    ? rule_.item_count
                         : keyword_.ends_with("Length") ? rule_.letters
                                                        : rule_.member_count;
  (keyword_.starts_with("min") ? bounds.least : bounds.most) = count;
}

void SchemaCompiler::take_unique(std::uint32_t node) {
  if (want(node, JsonKind::boolean, "true or false")) rule_.are_items_unique = document_.boolean(node);
}

// None, where there is none to be had and allows_more takes that.
std::uint32_t SchemaCompiler::pattern_of(std::string_view text) {
  Result<Pattern> pattern = Pattern::compile(text, states_left_);
  if (pattern) {
    states_left_ -= pattern->states();
    rules_.patterns.push_back({std::move(*pattern), text});
    return static_cast<std::uint32_t>(rules_.patterns.size() - 1);
  }
  need_more("the pattern " + quoted_start(text) + " cannot be used: " + pattern.error().note);
  return none;
}

void SchemaCompiler::take_pattern(std::uint32_t node) {
  if (want(node, JsonKind::string, "a string")) rule_.pattern = pattern_of(document_.text(node));
}

void SchemaCompiler::take_schema(std::uint32_t node) {
  if (keyword_ == "items" && document_.kind(node) == JsonKind::array) {
    return need_more(
        "items for each position are in the drafts in different words; one schema for all is checked here");
  }
  std::string step;
  put_pointer_step(step, keyword_);
  const std::uint32_t rule = rule_of(node, std::move(step));
  switch (keyword_[0]) {
    case 'a': rule_.additional = rule; break;
    case 'c': rule_.contains = rule; break;
    case 'e': rule_.otherwise = rule; break;
    case 'i': (keyword_ == "if" ? rule_.condition : rule_.items) = rule; break;
    case 'n': rule_.excluded = rule; break;
    case 'p': rule_.names = rule; break;
    default: rule_.then = rule;
  }
}

void SchemaCompiler::take_schemas(std::uint32_t node) {
  if (!want(node, JsonKind::array, "an array of schemas")) return;
  if (document_.elements(node).empty()) return refuse("at least one schema is expected here");
  std::vector<std::uint32_t>& list = keyword_ == "allOf"   ? rule_.all_of
                                     : keyword_ == "anyOf" ? rule_.any_of
                                                           : rule_.one_of;
  std::size_t index = 0;
  for (const std::uint32_t one : document_.elements(node)) {
    std::string step = "/" + std::string(keyword_);
    put_pointer_step(step, std::to_string(index++));
    list.push_back(rule_of(one, std::move(step)));
  }
}

void SchemaCompiler::take_properties(std::uint32_t node) {
  if (!want(node, JsonKind::object, "an object of schemas")) return;
  for (const JsonDocument::Member& member : document_.members(node)) {
    std::string step = "/properties";
    put_pointer_step(step, document_.key(member));
    rule_.properties.push_back(
        {.name = document_.key(member), .rule = rule_of(member.node, std::move(step)), .is_listed = true});
  }
}

void SchemaCompiler::take_required(std::uint32_t node) {
  if (!want(node, JsonKind::array, "an array of names")) return;
  for (const std::uint32_t name : document_.elements(node)) {
    if (!want(name, JsonKind::string, "a name")) return;
    rule_.properties.push_back({.name = document_.text(name), .is_required = true});
  }
}

// One entry a name, which may come from `properties` and from `required`.
void SchemaCompiler::settle_properties() {
  std::vector<SchemaRule::Property>& all = rule_.properties;
  std::ranges::sort(all, {}, &SchemaRule::Property::name);
  std::size_t count = 0;
  for (const SchemaRule::Property one : all) {
    if (count == 0 || all[count - 1].name != one.name) all[count++] = {.name = one.name};
    SchemaRule::Property& merged = all[count - 1];
    merged.rule = std::min(merged.rule, one.rule);
    merged.is_listed |= one.is_listed;
    merged.is_required |= one.is_required;
  }
  all.resize(count);
}

void SchemaCompiler::take_pattern_properties(std::uint32_t node) {
  if (!want(node, JsonKind::object, "an object of schemas")) return;
  for (const JsonDocument::Member& member : document_.members(node)) {
    std::string step = "/patternProperties";
    put_pointer_step(step, document_.key(member));
    const std::uint32_t rule = rule_of(member.node, std::move(step));
    const std::uint32_t pattern = pattern_of(document_.key(member));
    // Which members are additional is not known without it. The keyword that asks has been taken, in their order.
    if (pattern == none) {
      rule_.additional = none;
    } else {
      rule_.pattern_properties.push_back({.pattern = pattern, .rule = rule});
    }
  }
}

void SchemaCompiler::take_definitions(std::uint32_t node) {
  if (!want(node, JsonKind::object, "an object of schemas")) return;
  for (const JsonDocument::Member& member : document_.members(node)) {
    std::string step = "/" + std::string(keyword_);
    put_pointer_step(step, document_.key(member));
    rule_of(member.node, std::move(step));
  }
}

void SchemaCompiler::take_reference(std::uint32_t node) {
  if (!want(node, JsonKind::string, "a string")) return;
  const std::string_view reference = document_.text(node);
  if (!reference.starts_with('#')) {
    return refuse("the reference " + quoted_start(reference) +
                  " leads out of the schema, and nothing is fetched; put what it means into $defs and refer to it by "
                  "\"#/$defs/...\"");
  }
  const std::uint32_t target = node_at(document_, reference.substr(1));
  if (target == none) {
    return refuse("there is nothing where the reference " + quoted_start(reference) + " leads to");
  }
  std::string step;
  put_pointer_step(step, keyword_);
  rule_.reference = rule_of(target, std::move(step));
}

// A value is held against schemas that refer to others, and those to others: in as many steps as are allowed, and never
// in a circle. Rules are done when all that they refer to are.
void SchemaCompiler::check_references() {
  const std::vector<SchemaRule>& rules = rules_.rules;
  std::vector<std::vector<std::uint32_t>> users(rules.size());
  std::vector<std::size_t> open(rules.size(), 0);
  std::vector<std::size_t> depths(rules.size(), 1);
  std::vector<std::uint32_t> done;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    rules[i].for_each_in_place([&](std::uint32_t used) {
      users[used].push_back(i);
      ++open[i];
    });
    if (open[i] == 0) done.push_back(i);
  }
  for (std::size_t at = 0; at < done.size(); ++at) {
    const std::size_t depth = depths[done[at]];
    if (depth > rules_.options.depth_max) {
      return refuse_at(done[at], {},
                       "schemas refer to each other in more than " + std::to_string(rules_.options.depth_max) +
                           " steps for one value");
    }
    for (const std::uint32_t user : users[done[at]]) {
      depths[user] = std::max(depths[user], depth + 1);
      if (--open[user] == 0) done.push_back(user);
    }
  }
  if (done.size() == rules.size()) return;
  // Whoever goes from one that is not done to another long enough is in the circle.
  std::uint32_t at = 0;
  while (open[at] == 0) ++at;
  for (std::size_t steps = 0; steps < rules.size(); ++steps) {
    std::uint32_t next = none;
    rules[at].for_each_in_place([&](std::uint32_t used) {
      if (open[used] != 0) next = used;
    });
    at = next;
  }
  refuse_at(at, {}, "the schema refers to itself for the same value, without an end");
}

}  // namespace

Result<void> compile_schema(std::string_view text, SchemaRules& rules) {
  const JsonSchema::Options& options = rules.options;
  auto document = JsonDocument::parse(text, {.text_bytes_max = options.text_bytes_max, .depth_max = options.depth_max});
  if (!document) return fail(Code::invalid, "the schema is no JSON that can be used: " + document.error().note);
  rules.document = std::move(*document);
  return SchemaCompiler(rules, text.size()).compile();
}

}  // namespace parley::codec
