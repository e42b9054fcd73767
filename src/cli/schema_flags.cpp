#include "cli/schema_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <utility>

#include "codec/json_object.h"
#include "codec/json_text.h"

namespace parley::cli {

namespace {

using codec::JsonKind;
using codec::JsonObject;

constexpr std::uint8_t bit(JsonKind kind) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind)); }
constexpr std::uint8_t any_kind = 0x3f;
constexpr std::uint8_t number_bit = bit(JsonKind::number);
constexpr std::uint8_t text_bit = bit(JsonKind::string);
constexpr std::uint8_t null_bit = bit(JsonKind::null);

struct Takes {
  std::uint8_t kinds = any_kind;
  bool is_integer = false;
  std::vector<std::string> choices;
};

std::uint8_t bit_of_type(std::string_view type) {
  if (type == "string") return text_bit;
  if (type == "number" || type == "integer") return number_bit;
  if (type == "boolean") return bit(JsonKind::boolean);
  if (type == "array") return bit(JsonKind::array);
  if (type == "object") return bit(JsonKind::object);
  return type == "null" ? null_bit : any_kind;
}

std::string as_word(std::string_view json) {
  return codec::json_kind(json) == JsonKind::string ? codec::json_string(json) : std::string(json);
}

// Reads schemas of one text.
class SchemaReader {
 public:
  explicit SchemaReader(std::string_view root) : root_(root) {}

  // What a chain of references leads to; nothing: nowhere.
  std::optional<JsonObject> open(std::string_view schema) const {
    for (int steps = 0; steps < 16; ++steps) {
      if (codec::json_kind(schema) != JsonKind::object) return std::nullopt;
      JsonObject object = JsonObject::of_checked(schema);
      const std::string_view* const reference = object.find("$ref");
      if (!reference || codec::json_kind(*reference) != JsonKind::string) return object;
      const auto target = find(codec::json_string(*reference));
      if (!target) return std::nullopt;
      schema = *target;
    }
    return std::nullopt;
  }

  Takes takes(std::string_view schema, int depth = 0) const {
    const auto object = open(schema);
    Takes found;
    if (!object || depth > 16) return found;
    if (const auto* type = object->find("type")) {
      read_types(*type, found);
    } else if (const auto* only = object->find("const")) {
      read_choices({*only}, found);
    } else if (const auto* choices = object->find("enum")) {
      read_choices(elements(*choices), found);
    } else if (const auto* several = object->find("anyOf") ? object->find("anyOf") : object->find("oneOf")) {
      read_alternatives(elements(*several), found, depth);
    }
    if (const auto* choices = object->find("enum"); choices && found.choices.empty()) {
      Takes chosen;
      read_choices(elements(*choices), chosen);
      found.choices = std::move(chosen.choices);
    }
    return found;
  }

  static std::vector<std::string_view> elements(std::string_view array) {
    return codec::json_kind(array) == JsonKind::array ? codec::json_elements(array) : std::vector<std::string_view>();
  }

 private:
  static void read_types(std::string_view type, Takes& into) {
    std::vector<std::string_view> names = elements(type);
    if (codec::json_kind(type) == JsonKind::string) names = {type};
    into.kinds = names.empty() ? any_kind : 0;
    for (const std::string_view each : names) {
      const std::string name = as_word(each);
      into.kinds |= bit_of_type(name);
      into.is_integer = into.is_integer || name == "integer";
    }
  }
  static void read_choices(const std::vector<std::string_view>& choices, Takes& into) {
    into.kinds = choices.empty() ? any_kind : 0;
    for (const std::string_view each : choices) {
      into.kinds |= bit(codec::json_kind(each));
      if (codec::json_kind(each) != JsonKind::null) into.choices.push_back(as_word(each));
    }
  }
  void read_alternatives(const std::vector<std::string_view>& all, Takes& into, int depth) const {
    into.kinds = all.empty() ? any_kind : 0;
    bool are_all_choices = true;
    for (const std::string_view each : all) {
      Takes one = takes(each, depth + 1);
      into.kinds |= one.kinds;
      into.is_integer = into.is_integer || one.is_integer;
      are_all_choices = are_all_choices && (!one.choices.empty() || one.kinds == null_bit);
      std::ranges::move(one.choices, std::back_inserter(into.choices));
    }
    if (!are_all_choices) into.choices.clear();
  }
  std::optional<std::string_view> find(std::string_view reference) const {
    if (reference == "#") return root_;
    for (const std::string_view place : {"$defs", "definitions"}) {
      const std::string begin = fmt::format("#/{}/", place);
      if (!reference.starts_with(begin) || codec::json_kind(root_) != JsonKind::object) continue;
      const JsonObject root = JsonObject::of_checked(root_);
      const std::string_view* const all = root.find(place);
      if (!all || codec::json_kind(*all) != JsonKind::object) return std::nullopt;
      const JsonObject definitions = JsonObject::of_checked(*all);
      const std::string_view* const found = definitions.find(reference.substr(begin.size()));
      return found ? std::optional(*found) : std::nullopt;
    }
    return std::nullopt;
  }

