#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "codec/description.h"
#include "codec/enums.h"
#include "codec/json_text.h"

namespace parley::codec {
namespace {

using enum DescribedKind;

constexpr int words_depth_max = 4;

class Words {
 public:
  explicit Words(const ServiceDescription& description) : description_(&description) {}

  std::string of(std::uint32_t index, int depth = 0) const {
    const TypeDescription& type = description_->types[index];
    if (depth == words_depth_max) return "...";
    const auto part = [&](std::size_t i) { return of(*type.parts[i].type, depth + 1); };
    const std::string kind(enumerator_name(type.kind));
    switch (type.kind) {
      case option:
      case list:
      case set: return kind + " of " + part(0);
      case map: return "map of " + part(0) + " to " + part(1);
      case array: return fmt::format("array of {} {}", type.count, part(0));
      case boxed: return of(*type.parts[0].type, depth + 1);
      case either: return "either " + part(0) + " or " + part(1);
      case tx: return "Tx of " + part(0);
      case rx: return "Rx of " + part(0);
      case tuple: return "tuple of " + list_of(type, part);
      case variant:
        if (!type.name.empty()) return "enum " + text_start(type.name);
        return "one of " + list_of(type, [&](std::size_t i) { return text_start(type.parts[i].name); });
      case newtype:
      case structure: return type.name.empty() ? "struct" : "struct " + text_start(type.name);
      case enumeration: return type.name.empty() ? "enum" : "enum " + text_start(type.name);
      default: return kind;
    }
  }

 private:
  template <class Form>
  static std::string list_of(const TypeDescription& type, const Form& form) {
    constexpr std::size_t listed_max = 6;
    std::string list = "(";
    for (std::size_t i = 0; i < std::min(type.parts.size(), listed_max); ++i) list += (i == 0 ? "" : ", ") + form(i);
    return list + (type.parts.size() > listed_max ? ", ...)" : ")");
  }

  const ServiceDescription* description_;
};

// Goes through two types at once and stops at the first difference.
class Comparison {
 public:
  Comparison(const ServiceDescription& here, const ServiceDescription& there) : here_(&here), there_(&there) {}

  const std::string& sentence() const { return sentence_; }

  // False at a difference. Pairs that are being compared already are the same if nothing else differs.
  bool is_same(std::uint32_t here, std::uint32_t there, const std::string& place, std::size_t depth = 0) {
    if (depth == depth_max || seen_.size() == pairs_max) return true;
    here = unboxed(*here_, here);
    there = unboxed(*there_, there);
    if (!seen_.emplace(here, there).second) return true;
    const TypeDescription& ours = here_->types[here];
    const TypeDescription& theirs = there_->types[there];
    const bool is_sized = ours.kind == array || ours.kind == tuple;
    if (ours.kind != theirs.kind ||
        (is_sized && (ours.count != theirs.count || ours.parts.size() != theirs.parts.size()))) {
      return differ(
          fmt::format("{} is {} there and {} here", place, type_words(*there_, there), type_words(*here_, here)));
    }
    switch (ours.kind) {
      case structure: return has_same_names(ours, theirs, "field", place) && has_same_parts(ours, theirs, place, depth);
      case enumeration:
      case variant:
        return has_same_names(ours, theirs, "alternative", place) && has_same_parts(ours, theirs, place, depth);
      case tx:
      case rx: return has_same_parts(ours, theirs, place, depth) && has_same_credit(ours, theirs, place);
      default: return has_same_parts(ours, theirs, place, depth);
    }
  }

  bool differ(std::string sentence) {
    sentence_ = std::move(sentence);
    return false;
  }

 private:
  // Deeper than any types that people write; hostile ones could be compared for ever, by sentences without end.
  static constexpr std::size_t depth_max = 64;
  static constexpr std::size_t pairs_max = 65536;

  static std::uint32_t unboxed(const ServiceDescription& description, std::uint32_t type) {
    while (description.types[type].kind == boxed) type = *description.types[type].parts[0].type;
    return type;
  }

  static std::string step_into(const TypeDescription& type, std::size_t index) {
    switch (type.kind) {
      case structure: return "field " + text_start(type.parts[index].name);
      case variant: return "alternative " + text_start(type.parts[index].name);
      case tuple: return fmt::format("element {}", index + 1);
      case map: return index == 0 ? "the key" : "the value";
      case either: return index == 0 ? "the value" : "the own error";
      case tx:
      case rx: return "the item";
      case option:
      case newtype: return "the content";
      default: return "the element";
    }
  }

