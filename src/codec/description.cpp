#include "codec/description.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/enums.h"
#include "codec/json_text.h"
#include "codec/utf8.h"

namespace parley::codec {
namespace {

using enum DescribedKind;
using Bounds = DescriptionLimits;

// How many parts a kind has, where it is always the same number.
std::optional<std::size_t> part_count_of(DescribedKind kind) {
  switch (kind) {
    case option:
    case list:
    case set:
    case array:
    case boxed:
    case newtype:
    case tx:
    case rx: return 1;
    case map:
    case either: return 2;
    case tuple:
    case structure:
    case enumeration:
    case variant: return std::nullopt;
    default: return 0;
  }
}

bool is_channel(DescribedKind kind) { return kind == tx || kind == rx; }
// What a value of these holds is a level of nesting, which is counted when it is read.
bool is_counted(DescribedKind kind) { return kind == list || kind == set || kind == map || kind == boxed; }

class Checker {
 public:
  explicit Checker(const ServiceDescription& description)
      : description_(&description), facts_(description.types.size()) {}

  Result<void> run() {
    PARLEY_TRY(check_name("the service", description_->name));
    if (description_->types.size() > Bounds::types_max) return wrong("the description", "has too many types");
    if (description_->methods.size() > Bounds::methods_max) return wrong("the description", "has too many methods");
    for (std::uint32_t type = 0; type < facts_.size(); ++type) PARLEY_TRY(check_type(type));
    for (std::uint32_t type = 0; type < facts_.size(); ++type) PARLEY_TRY(check_transparent(type));
    for (std::uint32_t type = 0; type < facts_.size(); ++type) PARLEY_TRY(visit(type, 0));
    for (std::uint32_t type = 0; type < facts_.size(); ++type) PARLEY_TRY(check_channels(type));
    for (const MethodDescription& method : description_->methods) PARLEY_TRY(check_method(method));
    std::vector<std::string_view> names;
    for (const MethodDescription& method : description_->methods) names.push_back(method.name);
    return check_once("the service", std::move(names));
  }

 private:
  struct Facts {
    bool is_done = false;
    std::size_t height = 0;    // of direct parts inside of each other
    std::size_t channels = 0;  // that a value may have at most; one more than allowed stands for all above
  };

  static std::unexpected<Error> wrong(std::string_view what, std::string_view why) {
    return fail(Code::response, fmt::format("a description that is none: {} {}", what, why));
  }
  std::string type_name(std::uint32_t type) const {
    const TypeDescription& described = description_->types[type];
    const std::string_view kind = enumerator_name(described.kind);
    if (described.name.empty()) return fmt::format("type {} ({})", type, kind);
    return fmt::format("type {} ({} {})", type, kind, text_start(described.name));
  }

  static Result<void> check_name(std::string_view what, std::string_view name) {
    if (name.empty()) return wrong(what, "has no name");
    if (name.size() > Bounds::name_bytes_max) return wrong(what, "has a name that is too long");
    if (to_line(name, name.size()) != name) return wrong(what, "has a name with control characters");
    return {};
  }
  static Result<void> check_text(std::string_view what, std::string_view text) {
    if (text.size() > Bounds::text_bytes_max) return wrong(what, "has a text that is too long");
    return {};
  }
  static Result<void> check_once(std::string_view what, std::vector<std::string_view> names) {
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    if (twice == names.end()) return {};
    return wrong(what, fmt::format("has {} twice", quoted_start(*twice)));
  }
  Result<void> check_index(std::string_view what, std::uint32_t type) const {
    if (type < description_->types.size()) return {};
    return wrong(what, fmt::format("names type {}, and there are {}", type, description_->types.size()));
  }

  Result<void> check_type(std::uint32_t index) const {
    const TypeDescription& type = description_->types[index];
    const std::string what = type_name(index);
    if (!type.name.empty()) PARLEY_TRY(check_name(what, type.name));
    PARLEY_TRY(check_text(what, type.description));
    const std::optional<std::size_t> wanted = part_count_of(type.kind);
    const std::size_t most = type.kind == structure || type.kind == tuple ? Bounds::fields_max : Bounds::parts_max;
    if (wanted ? type.parts.size() != *wanted : type.parts.size() > most) return wrong(what, "has that many parts");
    if (type.parts.empty() && (type.kind == enumeration || type.kind == variant)) return wrong(what, "has no parts");
    const bool has_count = type.kind == array || is_channel(type.kind);
    if (type.count > (has_count ? Bounds::array_max : 0)) return wrong(what, "has that count");
    std::vector<std::string_view> names;
    for (const PartDescription& part : type.parts) {
      PARLEY_TRY(check_part(what, type.kind, part));
      names.push_back(part.name);
    }
    const bool has_names = type.kind == structure || type.kind == enumeration || type.kind == variant;
    return has_names ? check_once(what, std::move(names)) : Result<void>();
  }
  Result<void> check_part(const std::string& what, DescribedKind kind, const PartDescription& part) const {
    const bool has_name = kind == structure || kind == enumeration || kind == variant;
    if (has_name) PARLEY_TRY(check_name(what + ": a part", part.name));
    if (!has_name && !part.name.empty()) return wrong(what, "has a name for a part that has none");
    if (part.default_json && kind != structure) return wrong(what, "has a default for what is no field");
    if (part.default_json) PARLEY_TRY(check_text(what, *part.default_json));
    PARLEY_TRY(check_text(what, part.description));
    if (part.type ? kind == enumeration : kind != enumeration && kind != variant) {
      return wrong(what, part.type ? "has a type for an enumerator" : "has a part without a type");
    }
    return part.type ? check_index(what, *part.type) : Result<void>();
  }

