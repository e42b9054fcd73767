#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "codec/json_pointer.h"
#include "codec/json_text.h"
#include "codec/schema_rules.h"

namespace parley::codec {
namespace {

constexpr std::uint32_t none = SchemaRule::none;
constexpr std::size_t failures_max = 8;
constexpr std::size_t names_shown_max = 8;
constexpr std::size_t forms_shown_max = 3;
// Schemas inside of schemas, whatever they belong to: each takes some of the stack.
constexpr std::size_t depth_max = 512;
// Of a value without size, and of each of its bytes.
constexpr std::uint64_t steps_least = 200'000;
constexpr std::uint64_t steps_each = 24;

struct Failure {
  std::size_t depth = 0;     // of the value
  bool is_of_value = false;  // it is another value than the only ones: a variant that is not meant
  std::string path;
  std::string text;
};
using Failures = std::vector<Failure>;

// Where a value stands: in an object under a key, or in an array.
struct Step {
  const Step* up = nullptr;
  std::string_view key;
  std::optional<std::size_t> index;
  std::size_t depth = 1;
};

// A value, and who wants to know what does not fit. Without failures it is only asked whether it fits.
struct Spot {
  std::uint32_t node = 0;
  const Step* step = nullptr;
  Failures* failures = nullptr;

  std::size_t depth() const { return step ? step->depth : 0; }
};

std::string path_of(const Step* step) {
  std::vector<const Step*> steps;
  for (; step; step = step->up) steps.push_back(step);
  std::string pointer;
  for (auto one = steps.rbegin(); one != steps.rend(); ++one) {
    put_pointer_step(pointer, (*one)->index ? std::to_string(*(*one)->index) : (*one)->key);
  }
  return pointer;
}

std::string with_article(std::string_view type) {
  if (type == "null") return "null";
  if (type == "boolean") return "true or false";
  return (std::string_view("aio").contains(type[0]) ? "an " : "a ") + std::string(type);
}

std::string expected_types(std::uint8_t types) {
  std::vector<std::string> names;
  const auto add = [&](std::uint8_t bit, std::string_view name) {
    if ((types & bit) != 0) names.push_back(with_article(name));
  };
  add(type_bits::of(JsonKind::object), "object");
  add(type_bits::of(JsonKind::array), "array");
  add(type_bits::of(JsonKind::string), "string");
  add(type_bits::of(JsonKind::number), "number");
  if ((types & type_bits::of(JsonKind::number)) == 0) add(type_bits::integer, "integer");
  add(type_bits::of(JsonKind::boolean), "boolean");
  add(type_bits::of(JsonKind::null), "null");
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) list += i + 1 == names.size() ? " or " : ", ";
    list += names[i];
  }
  return list.empty() ? "nothing" : list;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + ' ' + std::string(count == 1 ? one : many);
}

std::size_t letters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char letter) { return (static_cast<std::uint8_t>(letter) & 0xc0) != 0x80; }));
}

// Both have all their digits: the remainder is found digit by digit.
bool is_multiple(const JsonDecimal& number, const SchemaDivisor& divisor) {
  if (number.digits.empty()) return true;
  const std::int64_t zeros = number.point - static_cast<std::int64_t>(number.digits.size()) - divisor.exponent;
  if (zeros < 0) return false;  // the last digit is not 0, and so ten is in what is left of no divisor
  using Wide = unsigned __int128;
  Wide rest = 0;
  for (const char digit : number.digits) rest = (rest * 10 + static_cast<Wide>(digit - '0')) % divisor.digits;
  Wide base = 10 % divisor.digits;
  for (std::int64_t power = zeros; power > 0; power /= 2) {
    if (power % 2 != 0) rest = rest * base % divisor.digits;
    base = base * base % divisor.digits;
  }
  return rest == 0;
}

// Holds one value against the rules. What it does is counted, and where that is too much it ends.
class Validation {
 public:
  Validation(const SchemaRules& rules, const JsonDocument& value, std::uint64_t steps)
      : rules_(rules), value_(value), steps_(steps), work_{steps} {}

  std::string note() {
    if (fits(0, {.node = JsonDocument::root})) return {};
    if (!limit_.empty()) return std::string(limit_);
    // To say where takes about as long once more.
    work_.left = steps_;
    Failures failures;
    fits(0, {.node = JsonDocument::root, .failures = &failures});
    std::string note;
    for (const Failure& failure : failures) {
      if (!note.empty()) note += "; ";
      note += at_pointer(failure.path) + ": " + failure.text;
    }
    return note.empty() ? "the value does not fit the schema, and to say where takes too long" : note;
  }