  bool has_same_parts(const TypeDescription& ours, const TypeDescription& theirs, const std::string& place,
                      std::size_t depth) {
    for (std::size_t i = 0; i < ours.parts.size(); ++i) {
      const std::optional<std::uint32_t> here = ours.parts[i].type;
      const std::optional<std::uint32_t> there = theirs.parts[i].type;
      const std::string inside = step_into(ours, i) + " of " + place;
      if (here.has_value() != there.has_value()) {
        return differ(inside + (here ? " has no fields there and some here" : " has fields there and none here"));
      }
      if (here && !is_same(*here, *there, inside, depth + 1)) return false;
    }
    return true;
  }

  bool has_same_names(const TypeDescription& ours, const TypeDescription& theirs, std::string_view what,
                      const std::string& place) {
    const auto lacks = [](const TypeDescription& type, const std::string& name) {
      return std::ranges::find(type.parts, name, &PartDescription::name) == type.parts.end();
    };
    for (const PartDescription& part : theirs.parts) {
      if (!lacks(ours, part.name)) continue;
      return differ(fmt::format("{} has the {} {} there, which it has not here", place, what, text_start(part.name)));
    }
    for (const PartDescription& part : ours.parts) {
      if (!lacks(theirs, part.name)) continue;
      return differ(fmt::format("{} has the {} {} here, which it has not there", place, what, text_start(part.name)));
    }
    for (std::size_t i = 0; i < ours.parts.size(); ++i) {
      if (ours.parts[i].name == theirs.parts[i].name) continue;
      return differ(fmt::format("{} {} of {} is {} there and {} here", what, i + 1, place,
                                text_start(theirs.parts[i].name), text_start(ours.parts[i].name)));
    }
    return true;
  }

  bool has_same_credit(const TypeDescription& ours, const TypeDescription& theirs, const std::string& place) {
    if (ours.count == theirs.count) return true;
    return differ(fmt::format("{} has an initial credit of {} there and {} here", place, theirs.count, ours.count));
  }

  const ServiceDescription* here_;
  const ServiceDescription* there_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen_;
  std::string sentence_;
};

std::string count_of_arguments(const MethodDescription& method) {
  const std::size_t count = method.arguments.size();
  return count == 1 ? "1 argument" : fmt::format("{} arguments", count);
}

std::string name_of_argument(const MethodDescription& method, std::size_t index) {
  const std::string& name = method.arguments[index].name;
  if (name.empty()) return fmt::format("argument {}", index + 1);
  return fmt::format("argument {} ({})", index + 1, text_start(name));
}

std::string no_such_method(const std::string& name, const ServiceDescription& there) {
  std::vector<std::string_view> names;
  for (const MethodDescription& method : there.methods) names.push_back(method.name);
  const std::string_view near = nearest_name(name, names.data(), names.size());
  return fmt::format("{} is not there{}", text_start(name),
                     near.empty() ? std::string() : fmt::format("; did you mean {}?", text_start(near)));
}

}  // namespace

std::string type_words(const ServiceDescription& description, std::uint32_t type) {
  return Words(description).of(type);
}

std::string difference(const DescribedMethodOf& here, const DescribedMethodOf& there) {
  const MethodDescription& ours = here.method;
  const MethodDescription& theirs = there.method;
  Comparison comparison(here.service, there.service);
  if (ours.arguments.size() != theirs.arguments.size()) {
    return fmt::format("there it takes {}, and here {}", count_of_arguments(theirs), count_of_arguments(ours));
  }
  for (std::size_t i = 0; i < ours.arguments.size(); ++i) {
    const std::string place = name_of_argument(ours.arguments[i].name.empty() ? theirs : ours, i);
    if (!comparison.is_same(ours.arguments[i].type, theirs.arguments[i].type, place)) return comparison.sentence();
  }
  if (!comparison.is_same(ours.result, theirs.result, "the result")) return comparison.sentence();
  if (ours.own_error.has_value() != theirs.own_error.has_value()) {
    return ours.own_error ? "there it has no own error, and here it has one"
                          : "there it has an own error, and here it has none";
  }
  if (ours.own_error && !comparison.is_same(*ours.own_error, *theirs.own_error, "the own error")) {
    return comparison.sentence();
  }
  return {};
}

std::string difference(const ServiceDescription& here, const ServiceDescription& there) {
  for (const MethodDescription& method : here.methods) {
    if (std::ranges::find(there.methods, method.id, &MethodDescription::id) != there.methods.end()) continue;
    const auto namesake = std::ranges::find(there.methods, method.name, &MethodDescription::name);
    if (namesake == there.methods.end()) return no_such_method(method.name, there);
    const std::string what = difference(DescribedMethodOf{here, method}, DescribedMethodOf{there, *namesake});
    if (!what.empty()) return fmt::format("{} differs: {}", text_start(method.name), what);
    if (here.name != there.name) {
      return fmt::format("the class is named {} there and {} here, and its name is part of the ids of its methods",
                         text_start(there.name), text_start(here.name));
    }
    return fmt::format("{} has another id there, which its description does not explain", text_start(method.name));
  }
  return {};
}

}  // namespace parley::codec