  // Through what has no form of its own there is something in the end.
  Result<void> check_transparent(std::uint32_t index) const {
    std::uint32_t at = index;
    for (std::size_t steps = 0; steps <= Bounds::direct_depth_max; ++steps) {
      const TypeDescription& type = description_->types[at];
      if (type.kind != option && type.kind != boxed && type.kind != newtype) return {};
      at = *type.parts[0].type;
    }
    return wrong(type_name(index), "holds itself and nothing else, or is nested too deeply");
  }

  // Fills in facts_. A type that contains itself directly is deeper than any bound.
  Result<void> visit(std::uint32_t index, std::size_t depth) {
    Facts& facts = facts_[index];
    if (facts.is_done) return {};
    if (depth > Bounds::direct_depth_max) {
      return wrong(type_name(index), "contains itself endlessly, or is nested too deeply");
    }
    const TypeDescription& type = description_->types[index];
    Facts found{.is_done = true, .channels = is_channel(type.kind) ? 1u : 0u};
    if (!is_counted(type.kind) && !is_channel(type.kind)) {
      const bool has_all = type.kind == structure || type.kind == tuple;
      for (const PartDescription& part : type.parts) {
        if (!part.type) continue;
        PARLEY_TRY(visit(*part.type, depth + 1));
        const Facts& inside = facts_[*part.type];
        found.height = std::max(found.height, inside.height + 1);
        found.channels = has_all ? found.channels + inside.channels : std::max(found.channels, inside.channels);
      }
      found.channels = std::min(found.channels, Bounds::channels_max + 1);
    }
    if (found.height > Bounds::direct_depth_max) return wrong(type_name(index), "is nested too deeply");
    facts = found;
    return {};
  }

  Result<void> check_no_channels(std::string_view what, std::uint32_t type) const {
    if (facts_[type].channels == 0) return {};
    return wrong(what, "has a channel where none may be");
  }
  Result<void> check_channels(std::uint32_t index) const {
    const TypeDescription& type = description_->types[index];
    if (!is_counted(type.kind) && !is_channel(type.kind) && type.kind != array) return {};
    for (const PartDescription& part : type.parts) PARLEY_TRY(check_no_channels(type_name(index), *part.type));
    return {};
  }

  Result<void> check_method(const MethodDescription& method) const {
    PARLEY_TRY(check_name("a method", method.name));
    const std::string what = "method " + text_start(method.name);
    PARLEY_TRY(check_text(what, method.description));
    if (method.arguments.size() > Bounds::arguments_max) return wrong(what, "has too many arguments");
    std::vector<std::string_view> names;
    std::size_t channels = 0;
    for (const ArgumentDescription& argument : method.arguments) {
      if (!argument.name.empty()) {
        PARLEY_TRY(check_name(what, argument.name));
        names.push_back(argument.name);
      }
      PARLEY_TRY(check_index(what, argument.type));
      channels += facts_[argument.type].channels;
    }
    if (channels > Bounds::channels_max) return wrong(what, "has too many channels");
    PARLEY_TRY(check_once(what, std::move(names)));
    PARLEY_TRY(check_index(what, method.result));
    PARLEY_TRY(check_no_channels(what, method.result));
    if (!method.own_error) return {};
    PARLEY_TRY(check_index(what, *method.own_error));
    return check_no_channels(what, *method.own_error);
  }

  const ServiceDescription* description_;
  std::vector<Facts> facts_;
};

}  // namespace

Result<void> check(const ServiceDescription& description) { return Checker(description).run(); }

bool has_channel(const ServiceDescription& description, std::uint32_t root) {
  std::vector<bool> seen(description.types.size());
  std::vector<std::uint32_t> left = {root};
  while (!left.empty()) {
    const std::uint32_t number = left.back();
    left.pop_back();
    if (seen[number]) continue;
    seen[number] = true;
    const TypeDescription& type = description.types[number];
    if (type.kind == DescribedKind::tx || type.kind == DescribedKind::rx) return true;
    for (const PartDescription& part : type.parts) {
      if (part.type) left.push_back(*part.type);
    }
  }
  return false;
}

bool has_named_arguments(const MethodDescription& method) {
  return std::ranges::none_of(method.arguments, [](const ArgumentDescription& one) { return one.name.empty(); });
}

}  // namespace parley::codec