 private:
  bool fits(std::uint32_t rule, const Spot& spot);
  bool fits_inside(std::uint32_t rule, const Spot& spot);
  bool fits_type(const SchemaRule& rule, const Spot& spot);
  bool fits_values(const SchemaRule& rule, const Spot& spot);
  bool fits_number(const SchemaRule& rule, const Spot& spot);
  bool fits_text(const SchemaRule& rule, const Spot& spot);
  bool fits_array(const SchemaRule& rule, const Spot& spot);
  bool has_no_twins(const Spot& spot);
  bool fits_object(const SchemaRule& rule, const Spot& spot);
  bool fits_member(const SchemaRule& rule, const SchemaRule::Property* known, const JsonDocument::Member& member,
                   const Spot& spot);
  bool fits_name(std::uint32_t rule, std::uint32_t name, const Spot& spot);
  bool fits_others(const SchemaRule& rule, const Spot& spot);
  bool fits_some(const SchemaRule& rule, const Spot& spot);
  bool fits_one(const SchemaRule& rule, const Spot& spot);
  bool fits_none_of(const std::vector<std::uint32_t>& forms, const Spot& spot);

  bool is_quiet(std::uint32_t rule, const Spot& spot) {
    return fits(rule, {.node = spot.node, .step = spot.step, .failures = nullptr});
  }
  JsonPart part(std::uint32_t node) const { return {&value_, node}; }
  JsonPart schema_part(std::uint32_t node) const { return {&rules_.document, node}; }
  bool give_up(std::string_view why) {
    if (limit_.empty()) limit_ = why;
    return false;
  }
  bool spend(std::uint64_t steps) {
    return work_.spend(steps) || give_up("the value takes more steps to check than its size allows");
  }
  // False. The text is made where somebody wants it.
  template <class Text>
  bool miss(const Spot& spot, const Text& text, bool is_of_value = false) {
    constexpr std::uint64_t text_steps = 50;
    if (spot.failures && spot.failures->size() < failures_max && spend(text_steps)) {
      spot.failures->push_back({spot.depth(), is_of_value, path_of(spot.step), text()});
    }
    return false;
  }
  template <class Text>
  bool expect(bool is_good, const Spot& spot, const Text& text) {
    return is_good || miss(spot, text);
  }
  // Whether to go on after something did not fit.
  static bool goes_on(bool is_good, const Spot& spot) {
    return is_good || (spot.failures && spot.failures->size() < failures_max);
  }
  bool is_within(const SchemaBounds& bounds, std::uint64_t count, const Spot& spot, std::string_view one,
                 std::string_view many);

  const SchemaRules& rules_;
  const JsonDocument& value_;
  std::uint64_t steps_;
  Work work_;
  std::size_t depth_ = 0;
  std::string_view limit_;  // that was reached: then nothing is said of the value
};

bool Validation::fits(std::uint32_t rule, const Spot& spot) {
  if (!limit_.empty() || !spend(1)) return false;
  if (depth_ == depth_max) return give_up("value and schema together are nested too deeply to be checked");
  ++depth_;
  const bool is_good = fits_inside(rule, spot);
  --depth_;
  return is_good && limit_.empty();
}

bool Validation::fits_inside(std::uint32_t number, const Spot& spot) {
  const SchemaRule& rule = rules_.rules[number];
  if (rule.is_never) return miss(spot, [] { return "nothing may be here"; });
  // What a value of another type lacks beside is not worth words.
  if (!fits_type(rule, spot)) return false;
  if (rule.values && !fits_values(rule, spot)) return false;
  bool is_good = true;
  switch (value_.kind(spot.node)) {
    case JsonKind::number: is_good = fits_number(rule, spot); break;
    case JsonKind::string: is_good = fits_text(rule, spot); break;
    case JsonKind::array: is_good = fits_array(rule, spot); break;
    case JsonKind::object: is_good = fits_object(rule, spot); break;
    case JsonKind::null:
    case JsonKind::boolean: break;
  }
  return goes_on(is_good, spot) && fits_others(rule, spot) && is_good;
}

bool Validation::fits_type(const SchemaRule& rule, const Spot& spot) {
  const JsonKind kind = value_.kind(spot.node);
  if ((rule.types & type_bits::of(kind)) != 0) return true;
  if (kind == JsonKind::number && (rule.types & type_bits::integer) != 0 && value_.decimal(spot.node).is_integer()) {
    return true;
  }
  return miss(spot, [&] { return expected_types(rule.types) + " is expected, and this is " + shown(part(spot.node)); });
}

