#include "codec/describe.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

namespace parley::codec {
namespace {

// Gives the types numbers, each of them once.
class TypeTable {
 public:
  std::uint32_t add(const DescribedType& type) {
    if (const auto known = numbers_.find(&type); known != numbers_.end()) return known->second;
    // A struct may be inside of itself, and so has its number before its parts are looked at. Types without names have
    // theirs afterwards: a list of structs that have such a list is met twice, and found the second time.
    if (!type.name.empty()) {
      const std::uint32_t number = push({.kind = type.kind, .name = std::string(type.name)});
      numbers_[&type] = number;
      TypeDescription made = describe(type);
      types_[number] = std::move(made);
      return number;
    }
    TypeDescription made = describe(type);
    const auto same = std::ranges::find(types_, made);
    const auto number = static_cast<std::uint32_t>(same - types_.begin());
    return numbers_[&type] = same == types_.end() ? push(std::move(made)) : number;
  }
  std::vector<TypeDescription> take() { return std::move(types_); }

 private:
  std::uint32_t push(TypeDescription type) {
    types_.push_back(std::move(type));
    return static_cast<std::uint32_t>(types_.size() - 1);
  }
  TypeDescription describe(const DescribedType& type) {
    TypeDescription made{.kind = type.kind,
                         .name = std::string(type.name),
                         .description = std::string(type.description),
                         .parts = {},
                         .count = type.count};
    for (const DescribedPart& part : std::span(type.parts, type.part_count)) {
      PartDescription& described = made.parts.emplace_back();
      described.name = part.name;
      described.description = part.description;
      if (part.type) described.type = add(*part.type);
      if (part.default_json) described.default_json = part.default_json();
    }
    return made;
  }

  std::vector<TypeDescription> types_;
  std::unordered_map<const DescribedType*, std::uint32_t> numbers_;
};

// "a, b" as a list.
std::vector<std::string_view> split(std::string_view names) {
  std::vector<std::string_view> list;
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, comma);
    const std::size_t begin = name.find_first_not_of(' ');
    list.push_back(begin == std::string_view::npos ? std::string_view() : name.substr(begin));
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return list;
}

}  // namespace

ServiceDescription make_description(std::string_view service, std::span<const DescribedMethod> methods) {
  ServiceDescription description;
  description.name = service;
  TypeTable table;
  for (const DescribedMethod& method : methods) {
    MethodDescription& made = description.methods.emplace_back();
    made.name = method.name;
    made.id = method.id;
    made.description = method.description;
    made.is_idempotent = method.is_idempotent;
    std::vector<std::string_view> names = split(method.argument_names);
    names.resize(names.size() == method.arguments.size() ? names.size() : 0);
    names.resize(method.arguments.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      made.arguments.push_back({.name = std::string(names[i]), .type = table.add(*method.arguments[i])});
    }
    made.result = table.add(*method.result);
    if (method.own_error) made.own_error = table.add(*method.own_error);
  }
  description.types = table.take();
  return description;
}

}  // namespace parley::codec
