#include "codec/json_schema.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "codec/json_text.h"

namespace parley::codec {
namespace {

using enum DescribedKind;

constexpr std::string_view digits_pattern = "^(0|[1-9][0-9]*)$";
constexpr std::string_view signed_digits_pattern = "^(0|-?[1-9][0-9]*)$";
constexpr std::string_view duration_pattern = "^-?[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h)$";

// Types that stand inside of each other in the text. Deeper ones go to "$defs": validators bound how deep a text is.
constexpr std::size_t inline_depth_max = 12;

bool is_integer(DescribedKind kind) { return kind >= u8 && kind <= i128; }
bool is_signed(DescribedKind kind) { return kind >= i8; }
int bits_of(DescribedKind kind) { return 8 << (static_cast<int>(kind) - static_cast<int>(is_signed(kind) ? i8 : u8)); }

// Kinds that hold one type, of a map its values, and say little beside.
bool is_wrapper(DescribedKind kind) {
  return kind == option || kind == list || kind == set || kind == array || kind == map || kind == boxed ||
         kind == newtype;
}

// The members of one object of the text.
class Members {
 public:
  explicit Members(std::string& out) : out_(&out) { out += '{'; }
  Members(const Members&) = delete;
  Members& operator=(const Members&) = delete;
  ~Members() { *out_ += '}'; }

  // To be followed by the value.
  std::string& at(std::string_view name) {
    if (!is_first_) *out_ += ',';
    is_first_ = false;
    put_quoted(*out_, name);
    *out_ += ':';
    return *out_;
  }
  void put(std::string_view name, std::string_view text) { put_quoted(at(name), text); }
  void put_number(std::string_view name, std::size_t number) { at(name) += std::to_string(number); }

 private:
  std::string* out_;
  bool is_first_ = true;
};

// What the place says where a type is used.
struct Place {
  std::string_view description;
  const std::string* default_json = nullptr;
  bool or_null = false;
  std::size_t depth = 0;
};

// One schema text of a description.
class SchemaWriter {
 public:
  explicit SchemaWriter(const ServiceDescription& description) : types_(description.types) {}

  std::string of_type(std::uint32_t root) {
    root_ = root;
    count_uses({&root, 1});
    std::string out;
    {
      Members members(out);
      put_members(members, root, {});
      put_definitions(members);
    }
    return out;
  }
  std::string of_arguments(const MethodDescription& method) {
    std::vector<std::uint32_t> roots;
    std::vector<PartDescription> fields;
    for (const ArgumentDescription& argument : method.arguments) {
      roots.push_back(argument.type);
      fields.emplace_back().name = argument.name;
      fields.back().type = argument.type;
    }
    count_uses(roots);
    std::string out;
    {
      Members members(out);
      put_structure(members, fields, {});
      put_definitions(members);
    }
    return out;
  }

 private:
  using Parts = std::span<const PartDescription>;

  void count_uses(std::span<const std::uint32_t> roots);
  bool is_defined(std::uint32_t type, int steps = 4) const;
  bool may_be_null(std::uint32_t type) const;
  const std::string& definition_of(std::uint32_t type);
  std::string reference_to(std::uint32_t type, std::size_t depth);
  void put_definitions(Members& members);

  void put(std::string& out, std::uint32_t type, const Place& place);
  void put_inside(Members& members, std::uint32_t type, const Place& place);
  void put_members(Members& members, std::uint32_t type, const Place& place);
  void put_reference(Members& members, const std::string& target, const Place& place);
  void put_notes(Members& members, std::string_view own, const Place& place);
  void put_types(Members& members, std::string_view first, std::string_view second, bool or_null);
  void put_integer(Members& members, DescribedKind kind, bool or_null);
  void put_option(Members& members, std::uint32_t part, const Place& place);
  void put_map(Members& members, const TypeDescription& type, const Place& place);
  void put_tuple(Members& members, Parts parts, const Place& place);
  void put_structure(Members& members, Parts fields, const Place& place);
  void put_choice(Members& members, const TypeDescription& type, const Place& place);
  void put_named(std::string& out, std::string_view name, const PartDescription& part, std::size_t depth);