bool Validation::fits_values(const SchemaRule& rule, const Spot& spot) {
  const auto at = std::ranges::partition_point(
      *rule.values, [&](std::uint32_t value) { return compare(schema_part(value), part(spot.node), work_) < 0; });
  if (!spend(1)) return false;
  if (at != rule.values->end() && compare(schema_part(*at), part(spot.node), work_) == 0) return spend(1);
  const auto text = [&] {
    std::string list;
    std::vector<std::string_view> names;
    for (const std::uint32_t value : *rule.values) {
      if (rules_.document.kind(value) == JsonKind::string && names.size() < 64) {
        names.push_back(rules_.document.text(value));
      }
    }
    const std::size_t count = std::min(rule.values->size(), names_shown_max);
    for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ", ") + shown(schema_part((*rule.values)[i]));
    if (count < rule.values->size()) list += ", ... (" + std::to_string(rule.values->size()) + " in all)";
    list = (count > 1 ? "one of " : "") + (list.empty() ? "nothing" : list) + " is expected, and this is " +
           shown(part(spot.node));
    if (value_.kind(spot.node) != JsonKind::string || count < 2) return list;
    const std::string_view meant = nearest_name(value_.text(spot.node), names.data(), names.size());
    return meant.empty() ? list : list + "; did you mean " + quoted_start(meant) + "?";
  };
  return miss(spot, text, true);
}

bool Validation::fits_number(const SchemaRule& rule, const Spot& spot) {
  const JsonDecimal number = value_.decimal(spot.node);
  const auto is_beyond = [&](std::uint32_t bound, bool is_upper, bool is_open, std::string_view words) {
    if (bound == none || !spend(1 + number.digits.size() / 16)) return true;
    const int order = compare(number, rules_.document.decimal(bound)) * (is_upper ? -1 : 1);
    return expect(order > 0 || (order == 0 && !is_open), spot, [&] {
      return std::string(words) + ' ' + to_string(rules_.document.decimal(bound)) + " is expected, and this is " +
             to_string(number);
    });
  };
  const bool is_in_range = is_beyond(rule.minimum, false, false, "at least") &&
                           is_beyond(rule.exclusive_minimum, false, true, "more than") &&
                           is_beyond(rule.maximum, true, false, "at most") &&
                           is_beyond(rule.exclusive_maximum, true, true, "less than");
  if (!is_in_range || rule.multiple_of == none) return is_in_range;
  constexpr std::uint64_t digit_steps = 8;
  return spend(1 + number.digits.size() * digit_steps) && expect(is_multiple(number, rule.divisor), spot, [&] {
           return "a multiple of " + to_string(rules_.document.decimal(rule.multiple_of)) +
                  " is expected, and this is " + to_string(number);
         });
}

bool Validation::is_within(const SchemaBounds& bounds, std::uint64_t count, const Spot& spot, std::string_view one,
                           std::string_view many) {
  const auto words = [&](std::string_view bound, std::uint64_t number) {
    return std::string(bound) + ' ' + counted(number, one, many) + (number == 1 ? " is" : " are") +
           " expected, and here " + (count == 1 ? "is " : "are ") + std::to_string(count);
  };
  return expect(count >= bounds.least, spot, [&] { return words("at least", bounds.least); }) &&
         expect(count <= bounds.most, spot, [&] { return words("at most", bounds.most); });
}

bool Validation::fits_text(const SchemaRule& rule, const Spot& spot) {
  const std::string_view text = value_.text(spot.node);
  const SchemaBounds& letters = rule.letters;
  if (letters.least > 0 || letters.most < text.size()) {
    if (!spend(text.size() / 8) || !is_within(letters, letters_of(text), spot, "character", "characters")) return false;
  }
  if (rule.pattern == none) return true;
  const SchemaPattern& pattern = rules_.patterns[rule.pattern];
  const bool is_good = pattern.pattern.is_in(text, work_);
  return spend(1) && expect(is_good, spot, [&] {
           return "a string with the pattern " + text_start(pattern.text) + " is expected, and this is " +
                  quoted_start(text);
         });
}