  std::string_view root_;
};

std::string type_of(const Takes& takes) {
  const auto kinds = static_cast<std::uint8_t>(takes.kinds & ~null_bit);
  if (!takes.choices.empty()) return fmt::format("{}", fmt::join(takes.choices, "|"));
  if (takes.kinds == any_kind) return "text or JSON";
  if (takes.is_integer && (kinds == number_bit || kinds == (number_bit | text_bit))) return "integer";
  std::vector<std::string_view> names;
  if (kinds & number_bit) names.push_back("number");
  if (kinds & bit(JsonKind::boolean)) names.push_back("true or false");
  if (kinds & text_bit && !(kinds & number_bit)) names.push_back("text");
  if (kinds & bit(JsonKind::array)) names.push_back("list as JSON");
  if (kinds & bit(JsonKind::object)) names.push_back("object as JSON");
  return names.empty() ? "null" : fmt::format("{}", fmt::join(names, " or "));
}

bool is_digits(std::string_view word) {
  if (word.starts_with('-')) word.remove_prefix(1);
  return !word.empty() && std::ranges::all_of(word, [](char each) { return each >= '0' && each <= '9'; });
}

std::string quoted(std::string_view text) {
  std::string out;
  codec::put_quoted(out, text);
  return out;
}

// Nothing: the word is no value of that flag.
std::optional<std::string> value_of(const SchemaFlag& flag, std::string_view word) {
  constexpr std::size_t digits_of_doubles = 15;
  if (!flag.choices.empty() && std::ranges::find(flag.choices, word) == flag.choices.end() && word != "null") {
    return std::nullopt;
  }
  const bool takes_text = (flag.kinds & text_bit) != 0;
  if (takes_text && flag.is_integer && !is_digits(word)) return std::nullopt;
  if (takes_text && word.size() > digits_of_doubles && is_digits(word)) return quoted(word);
  if (flag.kinds != text_bit && codec::check_json(word)) {
    const JsonKind kind = codec::json_kind(word);
    if ((flag.kinds & bit(kind)) != 0 && kind != JsonKind::string) {
      std::string compact;
      codec::append_compact(compact, word);
      return compact;
    }
  }
  if (takes_text) return quoted(word);
  return std::nullopt;
}

// For a flag that no schema tells of.
std::string guessed_value(std::string_view word) {
  return *value_of(SchemaFlag{.name = {}, .type = {}, .kinds = any_kind, .default_json = {}, .description = {}}, word);
}

std::string with_article(const std::string& type) {
  if (type.contains('|')) return "one of " + type;
  if (type == "text" || type == "true or false" || type == "null" || type == "text or JSON") return type;
  return (std::string_view("aeio").contains(type.front()) ? "an " : "a ") + type;
}

struct Given {
  std::string name;
  std::string json;
};

bool has(const std::vector<Given>& given, std::string_view name) {
  return std::ranges::find(given, name, &Given::name) != given.end();
}

// What the words of one command line say.
class WordReader {
 public:
  WordReader(const SchemaFlags& flags, std::span<const std::string> words) : flags_(flags), words_(words) {}

  std::expected<std::vector<Given>, UsageMistake> read() {
    std::vector<Given> given;
    while (at_ < words_.size()) {
      auto next = read_one();
      if (!next) return std::unexpected(std::move(next).error());
      if (has(given, next->name)) {
        return std::unexpected(
            UsageMistake{fmt::format("--{} is said twice", next->name), "a list is one text of JSON: '[1, 2]'"});
      }
      given.push_back(*std::move(next));
    }
    return given;
  }