  const std::vector<TypeDescription>& types_;
  std::optional<std::uint32_t> root_;  // a type that the whole text is about
  std::vector<std::uint32_t> uses_;
  std::unordered_map<std::uint32_t, std::string> names_;  // of definitions
  std::set<std::string> taken_;
  std::vector<std::uint32_t> definitions_;  // in the order of their first use
};

void SchemaWriter::count_uses(std::span<const std::uint32_t> roots) {
  uses_.assign(types_.size(), 0);
  std::vector<std::uint32_t> left;
  const auto use = [&](std::uint32_t type) {
    if (uses_[type]++ == 0) left.push_back(type);
  };
  for (const std::uint32_t root : roots) use(root);
  while (!left.empty()) {
    const std::uint32_t type = left.back();
    left.pop_back();
    for (const PartDescription& part : types_[type].parts) {
      if (part.type) use(*part.type);
    }
  }
}

// Each cycle has a type that is used twice, once from outside. A wrapper of a leaf or of a definition is written anew
// at each use: it is short. Steps end a cycle of nothing but wrappers; an even number of them leaves it with a
// definition.
bool SchemaWriter::is_defined(std::uint32_t type, int steps) const {
  const TypeDescription& described = types_[type];
  if (uses_[type] < 2 || described.parts.empty()) return false;
  if (!is_wrapper(described.kind) || steps == 0) return true;
  if (described.kind == map && !types_[*described.parts[0].type].parts.empty()) return true;
  const std::uint32_t part = *described.parts.back().type;
  return part != root_ && !types_[part].parts.empty() && !is_defined(part, steps - 1);
}

bool SchemaWriter::may_be_null(std::uint32_t type) const {
  // A chain of these ends: no type holds itself and nothing else.
  for (std::size_t steps = 0; steps < types_.size(); ++steps) {
    const TypeDescription& described = types_[type];
    if (described.kind != boxed && described.kind != newtype) return described.kind == unit || described.kind == option;
    type = *described.parts[0].type;
  }
  return false;
}

// The name is a part of a URI there: nothing in it needs escaping.
const std::string& SchemaWriter::definition_of(std::uint32_t type) {
  const auto [known, is_new] = names_.try_emplace(type);
  if (!is_new) return known->second;
  const TypeDescription& described = types_[type];
  std::string name = described.name;
  if (name.empty()) name = enumerators<DescribedKind>[static_cast<std::size_t>(described.kind)].name;
  for (char& letter : name) {
    const bool is_plain = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                          (letter >= 'A' && letter <= 'Z') || letter == '_';
    if (!is_plain) letter = '_';
  }
  std::string unique = name;
  for (std::size_t n = definitions_.size(); !taken_.insert(unique).second; ++n) unique = name + "_" + std::to_string(n);
  definitions_.push_back(type);
  known->second = std::move(unique);
  return known->second;
}

// Definitions use others, which are added on the way.
void SchemaWriter::put_definitions(Members& members) {
  if (definitions_.empty()) return;
  Members all(members.at("$defs"));
  for (std::size_t i = 0; i < definitions_.size(); ++i) {
    const std::uint32_t type = definitions_[i];
    Members definition(all.at(names_[type]));
    put_members(definition, type, {});
  }
}

// Nothing where the type stands in its place.
std::string SchemaWriter::reference_to(std::uint32_t type, std::size_t depth) {
  if (type == root_) return "#";
  const bool is_deep = depth > inline_depth_max && !types_[type].parts.empty();
  return is_deep || is_defined(type) ? "#/$defs/" + definition_of(type) : std::string();
}

void SchemaWriter::put(std::string& out, std::uint32_t type, const Place& place) {
  Members members(out);
  put_inside(members, type, place);
}

void SchemaWriter::put_inside(Members& members, std::uint32_t type, const Place& place) {
  const std::string target = reference_to(type, place.depth);
  return target.empty() ? put_members(members, type, place) : put_reference(members, target, place);
}

void SchemaWriter::put_reference(Members& members, const std::string& target, const Place& place) {
  put_notes(members, {}, place);
  if (!place.or_null) return members.put("$ref", target);
  std::string& out = members.at("anyOf");
  out += '[';
  {
    Members(out).put("$ref", target);
  }
  out += ",{\"type\":\"null\"}]";
}

void SchemaWriter::put_notes(Members& members, std::string_view own, const Place& place) {
  const std::string_view text = place.description.empty() ? own : place.description;
  if (!text.empty()) members.put("description", text);
  if (place.default_json) members.at("default") += *place.default_json;
}

void SchemaWriter::put_types(Members& members, std::string_view first, std::string_view second, bool or_null) {
  if (second.empty() && !or_null) return members.put("type", first);
  std::string& out = members.at("type");
  out += "[\"";
  out += first;
  if (!second.empty()) {
    out += "\",\"";
    out += second;
  }
  out += or_null ? "\",\"null\"]" : "\"]";
}

void SchemaWriter::put_members(Members& members, std::uint32_t number, const Place& place) {
  const TypeDescription& type = types_[number];
  if (type.kind == option) return put_option(members, *type.parts[0].type, place);
  if (type.kind == boxed || type.kind == newtype) {
    Place inside = place;
    ++inside.depth;
    if (inside.description.empty()) inside.description = type.description;
    return put_inside(members, *type.parts[0].type, inside);
  }
  put_notes(members, type.description, place);
  if (is_integer(type.kind)) return put_integer(members, type.kind, place.or_null);
  const auto put_elements = [&] {
    put_types(members, "array", {}, place.or_null);
    put(members.at("items"), *type.parts[0].type, {.depth = place.depth + 1});
  };
  switch (type.kind) {
    case unit: return members.put("type", "null");
    case boolean: return put_types(members, "boolean", {}, place.or_null);
    case f32:
    case f64:
      members.at("anyOf") += "[{\"type\":\"number\"},{\"enum\":[\"NaN\",\"Infinity\",\"-Infinity\"" +
                             std::string(place.or_null ? ",null" : "") + "]}]";
      return;
    case character:
      put_types(members, "string", {}, place.or_null);
      members.put_number("minLength", 1);
      return members.put_number("maxLength", 1);
    case text: return put_types(members, "string", {}, place.or_null);
    case bytes: put_types(members, "string", {}, place.or_null); return members.put("contentEncoding", "base64");
    case duration: put_types(members, "string", {}, place.or_null); return members.put("pattern", duration_pattern);
    case list: return put_elements();
    case set:
      put_elements();
      members.at("uniqueItems") += "true";
      return;
    case array:
      put_elements();
      members.put_number("minItems", type.count);
      return members.put_number("maxItems", type.count);
    case map: return put_map(members, type, place);
    case tuple: return put_tuple(members, type.parts, place);
    case structure: return put_structure(members, type.parts, place);
    case enumeration:
    case variant:
    case either: return put_choice(members, type, place);
    default: members.at("not") += "{}"; return;
  }
}

// Beyond what a double holds an integer may be, and is written as, a string of digits.
void SchemaWriter::put_integer(Members& members, DescribedKind kind, bool or_null) {
  const int bits = bits_of(kind);
  put_types(members, "integer", bits >= 64 ? "string" : "", or_null);
  const unsigned __int128 largest = ~static_cast<unsigned __int128>(0) >> (128 - bits + (is_signed(kind) ? 1 : 0));
  put_decimal(members.at("minimum"), {is_signed(kind) ? largest + 1 : 0, is_signed(kind)});
  put_decimal(members.at("maximum"), {largest, false});
  if (bits >= 64) members.put("pattern", is_signed(kind) ? signed_digits_pattern : digits_pattern);
}

void SchemaWriter::put_option(Members& members, std::uint32_t part, const Place& place) {
  Place inside = place;
  ++inside.depth;
  if (!may_be_null(part)) {
    inside.or_null = true;
    return put_inside(members, part, inside);
  }
  put_notes(members, {}, place);
  std::string& out = members.at("anyOf");
  out += "[{\"type\":\"null\"},";
  PartDescription some;
  some.type = part;
  put_named(out, "some", some, inside.depth);
  out += ']';
}

// Keys are names of an object where they are texts, integers or enumerators.
void SchemaWriter::put_map(Members& members, const TypeDescription& type, const Place& place) {
  const std::uint32_t key = *type.parts[0].type;
  const std::uint32_t value = *type.parts[1].type;
  const DescribedKind key_kind = types_[key].kind;
  const std::size_t depth = place.depth + 1;
  if (key_kind == text || key_kind == enumeration || is_integer(key_kind)) {
    put_types(members, "object", {}, place.or_null);
    if (key_kind == enumeration) put(members.at("propertyNames"), key, {.depth = depth});
    if (is_integer(key_kind)) {
      Members(members.at("propertyNames")).put("pattern", is_signed(key_kind) ? signed_digits_pattern : digits_pattern);
    }
    return put(members.at("additionalProperties"), value, {.depth = depth});
  }
  put_types(members, "array", {}, place.or_null);
  Members pair(members.at("items"));
  pair.put("type", "array");
  pair.put_number("minItems", 2);
  pair.put_number("maxItems", 2);
  Members items(pair.at("items"));
  std::string& out = items.at("anyOf");
  out += '[';
  put(out, key, {.depth = depth});
  out += ',';
  put(out, value, {.depth = depth});
  out += ']';
}

// Which type stands where, the drafts say in different words; so the elements are one of all types.
void SchemaWriter::put_tuple(Members& members, Parts parts, const Place& place) {
  put_types(members, "array", {}, place.or_null);
  members.put_number("minItems", parts.size());
  members.put_number("maxItems", parts.size());
  std::vector<std::uint32_t> types;
  for (const PartDescription& part : parts) {
    if (std::ranges::find(types, *part.type) == types.end()) types.push_back(*part.type);
  }
  if (types.empty()) return;
  const std::size_t depth = place.depth + 1;
  if (types.size() == 1) return put(members.at("items"), types[0], {.depth = depth});
  Members items(members.at("items"));
  std::string& out = items.at("anyOf");
  out += '[';
  for (const std::uint32_t& type : types) {
    if (&type != types.data()) out += ',';
    put(out, type, {.depth = depth});
  }
  out += ']';
}

void SchemaWriter::put_structure(Members& members, Parts fields, const Place& place) {
  put_types(members, "object", {}, place.or_null);
  {
    Members properties(members.at("properties"));
    for (const PartDescription& field : fields) {
      put(properties.at(field.name), *field.type,
          {.description = field.description,
           .default_json = field.default_json ? &*field.default_json : nullptr,
           .depth = place.depth + 1});
    }
  }
  std::string required;
  for (const PartDescription& field : fields) {
    if (field.default_json || types_[*field.type].kind == option) continue;
    if (!required.empty()) required += ',';
    put_quoted(required, field.name);
  }
  if (!required.empty()) members.at("required") += '[' + required + ']';
  members.at("additionalProperties") += "false";
}

// {"Name": value}, or "Name" for an alternative without fields. Enumerators are names alone, and so are listed.
void SchemaWriter::put_choice(Members& members, const TypeDescription& type, const Place& place) {
  const bool is_enumeration = type.kind == enumeration;
  std::string& out = members.at(is_enumeration ? "enum" : "oneOf");
  out += '[';
  bool is_first = true;
  for (const PartDescription& part : type.parts) {
    const std::string_view name = type.kind != either ? std::string_view(part.name) : is_first ? "ok" : "error";
    if (!is_first) out += ',';
    is_first = false;
    if (is_enumeration) {
      put_quoted(out, name);
    } else if (part.type) {
      put_named(out, name, part, place.depth + 1);
    } else {
      Members alternative(out);
      if (!part.description.empty()) alternative.put("description", part.description);
      alternative.put("const", name);
    }
  }
  if (place.or_null) out += is_enumeration ? ",null" : ",{\"type\":\"null\"}";
  out += ']';
}

void SchemaWriter::put_named(std::string& out, std::string_view name, const PartDescription& part, std::size_t depth) {
  Members members(out);
  if (!part.description.empty()) members.put("description", part.description);
  members.put("type", "object");
  {
    put(Members(members.at("properties")).at(name), *part.type, {.depth = depth + 1});
  }
  std::string& required = members.at("required");
  required += '[';
  put_quoted(required, name);
  required += ']';
  members.at("additionalProperties") += "false";
}

}  // namespace

std::string json_schema(const ServiceDescription& description, std::uint32_t type) {
  return SchemaWriter(description).of_type(type);
}

std::string json_schema(const DescribedType& type) {
  DescribedMethod method;
  method.result = &type;
  const ServiceDescription description = make_description({}, {&method, 1});
  return json_schema(description, description.methods[0].result);
}

Result<std::string> arguments_schema(const ServiceDescription& description, const MethodDescription& method) {
  const std::string name = "the method " + quoted_start(method.name);
  for (std::size_t i = 0; i < method.arguments.size(); ++i) {
    const ArgumentDescription& argument = method.arguments[i];
    if (!has_channel(description, argument.type)) continue;
    return fail(Code::invalid, name + " has no schema of its arguments: a channel is in argument " +
                                   std::to_string(i + 1) +
                                   (argument.name.empty() ? std::string() : " (" + text_start(argument.name) + ")") +
                                   ", and channels are not in JSON");
  }
  if (has_named_arguments(method)) return SchemaWriter(description).of_arguments(method);
  if (method.arguments.size() == 1 && description.types[method.arguments[0].type].kind == structure) {
    return json_schema(description, method.arguments[0].type);
  }
  return fail(Code::invalid, name +
                                 " has no schema of its arguments: it does not name them. Name them where the method "
                                 "is listed, or give it one argument that is a struct");
}

}  // namespace parley::codec