bool Validation::fits_array(const SchemaRule& rule, const Spot& spot) {
  const auto elements = value_.elements(spot.node);
  bool is_good = is_within(rule.item_count, elements.size(), spot, "item", "items");
  const auto each = [&](std::uint32_t item_rule, Failures* failures, auto use) {
    for (std::size_t i = 0; i < elements.size() && limit_.empty(); ++i) {
      const Step step{.up = spot.step, .key = {}, .index = i, .depth = spot.depth() + 1};
      if (!use(fits(item_rule, {.node = elements[i], .step = &step, .failures = failures}))) return;
    }
  };
  if (rule.items != none && goes_on(is_good, spot)) {
    each(rule.items, spot.failures, [&](bool item_fits) {
      is_good &= item_fits;
      return goes_on(is_good, spot);
    });
  }
  if (rule.contains != none && goes_on(is_good, spot)) {
    bool is_there = false;
    each(rule.contains, nullptr, [&](bool item_fits) {
      is_there = item_fits;
      return !item_fits;
    });
    is_good &= expect(is_there, spot, [] { return "an item as \"contains\" has it is expected, and here is none"; });
  }
  if (rule.are_items_unique && goes_on(is_good, spot)) is_good &= has_no_twins(spot);
  return is_good;
}

bool Validation::has_no_twins(const Spot& spot) {
  const auto elements = value_.elements(spot.node);
  std::vector<std::size_t> in_order(elements.size());
  for (std::size_t i = 0; i < in_order.size(); ++i) in_order[i] = i;
  // Where the work ends in the middle, nothing is before anything from there on, which no sort runs away with.
  std::ranges::sort(in_order, [&](std::size_t left, std::size_t right) {
    return compare(part(elements[left]), part(elements[right]), work_) < 0;
  });
  const auto twin = std::ranges::adjacent_find(in_order, [&](std::size_t left, std::size_t right) {
    return compare(part(elements[left]), part(elements[right]), work_) == 0;
  });
  return spend(1) && expect(twin == in_order.end(), spot, [&] {
           return "the items " + std::to_string(twin[0]) + " and " + std::to_string(twin[1]) +
                  " are equal, and may not be";
         });
}

// Members and properties are in the same order.
bool Validation::fits_object(const SchemaRule& rule, const Spot& spot) {
  const auto members = value_.members(spot.node);
  bool is_good = is_within(rule.member_count, members.size(), spot, "property", "properties");
  auto property = rule.properties.begin();
  const auto pass_before = [&](const std::string_view* key) {
    for (; property != rule.properties.end() && (!key || property->name < *key); ++property) {
      if (!property->is_required) continue;
      is_good &= miss(spot, [&] { return "the property " + quoted_start(property->name) + " is missing"; });
      if (!goes_on(is_good, spot)) return false;
    }
    return goes_on(is_good, spot);
  };
  if (!spend(rule.properties.size() / 8)) return false;
  for (const JsonDocument::Member& member : members) {
    const std::string_view key = value_.key(member);
    if (!pass_before(&key)) return false;
    const bool is_known = property != rule.properties.end() && property->name == key;
    const Step step{.up = spot.step, .key = key, .index = {}, .depth = spot.depth() + 1};
    is_good &= fits_member(rule, is_known ? &*property : nullptr, member,
                           {.node = member.node, .step = &step, .failures = spot.failures});
    if (is_known) ++property;
    if (!goes_on(is_good, spot) || !limit_.empty()) return false;
  }
  return pass_before(nullptr) && is_good;
}

bool Validation::fits_member(const SchemaRule& rule, const SchemaRule::Property* known,
                             const JsonDocument::Member& member, const Spot& spot) {
  const std::string_view key = value_.key(member);
  bool is_good = true;
  bool is_additional = !known || !known->is_listed;
  if (known && known->rule != none) is_good = fits(known->rule, spot);
  for (const SchemaRule::PatternProperty& one : rule.pattern_properties) {
    if (!goes_on(is_good, spot)) return false;
    if (!rules_.patterns[one.pattern].pattern.is_in(key, work_)) continue;
    is_additional = false;
    is_good &= fits(one.rule, spot);
  }
  if (!spend(1)) return false;
  if (rule.names != none && goes_on(is_good, spot)) {
    is_good &= fits_name(rule.names, member.key, spot);
  }
  if (!is_additional || rule.additional == none || !goes_on(is_good, spot)) return is_good;
  if (!rules_.rules[rule.additional].is_never) return fits(rule.additional, spot) && is_good;
  const auto text = [&] {
    std::vector<std::string_view> names;
    for (const SchemaRule::Property& property : rule.properties) {
      if (names.size() < 64) names.push_back(property.name);
    }
    const std::string_view meant = nearest_name(key, names.data(), names.size());
    return "there is no property of this name" +
           (meant.empty() ? std::string() : "; did you mean " + quoted_start(meant) + "?");
  };
  return miss(spot, text);
}