 private:
  std::expected<Given, UsageMistake> read_one() {
    const std::string_view word = words_[at_++];
    if (!word.starts_with("--") || word.size() == 2) {
      return std::unexpected(UsageMistake{fmt::format("\"{}\" belongs to no flag", word),
                                          "arguments are flags, --name value, or one object of JSON in quotes"});
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(2, equals == std::string_view::npos ? equals : equals - 2);
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = word.substr(equals + 1);
    if (!flags_.is_known()) return guess(name, value);
    if (const SchemaFlag* const flag = flags_.find(name)) {
      return flag->is_switch() ? read_switch(*flag, value) : read_value(*flag, value);
    }
    if (name.starts_with("no-") && !value) {
      const SchemaFlag* const flag = flags_.find(name.substr(3));
      if (flag && flag->is_switch()) return Given{flag->name, "false"};
    }
    return std::unexpected(unknown(name));
  }

  Given guess(std::string_view name, std::optional<std::string_view> value) {
    if (!value && at_ < words_.size() && !words_[at_].starts_with("--")) value = words_[at_++];
    return {std::string(name), value ? guessed_value(*value) : "true"};
  }
  std::expected<Given, UsageMistake> read_switch(const SchemaFlag& flag, std::optional<std::string_view> value) {
    if (!value && at_ < words_.size() && (words_[at_] == "true" || words_[at_] == "false")) value = words_[at_++];
    if (!value) return Given{flag.name, "true"};
    if (*value == "true" || *value == "false") return Given{flag.name, std::string(*value)};
    return std::unexpected(wrong(flag, *value));
  }
  std::expected<Given, UsageMistake> read_value(const SchemaFlag& flag, std::optional<std::string_view> value) {
    const bool has_next = at_ < words_.size();
    if (!value && (!has_next || is_flag(words_[at_]))) {
      return std::unexpected(
          UsageMistake{fmt::format("--{} has no value: it takes {}", flag.name, with_article(flag.type)),
                       has_next ? fmt::format("one that begins with -- is said --{}=VALUE", flag.name) : ""});
    }
    if (!value) value = words_[at_++];
    if (auto json = value_of(flag, *value)) return Given{flag.name, *std::move(json)};
    return std::unexpected(wrong(flag, *value));
  }
  bool is_flag(std::string_view word) const {
    if (!word.starts_with("--")) return false;
    const std::string_view name = word.substr(2, word.find('=') - 2);
    return flags_.find(name) || (name.starts_with("no-") && flags_.find(name.substr(3)));
  }

  static UsageMistake wrong(const SchemaFlag& flag, std::string_view value) {
    UsageMistake mistake{fmt::format("--{} takes {}, not \"{}\"", flag.name, with_article(flag.type), value), {}};
    const bool has_quotes = flag.type == "list as JSON" || flag.type == "object as JSON";
    if (has_quotes) {
      mistake.hint = fmt::format("in quotes: --{} '{}'", flag.name,
                                 flag.type == "list as JSON" ? "[\"one\", \"two\"]" : "{\"name\": 1}");
    }
    return mistake;
  }
  UsageMistake unknown(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const SchemaFlag& each : flags_.all()) names.push_back(each.name);
    const std::string_view near = codec::nearest_name(name, names.data(), names.size());
    UsageMistake mistake{fmt::format("there is no flag --{}", name), {}};
    if (names.empty()) {
      mistake.hint = "the command takes no arguments";
    } else if (near.empty()) {
      mistake.hint = fmt::format("there is --{}", fmt::join(names, ", --"));
    } else {
      mistake.hint = fmt::format("did you mean --{}?", near);
    }
    return mistake;
  }

  const SchemaFlags& flags_;
  std::span<const std::string> words_;
  std::size_t at_ = 0;
};

std::expected<std::vector<Given>, UsageMistake> members_of(std::string_view json) {
  std::vector<Given> given;
  if (json.find_first_not_of(" \t\r\n") == std::string_view::npos) return given;
  const auto good = codec::check_json(json);
  if (!good) return std::unexpected(UsageMistake{fmt::format("the arguments: {}", good.error().note), {}});
  auto object = JsonObject::parse(json);
  if (!object) {
    return std::unexpected(UsageMistake{"the arguments of a command are an object, each by its name",
                                        "in quotes: '{\"a\": 2, \"b\": 3}', or as flags: --a 2 --b 3"});
  }
  for (const codec::JsonMember& each : object->members()) {
    given.push_back({each.key, {}});
    codec::append_compact(given.back().json, each.value);
  }
  return given;
}

}  // namespace