bool Validation::fits_name(std::uint32_t rule, std::uint32_t name, const Spot& spot) {
  if (is_quiet(rule, {.node = name, .step = spot.step})) return true;
  Failures own;
  if (spot.failures) fits(rule, {.node = name, .step = spot.step, .failures = &own});
  return miss(spot, [&] { return "the name of this property does not fit" + (own.empty() ? "" : ": " + own[0].text); });
}

bool Validation::fits_others(const SchemaRule& rule, const Spot& spot) {
  bool is_good = rule.reference == none || fits(rule.reference, spot);
  for (const std::uint32_t one : rule.all_of) {
    if (!goes_on(is_good, spot)) return false;
    is_good &= fits(one, spot);
  }
  if (!rule.any_of.empty() && goes_on(is_good, spot)) is_good &= fits_some(rule, spot);
  if (!rule.one_of.empty() && goes_on(is_good, spot)) is_good &= fits_one(rule, spot);
  if (rule.excluded != none && goes_on(is_good, spot)) {
    is_good &= expect(!is_quiet(rule.excluded, spot), spot,
                      [&] { return shown(part(spot.node)) + " is what the schema excludes by \"not\""; });
  }
  if (rule.condition != none && goes_on(is_good, spot)) {
    const std::uint32_t then = is_quiet(rule.condition, spot) ? rule.then : rule.otherwise;
    if (then != none) is_good &= fits(then, spot);
  }
  return is_good;
}

bool Validation::fits_some(const SchemaRule& rule, const Spot& spot) {
  const bool is_good = std::ranges::any_of(rule.any_of, [&](std::uint32_t form) { return is_quiet(form, spot); });
  return is_good || fits_none_of(rule.any_of, spot);
}

bool Validation::fits_one(const SchemaRule& rule, const Spot& spot) {
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < rule.one_of.size() && fitting.size() < 2; ++i) {
    if (is_quiet(rule.one_of[i], spot)) fitting.push_back(i);
  }
  if (fitting.empty()) return fits_none_of(rule.one_of, spot);
  return expect(fitting.size() == 1, spot, [&] {
    return "one form of \"oneOf\" is to fit, and both number " + std::to_string(fitting[0]) + " and number " +
           std::to_string(fitting[1]) + " do";
  });
}

// Where one form was plainly meant, what it lacks is said, else the first of each.
bool Validation::fits_none_of(const std::vector<std::uint32_t>& forms, const Spot& spot) {
  if (!spot.failures) return false;
  std::vector<Failures> of_forms;
  std::vector<const Failures*> meant;  // those that no constant inside of the value rules out
  const Failures* deepest = nullptr;
  std::size_t depth_most = spot.depth();
  for (const std::uint32_t form : forms) {
    fits(form, {.node = spot.node, .step = spot.step, .failures = &of_forms.emplace_back()});
  }
  for (const Failures& failures : of_forms) {
    if (failures.empty()) continue;
    const auto is_ruled_out = [&](const Failure& failure) {
      return failure.is_of_value && failure.depth == spot.depth() + 1;
    };
    if (std::ranges::none_of(failures, is_ruled_out)) meant.push_back(&failures);
    const std::size_t depth = std::ranges::min(failures, {}, &Failure::depth).depth;
    if (depth > depth_most) deepest = &failures;
    depth_most = std::max(depth_most, depth);
  }
  if (meant.size() == 1) deepest = meant[0];
  if (deepest) {
    for (const Failure& failure : *deepest) {
      if (spot.failures->size() < failures_max) spot.failures->push_back(failure);
    }
    return false;
  }
  return miss(spot, [&] {
    std::string text = "none of the " + std::to_string(forms.size()) + " forms fits that may be here: ";
    std::size_t count = 0;
    for (const Failures& failures : of_forms) {
      if (failures.empty() || count == forms_shown_max) continue;
      text += (count == 0 ? "(" : ", (") + std::to_string(count + 1) + ") ";
      ++count;
      if (failures[0].depth > spot.depth()) text += at_pointer(failures[0].path) + ": ";
      text += failures[0].text;
    }
    return text;
  });
}

}  // namespace

std::string check_schema(const SchemaRules& rules, const JsonDocument& value, std::size_t text_bytes) {
  return Validation(rules, value, steps_least + steps_each * text_bytes).note();
}

}  // namespace parley::codec