bool SchemaFlag::is_switch() const { return (kinds & ~null_bit) == bit(JsonKind::boolean); }

std::string SchemaFlag::placeholder() const {
  if (type.contains('|')) return type;
  if (type == "integer" || type == "number" || type == "text") {
    std::string capitals = type;
    for (char& each : capitals) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    return capitals;
  }
  return type.ends_with("JSON") ? "JSON" : "VALUE";
}

SchemaFlags::SchemaFlags(std::string_view request_schema) {
  if (request_schema.empty() || !codec::check_json(request_schema)) return;
  const SchemaReader reader(request_schema);
  const auto root = reader.open(request_schema);
  const std::string_view* const properties = root ? root->find("properties") : nullptr;
  if (!properties || codec::json_kind(*properties) != JsonKind::object) {
    const std::string_view* const more = root ? root->find("additionalProperties") : nullptr;
    const bool is_null = root && reader.takes(request_schema).kinds == null_bit;
    is_known_ = is_null || (more && *more == "false");
    return;
  }
  is_known_ = true;
  std::vector<std::string> required;
  if (const std::string_view* const names = root->find("required")) {
    for (const std::string_view each : SchemaReader::elements(*names)) required.push_back(as_word(each));
  }
  const JsonObject members = JsonObject::of_checked(*properties);
  for (const codec::JsonMember& member : members.members()) {
    const Takes takes = reader.takes(member.value);
    SchemaFlag flag{.name = member.key, .type = type_of(takes), .default_json = {}, .description = {}};
    flag.is_required = std::ranges::find(required, member.key) != required.end();
    flag.kinds = takes.kinds;
    flag.is_integer = takes.is_integer;
    flag.choices = takes.choices;
    if (codec::json_kind(member.value) == JsonKind::object) {
      const JsonObject own = JsonObject::of_checked(member.value);
      const std::string_view* const description = own.find("description");
      if (description && codec::json_kind(*description) == JsonKind::string) {
        flag.description = codec::json_string(*description);
      }
      if (const std::string_view* const value = own.find("default")) codec::append_compact(flag.default_json, *value);
    }
    flags_.push_back(std::move(flag));
  }
}

const SchemaFlag* SchemaFlags::find(std::string_view name) const {
  const auto plain = [](std::string text) {
    std::ranges::replace(text, '-', '_');
    return text;
  };
  const auto exact = std::ranges::find(flags_, name, &SchemaFlag::name);
  if (exact != flags_.end()) return &*exact;
  const std::string meant = plain(std::string(name));
  const auto near = std::ranges::find_if(flags_, [&](const auto& each) { return plain(each.name) == meant; });
  return near == flags_.end() ? nullptr : &*near;
}

std::expected<std::string, UsageMistake> SchemaFlags::request(std::string_view json,
                                                              std::span<const std::string> words) const {
  auto members = members_of(json);
  if (!members) return std::unexpected(std::move(members).error());
  auto given = WordReader(*this, words).read();
  if (!given) return std::unexpected(std::move(given).error());
  for (Given& each : *given) {
    const auto before = std::ranges::find(*members, each.name, &Given::name);
    if (before == members->end()) {
      members->push_back(std::move(each));
    } else {
      before->json = std::move(each.json);
    }
  }
  std::vector<std::string> missing;
  for (const SchemaFlag& each : flags_) {
    if (!each.is_required || has(*members, each.name)) continue;
    missing.push_back(fmt::format("--{} ({})", each.name, each.type));
  }
  if (!missing.empty()) {
    return std::unexpected(UsageMistake{
        fmt::format("{} {} missing", fmt::join(missing, " and "), missing.size() == 1 ? "is" : "are"), {}});
  }
  if (members->empty()) return std::string(flags_.empty() ? "" : "{}");
  std::string object = "{";
  for (const Given& each : *members) {
    if (object.size() > 1) object += ',';
    object += quoted(each.name) + ":" + each.json;
  }
  return object + "}";
}

}  // namespace parley::cli
